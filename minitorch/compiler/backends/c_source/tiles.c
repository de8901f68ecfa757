// R rows and C vectors of columns of a product a b, summed in registers; each row from `start` on, where there is one.
// Where there is a `scale`, what is stored is what lies there less so many times the product.
// The element of a in row r and column t is a[r * ar + t * ac]; an order may say which rows are meant or, with vectors of
// 64 bytes, which `terms`. The last vector of a row of b is read by LAST.
#define WHOLE_f32(x) *(const vector_f32 *)(x)
#define WHOLE_f64(x) *(const vector_f64 *)(x)
#ifdef MASKED_LOAD_f32
#define PART_f32(x) MASKED_LOAD_f32(x, rest)
#define PART_f64(x) MASKED_LOAD_f64(x, rest)
#else
#define PART_f32(x) read_f32(x, rest)
#define PART_f64(x) read_f64(x, rest)
#endif
#define TERM(R, C, LANES, LAST) \
    UNROLL for (int c = 0; c < C - 1; c++) bs[c] = *(const __typeof__(*bs) *)(b + t * br + c * LANES); \
    bs[C - 1] = LAST(b + t * br + (C - 1) * LANES); \
    STEP(of[r][at], R, C, bs)
#if VECTOR_BYTES == 64
#define TERMS_IN_AN_ORDER(R, C, LANES, LAST) \
    if (terms) { \
        PRAGMA(GCC unroll R < 4 ? 1 : 2) for (long t = 0; t < k; t++) { \
            const long at = terms[t] * ac; \
            TERM(R, C, LANES, LAST) \
        } \
    } else
#else
#define TERMS_IN_AN_ORDER(R, C, LANES, LAST) (void)terms;
#endif
#define TILE(NAME, T, VECTOR, LANES, R, C, LAST) \
static inline __attribute__((always_inline)) void \
NAME(long k, const T *restrict a, long ar, long ac, const int64_t *rows, const int64_t *terms, const T *restrict b, \
     long br, long rest, T *z, long zr, const T *start, const T *scale) \
{ \
    VECTOR acc[R][C], bs[C]; \
    const T *of[R]; \
    (void)rest; \
    if (start) { \
        EACH(R, C) acc[r][c] = *(const VECTOR *)(start + c * LANES); \
    } else { \
        EACH(R, C) acc[r][c] = (VECTOR){0}; \
    } \
    UNROLL for (int r = 0; r < R; r++) of[r] = rows ? a + rows[r] * ar : r ? of[r - 1] + ar : a; \
    TERMS_IN_AN_ORDER(R, C, LANES, LAST) \
    PRAGMA(GCC unroll R < 4 ? 1 : 2) for (long t = 0, at = 0; t < k; t++, at += ac) { \
        __asm__("" : "+r"(at)); /* or each row gets a pointer of its own, and they are all moved for each term */ \
        TERM(R, C, LANES, LAST) \
    } \
    if (scale) { \
        const T times = *scale; \
        UNROLL for (int r = 0; r < R; r++, z += zr) \
            UNROLL for (int c = 0; c < C; c++) *(VECTOR *)(z + c * LANES) -= times * acc[r][c]; \
    } else { \
        UNROLL for (int r = 0; r < R; r++, z += zr) \
            UNROLL for (int c = 0; c < C; c++) *(VECTOR *)(z + c * LANES) = acc[r][c]; \
    } \
}
