// one array added to another, element by element; and the parts of a sum that lie `step` bytes apart, one after the other
#define SUMS(S, T) \
static APART void add_##S(long n, T *restrict to, const T *restrict x) \
{ \
    SIMD for (long k = 0; k < n; k++) to[k] = to[k] + x[k]; \
} \
static APART void join_##S(long n, T *to, const char *parts, long step, long count) \
{ \
    for (long t = 0; t < count; t++) add_##S(n, to, (const T *)(parts + t * step)); \
}
