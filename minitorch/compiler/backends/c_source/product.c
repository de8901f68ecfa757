// R rows and C vectors of columns of a product a b, summed in registers. The first `whole` rows of b can be read to the
// end of the last vector; of the others only `rest` elements are there. The element of a in row r and column t is AT,
// which looks up rows that are taken in an order.
#define BY_STRIDES(r, t) a[r * ar + t * ac]
#define BY_ROWS(r, t) a[order[r] * ar + t]
#define BY_COLUMNS(r, t) a[order[t] * ar + r]
#define STEP(AT, R, C, B) \
    UNROLL for (int r = 0; r < R; r++) { \
        UNROLL for (int c = 0; c < C; c++) acc[r][c] += AT(r, t) * B[c]; \
    }
#define TILE(NAME, T, VECTOR, LANES, R, C, THIRD, AT) \
static inline __attribute__((always_inline)) void \
NAME(long k, const T *restrict a, long ar, THIRD, const T *restrict b, long br, long whole, long rest, \
     T *restrict z, long zr, int more) \
{ \
    VECTOR acc[R][C], bs[C]; \
    long t = 0; \
    UNROLL for (int r = 0; r < R; r++) { \
        UNROLL for (int c = 0; c < C; c++) acc[r][c] = more ? *(const VECTOR *)(z + r * zr + c * LANES) : (VECTOR){0}; \
    } \
    for (; t < whole; t++) { \
        UNROLL for (int c = 0; c < C; c++) bs[c] = *(const VECTOR *)(b + t * br + c * LANES); \
        STEP(AT, R, C, bs) \
    } \
    for (; t < k; t++) { \
        T row[C * LANES] = {0}; \
        memcpy(row, b + t * br, (size_t)rest * sizeof(T)); \
        UNROLL for (int c = 0; c < C; c++) bs[c] = *(const VECTOR *)(row + c * LANES); \
        STEP(AT, R, C, bs) \
    } \
    UNROLL for (int r = 0; r < R; r++) { \
        UNROLL for (int c = 0; c < C; c++) *(VECTOR *)(z + r * zr + c * LANES) = acc[r][c]; \
    } \
}

// the number of rows of b, of k, that can be read `over` elements past their end
static inline long readable(long k, long br, long over)
{
    if (over == 0) return k;
    return br > 0 ? larger(0, k - (over + br - 1) / br) : 0;
}

// k rows of n columns, side by side in rows of `pitch` elements, the rest of them zero
#define PACK(NAME, T) \
static void NAME(long k, long n, long pitch, const T *restrict b, long br, long bc, T *restrict packed) \
{ \
    for (long t0 = 0; t0 < k; t0 += 16) { /* tiles that stay in the cache, read or written crosswise */ \
        const long t1 = smaller(k, t0 + 16); \
        for (long j0 = 0; j0 < n; j0 += 16) { \
            const long j1 = smaller(n, j0 + 16); \
            for (long t = t0; t < t1; t++) \
                for (long j = j0; j < j1; j++) packed[t * pitch + j] = b[t * br + j * bc]; \
        } \
        for (long t = t0; t < t1; t++) \
            for (long j = n; j < pitch; j++) packed[t * pitch + j] = 0; \
    } \
}
