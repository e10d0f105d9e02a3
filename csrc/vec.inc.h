/* SPDX-License-Identifier: MIT */
/* VEC, a vector of REAL of GRU_VECTOR_BYTES, with the vector extensions of GCC and Clang; a scalar
 * if GRU_VECTOR_BYTES is 0. Needs REAL, INT, UINT, GRU(name). */
#define VEC GRU(vec)
#define IVEC GRU(ivec)

#if GRU_VECTOR_BYTES
#define VL ((ptrdiff_t)(GRU_VECTOR_BYTES / sizeof(REAL)))
typedef REAL VEC __attribute__((vector_size(GRU_VECTOR_BYTES)));
typedef UINT IVEC __attribute__((vector_size(GRU_VECTOR_BYTES)));
typedef INT GRU(signed_vec) __attribute__((vector_size(GRU_VECTOR_BYTES)));
typedef REAL GRU(vec_unaligned)
    __attribute__((vector_size(GRU_VECTOR_BYTES), aligned(REAL_BYTES), may_alias));

typedef REAL GRU(vec16) __attribute__((vector_size(16)));
typedef REAL GRU(vec16_unaligned) __attribute__((vector_size(16), aligned(REAL_BYTES), may_alias));
#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef INT GRU(mask16) __attribute__((vector_size(16)));
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (GRU(mask16)){__VA_ARGS__})
#endif

INLINE VEC GRU(load)(const REAL *p) { return *(const GRU(vec_unaligned) *)p; }
INLINE void GRU(store)(REAL *p, VEC v) { *(GRU(vec_unaligned) *)p = v; }
INLINE VEC GRU(set1)(REAL x) { return x - (VEC){0}; }
INLINE IVEC GRU(bits)(VEC v) { return (IVEC)v; }
INLINE VEC GRU(from_bits)(IVEC v) { return (VEC)v; }
INLINE IVEC GRU(shift_right_signed)(IVEC v, int n) { return (IVEC)((GRU(signed_vec))v >> n); }
INLINE VEC GRU(to_real)(IVEC v) { return __builtin_convertvector((GRU(signed_vec))v, VEC); }
/* x < y ? a : b in each lane; b where x or y is NaN */
INLINE VEC GRU(select_lt)(VEC x, VEC y, VEC a, VEC b)
{
#ifdef GRU_SELECT_LT
    return GRU_SELECT_LT(x, y, a, b);
#else
    IVEC mask = (IVEC)(x < y);
    return (VEC)((mask & (IVEC)a) | (~mask & (IVEC)b));
#endif
}
INLINE VEC GRU(sqrt)(VEC v)
{
    UNROLL
    for (int i = 0; i < (int)VL; i++) v[i] = GRU_SQRT(v[i]);
    return v;
}
INLINE VEC GRU(fma)(VEC a, VEC b, VEC c)
{
#if defined(GRU_FMA)
    return GRU_FMA(a, b, c);
#elif GRU_HAVE_FMA
    UNROLL
    for (int i = 0; i < (int)VL; i++) c[i] = GRU_FMA_SCALAR(a[i], b[i], c[i]);
    return c;
#else
    return a * b + c;
#endif
}
INLINE REAL GRU(horizontal_max)(VEC v)
{
    REAL lane[GRU_VECTOR_BYTES / sizeof(REAL)];
    GRU(store)(lane, v);
    for (ptrdiff_t half = VL / 2; half > 0; half /= 2)
        for (ptrdiff_t i = 0; i < half; i++)
            lane[i] = lane[i] < lane[i + half] ? lane[i + half] : lane[i];
    return lane[0];
}
#else
#define VL ((ptrdiff_t)1)
typedef REAL VEC;
typedef UINT IVEC;

INLINE VEC GRU(load)(const REAL *p) { return *p; }
INLINE void GRU(store)(REAL *p, VEC v) { *p = v; }
INLINE VEC GRU(set1)(REAL x) { return x; }
INLINE IVEC GRU(bits)(VEC v)
{
    IVEC i;
    memcpy(&i, &v, sizeof i);
    return i;
}
INLINE VEC GRU(from_bits)(IVEC i)
{
    VEC v;
    memcpy(&v, &i, sizeof v);
    return v;
}
INLINE IVEC GRU(shift_right_signed)(IVEC v, int n) { return (IVEC)((INT)v >> n); }
INLINE VEC GRU(to_real)(IVEC v) { return (VEC)(INT)v; }
INLINE VEC GRU(select_lt)(VEC x, VEC y, VEC a, VEC b) { return x < y ? a : b; }
INLINE REAL GRU(horizontal_max)(VEC v) { return v; }
INLINE VEC GRU(sqrt)(VEC v) { return GRU_SQRT(v); }
INLINE VEC GRU(fma)(VEC a, VEC b, VEC c)
{
#if GRU_HAVE_FMA
    return GRU_FMA_SCALAR(a, b, c);
#else
    return a * b + c;
#endif
}
#endif

/* minimum and maximum; b where a or b is NaN */
INLINE VEC GRU(min)(VEC a, VEC b)
{
#ifdef GRU_MIN
    return GRU_MIN(a, b);
#else
    return GRU(select_lt)(a, b, a, b);
#endif
}
INLINE VEC GRU(max)(VEC a, VEC b)
{
#ifdef GRU_MAX
    return GRU_MAX(a, b);
#else
    return GRU(select_lt)(b, a, a, b);
#endif
}

/* the first n lanes of a, the others of b */
INLINE VEC GRU(valid)(VEC a, VEC b, ptrdiff_t n)
{
    static const REAL lane[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return n >= VL ? a : GRU(select_lt)(GRU(load)(lane), GRU(set1)((REAL)n), a, b);
}

#define LOAD GRU(load)
#define STORE GRU(store)
#define SET1 GRU(set1)
/* a * b + c with one rounding, or with two where the instruction set has no fused multiply-add. The
 * compiler fuses nothing by itself (-ffp-contract=off): so the bits of all instruction sets with
 * fused multiply-add are the same. */
#define FMA GRU(fma)

/* Sum of y (n), n whole cache lines: one partial sum for each element of a line, whatever the width
 * of a vector. */
#define LINE ((ptrdiff_t)(GRU_LINE_BYTES / sizeof(REAL)))
INLINE REAL GRU(sum)(const REAL *y, ptrdiff_t n)
{
    VEC part[GRU_LINE_BYTES / sizeof(VEC)];
    REAL lane[GRU_LINE_BYTES / sizeof(REAL)];
    UNROLL
    for (int j = 0; j < (int)(LINE / VL); j++) part[j] = SET1(0);
    for (ptrdiff_t i = 0; i < n; i += LINE) {
        UNROLL
        for (int j = 0; j < (int)(LINE / VL); j++) part[j] += LOAD(y + i + j * VL);
    }
    UNROLL
    for (int j = 0; j < (int)(LINE / VL); j++) STORE(lane + j * VL, part[j]);
    for (ptrdiff_t half = LINE / 2; half > 0; half /= 2)
        for (ptrdiff_t i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
}
