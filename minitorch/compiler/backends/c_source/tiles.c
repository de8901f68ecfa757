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
#define COLUMN(VECTOR, C, LANES, LAST, t, c) \
    (c < C - 1 ? *(const VECTOR *)(b + (t) * br + c * LANES) : LAST(b + (t) * br + (C - 1) * LANES))
#define TERM(VECTOR, R, C, LANES, LAST) \
    UNROLL for (int c = 0; c < C; c++) bs[c] = COLUMN(VECTOR, C, LANES, LAST, t, c); \
    STEP(of[r][at], R, C, bs)
#if VECTOR_BYTES == 64
#define TERMS_IN_AN_ORDER(VECTOR, R, C, LANES, LAST) \
    if (terms) { \
        PRAGMA(GCC unroll R < 4 ? 1 : 2) for (long t = 0; t < k - ENDS(R, C); t++) { \
            const long at = terms[t] * ac; \
            TERM(VECTOR, R, C, LANES, LAST) \
        } \
    } else
#else
#define TERMS_IN_AN_ORDER(VECTOR, R, C, LANES, LAST)
#endif
// Where a tile has many vectors, its last terms are added row by row, so that a row is stored while the next is
// multiplied: some processors multiply nothing while they store more than 12 vectors, one after the other. There are
// registers for the columns of all these terms but one.
#define ENDING 3
#define ENDS(R, C) (R * C > 12 ? ENDING : 0)
#define ROWS(VECTOR, R, C, LANES, LAST) \
    UNROLL for (int r = 0; r < R; r++, z += zr) { \
        UNROLL for (int t = 0; t < ENDS(R, C); t++) \
            UNROLL for (int c = 0; c < C; c++) \
                acc[r][c] += of[r][at[t]] * (t < ENDING - 1 ? ends[t][c] : COLUMN(VECTOR, C, LANES, LAST, k - 1, c)); \
        if (scale) { \
            UNROLL for (int c = 0; c < C; c++) *(VECTOR *)(z + c * LANES) -= times * acc[r][c]; \
        } else { \
            UNROLL for (int c = 0; c < C; c++) *(VECTOR *)(z + c * LANES) = acc[r][c]; \
        } \
        __asm__ volatile("" ::: "memory"); /* or all rows are multiplied first */ \
    }
#define TILE(NAME, T, VECTOR, LANES, R, C, LAST) \
static inline __attribute__((always_inline)) void \
NAME(long k, const T *restrict a, long ar, long ac, const int64_t *rows, const int64_t *terms, const T *restrict b, \
     long br, long rest, T *z, long zr, const T *start, const T *scale) \
{ \
    VECTOR acc[R][C], bs[C], ends[ENDING - 1][C]; \
    const T *of[R]; \
    long at[ENDING]; \
    (void)rest; \
    if (start) { \
        EACH(R, C) acc[r][c] = *(const VECTOR *)(start + c * LANES); \
    } else { \
        EACH(R, C) acc[r][c] = (VECTOR){0}; \
    } \
    UNROLL for (int r = 0; r < R; r++) of[r] = rows ? a + rows[r] * ar : r ? of[r - 1] + ar : a; \
    TERMS_IN_AN_ORDER(VECTOR, R, C, LANES, LAST) \
    PRAGMA(GCC unroll R < 4 ? 1 : 2) for (long t = 0, at = 0; t < k - ENDS(R, C); t++, at += ac) { \
        __asm__("" : "+r"(at)); /* or each row gets a pointer of its own, and they are all moved for each term */ \
        TERM(VECTOR, R, C, LANES, LAST) \
    } \
    for (int t = 0; t < ENDS(R, C); t++) at[t] = (terms ? terms[k - ENDING + t] : k - ENDING + t) * ac; \
    UNROLL for (int t = 0; t < ENDS(R, C) - 1; t++) \
        UNROLL for (int c = 0; c < C; c++) ends[t][c] = COLUMN(VECTOR, C, LANES, LAST, k - ENDING + t, c); \
    const T times = scale ? *scale : 1; \
    ROWS(VECTOR, R, C, LANES, LAST) \
}
