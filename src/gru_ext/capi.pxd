# SPDX-License-Identifier: MIT
"""The public C-level interface: ``from gru_ext.capi cimport gru_step_f32`` and the like.

Functions are ``noexcept nogil`` and work on the caller's memory; only handles are allocated.
Functions may be added, but none is ever changed. docs/reference/cython-api.md describes each.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cpdef enum:
    GRU_API_VERSION = 3

# The status that a call returns: GRU_OK, or the error. A call with an error has written nothing.
cpdef enum:
    GRU_OK = 0
    GRU_NULL = -1            # a null pointer where none is allowed
    GRU_WRONG_DTYPE = -2     # a handle or workspace of the other dtype
    GRU_BAD_SYMBOL = -3      # a symbol that is not from 0 to V - 1
    GRU_BAD_SIZE = -4        # a size out of range, or different from the workspace's
    GRU_TOO_SMALL = -5       # scratch or workspace memory is too small
    GRU_BAD_NUMBER = -6      # a number that is not finite or out of range
    GRU_OUT_OF_ORDER = -7    # backward pass without a forward pass with targets before it
    GRU_READ_ONLY = -8       # an update of read-only weights
    GRU_NO_VOCABULARY = -9   # a handle without a vocabulary
    GRU_BAD_TEXT = -10       # a text that is not UTF-8
    GRU_NO_TRAINING = -11    # a handle without a training state
    GRU_NO_ISA = -12         # an instruction set that is not available

# What gru_model_get returns; sizes and offsets are in elements.
cpdef enum:
    GRU_VOCABULARY_SIZE = 0  # V
    GRU_HIDDEN_SIZE = 1      # H
    GRU_ITEMSIZE = 2         # 4 or 8
    GRU_STATE_SIZE = 3       # layers * Hp; Hp is H rounded up to whole cache lines
    GRU_LOGITS_SIZE = 4      # Vp: V rounded up to whole cache lines
    GRU_FLAT_SIZE = 5        # of the parameters, the gradients and the optimiser state
    GRU_SCRATCH_SIZE = 6     # of the scratch memory for one stream
    GRU_OFFSET_W = 7         # (V, 3, Hp): a row per symbol: Wz, Wr, Wh transposed
    GRU_OFFSET_B = 8         # (3, Hp): bz, br, bh
    GRU_OFFSET_UZR = 9       # (H, 2, Hp): Uz and Ur transposed, side by side
    GRU_OFFSET_UH = 10       # (H, Hp): Uh transposed
    GRU_OFFSET_WY = 11       # (H, Vp): Wy transposed
    GRU_OFFSET_BY = 12       # (Vp)
    GRU_LAYERS = 13          # the number of layers
    GRU_OFFSET_ABOVE = 14    # of the second layer: w (H, 3, Hp), b, uzr and uh as above
    GRU_LAYER_SIZE = 15      # of each layer above the first
    GRU_TIED = 16            # 1 if updates keep Wy = Wh^T, else 0
    GRU_UNITS = 17           # GRU_UNITS_CHARS, GRU_UNITS_BYTES, or 0 without a vocabulary
    GRU_SEPARATOR_SIZE = 18  # number of symbols between documents; 0: there are no documents
    GRU_BATCH_SIZE = 19      # of the training state: number of streams B; 0 without a state
    GRU_SEQ_LENGTH = 20      # of the training state: time steps T of a window
    GRU_POSITION = 21        # of the training state: where in the streams the next window begins
    GRU_SAMPLE_SCRATCH_SIZE = 22  # of the scratch memory of gru_sample

# The units of a vocabulary.
cpdef enum:
    GRU_UNITS_CHARS = 1
    GRU_UNITS_BYTES = 2

# The arrays of a training state.
cpdef enum:
    GRU_MEMORY = 0           # (GRU_FLAT_SIZE): sums of squares or second moment
    GRU_MEAN = 1             # (GRU_FLAT_SIZE): first moment of Adam
    GRU_HIDDEN = 2           # (layers, B, Hp): hidden states of the streams

# What a workspace is for: the sum of these.
cpdef enum:
    GRU_FOR_TRAINING = 1     # the backward pass
    GRU_FOR_RESETS = 2       # states that are reset within a window
    GRU_FOR_DROPOUT = 4      # dropout

# The optimizer of gru_settings. AdamW is Adam with a weight decay.
cpdef enum:
    GRU_OPTIMIZER_ADAGRAD = 0
    GRU_OPTIMIZER_RMSPROP = 1
    GRU_OPTIMIZER_ADAM = 2

# A handle of a model's weights. Only the functions below create and free it.
cdef struct gru_model:
    int unused

# The settings of a training step. Set size to sizeof(gru_settings): fields may be added at the end.
cdef struct gru_settings:
    int64_t size
    int64_t optimizer        # GRU_OPTIMIZER_ADAGRAD, ..
    double learning_rate     # of this step
    double beta1             # decay rate of the first moment: Adam
    double beta2             # decay rate of the second moment: RMSprop, Adam
    double clip              # limit of each gradient element; may be infinite
    double clip_norm         # limit of the gradient's norm; may be infinite
    double eps
    double weight_decay      # Adam alone
    double dropout           # probability that an output of a layer is set to zero
    uint64_t seed            # of dropout
    int64_t step             # the number of this step, from 1: Adam, dropout

# How a symbol is sampled. Set size to sizeof(gru_sampling): fields may be added at the end. What is
# 0 has no effect, except for the temperature.
cdef struct gru_sampling:
    int64_t size
    double temperature       # up to 1e-6: the most likely symbol
    int64_t top_k            # the k most likely symbols
    double top_p             # the fewest most likely symbols whose sum reaches top_p
    double min_p             # the symbols with p >= min_p * max(p)
    double typical_p         # the fewest symbols near the entropy whose sum reaches typical_p
    const unsigned char *mask    # (V): 0 where a symbol must not be chosen; NULL: none

# Handles
cdef gru_model *gru_model_borrow(object model) except NULL
cdef gru_model *gru_model_open(object path) except NULL
cdef gru_model *gru_model_resume(object path) except NULL
cdef object gru_model_object(const gru_model *model)
cdef gru_model *gru_model_wrap_f32(float *flat, Py_ssize_t V, Py_ssize_t H) noexcept nogil
cdef gru_model *gru_model_wrap_f64(double *flat, Py_ssize_t V, Py_ssize_t H) noexcept nogil
cdef gru_model *gru_model_wrap_layers_f32(float *flat, Py_ssize_t V, Py_ssize_t H,
                                          Py_ssize_t layers) noexcept nogil
cdef gru_model *gru_model_wrap_layers_f64(double *flat, Py_ssize_t V, Py_ssize_t H,
                                          Py_ssize_t layers) noexcept nogil
cdef Py_ssize_t gru_flat_size(Py_ssize_t V, Py_ssize_t H, Py_ssize_t layers,
                              Py_ssize_t itemsize) noexcept nogil
cdef void gru_model_free(gru_model *model) noexcept nogil
cdef Py_ssize_t gru_model_get(const gru_model *model, int what) noexcept nogil
cdef const char *gru_model_isa(const gru_model *model) noexcept nogil
cdef int gru_model_use_isa(gru_model *model, const char *name) noexcept nogil
cdef const char *gru_isa_name(int i) noexcept nogil
cdef int gru_api_version() noexcept nogil
cdef const char *gru_status_name(int status) noexcept nogil

# One stream: state (GRU_STATE_SIZE), initially zero; scratch (GRU_SCRATCH_SIZE)
cdef int gru_step_f32(const gru_model *model, int32_t symbol, float *state, float *scratch,
                      Py_ssize_t scratch_size) noexcept nogil
cdef int gru_step_f64(const gru_model *model, int32_t symbol, double *state, double *scratch,
                      Py_ssize_t scratch_size) noexcept nogil
cdef int gru_logits_f32(const gru_model *model, const float *state, float *logits, float *scratch,
                        Py_ssize_t scratch_size) noexcept nogil
cdef int gru_logits_f64(const gru_model *model, const double *state, double *logits,
                        double *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int gru_log_probabilities_f32(const gru_model *model, const float *state, double temperature,
                                   float *out, float *scratch,
                                   Py_ssize_t scratch_size) noexcept nogil
cdef int gru_log_probabilities_f64(const gru_model *model, const double *state,
                                   double temperature, double *out, double *scratch,
                                   Py_ssize_t scratch_size) noexcept nogil
cdef int gru_cost_f32(const gru_model *model, const float *state, int32_t next, double *bits,
                      float *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int gru_cost_f64(const gru_model *model, const double *state, int32_t next, double *bits,
                      double *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int gru_draw_f32(const gru_model *model, const float *state, double temperature,
                      double uniform, int32_t *symbol, float *scratch,
                      Py_ssize_t scratch_size) noexcept nogil
cdef int gru_draw_f64(const gru_model *model, const double *state, double temperature,
                      double uniform, int32_t *symbol, double *scratch,
                      Py_ssize_t scratch_size) noexcept nogil

# Windows of up to T time steps of B streams
cdef Py_ssize_t gru_workspace_bytes(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                                    bint training) noexcept nogil
cdef int gru_workspace_init(const gru_model *model, void *workspace, Py_ssize_t bytes,
                            Py_ssize_t B, Py_ssize_t T, bint training) noexcept nogil
cdef void *gru_workspace_state(const gru_model *model, void *workspace) noexcept nogil
cdef int gru_forward_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, Py_ssize_t T, double *loss) noexcept nogil
cdef int gru_forward_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, Py_ssize_t T, double *loss) noexcept nogil
cdef int gru_backward_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                          const int32_t *targets, double scale,
                          float *gradients) noexcept nogil
cdef int gru_backward_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                          const int32_t *targets, double scale,
                          double *gradients) noexcept nogil
cdef int gru_adagrad_f32(gru_model *model, float *memory, const float *gradients,
                         double learning_rate, double clip, double eps) noexcept nogil
cdef int gru_adagrad_f64(gru_model *model, double *memory, const double *gradients,
                         double learning_rate, double clip, double eps) noexcept nogil
cdef int gru_train_step_f32(gru_model *model, void *workspace, float *memory,
                            const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                            double learning_rate, double clip, double eps,
                            double *loss) noexcept nogil
cdef int gru_train_step_f64(gru_model *model, void *workspace, double *memory,
                            const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                            double learning_rate, double clip, double eps,
                            double *loss) noexcept nogil

# Windows with resets and dropout, and training with all settings
cdef Py_ssize_t gru_workspace_bytes_for(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                                        int what) noexcept nogil
cdef int gru_workspace_init_for(const gru_model *model, void *workspace, Py_ssize_t bytes,
                                Py_ssize_t B, Py_ssize_t T, int what) noexcept nogil
cdef int gru_forward_window_f32(const gru_model *model, void *workspace,
                                const gru_settings *settings, const int32_t *inputs,
                                const int32_t *targets, const unsigned char *resets,
                                Py_ssize_t T, double *loss) noexcept nogil
cdef int gru_forward_window_f64(const gru_model *model, void *workspace,
                                const gru_settings *settings, const int32_t *inputs,
                                const int32_t *targets, const unsigned char *resets,
                                Py_ssize_t T, double *loss) noexcept nogil
cdef int gru_update_f32(gru_model *model, void *workspace, const gru_settings *settings,
                        float *memory, float *mean, float *gradients) noexcept nogil
cdef int gru_update_f64(gru_model *model, void *workspace, const gru_settings *settings,
                        double *memory, double *mean, double *gradients) noexcept nogil
cdef int gru_train_window_f32(gru_model *model, void *workspace, const gru_settings *settings,
                              float *memory, float *mean, const int32_t *inputs,
                              const int32_t *targets, const unsigned char *resets,
                              Py_ssize_t T, double *loss) noexcept nogil
cdef int gru_train_window_f64(gru_model *model, void *workspace, const gru_settings *settings,
                              double *memory, double *mean, const int32_t *inputs,
                              const int32_t *targets, const unsigned char *resets,
                              Py_ssize_t T, double *loss) noexcept nogil
cdef int gru_train_text(gru_model *model, void *workspace, const gru_settings *settings,
                        void *memory, void *mean, const int32_t *symbols, Py_ssize_t n,
                        Py_ssize_t *position, double *loss) noexcept nogil

# B streams in one time step: states (layers, B, Hp), logits (B, Vp)
cdef Py_ssize_t gru_batch_scratch_size(const gru_model *model, Py_ssize_t B) noexcept nogil
cdef int gru_step_batch_f32(const gru_model *model, Py_ssize_t B, const int32_t *symbols,
                            const float *state, float *next_state, float *scratch,
                            Py_ssize_t scratch_size) noexcept nogil
cdef int gru_step_batch_f64(const gru_model *model, Py_ssize_t B, const int32_t *symbols,
                            const double *state, double *next_state, double *scratch,
                            Py_ssize_t scratch_size) noexcept nogil
cdef int gru_logits_batch_f32(const gru_model *model, Py_ssize_t B, const float *state,
                              float *logits) noexcept nogil
cdef int gru_logits_batch_f64(const gru_model *model, Py_ssize_t B, const double *state,
                              double *logits) noexcept nogil

# What follows from logits (V) that were made before; scratch (GRU_SCRATCH_SIZE)
cdef int gru_log_probabilities_of_f32(const gru_model *model, const float *logits,
                                      double temperature, float *out, float *scratch,
                                      Py_ssize_t scratch_size) noexcept nogil
cdef int gru_log_probabilities_of_f64(const gru_model *model, const double *logits,
                                      double temperature, double *out, double *scratch,
                                      Py_ssize_t scratch_size) noexcept nogil
cdef int gru_cost_of_f32(const gru_model *model, const float *logits, int32_t next, double *bits,
                         float *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int gru_cost_of_f64(const gru_model *model, const double *logits, int32_t next, double *bits,
                         double *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int gru_draw_of_f32(const gru_model *model, const float *logits, double temperature,
                         double uniform, int32_t *symbol, float *scratch,
                         Py_ssize_t scratch_size) noexcept nogil
cdef int gru_draw_of_f64(const gru_model *model, const double *logits, double temperature,
                         double uniform, int32_t *symbol, double *scratch,
                         Py_ssize_t scratch_size) noexcept nogil

# A symbol from logits with filters; scratch (GRU_SAMPLE_SCRATCH_SIZE)
cdef int gru_sample_f32(const gru_model *model, const float *logits,
                        const gru_sampling *sampling, double uniform, int32_t *symbol,
                        float *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int gru_sample_f64(const gru_model *model, const double *logits,
                        const gru_sampling *sampling, double uniform, int32_t *symbol,
                        double *scratch, Py_ssize_t scratch_size) noexcept nogil

# The results of the last window of a workspace, and a window without outputs
cdef void *gru_workspace_states(const gru_model *model, void *workspace,
                                Py_ssize_t layer) noexcept nogil
cdef void *gru_workspace_probabilities(const gru_model *model, void *workspace) noexcept nogil
cdef const double *gru_workspace_losses(const gru_model *model, void *workspace) noexcept nogil
cdef int gru_read_window_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                             const unsigned char *resets, Py_ssize_t T) noexcept nogil
cdef int gru_read_window_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                             const unsigned char *resets, Py_ssize_t T) noexcept nogil

# Text and symbols, with the vocabulary of a handle
cdef int gru_encode(const gru_model *model, const char *text, Py_ssize_t bytes, int32_t *symbols,
                    Py_ssize_t size, Py_ssize_t *count) noexcept nogil
cdef int gru_decode(const gru_model *model, const int32_t *symbols, Py_ssize_t n, char *text,
                    Py_ssize_t size, Py_ssize_t *count) noexcept nogil
cdef int gru_mark_resets(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                         const int32_t *symbols, int32_t *recent,
                         unsigned char *resets) noexcept nogil
cdef const uint32_t *gru_model_characters(const gru_model *model) noexcept nogil
cdef const int32_t *gru_model_separator(const gru_model *model) noexcept nogil

# The training state of gru_model_resume
cdef int gru_model_settings(const gru_model *model, gru_settings *settings) noexcept nogil
cdef void *gru_model_training(const gru_model *model, int what) noexcept nogil
