// Elementary functions over arrays, for the generated C.
//
// The file is in sections, headed `//// name [type]: the sections it needs`. mathematics.py joins what one function and
// type need into one translation unit; a section without a type serves both, through the words that the sections
// `type` define: `real` (float or double), `word` (the unsigned integer of its size), `R(0.5)` (a literal).
//
// Every function is right for all arguments: NaN, infinities, signed zeros, subnormal arguments and results, overflow.
// The code has no branches, so that compilers turn it into vector instructions of whatever width there is. Without
// a fused multiply-add, `madd` is a product and a sum; nothing here relies on more, so that any compiler may contract
// as it likes.
//
// The polynomials are minimax, computed for this file by the Remez algorithm in 60 digits; the coefficients were
// rounded from the lowest one up and the others fitted again. "ulp" is the distance to the true value in units of the
// last place of the result (subnormal results: in units of the smallest subnormal number).

//// type f32:
#include <stdint.h>

typedef float real;
typedef uint32_t word;
#define R(literal) literal##f
#define NAME(function) mt_##function##_f32
#define LIBM(function) __builtin_##function##f
#define MANTISSA 23  // bits of it that are stored
#define BIAS 127u    // of the exponent
#define SHIFTER 0x1.8p23f
#define WIDTH 16  // elements that are computed together: 64 bytes

//// type f64:
#include <stdint.h>

typedef double real;
typedef uint64_t word;
#define R(literal) literal
#define NAME(function) mt_##function##_f64
#define LIBM(function) __builtin_##function
#define MANTISSA 52
#define BIAS UINT64_C(1023)
#define SHIFTER 0x1.8p52
#define WIDTH 8

//// base: type
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16  // 16 is 0 with _Float16
#error "float and double must be computed in their own precision"
#endif
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("prefer-vector-width=512")
#endif
#if defined(__AVX512F__) && defined(__clang__)
#define BLOCKS static __attribute__((noinline, min_vector_width(512)))
#else
#define BLOCKS static __attribute__((noinline))
#endif
#define INLINE static inline __attribute__((always_inline, unused))
#define INFINITE ((real)__builtin_inf())
#define NOT_A_NUMBER ((real)__builtin_nan(""))
#define SIGN ((word)1 << (8 * sizeof(word) - 1))

INLINE word bits_of(real x) {
    union { real value; word bits; } both = {.value = x};
    return both.bits;
}

INLINE real real_of(word bits) {
    union { word bits; real value; } both = {.bits = bits};
    return both.value;
}

INLINE real absolute(real x) { return real_of(bits_of(x) & ~SIGN); }

INLINE real with_sign(real x, real sign) { return real_of((bits_of(x) & ~SIGN) | (bits_of(sign) & SIGN)); }

INLINE real madd(real a, real b, real c) {
#if defined(__FMA__) || defined(__FP_FAST_FMA) || defined(__ARM_FEATURE_FMA)
    return LIBM(fma)(a, b, c);
#else
    return a * b + c;
#endif
}

// `limit < x ? limit : x` is one instruction and keeps a NaN.
INLINE real at_most(real limit, real x) { return limit < x ? limit : x; }

INLINE real at_least(real limit, real x) { return limit > x ? limit : x; }

// 2^n, for n that give a normal number; n is a negative number modulo 2^32 or 2^64 where it is below 0.
INLINE real power_of_2(word n) { return real_of((n + BIAS) << MANTISSA); }

//// kernel: base
// The same machine code computes whole blocks and the rest of an array, so an element's result does not depend on its
// place. The rest is the last WIDTH elements, some for the second time; it is read before anything is overwritten.
#define KERNEL(function, visible, linkage)                                                 \
    BLOCKS void function##_blocks(long n, const real *x, real *y) {                        \
        for (long i = 0; i < n; i += WIDTH) {                                              \
            _Pragma("omp simd") for (int j = 0; j < WIDTH; j++) y[i + j] = function##_of(x[i + j]); \
        }                                                                                  \
    }                                                                                      \
                                                                                           \
    linkage void visible(long n, const real *x, real *y) {                                 \
        long whole = n & -WIDTH, rest = n - whole;                                         \
        real last[WIDTH];                                                                  \
        if (rest == 0) {                                                                   \
            function##_blocks(n, x, y);                                                    \
        } else if (whole) {                                                                \
            __builtin_memcpy(last, x + n - WIDTH, sizeof last);                            \
            function##_blocks(whole, x, y);                                                \
            function##_blocks(WIDTH, last, last);                                          \
            __builtin_memcpy(y + n - WIDTH, last, sizeof last);                            \
        } else {                                                                           \
            for (int j = 0; j < WIDTH; j++) last[j] = x[j < n ? j : 0];                    \
            function##_blocks(WIDTH, last, last);                                          \
            for (int j = 0; j < n; j++) y[j] = last[j];                                    \
        }                                                                                  \
    }
#define EXPORT(function) KERNEL(function, NAME(function), extern)

//// exponential f32:
#define EXP_HIGH 90.0f  // above it exp, sinh and cosh are infinite
#define EXP_LOW -104.0f  // below it exp is 0
#define EXPM1_HIGH 89.0f
#define TANH_HIGH 10.0f
#define EXP2_HIGH 129.0f
#define EXP2_LOW -151.0f
#define LOG2_E 1.442695f
#define LN2_HIGH 0.6933594f  // 9 bits: its products with exponents are exact
#define LN2_LOW -2.1219444e-4f

// (exp(r) - 1 - r) / r^2, absolute error 2^-25.9 / |r|.
INLINE real exp_polynomial(real r) {
    real p = 1.391724e-03f;
    p = madd(p, r, 8.367016e-03f);
    p = madd(p, r, 4.1666612e-02f);
    p = madd(p, r, 1.666654e-01f);
    return madd(p, r, 5.0e-01f);
}

//// exponential f64:
#define EXP_HIGH 711.0
#define EXP_LOW -746.0
#define EXPM1_HIGH 710.0
#define TANH_HIGH 20.0
#define EXP2_HIGH 1025.0
#define EXP2_LOW -1076.0
#define LOG2_E 1.4426950408889634
#define LN2_HIGH 0.6931471804855391
#define LN2_LOW 7.440617110012397e-11

// (exp(r) - 1 - r) / r^2, absolute error 2^-54.9 / |r|.
INLINE real exp_polynomial(real r) {
    real p = 2.5114320198998342e-08;
    p = madd(p, r, 2.762589985758235e-07);
    p = madd(p, r, 2.755722863635732e-06);
    p = madd(p, r, 2.4801505851449868e-05);
    p = madd(p, r, 1.9841269902013672e-04);
    p = madd(p, r, 1.3888888930818132e-03);
    p = madd(p, r, 8.333333333315188e-03);
    p = madd(p, r, 4.166666666658029e-02);
    p = madd(p, r, 1.6666666666666685e-01);
    return madd(p, r, 5.000000000000004e-01);
}

//// reduced: base exponential
// exp(x) = 2^n * (1 + p), where |p| < 0.42.
typedef struct {
    word n;
    real p;
} reduced;

// n is the integer nearest to x / ln 2: adding SHIFTER leaves it in the low bits. r = x - n ln 2 in two steps.
INLINE reduced reduce(real x) {
    real shifted = madd(x, LOG2_E, SHIFTER);
    real n = shifted - SHIFTER;
    real r = madd(n, -LN2_LOW, madd(n, -LN2_HIGH, x));
    return (reduced){bits_of(shifted) - bits_of(SHIFTER), madd(r * r, exp_polynomial(r), r)};
}

// 2^n * x for n from -2 BIAS to 2 BIAS in two products, of which the first is exact.
INLINE real scale(real x, word n) {
    word half = (n + 2 * BIAS) >> 1;
    return x * real_of(half << MANTISSA) * real_of((n + 2 * BIAS - half) << MANTISSA);
}

// 2^shift * exp(x)
INLINE real scaled_exp(real x, word shift) {
    reduced e = reduce(at_least(EXP_LOW, at_most(EXP_HIGH, x)));
    return scale(1 + e.p, e.n + shift);
}

//// exp: kernel reduced
INLINE real exp_of(real x) { return scaled_exp(x, 0); }

EXPORT(exp)

//// exp2_polynomial f32:
// (2^r - 1) / r for |r| <= 1/2, absolute error 2^-26.0.
INLINE real exp2_polynomial(real r) {
    real p = 1.5469865e-04f;
    p = madd(p, r, 1.3390987e-03f);
    p = madd(p, r, 9.61803e-03f);
    p = madd(p, r, 5.550357e-02f);
    p = madd(p, r, 2.402265e-01f);
    return madd(p, r, 6.931472e-01f);
}

//// exp2_polynomial f64:
// (2^r - 1) / r for |r| <= 1/2, absolute error 2^-54.8.
INLINE real exp2_polynomial(real r) {
    real p = 4.5871053492127315e-10;
    p = madd(p, r, 7.073690230473928e-09);
    p = madd(p, r, 1.017723771369417e-07);
    p = madd(p, r, 1.3215436240204965e-06);
    p = madd(p, r, 1.5252735622892655e-05);
    p = madd(p, r, 1.5403530453812176e-04);
    p = madd(p, r, 1.3333558144836613e-03);
    p = madd(p, r, 9.61812910759847e-03);
    p = madd(p, r, 5.550410866482642e-02);
    p = madd(p, r, 2.4022650695910114e-01);
    return madd(p, r, 6.931471805599453e-01);
}

//// exp2: kernel reduced exp2_polynomial
INLINE real exp2_of(real x) {
    x = at_least(EXP2_LOW, at_most(EXP2_HIGH, x));
    real shifted = x + SHIFTER;
    real r = x - (shifted - SHIFTER);
    return scale(madd(r, exp2_polynomial(r), R(1.0)), bits_of(shifted) - bits_of(SHIFTER));
}

EXPORT(exp2)

//// expm1: kernel reduced
// exp(x) - 1 = 2^n p + (2^n - 1), halved so that 2^n is finite; p alone near 0.
INLINE real expm1_of(real x) {
    reduced e = reduce(at_least(R(-40.0), at_most(EXPM1_HIGH, x)));
    real half = power_of_2(e.n - 1);
    real y = 2 * madd(e.p, half, half - R(0.5));
    return with_sign(e.n == 0 ? e.p : y, x);
}

EXPORT(expm1)

//// tanh: kernel reduced
// tanh |x| = -e / (2 + e), where e = exp(-2 |x|) - 1.
INLINE real tanh_of(real x) {
    reduced r = reduce(-2 * at_most(TANH_HIGH, absolute(x)));
    real power = power_of_2(r.n);
    real e = madd(r.p, power, power - 1);
    return with_sign(e / (2 + e), x);
}

EXPORT(tanh)

//// sigmoid: kernel reduced
// With e = exp(-|x|): 1 / (1 + e), or e / (1 + e) for negative x.
INLINE real sigmoid_of(real x) {
    real e = scaled_exp(-absolute(x), 0);
    return (x < 0 ? e : 1) / (1 + e);
}

EXPORT(sigmoid)

//// logarithm f32:
#define ROOT_HALF 0x3f3504f3u  // the bits of sqrt(1/2)

// log(1 + f) - f for 1 + f from sqrt(1/2) to sqrt(2): -f^2 / 2 + f^3 p(f), relative error of log(1 + f) 2^-26.6.
INLINE real log_polynomial(real f) {
    real p = -7.986136e-02f;
    p = madd(p, f, 1.28741e-01f);
    p = madd(p, f, -1.307835e-01f);
    p = madd(p, f, 1.4181678e-01f);
    p = madd(p, f, -1.6630223e-01f);
    p = madd(p, f, 2.0002262e-01f);
    p = madd(p, f, -2.5000623e-01f);
    p = madd(p, f, 3.333332e-01f);
    return f * f * madd(p, f, -0.5f);
}

//// logarithm f64:
#define ROOT_HALF UINT64_C(0x3fe6a09e667f3bcd)

// log(1 + f) - f for 1 + f from sqrt(1/2) to sqrt(2). With s = f / (2 + f), log(1 + f) = log((1 + s) / (1 - s)) is
// 2 s + s^3 p(s^2), and 2 s = f - s f. Relative error of log(1 + f) 2^-58.0.
INLINE real log_polynomial(real f) {
    real s = f / (2 + f), z = s * s;
    real p = 1.476441571065301e-01;
    p = madd(p, z, 1.5317512710464365e-01);
    p = madd(p, z, 1.8183414455355676e-01);
    p = madd(p, z, 2.2222201803585295e-01);
    p = madd(p, z, 2.857142870652994e-01);
    p = madd(p, z, 3.99999999996032e-01);
    p = madd(p, z, 6.6666666666667e-01);
    real half_square = 0.5 * f * f;
    return madd(s, madd(p, z, half_square), -half_square);
}

//// split: base exponential logarithm
// x = 2^k (1 + f), where 1 + f is from sqrt(1/2) to sqrt(2); `exponent` is k + BIAS.
typedef struct {
    word exponent;
    real k, f;
} split;

// x is positive and normal; an integer below 2^MANTISSA is put into the low bits of 2^MANTISSA to become a real.
INLINE split split_of(real x) {
    word offset = bits_of(x) - ROOT_HALF, one = (word)1 << MANTISSA;
    word exponent = (offset + (BIAS << MANTISSA)) >> MANTISSA;
    real k = real_of(exponent | ((BIAS + MANTISSA) << MANTISSA)) - (real)(one + BIAS);
    return (split){exponent, k, real_of((offset & (one - 1)) + ROOT_HALF) - 1};
}

// The same for positive x that may be subnormal (`exponent` is without meaning then).
INLINE split split_any(real x) {
    int tiny = x < power_of_2(1 - BIAS);
    split s = split_of(tiny ? x * power_of_2(MANTISSA) : x);
    s.k -= tiny ? (real)MANTISSA : 0;
    return s;
}

// k ln 2 + log(1 + f)
INLINE real log_sum(real k, real f) { return madd(k, LN2_HIGH, f + madd(k, LN2_LOW, log_polynomial(f))); }

// y for positive and finite x; the logarithm's values elsewhere.
INLINE real log_domain(real x, real y) {
    real outside = x < 0 ? NOT_A_NUMBER : x == 0 ? -INFINITE : x;
    return ((x > 0) & (x < INFINITE)) ? y : outside;
}

//// log: kernel split
INLINE real log_of(real x) {
    split s = split_any(x);
    return log_domain(x, log_sum(s.k, s.f));
}

EXPORT(log)

//// log1p: kernel split
// 1 + x = 2^k (1 + f) with f = 2^-k x + (2^-k - 1), which rounds once. Powers of 2 by 4 larger are always normal.
INLINE real log1p_of(real x) {
    split s = split_of(1 + x);
    real power = power_of_2(BIAS + 2 - s.exponent);
    real f = s.k == 0 ? x : madd(x * R(0.25), power, madd(R(0.25), power, R(-1.0)));
    real y = with_sign(log_sum(s.k, f), x);
    real outside = x < -1 ? NOT_A_NUMBER : x == -1 ? -INFINITE : x;
    return ((x > -1) & (x < INFINITE)) ? y : outside;
}

EXPORT(log1p)

//// softplus: kernel reduced split
// max(x, 0) + log(1 + e), where e = exp(-|x|); 1 + e = 2 (1 + (e - 1) / 2) where it is above sqrt(2).
INLINE real softplus_of(real x) {
    real e = scaled_exp(-absolute(x), 0);
    int large = e > R(0.41421356);
    real f = large ? madd(R(0.5), e, R(-0.5)) : e;
    return (x > 0 ? x : 0) + log_sum(large ? 1 : 0, f);
}

EXPORT(softplus)
