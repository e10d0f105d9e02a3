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
INLINE REAL GRU(horizontal_sum)(VEC v)
{
    REAL lane[GRU_VECTOR_BYTES / sizeof(REAL)];
    GRU(store)(lane, v);
    for (ptrdiff_t half = VL / 2; half > 0; half /= 2)
        for (ptrdiff_t i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
}
/* total[j] = horizontal_sum(v[j]) for j < 4, added in the same order */
INLINE void GRU(horizontal_sum4)(REAL *total, const VEC *v)
{
    GRU(vec16) s[4];
    UNROLL
    for (int j = 0; j < 4; j++) {
        GRU(vec16) part[GRU_VECTOR_BYTES / 16];
        memcpy(part, v + j, sizeof part);
        UNROLL
        for (int half = GRU_VECTOR_BYTES / 32; half > 0; half /= 2)
            for (int i = 0; i < half; i++) part[i] += part[i + half];
        s[j] = part[0];
    }
#if REAL_BYTES == 4
    GRU(vec16) t01 = SHUFFLE(s[0], s[1], 0, 1, 4, 5) + SHUFFLE(s[0], s[1], 2, 3, 6, 7);
    GRU(vec16) t23 = SHUFFLE(s[2], s[3], 0, 1, 4, 5) + SHUFFLE(s[2], s[3], 2, 3, 6, 7);
    s[0] = SHUFFLE(t01, t23, 0, 2, 4, 6) + SHUFFLE(t01, t23, 1, 3, 5, 7);
    memcpy(total, s, 16);
#else
    s[0] = SHUFFLE(s[0], s[1], 0, 2) + SHUFFLE(s[0], s[1], 1, 3);
    s[1] = SHUFFLE(s[2], s[3], 0, 2) + SHUFFLE(s[2], s[3], 1, 3);
    memcpy(total, s, 32);
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
INLINE REAL GRU(horizontal_sum)(VEC v) { return v; }
INLINE void GRU(horizontal_sum4)(REAL *total, const VEC *v) { memcpy(total, v, 4 * sizeof *v); }
INLINE REAL GRU(horizontal_max)(VEC v) { return v; }
INLINE VEC GRU(sqrt)(VEC v) { return GRU_SQRT(v); }
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

#define LOAD GRU(load)
#define STORE GRU(store)
#define SET1 GRU(set1)
