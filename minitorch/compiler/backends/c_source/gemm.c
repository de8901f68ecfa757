struct blas { // NumPy's own, or nothing
    void *sgemm, *dgemm;
    long wide; // whether its ints have 64 bits
};

// how a matrix is handed to BLAS: its leading dimension, 0 where it cannot be, and whether it is transposed
static inline long leading(long rows, long columns, long r, long c, int *transposed)
{
    *transposed = 0;
    if (columns == 1 && rows > 1 && r >= 1) return r;
    if (c == 1 || columns == 1) {
        if (rows == 1) return larger(1, columns);
        if (r >= larger(1, columns)) return r;
    }
    *transposed = 1;
    if (rows == 1 && c >= 1) return c;
    return r == 1 && c >= larger(1, rows) ? c : 0;
}

// c = a b, by BLAS where the product is large; else by panels of columns
#define GEMM(S, T, NAME, WIDE, NARROW, WIDTH, LANES) \
typedef void (*NAME##_wide)(int, int, int, int64_t, int64_t, int64_t, T, const T *, int64_t, const T *, int64_t, T, T *, int64_t); \
typedef void (*NAME##_narrow)(int, int, int, int, int, int, T, const T *, int, const T *, int, T, T *, int); \
static void gemm_##S(const struct blas *blas, long m, long n, long k, const T *restrict a, long ar, long ac, \
                     const T *restrict b, long br, long bc, T *restrict c, long cr) \
{ \
    int ta, tb; \
    const long la = leading(m, k, ar, ac, &ta), lb = leading(k, n, br, bc, &tb); \
    if (blas->NAME && la && lb && m && n && k && m * n * k >= 4096) { \
        if (blas->wide) \
            ((NAME##_wide)blas->NAME)(101, 111 + ta, 111 + tb, m, n, k, 1, a, la, b, lb, 0, c, cr); \
        else \
            ((NAME##_narrow)blas->NAME)(101, 111 + ta, 111 + tb, (int)m, (int)n, (int)k, 1, a, (int)la, b, (int)lb, 0, c, (int)cr); \
        return; \
    } \
    long j = 0; \
    for (; j + WIDTH <= n; j += WIDTH) WIDE(m, k, a, ar, ac, b + j * bc, br, bc, 0, c + j, cr); \
    for (; j + LANES <= n; j += LANES) NARROW(m, k, a, ar, ac, b + j * bc, br, bc, 0, c + j, cr); \
    for (long i = 0; i < m; i++) { \
        for (long l = j; l < n; l++) { \
            T sum = 0; \
            for (long t = 0; t < k; t++) sum += a[i * ar + t * ac] * b[t * br + l * bc]; \
            c[i * cr + l] = sum; \
        } \
    } \
}
