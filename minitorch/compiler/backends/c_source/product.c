// R rows and C vectors of columns of a product a b, summed in registers; each row from `start` on, where there is one.
// Where there is a `scale`, what is stored is what lies there less so many times the product.
// The first `whole` rows of b can be read to the end of the last vector; of the others only `rest` elements are there.
// The element of a in row r and column t is AT, LEFT what it needs. Rows may be taken in an order, as they are or as
// columns of a; where there is none, they are taken one by one.
#define LEFT_BY_STRIDES(T, R)
#define BY_STRIDES(r, t) a[r * ar + t * ac]
#define LEFT_BY_ROWS(T, R) \
    const T *of[R]; \
    UNROLL for (int r = 0; r < R; r++) of[r] = a + (order ? order[r] : r) * ar;
#define BY_ROWS(r, t) of[r][t]
#define LEFT_BY_COLUMNS(T, R) /* without a branch for each term */ \
    const int64_t first = 0, *const places = order ? order : &first; \
    const long ordered = order ? -1 : 0;
#define BY_COLUMNS(r, t) a[(places[t & ordered] + (t & ~ordered)) * ar + r]
#define EACH(R, C) UNROLL for (int r = 0; r < R; r++) UNROLL for (int c = 0; c < C; c++)
#define STEP(AT, R, C, B) EACH(R, C) acc[r][c] += AT(r, t) * B[c];
#define TILE(NAME, S, T, VECTOR, LANES, R, C, THIRD, AT) \
static inline __attribute__((always_inline)) void \
NAME(long k, const T *restrict a, long ar, THIRD, const T *restrict b, long br, long whole, long rest, \
     T *restrict z, long zr, const T *start, const T *scale, int more) \
{ \
    VECTOR acc[R][C], bs[C]; \
    long t = 0; \
    LEFT_##AT(T, R) \
    const T *const from = more ? z : start; \
    const long fr = more ? zr : 0; \
    if (from) { \
        EACH(R, C) acc[r][c] = *(const VECTOR *)(from + r * fr + c * LANES); \
    } else { \
        EACH(R, C) acc[r][c] = (VECTOR){0}; \
    } \
    PRAGMA(GCC unroll 1 + R / 6) for (; t < whole; t++) { \
        UNROLL for (int c = 0; c < C; c++) bs[c] = *(const VECTOR *)(b + t * br + c * LANES); \
        STEP(AT, R, C, bs) \
    } \
    for (; t < k; t++) { \
        UNROLL for (int c = 0; c < C; c++) bs[c] = read_##S(b + t * br + c * LANES, rest - c * LANES); \
        STEP(AT, R, C, bs) \
    } \
    if (scale) { \
        EACH(R, C) *(VECTOR *)(z + r * zr + c * LANES) -= *scale * acc[r][c]; \
    } else { \
        EACH(R, C) *(VECTOR *)(z + r * zr + c * LANES) = acc[r][c]; \
    } \
}

// a vector of a row that has `left` elements, the rest of it zero; or stored into such a row: by masks, where a compiler
// has a name for them, for what is put together in memory has to wait for it
#if defined(__AVX512F__) && defined(__has_builtin)
#if __has_builtin(__builtin_ia32_loadups512_mask) && __has_builtin(__builtin_ia32_storeups512_mask)
#define MASKED_LOAD_f32(from, left) __builtin_ia32_loadups512_mask(from, (vector_f32){0}, (1 << (left)) - 1)
#define MASKED_LOAD_f64(from, left) __builtin_ia32_loadupd512_mask(from, (vector_f64){0}, (1 << (left)) - 1)
#define MASKED_STORE_f32(to, left, x) __builtin_ia32_storeups512_mask(to, x, (1 << (left)) - 1)
#define MASKED_STORE_f64(to, left, x) __builtin_ia32_storeupd512_mask(to, x, (1 << (left)) - 1)
#endif
#endif
#ifdef MASKED_LOAD_f32
#define PART_READ(S, T, VECTOR, LANES) return MASKED_LOAD_##S(from, left);
#define PART_WRITTEN(S, T, LANES) MASKED_STORE_##S(to, left, x);
#else
#define PART_READ(S, T, VECTOR, LANES) \
    T row[LANES] = {0}; \
    memcpy(row, from, (size_t)left * sizeof(T)); \
    return *(const VECTOR *)row;
#define PART_WRITTEN(S, T, LANES) memcpy(to, &x, (size_t)left * sizeof(T));
#endif
#define VECTORS(S, T, VECTOR, LANES) \
static inline __attribute__((always_inline)) VECTOR read_##S(const T *from, long left) \
{ \
    if (left >= LANES) return *(const VECTOR *)from; \
    PART_READ(S, T, VECTOR, LANES) \
} \
static inline __attribute__((always_inline)) void write_##S(T *to, long left, VECTOR x) \
{ \
    if (left >= LANES) *(VECTOR *)to = x; \
    else { PART_WRITTEN(S, T, LANES) } \
}

// ask for the rows that an order has from one place to another
static inline void fetch_rows(const void *rows, long bytes, const int64_t *order, long from, long to)
{
    for (long i = from; order && i < to; i++) {
        const char *row = (const char *)rows + order[i] * bytes;
        for (long k = 0; k < bytes; k += 64) __builtin_prefetch(row + k);
        __builtin_prefetch(row + bytes - 1);
    }
}

// the number of rows of b, of k, that can be read `over` elements past their end
static inline long readable(long k, long br, long over)
{
    if (over == 0) return k;
    return br > 0 ? larger(0, k - (over + br - 1) / br) : 0;
}

// LANES rows of a matrix, `step` elements apart, as LANES columns: the rows of one half interleaved with those of the
// other as often as LANES can be halved. A compiler that cannot be told so moves element by element.
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define INTERLEAVED __builtin_shufflevector
#endif
#endif
#define LOW_2 0, 2
#define HIGH_2 1, 3
#define LOW_4 0, 4, 1, 5
#define HIGH_4 2, 6, 3, 7
#define LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#ifdef INTERLEAVED
#define CROSS(NAME, T, VECTOR, LANES) \
static __attribute__((noinline)) void \
NAME(const T *restrict from, long step, T *restrict to, long pitch) \
{ \
    VECTOR x[LANES], y[LANES]; \
    UNROLL for (int i = 0; i < LANES; i++) x[i] = *(const VECTOR *)(from + i * step); \
    UNROLL for (int halved = 0; halved < __builtin_ctz(LANES); halved++) { \
        UNROLL for (int i = 0; i < LANES / 2; i++) { \
            y[2 * i] = INTERLEAVED(x[i], x[i + LANES / 2], LOW_##LANES); \
            y[2 * i + 1] = INTERLEAVED(x[i], x[i + LANES / 2], HIGH_##LANES); \
        } \
        UNROLL for (int i = 0; i < LANES; i++) x[i] = y[i]; \
    } \
    UNROLL for (int i = 0; i < LANES; i++) *(VECTOR *)(to + i * pitch) = x[i]; \
}
#else
#define CROSS(NAME, T, VECTOR, LANES) \
static inline void NAME(const T *restrict from, long step, T *restrict to, long pitch) \
{ \
    for (long i = 0; i < LANES; i++) \
        for (long j = 0; j < LANES; j++) to[i * pitch + j] = from[j * step + i]; \
}
#endif

// whether a product of that many terms is worth a turn
#ifdef INTERLEAVED
#define TURNED(k) ((k) >= 16)
#else
#define TURNED(k) 0
#endif

// the same at an edge: so many rows of so many elements, of which whole vectors can be read as far as `end`
#define CROSS_PART(NAME, CROSSED, T, VECTOR, LANES) \
static void NAME(const T *from, long step, long rows, long count, const T *end, T *restrict to, long pitch) \
{ \
    VECTOR across[LANES] = {0}, down[LANES]; \
    const int inside = rows == LANES && end - (from + (LANES - 1) * step) >= LANES; \
    for (long i = 0; !inside && i < rows; i++) memcpy(across + i, from + i * step, (size_t)count * sizeof(T)); \
    CROSSED(inside ? from : (const T *)across, inside ? step : LANES, (T *)down, LANES); \
    for (long i = 0; i < count; i++) *(VECTOR *)(to + i * pitch) = down[i]; \
}

// k rows of n columns, side by side in rows of `pitch` elements, the rest of them zero
#define PACK(NAME, CROSSED, PART, T, LANES) \
static void NAME(long k, long n, long pitch, const T *restrict b, long br, long bc, T *restrict packed) \
{ \
    const T *const end = b + (n - 1) * bc + k; \
    for (long t0 = 0; t0 < k; t0 += LANES) { /* tiles that stay in the cache, read or written crosswise */ \
        const long t1 = smaller(k, t0 + LANES); \
        for (long j0 = 0; j0 < n; j0 += LANES) { \
            const long j1 = smaller(n, j0 + LANES); \
            const T *const from = b + t0 * br + j0 * bc; \
            T *const to = packed + t0 * pitch + j0; \
            if (br == 1 && t1 - t0 == LANES && j1 - j0 == LANES) CROSSED(from, bc, to, pitch); \
            else if (br == 1 && bc >= k) PART(from, bc, j1 - j0, t1 - t0, end, to, pitch); \
            else \
                for (long t = t0; t < t1; t++) \
                    for (long j = j0; j < j1; j++) packed[t * pitch + j] = b[t * br + j * bc]; \
        } \
        for (long t = t0; t < t1; t++) \
            for (long j = n; j < pitch; j++) packed[t * pitch + j] = 0; \
    } \
}
