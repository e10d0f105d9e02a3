/* SPDX-License-Identifier: MIT */
/* exp, sigmoid, tanh and log of a vector. docs/equations.md lists their largest errors in ulp,
 * which tests/core/test_vecmath.py checks. Polynomials are near-minimax (Chebyshev) fits made with
 * mpmath.chebyfit on the stated interval. */

#if REAL_BYTES == 4
#define MANTISSA 23
#define MAGIC 12582912.0f   /* 1.5 * 2^23: adding it rounds to an integer */
#define LN2_HI 0.693359375f /* n * LN2_HI is exact for |n| < 2^11 */
#define LN2_LO -2.12194440e-4f
#define LOG2_E 1.44269504088896341f
#define EXP_LOW -87.33654f   /* log of the smallest normal number; exp is 0 below it */
#define EXP_HIGH 88.7228317f /* log of the largest number; x is clamped to it */
#define TANH_ONE 9.1f        /* tanh rounds to 1 above it */
#define SQRT_HALF_BITS 0x3f3504f3
#else
#define MANTISSA 52
#define MAGIC 6755399441055744.0
#define LN2_HI 6.93145751953125e-1
#define LN2_LO 1.42860682030941723212e-6
#define LOG2_E 1.44269504088896340736
#define EXP_LOW -708.39641853226408
#define EXP_HIGH 709.78271289338397
#define TANH_ONE 19.2
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcd
#endif

/* (exp(r) - 1 - r) / r^2 on |r| <= log(2)/2; the fit's error: f32 6.6e-8, f64 1.4e-18 */
INLINE VEC GRU(exp_tail)(VEC r)
{
#if REAL_BYTES == 4
    static const REAL c[] = {0.5f, 0.16666576305560638f, 0.041666553762567638f,
                             0.0083632927530306023f, 0.0013926325618133462f};
#else
    static const REAL c[] = {
        0.5,
        0.16666666666666671074,
        0.041666666666666669814,
        0.0083333333333260249508,
        0.0013888888888883669627,
        0.00019841269875205076848,
        0.00002480158732582228205,
        2.7557254913486702019e-6,
        2.7557273295539724343e-7,
        2.5105419192016336433e-8,
        2.0914831351380410561e-9,
    };
#endif
    const int n = (int)(sizeof c / sizeof c[0]);
    VEC p = SET1(c[n - 1]);
    UNROLL
    for (int i = n - 2; i >= 0; i--) p = FMA(p, r, SET1(c[i]));
    return p;
}

/* exp(x), x clamped to [EXP_LOW, EXP_HIGH], as the unevaluated sum of the result and *low, its
 * rounding error (0 for f32). With x = n log(2) + r + r_low exactly,
 * exp(x) = 2^n (1 + r + (r^2 P(r) + r_low)). */
INLINE VEC GRU(exp_high_low)(VEC x, VEC *low)
{
    VEC v = GRU(min)(SET1(EXP_HIGH), GRU(max)(SET1(EXP_LOW), x));
    VEC shifted = FMA(v, SET1(LOG2_E), SET1(MAGIC));
    VEC n = shifted - SET1(MAGIC);
    VEC r_high = FMA(n, SET1(-LN2_HI), v);
    VEC r = FMA(n, SET1(-LN2_LO), r_high);
    VEC r2 = r * r, tail = GRU(exp_tail)(r);
    /* the low bits of `shifted` are n: added to the exponent they multiply by 2^n */
    IVEC power = GRU(bits)(shifted) << MANTISSA;
#if REAL_BYTES == 4
    VEC y = FMA(r2, tail, r) + SET1(1);
    *low = SET1(0);
#else
    VEC r_low = FMA(n, SET1(-LN2_LO), r_high - r);
    VEC sum = SET1(1) + r;
    VEC correction = (r - (sum - SET1(1))) + FMA(r2, tail, r_low);
    VEC y = sum + correction;
    VEC lost = correction - (y - sum);
    /* lost is much smaller than y: adding n to its exponent could wrap around, so multiply */
    VEC scale = GRU(from_bits)(GRU(bits)(SET1(1)) + power);
    *low = GRU(select_lt)(n, SET1(1023), lost * scale, SET1(0));
#endif
    y = GRU(from_bits)(GRU(bits)(y) + power);
    return y + (v - v); /* v - v is 0, or NaN where x is */
}

INLINE VEC GRU(exp)(VEC x)
{
    VEC low, y = GRU(exp_high_low)(x, &low);
    return GRU(select_lt)(x, SET1(EXP_LOW), SET1(0), y);
}

/* numerator / (1 + exp(x)), corrected for the rounding errors of the sum and of the division */
INLINE VEC GRU(over_one_plus_exp)(REAL numerator, VEC x)
{
    VEC e_low, e = GRU(exp_high_low)(x, &e_low);
    VEC d = e + SET1(1);
    VEC q = SET1(numerator) / d;
    VEC t = d - SET1(1);
    VEC d_low = ((SET1(1) - (d - t)) + (e - t)) + e_low; /* d + d_low == 1 + exp(x) */
    VEC residual = SET1(0);
#if GRU_HAVE_FMA
    residual = FMA(-q, d, SET1(numerator)); /* exact */
#endif
    return FMA(FMA(-q, d_low, residual), q * SET1(1 / numerator), q);
}

/* 1 / (1 + exp(-x)) */
INLINE VEC GRU(sigmoid)(VEC x) { return GRU(over_one_plus_exp)(1, -x); }

/* (tanh(a)/a - 1)/a^2 in a^2, |a| <= 0.5625; the fit's error: f32 1.6e-8, f64 1.2e-17 */
INLINE VEC GRU(tanh_tail)(VEC s)
{
#if REAL_BYTES == 4
    static const REAL c[] = {-0.33333331695260547f, 0.13333073813501169f, -0.053901753164581233f,
                             0.021263353447151622f, -0.0065255721689981483f};
#else
    static const REAL c[] = {
        -0.33333333333333332102,   0.13333333333332390931,      -0.053968253967059396515,
        0.021869488476962561362,   -0.0088632340215295135964,   0.0035921055321327687723,
        -0.0014556239774192677815, 0.00058875371118348039075,   -0.00023410556936672797301,
        0.00008426522203958066102, -0.000020026740085317684745,
    };
#endif
    const int n = (int)(sizeof c / sizeof c[0]);
    VEC p = SET1(c[n - 1]);
    UNROLL
    for (int i = n - 2; i >= 0; i--) p = FMA(p, s, SET1(c[i]));
    return p;
}

/* |x| < 0.5625: x + x^3 P(x^2); otherwise 1 - 2 / (1 + exp(2|x|)) with the sign of x */
INLINE VEC GRU(tanh)(VEC x)
{
    const IVEC sign_bit = GRU(bits)(SET1(-(REAL)0));
    IVEC sign = GRU(bits)(x) & sign_bit;
    VEC a = GRU(from_bits)(GRU(bits)(x) & ~sign_bit);
    VEC bounded = GRU(min)(SET1(TANH_ONE), a);
    VEC large = SET1(1) - GRU(over_one_plus_exp)(2, bounded + bounded);
    VEC s = a * a;
    VEC small = FMA(a * s, GRU(tanh_tail)(s), a);
    VEC y = GRU(select_lt)(a, SET1((REAL)0.5625), small, large);
    return GRU(from_bits)(GRU(bits)(y) | sign);
}

/* log x for positive normal x = 2^n m, m in [sqrt(1/2), sqrt(2)): with s = (m-1)/(m+1),
 * log m = 2s + s^3 P(s^2); the fit's error: f32 1.2e-9, f64 2.1e-18 */
INLINE VEC GRU(log)(VEC x)
{
#if REAL_BYTES == 4
    static const REAL c[] = {0.66666666554497092f, 0.40000121839806127f, 0.28550820815960663f,
                             0.23330467216303836f};
#else
    static const REAL c[] = {
        0.66666666666666666465, 0.40000000000000876983, 0.28571428570803611811,
        0.22222222391713917442, 0.18181795640132906276, 0.15386239702814658188,
        0.13268773138656885185, 0.13086626147840102138,
    };
#endif
    const int terms = (int)(sizeof c / sizeof c[0]);
    IVEC i = GRU(bits)(x);
    IVEC n = GRU(shift_right_signed)(i - SQRT_HALF_BITS, MANTISSA);
    VEC f = GRU(from_bits)(i - (n << MANTISSA)) - SET1(1);
    VEC s = f / (f + SET1(2));
    VEC s2 = s * s;
    VEC p = SET1(c[terms - 1]);
    UNROLL
    for (int k = terms - 2; k >= 0; k--) p = FMA(p, s2, SET1(c[k]));
    VEC k = GRU(to_real)(n);
    VEC low = (s + s) + FMA(s * s2, p, k * SET1(LN2_LO));
    return FMA(k, SET1(LN2_HI), low) + (x - x); /* keeps NaN */
}

/* One loop body for whole vectors and for the tail. */
#define GRU_ELEMENTWISE(name)                                                                      \
    static void GRU(array_##name)(REAL * y, const REAL *x, ptrdiff_t n)                            \
    {                                                                                              \
        REAL lane[VL_MAX];                                                                         \
        for (ptrdiff_t i = 0; i < n; i += VL) {                                                    \
            ptrdiff_t rest = n - i;                                                                \
            for (ptrdiff_t l = 0; rest < VL && l < VL; l++) lane[l] = x[l < rest ? i + l : i];     \
            VEC v = GRU(name)(LOAD(rest < VL ? lane : x + i));                                     \
            STORE(rest < VL ? lane : y + i, v);                                                    \
            for (ptrdiff_t l = 0; rest < VL && l < rest; l++) y[i + l] = lane[l];                  \
        }                                                                                          \
    }
#define VL_MAX 16
GRU_ELEMENTWISE(exp)
GRU_ELEMENTWISE(sigmoid)
GRU_ELEMENTWISE(tanh)
GRU_ELEMENTWISE(log)
#undef GRU_ELEMENTWISE
#undef VL_MAX

#undef MANTISSA
#undef MAGIC
#undef LN2_HI
#undef LN2_LO
#undef LOG2_E
#undef EXP_LOW
#undef EXP_HIGH
#undef TANH_ONE
#undef SQRT_HALF_BITS
