// LANES rows of a matrix, `step` elements apart, as LANES columns: the rows of one half interleaved with those of the
// other as often as LANES can be halved
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
HIDDEN void NAME(const T *restrict from, long step, T *restrict to, long pitch) \
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
HIDDEN void NAME(const T *restrict from, long step, T *restrict to, long pitch) \
{ \
    for (long i = 0; i < LANES; i++) \
        for (long j = 0; j < LANES; j++) to[i * pitch + j] = from[j * step + i]; \
}
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

// k rows of n columns, side by side in rows of `pitch` elements, the rest of them zero; where they lie side by side, an
// order may say which rows
#define PACK(NAME, CROSSED, PART, S, T, VECTOR, LANES) \
HIDDEN void NAME(long k, long n, long pitch, const T *restrict b, long br, long bc, const int64_t *order, \
                 T *restrict packed) \
{ \
    const T *const end = b + (n - 1) * bc + k; \
    long j = bc == 1 ? 0 : pitch; \
    for (; j + 2 * LANES <= n; j += 2 * LANES) /* lines that come from memory are read to their end */ \
        for (long t = 0; t < k; t++) { \
            const T *const row = b + (order ? order[t] : t) * br + j; \
            *(VECTOR *)(packed + t * pitch + j) = *(const VECTOR *)row; \
            *(VECTOR *)(packed + t * pitch + j + LANES) = *(const VECTOR *)(row + LANES); \
        } \
    for (; j < pitch; j += LANES) \
        for (long t = 0; t < k; t++) { \
            const T *const row = b + (order ? order[t] : t) * br + j; \
            *(VECTOR *)(packed + t * pitch + j) = j < n ? read_##S(row, n - j) : (VECTOR){0}; \
        } \
    for (long j0 = 0; bc != 1 && j0 < pitch; j0 += LANES) { /* tiles that stay in the cache, read crosswise */ \
        const long some = larger(0, smaller(n - j0, LANES)); \
        for (long t = 0; some == 0 && t < k; t++) *(VECTOR *)(packed + t * pitch + j0) = (VECTOR){0}; \
        for (long t0 = 0; some && t0 < k; t0 += LANES) { \
            const long t1 = smaller(k, t0 + LANES); \
            const T *const from = b + t0 * br + j0 * bc; \
            T *const to = packed + t0 * pitch + j0; \
            if (br == 1 && t1 - t0 == LANES && some == LANES) CROSSED(from, bc, to, pitch); \
            else if (br == 1 && bc >= k) PART(from, bc, some, t1 - t0, end, to, pitch); \
            else \
                for (long t = t0; t < t1; t++) \
                    for (long i = 0; i < LANES; i++) \
                        packed[t * pitch + j0 + i] = i < some ? b[t * br + (j0 + i) * bc] : 0; \
        } \
    } \
}
