# SPDX-License-Identifier: MIT
"""Declarations of the C kernels (csrc/gru_kernels.h, kernel_table.inc.h), one name for both dtypes.

The C macros choose the float or double kernel by the type of the first pointer, and the C compiler
checks the other pointers against it; hence `void *` here. Private: other packages cimport capi.pxd.
"""
from libc.stdint cimport int32_t, uint64_t

ctypedef fused real:
    float
    double

cdef extern from "float_state.h" nogil:
    uint64_t gru_flush_subnormals() noexcept
    void gru_restore_float_state(uint64_t state) noexcept

cdef extern from "gru_kernels.h" nogil:
    const int GRU_LINE_BYTES
    const int GRU_PACK_STREAMS
    const int GRU_CHUNK_ROWS
    const int GRU_PANEL_GROUP
    const int GRU_PANEL_LINES
    const int GRU_INT8_ROWS
    const int GRU_PAIR_ROWS

    ctypedef struct gru_table "gru_kernels_f32":
        Py_ssize_t lanes
        Py_ssize_t panel
        void (*matmul_packed)(float *c, Py_ssize_t ldc, const float *a, Py_ssize_t lda,
                              const float *packed, Py_ssize_t M, Py_ssize_t N, Py_ssize_t K,
                              bint accumulate) noexcept nogil

    ctypedef enum gru_optimizer:
        GRU_ADAGRAD
        GRU_RMSPROP
        GRU_ADAM

    ctypedef struct gru_update:
        void *p
        void *m
        void *mean
        gru_optimizer kind
        double learning_rate
        double clip
        double eps
        double mean_gain
        double square_gain
        double root_scale
        double keep
        double scale

    ctypedef struct gru_bfloat16_products:
        const char *name
        void (*pack)(float *packed, const float *b, Py_ssize_t stride_k, Py_ssize_t stride_n,
                     Py_ssize_t K, Py_ssize_t n_valid, Py_ssize_t N, Py_ssize_t panel_begin,
                     Py_ssize_t panel_end) noexcept nogil
        void (*matmul_packed)(float *c, Py_ssize_t ldc, const float *a, Py_ssize_t lda,
                              const float *packed, Py_ssize_t M, Py_ssize_t N, Py_ssize_t K,
                              bint accumulate, float *scratch) noexcept nogil
        void (*matmul_t)(float *c, Py_ssize_t ldc, const float *a, Py_ssize_t lda, const float *d,
                         Py_ssize_t ldd, Py_ssize_t M, Py_ssize_t N, Py_ssize_t R, bint accumulate,
                         const gru_update *update, float *scratch) noexcept nogil

    ctypedef struct gru_kernels:
        const char *isa
        const gru_table *f32
        const gru_table *f64
        const char *int8
        void (*matmul_bfloat16)(float *c, Py_ssize_t ldc, const float *a, Py_ssize_t lda,
                                const float *packed, Py_ssize_t M, Py_ssize_t N, Py_ssize_t n0,
                                Py_ssize_t n1, Py_ssize_t K) noexcept nogil
        void (*matmul_int8)(float *c, Py_ssize_t ldc, const float *a, Py_ssize_t lda,
                            const float *packed, Py_ssize_t M, Py_ssize_t N, Py_ssize_t n0,
                            Py_ssize_t n1, Py_ssize_t K, unsigned char *scratch) noexcept nogil
        const gru_bfloat16_products *bfloat16

    const gru_kernels *gru_kernels_select(const char *name) noexcept
    const gru_bfloat16_products *gru_bfloat16_instruction(const gru_kernels *k) noexcept
    const char *gru_kernels_available(int i) noexcept
    const char *gru_kernels_not_built() noexcept
    const char *gru_compiler() noexcept

    void gru_pack(const gru_kernels *k, void *packed, const void *b, Py_ssize_t stride_k,
                  Py_ssize_t stride_n, Py_ssize_t K, Py_ssize_t n_valid, Py_ssize_t N,
                  Py_ssize_t panel_begin, Py_ssize_t panel_end) noexcept
    void gru_matmul_packed(const gru_kernels *k, void *c, Py_ssize_t ldc, const void *a,
                           Py_ssize_t lda, const void *packed, Py_ssize_t M, Py_ssize_t N,
                           Py_ssize_t K, bint accumulate) noexcept
    void gru_matmul_rows(const gru_kernels *k, void *c, Py_ssize_t ldc, const void *a,
                         Py_ssize_t lda, const void *b, Py_ssize_t ldb, Py_ssize_t M,
                         Py_ssize_t N, Py_ssize_t K) noexcept
    void gru_matmul_t(const gru_kernels *k, void *c, Py_ssize_t ldc, const void *a,
                      Py_ssize_t lda, const void *d, Py_ssize_t ldd, Py_ssize_t M, Py_ssize_t N,
                      Py_ssize_t R, bint accumulate, const gru_update *update,
                      void *scratch) noexcept
    void gru_gates_forward(const gru_kernels *k, void *gates, void *rh, const void *h_prev,
                           const int32_t *x, const void *w, const void *b, Py_ssize_t B,
                           Py_ssize_t n, Py_ssize_t Hp) noexcept
    void gru_candidate_forward(const gru_kernels *k, void *gates, void *h, const void *h_prev,
                               const int32_t *x, const void *w, const void *b, Py_ssize_t B,
                               Py_ssize_t n, Py_ssize_t Hp) noexcept
    void gru_candidate_backward(const gru_kernels *k, void *gates, void *dh, const void *h_prev,
                                Py_ssize_t B, Py_ssize_t n, Py_ssize_t Hp) noexcept
    void gru_gates_backward(const gru_kernels *k, void *gates, void *dh, const void *drh,
                            const void *h_prev, Py_ssize_t B, Py_ssize_t n,
                            Py_ssize_t Hp) noexcept
    void gru_softmax_cross_entropy(const gru_kernels *k, void *y, double *loss,
                                   const int32_t *targets, const void *by,
                                   double inverse_temperature, Py_ssize_t R, Py_ssize_t V,
                                   Py_ssize_t Vp) noexcept
    void gru_cross_entropy_backward(const gru_kernels *k, void *p, const int32_t *targets,
                                    double scale, Py_ssize_t R, Py_ssize_t Vp) noexcept
    int32_t gru_sample(const gru_kernels *k, void *p, double u, Py_ssize_t V) noexcept
    void gru_sum_rows(const gru_kernels *k, void *db, void *dw, const void *d, const int32_t *x,
                      Py_ssize_t R, Py_ssize_t N, Py_ssize_t ld, bint accumulate) noexcept
    uint64_t gru_mix(uint64_t x) noexcept
    uint64_t gru_dropout_key(uint64_t seed, uint64_t update) noexcept
    void gru_dropout(const gru_kernels *k, void *y, const void *x, uint64_t key, Py_ssize_t row,
                     Py_ssize_t column, Py_ssize_t R, Py_ssize_t N, Py_ssize_t ld, double dropout,
                     bint accumulate) noexcept
    void gru_clip(const gru_kernels *k, void *g, double limit, Py_ssize_t n) noexcept
    void gru_apply(const gru_kernels *k, void *g, const gru_update *update, Py_ssize_t n) noexcept
    double gru_sum_squares(const gru_kernels *k, void *g, Py_ssize_t n) noexcept
    void gru_vexp(const gru_kernels *k, void *y, const void *x, Py_ssize_t n) noexcept
    void gru_vsigmoid(const gru_kernels *k, void *y, const void *x, Py_ssize_t n) noexcept
    void gru_vtanh(const gru_kernels *k, void *y, const void *x, Py_ssize_t n) noexcept
    void gru_vlog(const gru_kernels *k, void *y, const void *x, Py_ssize_t n) noexcept


cdef inline Py_ssize_t panel_of(const gru_kernels *k, real *unused) noexcept nogil:
    return k.f32.panel if real is float else k.f64.panel
