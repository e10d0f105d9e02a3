/* SPDX-License-Identifier: MIT */
/* The functions of gru_ext.capi for C and C++, as a table in a capsule: there is nothing to link.
 * Call gru_import once, with the GIL held:
 *
 *     const gru_api *gru = gru_import();
 *     if (!gru) return NULL; // a Python exception is set
 *
 * Of the functions, as gru->step_f32(...), only model_borrow, model_open, model_resume and
 * model_object need the GIL. docs/reference/cython-api.md describes them. New functions
 * are only added at the end of the table. */
#ifndef GRU_EXT_H
#define GRU_EXT_H

#include <Python.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GRU_API_VERSION 3

enum {
    GRU_OK = 0,
    GRU_NULL = -1,           /* a null pointer where none is allowed */
    GRU_WRONG_DTYPE = -2,    /* a handle or workspace of the other dtype */
    GRU_BAD_SYMBOL = -3,     /* a symbol that is not from 0 to V - 1 */
    GRU_BAD_SIZE = -4,       /* a size out of range, or different from the workspace's */
    GRU_TOO_SMALL = -5,      /* scratch or workspace memory is too small */
    GRU_BAD_NUMBER = -6,     /* a number that is not finite or out of range */
    GRU_OUT_OF_ORDER = -7,   /* backward pass without a forward pass with targets before it */
    GRU_READ_ONLY = -8,      /* an update of read-only weights */
    GRU_NO_VOCABULARY = -9,  /* a handle without a vocabulary */
    GRU_BAD_TEXT = -10,      /* a text that is not UTF-8 */
    GRU_NO_TRAINING = -11,   /* a handle without a training state */
    GRU_NO_ISA = -12,        /* an instruction set that is not available */
    GRU_VOCABULARY_SIZE = 0, /* V */
    GRU_HIDDEN_SIZE = 1,     /* H */
    GRU_ITEMSIZE = 2,        /* 4 or 8 */
    GRU_STATE_SIZE = 3,      /* layers * Hp; Hp is H rounded up to whole cache lines */
    GRU_LOGITS_SIZE = 4,     /* Vp: V rounded up to whole cache lines */
    GRU_FLAT_SIZE = 5,       /* of the parameters, the gradients and the optimiser state */
    GRU_SCRATCH_SIZE = 6,    /* of the scratch memory for one stream */
    GRU_OFFSET_W = 7,        /* (V, 3, Hp): a row per symbol: Wz, Wr, Wh transposed */
    GRU_OFFSET_B = 8,        /* (3, Hp): bz, br, bh */
    GRU_OFFSET_UZR = 9,      /* (H, 2, Hp): Uz and Ur transposed, side by side */
    GRU_OFFSET_UH = 10,      /* (H, Hp): Uh transposed */
    GRU_OFFSET_WY = 11,      /* (H, Vp): Wy transposed */
    GRU_OFFSET_BY = 12,      /* (Vp) */
    GRU_LAYERS = 13,         /* the number of layers */
    GRU_OFFSET_ABOVE = 14,   /* of the second layer: w (H, 3, Hp), b, uzr and uh as above */
    GRU_LAYER_SIZE = 15,     /* of each layer above the first */
    GRU_TIED = 16,           /* 1 if updates keep Wy = Wh^T, else 0 */
    GRU_UNITS = 17,          /* GRU_UNITS_CHARS, GRU_UNITS_BYTES, or 0 without a vocabulary */
    GRU_SEPARATOR_SIZE = 18, /* number of symbols between documents; 0: there are no documents */
    GRU_BATCH_SIZE = 19,     /* of the training state: number of streams B; 0 without a state */
    GRU_SEQ_LENGTH = 20,     /* of the training state: time steps T of a window */
    GRU_POSITION = 21, /* of the training state: where in the streams the next window begins */
    GRU_SAMPLE_SCRATCH_SIZE = 22, /* of the scratch memory of gru_sample */
    GRU_UNITS_CHARS = 1,
    GRU_UNITS_BYTES = 2,
    GRU_MEMORY = 0,       /* (GRU_FLAT_SIZE): sums of squares or second moment */
    GRU_MEAN = 1,         /* (GRU_FLAT_SIZE): first moment of Adam */
    GRU_HIDDEN = 2,       /* (layers, B, Hp): hidden states of the streams */
    GRU_FOR_TRAINING = 1, /* the backward pass */
    GRU_FOR_RESETS = 2,   /* states that are reset within a window */
    GRU_FOR_DROPOUT = 4,  /* dropout */
    GRU_OPTIMIZER_ADAGRAD = 0,
    GRU_OPTIMIZER_RMSPROP = 1,
    GRU_OPTIMIZER_ADAM = 2,
};

typedef struct gru_model gru_model;

/* The settings of a training step. Set size to sizeof(gru_settings): fields may be added at the
 * end. */
typedef struct {
    int64_t size;
    int64_t optimizer;    /* GRU_OPTIMIZER_ADAGRAD, .. */
    double learning_rate; /* of this step */
    double beta1;         /* decay rate of the first moment: Adam */
    double beta2;         /* decay rate of the second moment: RMSprop, Adam */
    double clip;          /* limit of each gradient element; may be infinite */
    double clip_norm;     /* limit of the gradient's norm; may be infinite */
    double eps;
    double weight_decay; /* Adam alone */
    double dropout;      /* probability that an output of a layer is set to zero */
    uint64_t seed;       /* of dropout */
    int64_t step;        /* the number of this step, from 1: Adam, dropout */
} gru_settings;

/* How a symbol is sampled. Set size to sizeof(gru_sampling): fields may be added at the end. What
 * is 0 has no effect, except for the temperature. */
typedef struct {
    int64_t size;
    double temperature;        /* up to 1e-6: the most likely symbol */
    int64_t top_k;             /* the k most likely symbols */
    double top_p;              /* the fewest most likely symbols whose sum reaches top_p */
    double min_p;              /* the symbols with p >= min_p * max(p) */
    double typical_p;          /* the fewest symbols near the entropy whose sum reaches it */
    const unsigned char *mask; /* (V): 0 where a symbol must not be chosen; NULL: none */
} gru_sampling;

typedef struct {
    int64_t version; /* GRU_API_VERSION of the installed package */
    int64_t count;   /* number of functions below */
    gru_model *(*model_borrow)(PyObject *model);
    gru_model *(*model_wrap_f32)(float *flat, ptrdiff_t V, ptrdiff_t H);
    gru_model *(*model_wrap_f64)(double *flat, ptrdiff_t V, ptrdiff_t H);
    void (*model_free)(gru_model *model);
    ptrdiff_t (*model_get)(const gru_model *model, int what);
    const char *(*model_isa)(const gru_model *model);
    int (*step_f32)(const gru_model *model, int32_t symbol, float *state, float *scratch,
                    ptrdiff_t scratch_size);
    int (*step_f64)(const gru_model *model, int32_t symbol, double *state, double *scratch,
                    ptrdiff_t scratch_size);
    int (*logits_f32)(const gru_model *model, const float *state, float *logits, float *scratch,
                      ptrdiff_t scratch_size);
    int (*logits_f64)(const gru_model *model, const double *state, double *logits, double *scratch,
                      ptrdiff_t scratch_size);
    int (*log_probabilities_f32)(const gru_model *model, const float *state, double temperature,
                                 float *out, float *scratch, ptrdiff_t scratch_size);
    int (*log_probabilities_f64)(const gru_model *model, const double *state, double temperature,
                                 double *out, double *scratch, ptrdiff_t scratch_size);
    int (*cost_f32)(const gru_model *model, const float *state, int32_t next, double *bits,
                    float *scratch, ptrdiff_t scratch_size);
    int (*cost_f64)(const gru_model *model, const double *state, int32_t next, double *bits,
                    double *scratch, ptrdiff_t scratch_size);
    int (*draw_f32)(const gru_model *model, const float *state, double temperature, double uniform,
                    int32_t *symbol, float *scratch, ptrdiff_t scratch_size);
    int (*draw_f64)(const gru_model *model, const double *state, double temperature, double uniform,
                    int32_t *symbol, double *scratch, ptrdiff_t scratch_size);
    ptrdiff_t (*workspace_bytes)(const gru_model *model, ptrdiff_t B, ptrdiff_t T, int training);
    int (*workspace_init)(const gru_model *model, void *workspace, ptrdiff_t bytes, ptrdiff_t B,
                          ptrdiff_t T, int training);
    void *(*workspace_state)(const gru_model *model, void *workspace);
    int (*forward_f32)(const gru_model *model, void *workspace, const int32_t *inputs,
                       const int32_t *targets, ptrdiff_t T, double *loss);
    int (*forward_f64)(const gru_model *model, void *workspace, const int32_t *inputs,
                       const int32_t *targets, ptrdiff_t T, double *loss);
    int (*backward_f32)(const gru_model *model, void *workspace, const int32_t *inputs,
                        const int32_t *targets, double scale, float *gradients);
    int (*backward_f64)(const gru_model *model, void *workspace, const int32_t *inputs,
                        const int32_t *targets, double scale, double *gradients);
    int (*adagrad_f32)(gru_model *model, float *memory, const float *gradients,
                       double learning_rate, double clip, double eps);
    int (*adagrad_f64)(gru_model *model, double *memory, const double *gradients,
                       double learning_rate, double clip, double eps);
    int (*train_step_f32)(gru_model *model, void *workspace, float *memory, const int32_t *inputs,
                          const int32_t *targets, ptrdiff_t T, double learning_rate, double clip,
                          double eps, double *loss);
    int (*train_step_f64)(gru_model *model, void *workspace, double *memory, const int32_t *inputs,
                          const int32_t *targets, ptrdiff_t T, double learning_rate, double clip,
                          double eps, double *loss);
    gru_model *(*model_wrap_layers_f32)(float *flat, ptrdiff_t V, ptrdiff_t H, ptrdiff_t layers);
    gru_model *(*model_wrap_layers_f64)(double *flat, ptrdiff_t V, ptrdiff_t H, ptrdiff_t layers);
    ptrdiff_t (*flat_size)(ptrdiff_t V, ptrdiff_t H, ptrdiff_t layers, ptrdiff_t itemsize);
    ptrdiff_t (*workspace_bytes_for)(const gru_model *model, ptrdiff_t B, ptrdiff_t T, int what);
    int (*workspace_init_for)(const gru_model *model, void *workspace, ptrdiff_t bytes, ptrdiff_t B,
                              ptrdiff_t T, int what);
    int (*forward_window_f32)(const gru_model *model, void *workspace, const gru_settings *settings,
                              const int32_t *inputs, const int32_t *targets,
                              const unsigned char *resets, ptrdiff_t T, double *loss);
    int (*forward_window_f64)(const gru_model *model, void *workspace, const gru_settings *settings,
                              const int32_t *inputs, const int32_t *targets,
                              const unsigned char *resets, ptrdiff_t T, double *loss);
    int (*update_f32)(gru_model *model, void *workspace, const gru_settings *settings,
                      float *memory, float *mean, float *gradients);
    int (*update_f64)(gru_model *model, void *workspace, const gru_settings *settings,
                      double *memory, double *mean, double *gradients);
    int (*train_window_f32)(gru_model *model, void *workspace, const gru_settings *settings,
                            float *memory, float *mean, const int32_t *inputs,
                            const int32_t *targets, const unsigned char *resets, ptrdiff_t T,
                            double *loss);
    int (*train_window_f64)(gru_model *model, void *workspace, const gru_settings *settings,
                            double *memory, double *mean, const int32_t *inputs,
                            const int32_t *targets, const unsigned char *resets, ptrdiff_t T,
                            double *loss);
    ptrdiff_t (*batch_scratch_size)(const gru_model *model, ptrdiff_t B);
    int (*step_batch_f32)(const gru_model *model, ptrdiff_t B, const int32_t *symbols,
                          const float *state, float *next_state, float *scratch,
                          ptrdiff_t scratch_size);
    int (*step_batch_f64)(const gru_model *model, ptrdiff_t B, const int32_t *symbols,
                          const double *state, double *next_state, double *scratch,
                          ptrdiff_t scratch_size);
    int (*logits_batch_f32)(const gru_model *model, ptrdiff_t B, const float *state, float *logits);
    int (*logits_batch_f64)(const gru_model *model, ptrdiff_t B, const double *state,
                            double *logits);
    int (*log_probabilities_of_f32)(const gru_model *model, const float *logits, double temperature,
                                    float *out, float *scratch, ptrdiff_t scratch_size);
    int (*log_probabilities_of_f64)(const gru_model *model, const double *logits,
                                    double temperature, double *out, double *scratch,
                                    ptrdiff_t scratch_size);
    int (*cost_of_f32)(const gru_model *model, const float *logits, int32_t next, double *bits,
                       float *scratch, ptrdiff_t scratch_size);
    int (*cost_of_f64)(const gru_model *model, const double *logits, int32_t next, double *bits,
                       double *scratch, ptrdiff_t scratch_size);
    int (*draw_of_f32)(const gru_model *model, const float *logits, double temperature,
                       double uniform, int32_t *symbol, float *scratch, ptrdiff_t scratch_size);
    int (*draw_of_f64)(const gru_model *model, const double *logits, double temperature,
                       double uniform, int32_t *symbol, double *scratch, ptrdiff_t scratch_size);
    void *(*workspace_states)(const gru_model *model, void *workspace, ptrdiff_t layer);
    void *(*workspace_probabilities)(const gru_model *model, void *workspace);
    const double *(*workspace_losses)(const gru_model *model, void *workspace);
    int (*read_window_f32)(const gru_model *model, void *workspace, const int32_t *inputs,
                           const unsigned char *resets, ptrdiff_t T);
    int (*read_window_f64)(const gru_model *model, void *workspace, const int32_t *inputs,
                           const unsigned char *resets, ptrdiff_t T);
    gru_model *(*model_open)(PyObject *path);
    gru_model *(*model_resume)(PyObject *path);
    PyObject *(*model_object)(const gru_model *model);
    int (*encode)(const gru_model *model, const char *text, ptrdiff_t bytes, int32_t *symbols,
                  ptrdiff_t size, ptrdiff_t *count);
    int (*decode)(const gru_model *model, const int32_t *symbols, ptrdiff_t n, char *text,
                  ptrdiff_t size, ptrdiff_t *count);
    int (*mark_resets)(const gru_model *model, ptrdiff_t B, ptrdiff_t T, const int32_t *symbols,
                       int32_t *recent, unsigned char *resets);
    const uint32_t *(*model_characters)(const gru_model *model);
    const int32_t *(*model_separator)(const gru_model *model);
    int (*model_settings)(const gru_model *model, gru_settings *settings);
    void *(*model_training)(const gru_model *model, int what);
    const char *(*status_name)(int status);
    int (*sample_f32)(const gru_model *model, const float *logits, const gru_sampling *sampling,
                      double uniform, int32_t *symbol, float *scratch, ptrdiff_t scratch_size);
    int (*sample_f64)(const gru_model *model, const double *logits, const gru_sampling *sampling,
                      double uniform, int32_t *symbol, double *scratch, ptrdiff_t scratch_size);
    int (*train_text)(gru_model *model, void *workspace, const gru_settings *settings, void *memory,
                      void *mean, const int32_t *symbols, ptrdiff_t n, ptrdiff_t *position,
                      double *loss);
    int (*model_use_isa)(gru_model *model, const char *name);
    const char *(*isa_name)(int i);
} gru_api;

/* Returns NULL with an exception if the package is missing or older than this header. */
static inline const gru_api *gru_import(void)
{
    PyObject *module = PyImport_ImportModule("gru_ext.capi");
    const gru_api *api = NULL;
    if (module) api = (const gru_api *)PyCapsule_Import("gru_ext.capi._API", 0);
    Py_XDECREF(module);
    if (api && api->version < GRU_API_VERSION) {
        PyErr_Format(PyExc_ImportError, "gru_ext's C interface is version %d, this needs %d",
                     (int)api->version, GRU_API_VERSION);
        return NULL;
    }
    return api;
}

#ifdef __cplusplus
}
#endif

#endif
