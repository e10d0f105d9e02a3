/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#if defined(__GNUC__) || defined(_MSC_VER)
#define MODEL_RESTRICT __restrict
#elif defined(__cplusplus)
#define MODEL_RESTRICT
#else
#define MODEL_RESTRICT restrict
#endif

#define MODEL_GATES (3 * MODEL_HIDDEN) /* update gate, reset gate and candidate, in this order */
/* In a tied model, the candidate has a column of the output weights. */
#define MODEL_EMBEDDING_WIDTH ((MODEL_TIED ? 2 : 3) * MODEL_HIDDEN)

#if MODEL_INT8
typedef int8_t model_weight;
#else
typedef float model_weight;
#endif

/* A matrix (n, width), row by row, that takes n inputs to `width` outputs. A weight of output i is
 * rows[j * width + i], and where weights are int8, times scales[i]. */
typedef struct {
    const model_weight *rows;
#if MODEL_INT8
    const float *scales;
#endif
} model_matrix;

typedef struct {
    const model_matrix *input;     /* (MODEL_HIDDEN, MODEL_GATES), of layers above the first */
    const model_matrix *gates;     /* (MODEL_HIDDEN, 2 * MODEL_HIDDEN): update gate, reset gate */
    const model_matrix *candidate; /* (MODEL_HIDDEN, MODEL_HIDDEN) */
    const float *bias;             /* (MODEL_GATES) */
} model_layer;
