/* SPDX-License-Identifier: MIT */
/* All kernels of one instruction set and dtype; included by kernels.inc.h. */
#define PANEL (2 * VL)

#include "vec.inc.h"

#include "vecmath.inc.h"

#include "rule.inc.h"

#include "update.inc.h"

#include "block.inc.h"

#include "pack.inc.h"

#define PRODUCT(name) GRU(name)
#define GROUP 1
#define BROADCAST SET1
#define PARTS 1
#define PART(part, a) (a)
#define MULTIPLY_ADD FMA
#include "product.inc.h"

#include "matmul.inc.h"
#undef PRODUCT
#undef GROUP
#undef BROADCAST
#undef PARTS
#undef PART
#undef MULTIPLY_ADD

#include "matvec.inc.h"

#include "cell.inc.h"

#include "dropout.inc.h"

#include "output.inc.h"

#if REAL_BYTES == 4
#include "narrow.inc.h"

#define GRU_DOT_NAME "fused multiply-adds"
#include "bfloat16.inc.h"
#undef GRU_DOT_NAME
#endif

static const GRU_TABLE GRU(table) = {
    .lanes = VL,
    .panel = PANEL,
    .pack = GRU(pack),
    .matmul_packed = GRU(matmul_packed),
    .matmul_rows = GRU(matmul_rows),
    .matmul_t = GRU(matmul_t),
    .gates_forward = GRU(gates_forward),
    .candidate_forward = GRU(candidate_forward),
    .candidate_backward = GRU(candidate_backward),
    .gates_backward = GRU(gates_backward),
    .softmax_cross_entropy = GRU(softmax_cross_entropy),
    .cross_entropy_backward = GRU(cross_entropy_backward),
    .sample = GRU(sample),
    .sum_rows = GRU(sum_rows),
    .dropout = GRU(dropout),
    .clip = GRU(clip),
    .apply = GRU(apply),
    .sum_squares = GRU(sum_squares),
    .vexp = GRU(array_exp),
    .vsigmoid = GRU(array_sigmoid),
    .vtanh = GRU(array_tanh),
    .vlog = GRU(array_log),
};

#undef PANEL
#undef FOR_KIND
#undef VEC
#undef IVEC
#undef VL
#undef LOAD
#undef STORE
#undef SET1
#undef FMA
#undef LINE
#undef SHUFFLE
#undef GRU_FMA
#undef GRU_FMA_SCALAR
#undef GRU_MIN
#undef GRU_MAX
#undef GRU_SELECT_LT
#undef REAL
#undef REAL_BYTES
#undef INT
#undef UINT
#undef GRU
#undef GRU_TABLE
#undef GRU_SQRT
