#define _GNU_SOURCE // for `sched_getcpu`, where threads share the work
#include <stdint.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-function" // no program needs all of these
#pragma GCC diagnostic ignored "-Wpsabi" // functions that are given vectors are all inline

typedef unsigned char bool8;

#define APART __attribute__((noinline)) // what many call, and takes long: a copy of it for each would only be compiled
#define ALIGNED __attribute__((aligned(64)))
#define HIDDEN __attribute__((visibility("hidden"))) // of a function of another unit, which is called directly
#define PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#define PLAIN APART
#else
#define PLAIN __attribute__((noinline, optimize("O0"))) // calls of what takes longer, which are not worth more
#endif
#define SIMD PRAGMA(omp simd)
#define SIMD_OF(clauses) PRAGMA(omp simd clauses)
#ifdef __clang__
#define UNROLL PRAGMA(unroll)
#else
#define UNROLL PRAGMA(GCC unroll 16)
#endif

// sizes
static inline long smaller(long a, long b) { return a < b ? a : b; }
static inline long larger(long a, long b) { return a > b ? a : b; }
static inline long quotient(long a, long b)
{
    if (b == 0) return 0;
    const long q = a / b;
    return q * b != a && (a < 0) != (b < 0) ? q - 1 : q;
}

// numbers: a NaN stays one, and the second of two zeros counts, as in NumPy
#define FLOATS(S, T, F) \
    static inline T maximum_##S(T a, T b) { return a > b || a != a ? a : b; } \
    static inline T minimum_##S(T a, T b) { return a < b || a != a ? a : b; } \
    static inline T absolute_##S(T a) { return __builtin_fabs##F(a); } \
    static inline T relu_##S(T a) { return a <= 0 ? 0 : a; } \
    static inline T sign_##S(T a) { return a > 0 ? 1 : a < 0 ? -1 : a == 0 ? 0 : a; } \
    static inline T mod_##S(T a, T b) \
    { \
        const T r = __builtin_fmod##F(a, b); \
        if (b == 0) return r; \
        if (r == 0) return __builtin_copysign##F(0, b); \
        return (b < 0) != (r < 0) ? r + b : r; \
    } \
    static inline T floor_divide_##S(T a, T b) \
    { \
        if (b == 0) return a / b; \
        const T r = __builtin_fmod##F(a, b); \
        T q = (a - r) / b; \
        if (r != 0 && (b < 0) != (r < 0)) q -= 1; \
        if (q == 0) return __builtin_copysign##F(0, a / b); \
        const T whole = __builtin_floor##F(q); \
        return q - whole > (T)0.5 ? whole + 1 : whole; \
    } \
    static inline T bernoulli_loss_##S(T p, T t) \
    { \
        const T yes = maximum_##S(__builtin_log##F(p), -100), no = maximum_##S(__builtin_log1p##F(-p), -100); \
        return -(t * yes + (1 - t) * no); \
    }
#define INTS(S, T) \
    static inline T maximum_##S(T a, T b) { return a > b ? a : b; } \
    static inline T minimum_##S(T a, T b) { return a < b ? a : b; } \
    static inline T absolute_##S(T a) { return a < 0 ? -a : a; } \
    static inline T relu_##S(T a) { return a > 0 ? a : 0; } \
    static inline T sign_##S(T a) { return (a > 0) - (a < 0); } \
    static inline T floor_divide_##S(T a, T b) \
    { \
        if (b == 0) return 0; \
        if (b == (T)-1) return (T)-a; \
        const T q = a / b; \
        return q * b != a && (a < 0) != (b < 0) ? q - 1 : q; \
    } \
    static inline T mod_##S(T a, T b) \
    { \
        if (b == 0 || b == (T)-1) return 0; \
        const T r = a % b; \
        return r != 0 && (r < 0) != (b < 0) ? r + b : r; \
    }
#define UNSIGNED(S, T) \
    static inline T maximum_##S(T a, T b) { return a > b ? a : b; } \
    static inline T minimum_##S(T a, T b) { return a < b ? a : b; } \
    static inline T absolute_##S(T a) { return a; } \
    static inline T relu_##S(T a) { return a; } \
    static inline T sign_##S(T a) { return a > 0; } \
    static inline T floor_divide_##S(T a, T b) { return b == 0 ? 0 : a / b; } \
    static inline T mod_##S(T a, T b) { return b == 0 ? 0 : a % b; }
FLOATS(f32, float, f)
FLOATS(f64, double, )
INTS(i8, int8_t)
INTS(i16, int16_t)
INTS(i32, int32_t)
INTS(i64, int64_t)
UNSIGNED(u8, uint8_t)
UNSIGNED(b8, bool8)
