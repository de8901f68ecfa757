// R rows and C vectors of columns of a product a b, summed in registers; each row from `start` on, where there is one.
// Where there is a `scale`, what is stored is what lies there less so many times the product.
// The element of a in row r and column t is a[r * ar + t * ac]. Of rows, or of columns where ar is 1, an order may say
// which are meant.
#define TERMS(VECTOR, LANES, A, R, C, BEGIN) \
    PRAGMA(GCC unroll 1 + R / 6) for (long t = 0; t < k; t++) { \
        BEGIN \
        UNROLL for (int c = 0; c < C; c++) bs[c] = *(const VECTOR *)(b + t * br + c * LANES); \
        STEP(A, R, C, bs) \
    }
#define TILE(NAME, T, VECTOR, LANES, R, C) \
static inline __attribute__((always_inline)) void \
NAME(long k, const T *restrict a, long ar, long ac, const int64_t *rows, const int64_t *columns, \
     const T *restrict b, long br, T *z, long zr, const T *start, const T *scale) \
{ \
    VECTOR acc[R][C], bs[C]; \
    if (start) { \
        EACH(R, C) acc[r][c] = *(const VECTOR *)(start + c * LANES); \
    } else { \
        EACH(R, C) acc[r][c] = (VECTOR){0}; \
    } \
    if (ar == 1 && !rows) { /* without a branch for each term */ \
        const int64_t first = 0, *const places = columns ? columns : &first; \
        const long ordered = columns ? -1 : 0; \
        TERMS(VECTOR, LANES, x[r], R, C, \
              const T *const x = a + (places[t & ordered] + (t & ~ordered)) * ac;) \
    } else { \
        const T *of[R]; \
        UNROLL for (int r = 0; r < R; r++) of[r] = a + (rows ? rows[r] : r) * ar; \
        TERMS(VECTOR, LANES, of[r][t * ac], R, C, ) \
    } \
    if (scale) { \
        const T times = *scale; \
        EACH(R, C) *(VECTOR *)(z + r * zr + c * LANES) -= times * acc[r][c]; \
    } else { \
        EACH(R, C) *(VECTOR *)(z + r * zr + c * LANES) = acc[r][c]; \
    } \
}
