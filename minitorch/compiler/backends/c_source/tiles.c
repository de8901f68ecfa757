// R rows and C vectors of columns of a product a b, summed in registers; each row from `start` on, where there is one.
// Where there is a `scale`, what is stored is what lies there less so many times the product.
// The element of a in row r and column t is a[r * ar + t * ac]. Of rows, or of columns where ar is 1, an order may say
// which are meant. Of the last vector of a row of b `rest` elements are there; the first `whole` rows can be read to the
// end of it all the same.
#define TERM(S, VECTOR, LANES, A, R, C, LAST) \
    UNROLL for (int c = 0; c < C - 1; c++) bs[c] = *(const VECTOR *)(b + t * br + c * LANES); \
    bs[C - 1] = LAST; \
    STEP(A, R, C, bs)
#ifdef MASKED_LOAD_f32
#define TERMS(S, VECTOR, LANES, A, R, C, BEGIN) \
    (void)whole; \
    PRAGMA(GCC unroll 1 + R / 6) for (long t = 0; t < k; t++) { \
        BEGIN \
        TERM(S, VECTOR, LANES, A, R, C, MASKED_LOAD_##S(b + t * br + (C - 1) * LANES, rest)) \
    }
#else
#define TERMS(S, VECTOR, LANES, A, R, C, BEGIN) \
    long t = 0; \
    PRAGMA(GCC unroll 1 + R / 6) for (; t < whole; t++) { \
        BEGIN \
        TERM(S, VECTOR, LANES, A, R, C, *(const VECTOR *)(b + t * br + (C - 1) * LANES)) \
    } \
    for (; t < k; t++) { \
        BEGIN \
        TERM(S, VECTOR, LANES, A, R, C, read_##S(b + t * br + (C - 1) * LANES, rest)) \
    }
#endif
#define TILE(NAME, S, T, VECTOR, LANES, R, C) \
static inline __attribute__((always_inline)) void \
NAME(long k, const T *restrict a, long ar, long ac, const int64_t *rows, const int64_t *columns, \
     const T *restrict b, long br, long whole, long rest, T *z, long zr, \
     const T *start, long sr, const T *scale) \
{ \
    VECTOR acc[R][C], bs[C]; \
    if (start) { \
        EACH(R, C) acc[r][c] = *(const VECTOR *)(start + r * sr + c * LANES); \
    } else { \
        EACH(R, C) acc[r][c] = (VECTOR){0}; \
    } \
    if (ar == 1 && !rows) { /* without a branch for each term */ \
        const int64_t first = 0, *const places = columns ? columns : &first; \
        const long ordered = columns ? -1 : 0; \
        TERMS(S, VECTOR, LANES, x[r], R, C, \
              const T *const x = a + (places[t & ordered] + (t & ~ordered)) * ac;) \
    } else { \
        const T *of[R]; \
        UNROLL for (int r = 0; r < R; r++) of[r] = a + (rows ? rows[r] : r) * ar; \
        TERMS(S, VECTOR, LANES, of[r][t * ac], R, C, ) \
    } \
    if (scale) { \
        const T times = *scale; \
        EACH(R, C) *(VECTOR *)(z + r * zr + c * LANES) -= times * acc[r][c]; \
    } else { \
        EACH(R, C) *(VECTOR *)(z + r * zr + c * LANES) = acc[r][c]; \
    } \
}

// the number of rows of b, of k, that can be read `over` elements past their end
static inline long readable(long k, long br, long over)
{
    if (over == 0) return k;
    return br > 0 ? larger(0, k - (over + br - 1) / br) : 0;
}
