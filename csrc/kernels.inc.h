/* SPDX-License-Identifier: MIT */
/* All kernels of one instruction set, for both dtypes. The including file defines GRU_ISA (its
 * name), GRU_VECTOR_BYTES, GRU_MR (rows of a register block) and GRU_HAVE_FMA. It includes
 * kernel_includes.h before target_begin.h. It may define intrinsics GRU_FMA, GRU_MIN, GRU_MAX and
 * GRU_SELECT_LT for both dtypes (vec.inc.h), which the vector extensions cannot express well, and
 * GRU_DOT_SIGNED (int8.inc.h). */

#include "float32.inc.h"

#include "kernels_dtype.inc.h"

#define REAL double
#define REAL_BYTES 8
#ifdef GRU_MIN_F64
#define GRU_MIN GRU_MIN_F64
#define GRU_MAX GRU_MAX_F64
#define GRU_SELECT_LT GRU_SELECT_LT_F64
#endif
#define INT int64_t
#define UINT uint64_t
#define GRU(name) GRU_JOIN(name, _f64_, GRU_ISA)
#define GRU_TABLE gru_kernels_f64
#define GRU_SQRT GRU_SQRTD
#define GRU_FMA_SCALAR GRU_FMAD
#ifdef GRU_FMA_F64
#define GRU_FMA GRU_FMA_F64
#endif
#include "kernels_dtype.inc.h"

#define GRU_INT8 plain
#include "int8.inc.h"
