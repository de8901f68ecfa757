// the terms t of a tile's sums
#define EACH(R, C) UNROLL for (int r = 0; r < R; r++) UNROLL for (int c = 0; c < C; c++)
#define STEP(A, R, C, B) EACH(R, C) acc[r][c] += A * B[c];

// a vector of a row that has `left` elements, the rest of it zero; or stored into such a row: by masks, where a compiler
// has a name for them, for what is put together in memory has to wait for it
#if defined(__AVX512F__) && VECTOR_BYTES == 64 && defined(__has_builtin)
#if __has_builtin(__builtin_ia32_loadups512_mask) && __has_builtin(__builtin_ia32_storeups512_mask)
#define MASKED_LOAD_f32(from, left) __builtin_ia32_loadups512_mask(from, (vector_f32){0}, (1 << (left)) - 1)
#define MASKED_LOAD_f64(from, left) __builtin_ia32_loadupd512_mask(from, (vector_f64){0}, (1 << (left)) - 1)
#define MASKED_STORE_f32(to, left, x) __builtin_ia32_storeups512_mask(to, x, (1 << (left)) - 1)
#define MASKED_STORE_f64(to, left, x) __builtin_ia32_storeupd512_mask(to, x, (1 << (left)) - 1)
#endif
#elif defined(__AVX__) && VECTOR_BYTES == 32 && defined(__has_builtin) // its masked stores are slow on some machines
#if __has_builtin(__builtin_ia32_maskloadps256) && __has_builtin(__builtin_ia32_maskloadpd256)
static const int __attribute__((unused)) first_f32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static const long long __attribute__((unused)) first_f64[8] = {-1, -1, -1, -1};
typedef int masks_f32 __attribute__((vector_size(32), aligned(4)));
typedef long long masks_f64 __attribute__((vector_size(32), aligned(8)));
#define MASKED_LOAD_f32(from, left) \
    __builtin_ia32_maskloadps256((const void *)(from), *(const masks_f32 *)(first_f32 + 8 - (left)))
#define MASKED_LOAD_f64(from, left) \
    __builtin_ia32_maskloadpd256((const void *)(from), *(const masks_f64 *)(first_f64 + 4 - (left)))
#endif
#endif
#ifdef MASKED_LOAD_f32
#define PART_READ(S, T, VECTOR, LANES) return MASKED_LOAD_##S(from, left);
#else
#define PART_READ(S, T, VECTOR, LANES) \
    T row[LANES] = {0}; \
    memcpy(row, from, (size_t)left * sizeof(T)); \
    return *(const VECTOR *)row;
#endif
#ifdef MASKED_STORE_f32
#define PART_WRITTEN(S, T, LANES) MASKED_STORE_##S(to, left, x);
#else
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

// a compiler that can be told how two vectors are interleaved; another one moves element by element
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define INTERLEAVED __builtin_shufflevector
#endif
#endif

// whether a product of that many terms is worth a turn
#ifdef INTERLEAVED
#define TURNED(k) ((k) >= 16)
#else
#define TURNED(k) 0
#endif
