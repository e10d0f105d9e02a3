/* SPDX-License-Identifier: MIT */
/* A vector of REAL in GRU_VECTOR_BYTES, from the vector extensions of GCC and Clang; a plain number
 * where GRU_VECTOR_BYTES is 0. Needs REAL, INT, UINT,
 * GRU(name). */
#define VEC GRU(vec)
#define IVEC GRU(ivec)

#if GRU_VECTOR_BYTES
#define VL ((ptrdiff_t)(GRU_VECTOR_BYTES / sizeof(REAL)))
typedef REAL VEC __attribute__((vector_size(GRU_VECTOR_BYTES)));
typedef UINT IVEC __attribute__((vector_size(GRU_VECTOR_BYTES)));
typedef INT GRU(signed_vec) __attribute__((vector_size(GRU_VECTOR_BYTES)));
typedef REAL GRU(vec_unaligned)
    __attribute__((vector_size(GRU_VECTOR_BYTES), aligned(REAL_BYTES), may_alias));

INLINE VEC GRU(load)(const REAL *p) { return *(const GRU(vec_unaligned) *)p; }
INLINE void GRU(store)(REAL *p, VEC v) { *(GRU(vec_unaligned) *)p = v; }
INLINE VEC GRU(set1)(REAL x) { return x - (VEC){0}; }
INLINE IVEC GRU(bits)(VEC v) { return (IVEC)v; }
INLINE VEC GRU(from_bits)(IVEC v) { return (VEC)v; }
INLINE IVEC GRU(shift_right_signed)(IVEC v, int n) { return (IVEC)((GRU(signed_vec))v >> n); }
INLINE VEC GRU(to_real)(IVEC v) { return __builtin_convertvector((GRU(signed_vec))v, VEC); }
/* x < y ? a : b; b where x or y is NaN */
INLINE VEC GRU(select_lt)(VEC x, VEC y, VEC a, VEC b)
{
    IVEC mask = (IVEC)(x < y);
    return (VEC)((mask & (IVEC)a) | (~mask & (IVEC)b));
}
INLINE REAL GRU(horizontal_sum)(VEC v)
{
    REAL lane[GRU_VECTOR_BYTES / sizeof(REAL)];
    GRU(store)(lane, v);
    for (ptrdiff_t half = VL / 2; half > 0; half /= 2)
        for (ptrdiff_t i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
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
INLINE REAL GRU(horizontal_max)(VEC v) { return v; }
#endif

#define LOAD GRU(load)
#define STORE GRU(store)
#define SET1 GRU(set1)
