// Elementary functions over arrays, for the generated C.
//
// The file is in sections, headed `//// name [type]: the sections it needs`. mathematics.py joins what one function and
// type need into one translation unit; a section without a type serves both, through the words that the sections
// `type` define: `real` (float or double), `word` (the unsigned integer of its size), `R(0.5)` (a literal).
//
// Every function is right for all arguments: NaN, infinities, signed zeros, subnormal arguments and results, overflow.
// There are no branches, and what a `?:` chooses between is computed before, so that compilers make vector instructions
// of whatever width there is. Without a fused multiply-add, `madd` is a product and a sum: nothing here relies on more,
// and compilers may contract as they like.
//
// The polynomials are minimax, computed for this file by the Remez algorithm in 60 digits; the coefficients were
// rounded to the type, where that helped the lowest ones first and the others fitted again. The error after rounding
// stands with each; the reductions are the classical ones (Cody and Waite; log in float64 as in FDLIBM).
//
// Errors, in units of the last place of the result (the smallest subnormal number where that is larger), are at most
// these in float32 and float64. They were measured against wider types (erf in float64: mpmath) on every 32nd float32,
// random float64 of all exponents, millions of arguments in the usual spans and the neighbours of what is special,
// compiled by gcc 12 and clang 14, with and without fused multiply-add, and rounded up.
//
//   exp          1.1   1.1
//   exp2         1.2   1.2
//   expm1        1.8   2.1
//   log          1.0   0.9
//   log2         1.8   1.8
//   log10        1.9   1.8
//   log1p        1.6   1.4
//   tanh         3.7   2.7
//   sigmoid      2.4   2.4
//   softplus     1.9   1.9
//   sinh         1.7   1.7
//   cosh         1.6   1.6
//   erf          1.3   1.1
//   sin          1.7   2.4
//   cos          1.7   2.4
//   tan          3.1   3.1
//   arcsin       2.1   2.2
//   arccos       1.3   1.3
//   arctan       2.0   1.8
//   arcsinh      2.0   2.0
//   arccosh      2.2   2.2
//   arctanh      2.3   2.0
//
// tanh in float32 is so much off with vectors of 32 bytes; with vectors of 64 it is 1.4 off at most, with others 2.6.

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
#define WIDE __attribute__((min_vector_width(512)))
#else
#define WIDE
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
#if defined(__AVX512F__)
#define VECTOR 64
#elif defined(__AVX__)
#define VECTOR 32
#else
#define VECTOR 16
#endif

#define LANES (VECTOR / (int)sizeof(real))

typedef real vector __attribute__((vector_size(VECTOR), aligned(sizeof(real)), may_alias));

// WIDTH elements, in the pieces in which they are stored or loaded next: a load waits for stores that it spans.
INLINE void copy_row(const real *from, real *to) {
    for (int k = 0; k < (int)(WIDTH * sizeof(real) / VECTOR); k++) ((vector *)to)[k] = ((const vector *)from)[k];
}

// The same machine code computes whole rows and the rest of an array, so an element's result does not depend on its
// place. The rest is the last WIDTH elements, some for the second time; it is read before anything is overwritten.
#define ENDS(function, visible, linkage)                                                   \
    linkage WIDE void visible(long n, const real *x, real *y) {                            \
        long whole = n & -WIDTH;                                                           \
        real last[WIDTH] __attribute__((aligned(64)));                                     \
        if (whole == n) {                                                                  \
            function##_rows(n, x, y);                                                      \
        } else if (whole) {                                                                \
            copy_row(x + n - WIDTH, last);                                                 \
            function##_rows(whole, x, y);                                                  \
            function##_rows(WIDTH, last, last);                                            \
            copy_row(last, y + n - WIDTH);                                                 \
        } else {                                                                           \
            for (int j = 0; j < WIDTH; j++) last[j] = x[j < n ? j : 0];                    \
            function##_rows(WIDTH, last, last);                                            \
            for (int j = 0; j < n; j++) y[j] = last[j];                                    \
        }                                                                                  \
    }

#define KERNEL(function, visible, linkage)                                                 \
    static WIDE __attribute__((noinline)) void function##_rows(long n, const real *x, real *y) { \
        for (long i = 0; i < n; i += WIDTH) {                                              \
            _Pragma("omp simd simdlen(LANES)")                                             \
            for (int j = 0; j < WIDTH; j++) y[i + j] = function##_of(x[i + j]);            \
        }                                                                                  \
    }                                                                                      \
    ENDS(function, visible, linkage)
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

//// tanh_by_exp: kernel reduced
// tanh |x| = -e / (2 + e), where e = exp(-2 |x|) - 1.
INLINE real tanh_of(real x) {
    reduced r = reduce(-2 * at_most(TANH_HIGH, absolute(x)));
    real power = power_of_2(r.n);
    real e = madd(r.p, power, power - 1);
    return with_sign(e / (2 + e), x);
}

//// tanh f32: tanh_by_exp
// Where vectors can choose from 32 numbers in registers, tanh |x| is a polynomial in |x| - c on each of 32 intervals:
// 16 operations and no division. The centres c are such that tanh c is almost a float32 (Gal, Computing Elementary
// Functions: A New Approach for Achieving High Accuracy and Good Performance, 1986).
#if defined(__AVX512F__) && defined(__has_builtin)
#if __has_builtin(__builtin_shuffle) && __has_builtin(__builtin_ia32_minps512_mask)
#define CHOSEN(k) __builtin_shuffle(first[k], second[k], place)
#define AT_MOST(limit, x) __builtin_ia32_minps512_mask(limit, x, x, -1, 4)
#elif __has_builtin(__builtin_ia32_vpermi2varps512) && __has_builtin(__builtin_ia32_minps512)
#define CHOSEN(k) __builtin_ia32_vpermi2varps512(first[k], place, second[k])
#define AT_MOST(limit, x) __builtin_ia32_minps512(limit, x, 4)
#endif
#elif defined(__AVX__) && defined(__FMA__) && defined(__has_builtin)
#if __has_builtin(__builtin_ia32_vfmaddps256) && __has_builtin(__builtin_ia32_minps256)
#define FUSED(a, b, c) __builtin_ia32_vfmaddps256(a, b, c)
#endif
#endif

#ifdef CHOSEN
#define TANH_SHIFT 0.625f
#define TANH_ONE 9.25f  // from there on tanh is 1

// The centres, and the coefficients from the lowest on. An interval is told by the low 2 bits of the exponent of
// |x| + TANH_SHIFT and the high 3 of its mantissa: 8 of them from 2 on, 8 from 4, 2 from 8, 6 from 0.625, 8 from 1. The
// polynomials are fitted in long double by least squares, with weights that make the largest errors equal (Lawson), the
// lowest coefficient rounded and the others fitted again; the relative error after rounding is 2^-25.3.
static const real tanh_terms[6][32] __attribute__((aligned(64))) = {
    {1.50033629f, 1.74976504f, 2.00033593f, 2.24957728f, 2.49971724f, 2.74926591f, 3.00066781f, 3.2508688f,
     3.62465525f, 4.12443495f, 4.62448263f, 5.12684059f, 5.62322378f, 6.12675047f, 6.6255703f, 7.12309265f,
     7.87309265f, 8.8711853f, 0.0f, 0.0937424451f, 0.156297654f, 0.218745515f, 0.281358659f, 0.34375155f,
     0.437508523f, 0.562688351f, 0.687473178f, 0.812721133f, 0.937449276f, 1.06247878f, 1.18762195f,
     1.31257308f},
    {0.905209005f, 0.941348791f, 0.964051306f, 0.978007734f, 0.986606777f, 0.991847813f, 0.995061338f,
     0.99700284f, 0.998579681f, 0.999477029f, 0.999807596f, 0.999929547f, 0.999973893f, 0.999990463f,
     0.999996483f, 0.999998689f, 0.999999702f, 0.99999994f, 0.0f, 0.0934688151f, 0.155037239f, 0.215322062f,
     0.274162084f, 0.330822498f, 0.411577135f, 0.509969354f, 0.596356273f, 0.671088636f, 0.734048128f,
     0.786610723f, 0.829839885f, 0.864925027f},
    {0.180596843f, 0.113862179f, 0.0706047192f, 0.0435005687f, 0.0266068503f, 0.0162377693f, 0.00985284243f,
     0.00598528003f, 0.00283817621f, 0.00104550261f, 0.000384709128f, 0.000140878139f, 5.22045557e-05f,
     1.90703813e-05f, 7.03220803e-06f, 2.60018805e-06f, 5.80136316e-07f, 7.87361856e-08f, 1.0f,
     0.991263568f, 0.975963414f, 0.953636408f, 0.924835145f, 0.890556455f, 0.830604315f, 0.739931464f,
     0.644359469f, 0.549640357f, 0.461173594f, 0.381243765f, 0.311365873f, 0.251904756f},
    {-0.163478911f, -0.107184581f, -0.0680667907f, -0.0425441563f, -0.0262506548f, -0.0161055252f,
     -0.0098041771f, -0.00596733112f, -0.00283430447f, -0.00104502018f, -0.000384658168f, -0.000140867764f,
     -5.22080445e-05f, -1.90702158e-05f, -7.03236901e-06f, -1.21037806e-06f, -3.35457514e-07f,
     5.5037799e-07f, 5.94172025e-06f, -0.092651628f, -0.151310891f, -0.205338746f, -0.253554583f,
     -0.294616133f, -0.341857523f, -0.377342254f, -0.384267867f, -0.368857026f, -0.338523746f, -0.29989025f,
     -0.258383989f, -0.217878833f},
    {0.0877314359f, 0.0630148277f, 0.0421778373f, 0.0271861199f, 0.0170859285f, 0.0105989212f,
     0.00649521686f, 0.00396920647f, 0.00191325496f, 0.000706815219f, 0.00026035792f, 9.53730196e-05f,
     3.53502546e-05f, 1.2912903e-05f, 4.76201694e-06f, 1.74747072e-06f, 3.9737796e-07f, 6.32170796e-08f,
     -0.333910823f, -0.321640909f, -0.301715016f, -0.273590654f, -0.238705248f, -0.199329495f,
     -0.136206508f, -0.0544230416f, 0.014079229f, 0.0640087053f, 0.0945102647f, 0.108620949f, 0.11050906f,
     0.104415141f},
    {-0.0247799549f, -0.0234728791f, -0.0178965423f, -0.0123417582f, -0.00806527305f, -0.00511421636f,
     -0.00318468525f, -0.00196249061f, -0.00094873918f, -0.000351656403f, -0.000129723485f,
     -4.77535359e-05f, -1.75840432e-05f, -6.46569333e-06f, -2.37965196e-06f, -2.269584e-05f,
     -1.15040518e-06f, -2.51682809e-06f, 0.0159632396f, 0.0601713546f, 0.0975782797f, 0.127046511f,
     0.149719283f, 0.164133161f, 0.169715151f, 0.153302908f, 0.119541176f, 0.0797316208f, 0.0434275083f,
     0.0144003974f, -0.00553592853f, -0.0176482759f},
};

typedef int32_t places __attribute__((vector_size(VECTOR)));

static __attribute__((noinline)) void tanh_rows(long n, const real *x, real *y) {
    const vector limit = (vector){0} + TANH_ONE;
    vector first[6], second[6];
    for (int k = 0; k < 6; k++) {
        first[k] = *(const vector *)tanh_terms[k];
        second[k] = *(const vector *)(tanh_terms[k] + LANES);
    }
    for (long i = 0; i < n; i += LANES) {
        const vector value = *(const vector *)(x + i);
        const vector size = AT_MOST(limit, (vector)((places)value & INT32_MAX));
        const places place = (places)(size + TANH_SHIFT) >> (MANTISSA - 3);
        const vector t = size - CHOSEN(0);
        const vector p = (((CHOSEN(5) * t + CHOSEN(4)) * t + CHOSEN(3)) * t + CHOSEN(2)) * t + CHOSEN(1);
        *(vector *)(y + i) = (vector)((places)p | ((places)value & INT32_MIN));
    }
}

ENDS(tanh, NAME(tanh), extern)
#elif defined(FUSED)
// tanh x = 2 t / (1 + t^2), where t = tanh(x / 2) = a / 2 q: 14 operations, one of them a division. An error of t counts
// the less the larger x is, by 1 / cosh x; a and q are fitted with that weight, by least squares in 60 digits with
// further weights that make the largest errors equal (Lawson). By them, rounded, tanh x is 2^-26.8 off, of its size.
#define TANH_ONE 9.02f  // from there on tanh is 1

static __attribute__((noinline)) void tanh_rows(long n, const real *x, real *y) {
    const vector none = {0}, one = none + 1, limit = none + TANH_ONE;
    for (long i = 0; i < n; i += LANES) {
        const vector value = __builtin_ia32_maxps256(-limit, __builtin_ia32_minps256(limit, *(const vector *)(x + i)));
        const vector z = value * value;
        const vector a = FUSED(FUSED(none + 1.1432274e-04f, z, none + 2.977697e-02f), z * value, value);
        vector q = FUSED(none + 1.2304633e-06f, z, none + 1.2068813e-03f);
        q = FUSED(FUSED(q, z, none + 1.1311027e-01f), z, one);
        *(vector *)(y + i) = a * (q / FUSED(q, q, 0.25f * a * a));
    }
}

ENDS(tanh, NAME(tanh), extern)
#else
EXPORT(tanh)
#endif

//// tanh f64: tanh_by_exp
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
#define LOG2_E_REST 1.925963e-08f
#define LOG10_E 4.342945e-01f
#define LOG10_E_REST -1.010305e-08f
#define LOG10_2_HIGH 3.010254e-01f  // 12 bits
#define LOG10_2_LOW 4.605039e-06f

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
#define LOG2_E_REST 2.0355273740931033e-17
#define LOG10_E 4.342944819032518e-01
#define LOG10_E_REST 1.098319650216765e-17
#define LOG10_2_HIGH 3.010299955494702e-01
#define LOG10_2_LOW 1.1451100898021838e-10

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
    real outside = x < 0 ? NOT_A_NUMBER : x == 0 ? -INFINITE : x + x;
    return ((x > 0) & (x < INFINITE)) ? y : outside;
}

//// log: kernel split
INLINE real log_of(real x) {
    split s = split_any(x);
    return log_domain(x, log_sum(s.k, s.f));
}

EXPORT(log)

//// log2: kernel split
INLINE real log2_of(real x) {
    split s = split_any(x);
    real y = s.f + log_polynomial(s.f);
    return log_domain(x, madd(y, LOG2_E, madd(y, LOG2_E_REST, s.k)));
}

EXPORT(log2)

//// log10: kernel split
INLINE real log10_of(real x) {
    split s = split_any(x);
    real y = s.f + log_polynomial(s.f);
    real low = madd(s.k, LOG10_2_LOW, y * LOG10_E_REST);
    return log_domain(x, madd(s.k, LOG10_2_HIGH, madd(y, LOG10_E, low)));
}

EXPORT(log10)

//// log1p_parts: split
// 1 + x = 2^k (1 + f) with f = 2^-k x + (2^-k - 1), which rounds once. Powers of 2 by 4 larger are always normal.
INLINE split split_1p(real x) {
    split s = split_of(1 + x);
    real power = power_of_2(BIAS + 2 - s.exponent);
    real f = madd(x * R(0.25), power, madd(R(0.25), power, R(-1.0)));
    s.f = s.k == 0 ? x : f;
    return s;
}

INLINE real log1p_of(real x) {
    split s = split_1p(x);
    real y = with_sign(log_sum(s.k, s.f), x);
    real outside = x < -1 ? NOT_A_NUMBER : x == -1 ? -INFINITE : x + x;
    return ((x > -1) & (x < INFINITE)) ? y : outside;
}

//// log1p: kernel log1p_parts
EXPORT(log1p)

//// softplus: kernel reduced split
// max(x, 0) + log(1 + e), where e = exp(-|x|); 1 + e = 2 (1 + (e - 1) / 2) where it is above sqrt(2).
INLINE real softplus_of(real x) {
    real e = scaled_exp(-absolute(x), 0);
    int large = e > R(0.41421356);
    real half = madd(R(0.5), e, R(-0.5)), f = large ? half : e;
    return (x > 0 ? x : 0) + log_sum(large ? 1 : 0, f);
}

EXPORT(softplus)

//// sinh_polynomial f32:
// (sinh(x) - x) / x^3 of z = x^2 from 0 to 1, relative error of sinh 2^-31.5.
INLINE real sinh_polynomial(real z) {
    real p = 2.7842175e-06f;
    p = madd(p, z, 1.9842612e-04f);
    p = madd(p, z, 8.333311e-03f);
    return madd(p, z, 1.6666667e-01f);
}

//// sinh_polynomial f64:
// (sinh(x) - x) / x^3 of z = x^2 from 0 to 1, relative error of sinh 2^-61.4.
INLINE real sinh_polynomial(real z) {
    real p = 7.77904193085344e-13;
    p = madd(p, z, 1.6056578034982514e-10);
    p = madd(p, z, 2.505213202888205e-08);
    p = madd(p, z, 2.7557319100580235e-06);
    p = madd(p, z, 1.984126984161061e-04);
    p = madd(p, z, 8.333333333332894e-03);
    return madd(p, z, 1.6666666666666669e-01);
}

//// sinh: kernel reduced sinh_polynomial
// With t = exp(|x|) / 2: t - 1 / (4 t); a polynomial below 1.
INLINE real sinh_of(real x) {
    real a = absolute(x), z = a * a;
    real t = scaled_exp(a, (word)-1);
    real small = madd(a * z, sinh_polynomial(z), a), large = t - R(0.25) / t;
    return with_sign(a < 1 ? small : large, x);
}

EXPORT(sinh)

//// cosh: kernel reduced
INLINE real cosh_of(real x) {
    real t = scaled_exp(absolute(x), (word)-1);
    return t + R(0.25) / t;
}

EXPORT(cosh)

//// erf_polynomials f32:
#define ERF_HIGH 4.0f  // above it erf is 1

// erf(x) / x - 1 of z = x^2 from 0 to 1, absolute error 2^-29.4.
INLINE real erf_small(real z) {
    real p = 7.9203506e-05f;
    p = madd(p, z, -8.030758e-04f);
    p = madd(p, z, 5.190734e-03f);
    p = madd(p, z, -2.6855126e-02f);
    p = madd(p, z, 1.1283618e-01f);
    p = madd(p, z, -3.761263e-01f);
    return madd(p, z, 1.2837917e-01f);
}

// log(1 - erf(1 + u)) for u from 0 to 3, absolute error of erf 2^-26.9.
INLINE real erf_tail(real u) {
    real p = 1.8569184e-04f;
    p = madd(p, u, -1.8266675e-03f);
    p = madd(p, u, 9.891677e-03f);
    p = madd(p, u, -4.150124e-02f);
    p = madd(p, u, -8.431182e-01f);
    p = madd(p, u, -2.6389668e+00f);
    return madd(p, u, -1.8496056e+00f);
}

//// erf_polynomials f64:
#define ERF_HIGH 6.0

// erf(x) / x - 1 of z = x^2 from 0 to 1, absolute error 2^-55.8.
INLINE real erf_small(real z) {
    real p = -7.552971405224393e-10;
    p = madd(p, z, 1.3589535806972865e-08);
    p = madd(p, z, -1.617825486947788e-07);
    p = madd(p, z, 1.6443476767512132e-06);
    p = madd(p, z, -1.4924417470919162e-05);
    p = madd(p, z, 1.205527834108529e-04);
    p = madd(p, z, -8.548325425112252e-04);
    p = madd(p, z, 5.223977595742739e-03);
    p = madd(p, z, -2.6866170641867908e-02);
    p = madd(p, z, 1.1283791670936544e-01);
    p = madd(p, z, -3.761263890318334e-01);
    return madd(p, z, 1.2837916709551256e-01);
}

// log(1 - erf(1 + u)) for u from 0 to 5, absolute error of erf 2^-58.6.
INLINE real erf_tail(real u) {
    real p = 9.758996081503205e-13;
    p = madd(p, u, -2.7541289905671894e-11);
    p = madd(p, u, 3.569662233808035e-10);
    p = madd(p, u, -2.8067188777926346e-09);
    p = madd(p, u, 1.4729556793631562e-08);
    p = madd(p, u, -5.167867396258525e-08);
    p = madd(p, u, 9.717601414967414e-08);
    p = madd(p, u, 1.4279247029893932e-07);
    p = madd(p, u, -2.058821775307655e-06);
    p = madd(p, u, 9.607250403547233e-06);
    p = madd(p, u, -2.715745817612399e-05);
    p = madd(p, u, 2.627678562382965e-05);
    p = madd(p, u, 2.373229649663826e-04);
    p = madd(p, u, -1.97790271077917e-03);
    p = madd(p, u, 1.0033825401447524e-02);
    p = madd(p, u, -4.156109804486055e-02);
    p = madd(p, u, -8.431072563584959e-01);
    p = madd(p, u, -2.6389675142347926e+00);
    return madd(p, u, -1.8496055099332482e+00);
}

//// erf: kernel reduced erf_polynomials
INLINE real erf_of(real x) {
    real a = absolute(x);
    real small = madd(a, erf_small(a * a), a);
    reduced e = reduce(erf_tail(at_most(ERF_HIGH, a) - 1));
    real power = power_of_2(e.n), large = 1 - madd(e.p, power, power);
    return with_sign(a < 1 ? small : large, x);
}

EXPORT(erf)

//// circular f32:
// sin(r): r + r^3 p(r^2), relative error 2^-27.9; cos(r): 1 - r^2 / 2 + r^4 p(r^2), absolute error 2^-32; |r| <= pi/4.
INLINE real sin_polynomial(real z) {
    real p = -1.9517604e-04f;
    p = madd(p, z, 8.332186e-03f);
    return madd(p, z, -1.6666655e-01f);
}

INLINE real cos_polynomial(real z) {
    real p = 2.4479388e-05f;
    p = madd(p, z, -1.3887777e-03f);
    return madd(p, z, 4.1666657e-02f);
}

//// circular f64:
// sin(r): r + r^3 p(r^2), relative error 2^-57.8; cos(r): 1 - r^2 / 2 + r^4 p(r^2), absolute error 2^-62; |r| <= pi/4.
INLINE real sin_polynomial(real z) {
    real p = 1.5897614455663284e-10;
    p = madd(p, z, -2.5050776767945377e-08);
    p = madd(p, z, 2.7557313848409805e-06);
    p = madd(p, z, -1.9841269830405948e-04);
    p = madd(p, z, 8.333333333323433e-03);
    return madd(p, z, -1.6666666666666638e-01);
}

INLINE real cos_polynomial(real z) {
    real p = -1.136493305855469e-11;
    p = madd(p, z, 2.087584886706586e-09);
    p = madd(p, z, -2.7557315472130883e-07);
    p = madd(p, z, 2.4801587294115936e-05);
    p = madd(p, z, -1.3888888888882857e-03);
    return madd(p, z, 4.166666666666666e-02);
}

//// angle: kernel
// x = n pi/2 + r + low, where |r| <= pi/4 and `low` is what r as a real leaves; n modulo 2^32 or 2^64.
typedef struct {
    word n;
    real r, low;
} angle;

#define FAR R(1e6)  // up to here the parts of pi/2 below leave enough bits
#define TWO_OVER_PI 0.6366197723675814
#define HALF_PI_1 1.5707963267341256  // 33 bits: its product with n < 2^20 is exact
#define HALF_PI_2 6.077100506303966e-11  // 32 bits
#define HALF_PI_3 2.0222662487959506e-21

INLINE real times_sign(real y, real x) { return real_of(bits_of(y) ^ (bits_of(x) & SIGN)); }

// x[i] beyond FAR goes to libm, element by element, so that it does not matter who the neighbours are.
#define EXPORT_FAR(function)                                                               \
    KERNEL(function, function##_near, static)                                              \
                                                                                           \
    void NAME(function)(long n, const real *x, real *y) {                                  \
        word far = 0;                                                                      \
        _Pragma("omp simd reduction(|:far)")                                               \
        for (long i = 0; i < n; i++) far |= absolute(x[i]) > FAR;                          \
        for (long i = 0; far && i < n; i += WIDTH) {                                       \
            long count = n - i < WIDTH ? n - i : WIDTH;                                    \
            real block[WIDTH];                                                             \
            for (long j = 0; j < count; j++) block[j] = x[i + j];                          \
            function##_near(count, x + i, y + i);                                          \
            for (long j = 0; j < count; j++)                                               \
                if (absolute(block[j]) > FAR) y[i + j] = LIBM(function)(block[j]);         \
        }                                                                                  \
        if (!far) function##_near(n, x, y);                                                \
    }

//// turn f32: angle circular
// In double, whose 53 bits hold any n pi/2 up to FAR.
INLINE angle angle_of(real x) {
    union { double value; uint64_t bits; } shifted = {.value = x * TWO_OVER_PI + 0x1.8p52};
    double n = shifted.value - 0x1.8p52;
    double rest = (x - n * HALF_PI_1) - n * HALF_PI_2;
    real r = (real)rest;
    return (angle){(word)shifted.bits, r, (real)(rest - r)};
}

//// turn f64: angle circular
INLINE angle angle_of(real x) {
    real shifted = madd(x, TWO_OVER_PI, SHIFTER);
    real n = shifted - SHIFTER;
    real first = x - n * HALF_PI_1, second = first - n * HALF_PI_2, r = second - n * HALF_PI_3;
    real low = ((first - second) - n * HALF_PI_2) + ((second - r) - n * HALF_PI_3);
    return (angle){bits_of(shifted), r, low};
}

//// wave: turn
// sin(x + quarters pi/2)
INLINE real wave(real x, word quarters) {
    angle t = angle_of(x);
    word n = t.n + quarters;
    real z = t.r * t.r;
    real s = madd(t.r * z, sin_polynomial(z), t.r);
    real c = madd(z * z, cos_polynomial(z), madd(z, R(-0.5), R(1.0)));
    return real_of(bits_of(n & 1 ? c : s) ^ ((n & 2) << (8 * sizeof(word) - 2)));
}

//// sin: kernel wave
INLINE real sin_of(real x) { return times_sign(wave(absolute(x), 0), x); }

EXPORT_FAR(sin)

//// cos: kernel wave
INLINE real cos_of(real x) { return wave(absolute(x), 1); }

EXPORT_FAR(cos)

//// tan: kernel turn
// sin / cos or -cos / sin, both with the first order of what r leaves.
INLINE real tan_of(real x) {
    angle t = angle_of(absolute(x));
    real z = t.r * t.r;
    real s = madd(t.r * z, sin_polynomial(z), t.low) + t.r;
    real c = madd(z * z, cos_polynomial(z), madd(t.r, -t.low, z * R(-0.5))) + 1;
    word odd = t.n & 1;
    return times_sign((odd ? -c : s) / (odd ? s : c), x);
}

EXPORT_FAR(tan)

//// arctan_polynomial f32:
// (arctan(x) - x) / x^3 of z = x^2, |x| <= tan(pi/8), relative error of arctan 2^-30.3.
INLINE real arctan_polynomial(real z) {
    real p = -6.076786e-02f;
    p = madd(p, z, 1.0594806e-01f);
    p = madd(p, z, -1.4243948e-01f);
    p = madd(p, z, 1.9998515e-01f);
    return madd(p, z, -3.3333316e-01f);
}

//// arctan_polynomial f64:
// (arctan(x) - x) / x^3 of z = x^2, |x| <= tan(pi/8), relative error of arctan 2^-59.2.
INLINE real arctan_polynomial(real z) {
    real p = -1.8035351228073378e-02;
    p = madd(p, z, 3.819164305960359e-02);
    p = madd(p, z, -5.044761215274869e-02);
    p = madd(p, z, 5.8492175925391174e-02);
    p = madd(p, z, -6.663305646768888e-02);
    p = madd(p, z, 7.692079970376252e-02);
    p = madd(p, z, -9.09089900890792e-02);
    p = madd(p, z, 1.1111110833236108e-01);
    p = madd(p, z, -1.428571428136067e-01);
    p = madd(p, z, 1.999999999996756e-01);
    return madd(p, z, -3.333333333333326e-01);
}

//// pi f32: type
#define HALF_PI 1.5707964f
#define HALF_PI_REST -4.371139e-08f

//// pi f64: type
#define HALF_PI 1.5707963267948966
#define HALF_PI_REST 6.123233995736766e-17

//// arctan: kernel pi arctan_polynomial
// arctan(a) = pi/4 + arctan((a - 1) / (a + 1)) = pi/2 + arctan(-1 / a), whichever argument is smallest.
INLINE real arctan_of(real x) {
    real a = absolute(x);
    int middle = a > R(0.41421356), far = a > R(2.4142136);
    real t = (far ? -1 : middle ? a - 1 : a) / (far ? a : middle ? a + 1 : 1);
    real turns = far ? R(1.0) : middle ? R(0.5) : R(0.0), z = t * t;
    real y = turns * HALF_PI + (t + madd(t * z, arctan_polynomial(z), turns * HALF_PI_REST));
    return with_sign(y, x);
}

EXPORT(arctan)

//// arcsin_polynomial f32:
// (arcsin(x) - x) / x^3 of z = x^2, |x| <= 1/2, relative error of arcsin 2^-27.5.
INLINE real arcsin_polynomial(real z) {
    real p = 4.207863e-02f;
    p = madd(p, z, 2.4239583e-02f);
    p = madd(p, z, 4.5455813e-02f);
    p = madd(p, z, 7.495443e-02f);
    return madd(p, z, 1.6666748e-01f);
}

//// arcsin_polynomial f64:
// (arcsin(x) - x) / x^3 of z = x^2, |x| <= 1/2, relative error of arcsin 2^-55.7.
INLINE real arcsin_polynomial(real z) {
    real p = 3.164380560838564e-02;
    p = madd(p, z, -1.5804290745343726e-02);
    p = madd(p, z, 1.9239757142635244e-02);
    p = madd(p, z, 6.64234406927574e-03);
    p = madd(p, z, 1.2140306827670835e-02);
    p = madd(p, z, 1.3890091549604612e-02);
    p = madd(p, z, 1.735915629722731e-02);
    p = madd(p, z, 2.2371799212449806e-02);
    p = madd(p, z, 3.0381957156689808e-02);
    p = madd(p, z, 4.46428568852201e-02);
    p = madd(p, z, 7.500000000252019e-02);
    return madd(p, z, 1.6666666666665883e-01);
}

//// arcsin: kernel pi arcsin_polynomial
// Above 1/2: pi/2 - 2 arcsin(s), s = sqrt((1 - |x|) / 2).
INLINE real arcsin_of(real x) {
    real a = absolute(x);
    real square = a * a, half = (1 - a) * R(0.5), root = LIBM(sqrt)(half);
    real z = a > R(0.5) ? half : square, s = a > R(0.5) ? root : a;
    real rest = s * z * arcsin_polynomial(z);
    real small = s + rest, large = (HALF_PI - 2 * s) - madd(R(2.0), rest, -HALF_PI_REST);
    return with_sign(a > R(0.5) ? large : small, x);
}

EXPORT(arcsin)

//// arccos: kernel pi arcsin_polynomial
// pi/2 - arcsin(x); 2 arcsin(s) above 1/2 and pi - 2 arcsin(s) below -1/2, s as in arcsin.
INLINE real arccos_of(real x) {
    real a = absolute(x);
    real square = a * a, half = (1 - a) * R(0.5), root = LIBM(sqrt)(half);
    real z = a > R(0.5) ? half : square, s = a > R(0.5) ? root : x;
    real rest = s * z * arcsin_polynomial(z);
    real inner = HALF_PI - (s + (rest - HALF_PI_REST));
    real outer = 2 * (x < 0 ? inner : s + rest);
    return a > R(0.5) ? outer : inner;
}

EXPORT(arccos)

//// arcsinh: kernel log1p_parts
// log(a + sqrt(a^2 + 1)) = log1p(a + a^2 / (1 + sqrt(a^2 + 1))); log(2 a) where 1 is lost beside a.
INLINE real arcsinh_of(real x) {
    real a = absolute(x);
    int large = a > power_of_2(MANTISSA + 2);
    real sum = a + a * a / (1 + LIBM(sqrt)(madd(a, a, R(1.0))));
    split s = split_1p(large ? a : sum);
    real y = log_sum(large ? s.k + 1 : s.k, s.f);
    return a < INFINITE ? with_sign(y, x) : x + x;
}

EXPORT(arcsinh)

//// arccosh: kernel log1p_parts
// log1p(t + sqrt(t^2 + 2 t)), t = x - 1; log(2 x) where 1 is lost beside x.
INLINE real arccosh_of(real x) {
    real t = x - 1;
    int large = x > power_of_2(MANTISSA + 2);
    real sum = t + LIBM(sqrt)(t * t + 2 * t);
    split s = split_1p(large ? x : sum);
    real y = log_sum(large ? s.k + 1 : s.k, s.f);
    return x < 1 ? NOT_A_NUMBER : x < INFINITE ? y : x + x;
}

EXPORT(arccosh)

//// arctanh: kernel log1p_parts
// log((1 + a) / (1 - a)) / 2
INLINE real arctanh_of(real x) {
    real a = absolute(x);
    return with_sign(R(0.5) * log1p_of(2 * a / (1 - a)), x);
}

EXPORT(arctanh)
