# SPDX-License-Identifier: MIT
"""The update of one window (csrc/gru_kernels.h has its equations): its coefficients, in double, and
what applies it to arrays of gradients.
"""
from libc.math cimport pow, sqrt

from gru_ext.core.layout cimport Cell, Layout, cell_of
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

cdef enum:
    SQUARES_CHUNK = 4096


cdef struct Rule:
    # What stays the same from update to update.
    gru_optimizer kind
    double beta1, beta2   # of Adam's means of the gradients and of their squares
    double clip, eps, weight_decay


cdef inline gru_update update_at(const Rule *rule, void *p, void *m, void *mean,
                                 double learning_rate, double t) noexcept nogil:
    # The t-th update, counted from 1.
    cdef gru_update u
    u.p, u.m, u.mean, u.kind = p, m, mean, rule.kind
    u.learning_rate, u.clip, u.eps = learning_rate, rule.clip, rule.eps
    u.mean_gain, u.square_gain = 1 - rule.beta1, 1 - rule.beta2
    u.root_scale = u.scale = 1
    u.keep = 1 - learning_rate * rule.weight_decay
    if rule.kind == GRU_ADAM:
        u.learning_rate = learning_rate / (1 - pow(rule.beta1, t))
        u.root_scale = 1 / sqrt(1 - pow(rule.beta2, t))
    return u


cdef inline gru_update adagrad_of(void *p, void *m, double learning_rate, double clip,
                                  double eps) noexcept nogil:
    cdef Rule rule = Rule(GRU_ADAGRAD, 0, 0, clip, eps, 0)
    return update_at(&rule, p, m, NULL, learning_rate, 1)


cdef inline bint moves_without_gradient(const gru_update *u) noexcept nogil:
    # Whether a gradient of zero changes a parameter or its memory.
    return u.kind != GRU_ADAGRAD


cdef inline gru_update moved(const gru_update *u, Py_ssize_t offset, bint decays,
                             real *unused) noexcept nogil:
    # The update of the parameters that begin at `offset`; biases do not decay.
    cdef gru_update there = u[0]
    there.p = <real *>u.p + offset
    there.m = <real *>u.m + offset
    if u.mean != NULL:
        there.mean = <real *>u.mean + offset
    if not decays:
        there.keep = 1
    return there


cdef inline void update_row(const gru_kernels *k, real *g, const gru_update *u,
                            Py_ssize_t offset, Py_ssize_t n, bint decays) noexcept nogil:
    cdef gru_update there = moved(u, offset, decays, g)
    gru_apply(k, g + offset, &there, n)


cdef inline void _update_lines(const gru_kernels *k, real *g, const gru_update *u,
                               Py_ssize_t begin, Py_ssize_t end, bint decays, Py_ssize_t part,
                               Py_ssize_t parts) noexcept nogil:
    cdef Py_ssize_t line = GRU_LINE_BYTES // sizeof(real), lines = (end - begin) // line
    cdef Py_ssize_t own = begin + lines * part // parts * line
    end = begin + lines * (part + 1) // parts * line
    if end > own:
        update_row(k, g, u, own, end - own, decays)


cdef inline void update_share(const gru_kernels *k, const Layout *p, real *g, const gru_update *u,
                              Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    # A part's share of the whole flat buffer, in cache lines.
    cdef Py_ssize_t layer
    cdef Cell at
    for layer in range(p.layers):
        at = cell_of(p, layer)
        _update_lines(k, g, u, at.w, at.b, True, part, parts)
        _update_lines(k, g, u, at.b, at.uzr, False, part, parts)
        _update_lines(k, g, u, at.uzr, at.end, True, part, parts)
    _update_lines(k, g, u, p.wy, p.by, True, part, parts)
    _update_lines(k, g, u, p.by, p.above, False, part, parts)


cdef inline Py_ssize_t square_sums(const Layout *p) noexcept nogil:
    # Sums that a norm is made of.
    return (p.size + SQUARES_CHUNK - 1) // SQUARES_CHUNK


cdef inline void sum_squares(const gru_kernels *k, const Layout *p, real *g, double *sums,
                             Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    # The sums [begin, end); each is made by one thread, over the same elements for any number.
    cdef Py_ssize_t i
    for i in range(begin, end):
        sums[i] = gru_sum_squares(k, g + i * SQUARES_CHUNK,
                                  min(SQUARES_CHUNK, p.size - i * SQUARES_CHUNK))


cdef inline double norm_scale(const Layout *p, const double *sums, double largest) noexcept nogil:
    # What shortens a gradient to that norm; 1 where it is no longer. A NaN stays one.
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(square_sums(p)):
        total += sums[i]
    return 1 if sqrt(total) <= largest else largest / sqrt(total)
