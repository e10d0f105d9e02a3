# SPDX-License-Identifier: MIT
"""The optimiser's update (equations: csrc/gru_kernels.h): its coefficients, computed in double, its
application to arrays of gradients, and the norm of a gradient.
"""
from libc.math cimport sqrt
from libc.stdint cimport uint64_t

from gru_ext.core.layout cimport LayerOffsets, Layout, layer_offsets
from gru_ext.core.native cimport (
    GRU_ADAGRAD,
    GRU_ADAM,
    GRU_LINE_BYTES,
    gru_apply,
    gru_kernels,
    gru_optimizer,
    gru_sum_squares,
    gru_update,
    real,
)
from gru_ext.core.partition cimport part_begin

cdef enum:
    SQUARES_CHUNK = 4096    # elements of one partial sum of squares


cdef struct UpdateRule:
    # The settings that are the same in all updates of a call.
    gru_optimizer kind
    double beta1, beta2   # decay rates of the first and second moment
    double clip, eps, weight_decay


cdef inline double _power(double x, uint64_t n) noexcept nogil:
    # x^n by products alone: the C library's pow rounds in another way on other systems.
    cdef double power = 1
    while n:
        if n & 1:
            power *= x
        x *= x
        n >>= 1
    return power


cdef inline gru_update make_update(const UpdateRule *rule, void *p, void *m, void *mean,
                                   double learning_rate, uint64_t t) noexcept nogil:
    # Update number t, from 1.
    cdef gru_update u
    u.p, u.m, u.mean, u.kind = p, m, mean, rule.kind
    u.learning_rate, u.clip, u.eps = learning_rate, rule.clip, rule.eps
    u.mean_gain, u.square_gain = 1 - rule.beta1, 1 - rule.beta2
    u.root_scale = u.scale = 1
    u.keep = 1 - learning_rate * rule.weight_decay
    if rule.kind == GRU_ADAM:
        u.learning_rate = learning_rate / (1 - _power(rule.beta1, t))
        u.root_scale = 1 / sqrt(1 - _power(rule.beta2, t))
    return u


cdef inline gru_update make_adagrad_update(void *p, void *m, double learning_rate, double clip,
                                           double eps) noexcept nogil:
    cdef UpdateRule rule = UpdateRule(GRU_ADAGRAD, 0, 0, clip, eps, 0)
    return make_update(&rule, p, m, NULL, learning_rate, 1)


cdef inline bint updates_without_gradient(const gru_update *u) noexcept nogil:
    # Whether a gradient of zero changes a parameter or its optimiser state.
    return u.kind != GRU_ADAGRAD


cdef inline gru_update update_at_offset(const gru_update *u, Py_ssize_t offset, bint decays,
                                        real *unused) noexcept nogil:
    # The update of the parameters from `offset` on. Without `decays` (biases) no weight decay.
    cdef gru_update at = u[0]
    at.p = <real *>u.p + offset
    at.m = <real *>u.m + offset
    if u.mean != NULL:
        at.mean = <real *>u.mean + offset
    if not decays:
        at.keep = 1
    return at


cdef inline void update_range(const gru_kernels *k, real *g, const gru_update *u,
                              Py_ssize_t offset, Py_ssize_t n, bint decays) noexcept nogil:
    cdef gru_update at = update_at_offset(u, offset, decays, g)
    gru_apply(k, g + offset, &at, n)


cdef inline void _update_range_part(const gru_kernels *k, real *g, const gru_update *u,
                                    Py_ssize_t begin, Py_ssize_t end, bint decays,
                                    Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    # One part of the elements [begin, end), in whole cache lines.
    cdef Py_ssize_t line = GRU_LINE_BYTES // sizeof(real), lines = (end - begin) // line
    cdef Py_ssize_t first = begin + part_begin(lines, part, parts) * line
    end = begin + part_begin(lines, part + 1, parts) * line
    if end > first:
        update_range(k, g, u, first, end - first, decays)


cdef inline void update_part(const gru_kernels *k, const Layout *p, real *g, const gru_update *u,
                             Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    # One part of the whole flat buffer.
    cdef Py_ssize_t layer
    cdef LayerOffsets at
    for layer in range(p.layers):
        at = layer_offsets(p, layer)
        _update_range_part(k, g, u, at.w, at.b, True, part, parts)
        _update_range_part(k, g, u, at.b, at.uzr, False, part, parts)
        _update_range_part(k, g, u, at.uzr, at.end, True, part, parts)
    _update_range_part(k, g, u, p.wy, p.by, True, part, parts)
    _update_range_part(k, g, u, p.by, p.above, False, part, parts)


cdef inline Py_ssize_t square_sum_count(const Layout *p) noexcept nogil:
    # The number of partial sums of squares.
    return (p.size + SQUARES_CHUNK - 1) // SQUARES_CHUNK


cdef inline void sum_squares(const gru_kernels *k, const Layout *p, real *g, double *sums,
                             Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    # The partial sums [begin, end). Each is over the same elements for any number of threads.
    cdef Py_ssize_t i
    for i in range(begin, end):
        sums[i] = gru_sum_squares(k, g + i * SQUARES_CHUNK,
                                  min(SQUARES_CHUNK, p.size - i * SQUARES_CHUNK))


cdef inline double norm_scale(const Layout *p, const double *sums, double largest) noexcept nogil:
    # The factor that scales the gradient down to the norm `largest`; 1 if its norm is not larger.
    # NaN if the norm is NaN.
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(square_sum_count(p)):
        total += sums[i]
    return 1 if sqrt(total) <= largest else largest / sqrt(total)
