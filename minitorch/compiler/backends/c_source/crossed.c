// A matrix of as many rows as a vector has elements, `step` elements apart, as its columns. A vector is LANES lanes of 16
// bytes, SIZE elements each, for processors move elements within a lane at less cost than across. So the rows of every
// SIZE are interleaved lane by lane, as often as SIZE can be halved; then lanes with even numbers are parted from those
// with odd ones, as often as LANES can be halved.
#define LOW_f32(at, next) at, next + at, at + 1, next + at + 1
#define HIGH_f32(at, next) LOW_f32(at + 2, next)
#define LOW_f64(at, next) at, next + at
#define HIGH_f64(at, next) LOW_f64(at + 1, next)
#define ALL_1(SIZE, HALF) HALF(0, SIZE)
#define ALL_2(SIZE, HALF) HALF(0, 2 * SIZE), HALF(SIZE, 2 * SIZE)
#define ALL_4(SIZE, HALF) HALF(0, 4 * SIZE), HALF(SIZE, 4 * SIZE), HALF(2 * SIZE, 4 * SIZE), HALF(3 * SIZE, 4 * SIZE)
#define LANE_2(at) at, at + 1
#define LANE_4(at) LANE_2(at), LANE_2(at + 2)
#define ALTERNATE_1(SIZE, from) LANE_##SIZE(0) // which nobody parts
#define ALTERNATE_2(SIZE, from) LANE_##SIZE(from), LANE_##SIZE(from + 2 * SIZE)
#define ALTERNATE_4(SIZE, from) ALTERNATE_2(SIZE, from), ALTERNATE_2(SIZE, from + 4 * SIZE)
#ifdef INTERLEAVED
#define CROSS(NAME, S, T, VECTOR, LANES, SIZE) \
HIDDEN void NAME(const T *restrict from, long step, T *restrict to, long pitch) \
{ \
    VECTOR x[LANES * SIZE], y[LANES * SIZE]; \
    UNROLL for (int i = 0; i < LANES * SIZE; i++) x[i] = *(const VECTOR *)(from + i * step); \
    UNROLL for (int halved = 0; halved < __builtin_ctz(SIZE); halved++) { \
        UNROLL for (int i = 0; i < LANES * SIZE / 2; i++) { \
            const int first = i / (SIZE / 2) * SIZE + i % (SIZE / 2); \
            y[2 * i] = INTERLEAVED(x[first], x[first + SIZE / 2], ALL_##LANES(SIZE, LOW_##S)); \
            y[2 * i + 1] = INTERLEAVED(x[first], x[first + SIZE / 2], ALL_##LANES(SIZE, HIGH_##S)); \
        } \
        UNROLL for (int i = 0; i < LANES * SIZE; i++) x[i] = y[i]; \
    } \
    UNROLL for (int halved = 0; halved < __builtin_ctz(LANES); halved++) { \
        UNROLL for (int i = 0; i < LANES * SIZE / 2; i++) { \
            const int first = i / SIZE * 2 * SIZE + i % SIZE; \
            y[i] = INTERLEAVED(x[first], x[first + SIZE], ALTERNATE_##LANES(SIZE, 0)); \
            y[i + LANES * SIZE / 2] = INTERLEAVED(x[first], x[first + SIZE], ALTERNATE_##LANES(SIZE, SIZE)); \
        } \
        UNROLL for (int i = 0; i < LANES * SIZE; i++) x[i] = y[i]; \
    } \
    UNROLL for (int i = 0; i < LANES * SIZE; i++) *(VECTOR *)(to + i * pitch) = x[i]; \
}
#else
#define CROSS(NAME, S, T, VECTOR, LANES, SIZE) \
HIDDEN void NAME(const T *restrict from, long step, T *restrict to, long pitch) \
{ \
    for (long i = 0; i < LANES * SIZE; i++) \
        for (long j = 0; j < LANES * SIZE; j++) to[i * pitch + j] = from[j * step + i]; \
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
