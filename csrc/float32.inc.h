/* SPDX-License-Identifier: MIT */
/* The dtype float32 for the files that kernels_dtype.inc.h includes. */
#define REAL float
#define REAL_BYTES 4
#ifdef GRU_MIN_F32
#define GRU_MIN GRU_MIN_F32
#define GRU_MAX GRU_MAX_F32
#define GRU_SELECT_LT GRU_SELECT_LT_F32
#endif
#define INT int32_t
#define UINT uint32_t
#define GRU(name) GRU_JOIN(name, _f32_, GRU_ISA)
#define GRU_TABLE gru_kernels_f32
#define GRU_SQRT GRU_SQRTF
#define GRU_FMA_SCALAR GRU_FMAF
#ifdef GRU_FMA_F32
#define GRU_FMA GRU_FMA_F32
#endif
