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

#define PIECE 4096 // elements of b that are packed at once

// c = alpha a b + beta c, by BLAS where the product is large; else by panels of columns and blocks of 8 rows
#define GEMM(S, T, NAME, PANEL, WIDTH) \
typedef void (*NAME##_wide)(int, int, int, int64_t, int64_t, int64_t, T, const T *, int64_t, const T *, int64_t, T, T *, int64_t); \
typedef void (*NAME##_narrow)(int, int, int, int, int, int, T, const T *, int, const T *, int, T, T *, int); \
static void gemm_##S(const struct blas *blas, long m, long n, long k, T alpha, const T *restrict a, long ar, long ac, \
                     const T *restrict b, long br, long bc, T beta, T *restrict c, long cr) \
{ \
    int ta, tb; \
    const long la = leading(m, k, ar, ac, &ta), lb = leading(k, n, br, bc, &tb); \
    if (blas->NAME && la && lb && m && n && k && m * n * k >= 4096) { \
        if (blas->wide) \
            ((NAME##_wide)blas->NAME)(101, 111 + ta, 111 + tb, m, n, k, alpha, a, la, b, lb, beta, c, cr); \
        else \
            ((NAME##_narrow)blas->NAME)(101, 111 + ta, 111 + tb, (int)m, (int)n, (int)k, alpha, a, (int)la, b, (int)lb, beta, c, (int)cr); \
        return; \
    } \
    for (long i0 = 0; i0 < m; i0 += 8) { \
        const long rows = smaller(8, m - i0); \
        T z[8 * WIDTH] ALIGNED; \
        for (long j0 = 0; j0 < n; j0 += WIDTH) { \
            const long columns = smaller(WIDTH, n - j0); \
            const T *left = a + i0 * ar, *right = b + j0 * bc; \
            const int there = bc == 1 && columns == WIDTH; /* whether rows of b can be read where they lie */ \
            const long some = there ? larger(k, 1) : PIECE / WIDTH; \
            for (long t = 0; t < larger(k, 1); t += some) { \
                T packed[PIECE] ALIGNED; \
                const long count = smaller(some, k - t), step = t > 0 ? 1 : rows; \
                const T *at = there ? right + t * br : packed; \
                if (!there) mt_pack_##S(count, columns, WIDTH, right + t * br, br, bc, 0, packed); \
                for (long i = 0; i < rows; i += step) /* a row that sums start from is added to one row */ \
                    PANEL(step, count, left + i * ar + t * ac, ar, ac, 0, 0, at, there ? br : WIDTH, \
                          z + i * WIDTH, WIDTH, t > 0 ? z + i * WIDTH : 0, 0); \
            } \
            for (long i = 0; i < rows; i++) \
                for (long j = 0; j < columns; j++) { \
                    T *to = c + (i0 + i) * cr + j0 + j; \
                    *to = beta == 0 ? alpha * z[i * WIDTH + j] : *to * beta + alpha * z[i * WIDTH + j]; \
                } \
        } \
    } \
}
