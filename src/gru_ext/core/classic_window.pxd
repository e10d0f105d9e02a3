# SPDX-License-Identifier: MIT
"""One window of ``--classic``: forward, backward and the update, rounded as the notebook's.

Vectors of H or V elements are stored with room for P or Q, multiples of BLOCK. So the loops have
whole SIMD registers. What is in the rest is finite and has no effect.

The weights W and b are rows (V+1, 3, P): those of each symbol for z, r and h_hat, then b.
"""
from libc.math cimport sqrt, sqrtf
from libc.stdint cimport int32_t, uint8_t

from gru_ext.core.native cimport real
from gru_ext.core.numpy_loops cimport Loop, dot, dots, total, unary

cdef enum:
    BLOCK = 8

cdef struct Loops:
    Loop exp, tanh, log, add, product

cdef struct Sizes:
    Py_ssize_t V, H, Q, P


cdef inline Sizes sizes_of(Py_ssize_t V, Py_ssize_t H) noexcept nogil:
    return Sizes(V, H, (V + BLOCK - 1) // BLOCK * BLOCK, (H + BLOCK - 1) // BLOCK * BLOCK)


cdef inline void cell(const Loops *f, Sizes s, const real *W, const real *U, const real *b,
                      const real *Wy, const real *by, real *h_prev, real *gates, real *rh, real *h,
                      real *p, real *scratch) noexcept nogil:
    # One time step: gates (3, P), which are z, r and h_hat; rh and h (P); p (Q) = softmax(Wy h +
    # by). W (3, P) has the weights of the input symbol; h may be h_prev; scratch (2 P + Q).
    cdef Py_ssize_t P = s.P, Q = s.Q, HH = s.H * s.H, i
    cdef real *z = gates
    cdef real *r = gates + P
    cdef real *h_hat = gates + 2 * P
    cdef real *y = scratch + 2 * P
    cdef real largest, sum
    dots(&f.product, 2, scratch, P, U, HH, s.H, s.H, s.H, 1, h_prev, 0)
    for i in range(2 * P):
        gates[i] = -((W[i] + scratch[i]) + b[i])
    unary(&f.exp, gates, gates, P + s.H)
    for i in range(2 * P):
        gates[i] = 1 / (1 + gates[i])
    for i in range(P):
        rh[i] = r[i] * h_prev[i]
    dot(&f.product, scratch, U + 2 * HH, s.H, s.H, s.H, 1, rh)
    for i in range(P):
        h_hat[i] = (W[2 * P + i] + scratch[i]) + b[2 * P + i]
    unary(&f.tanh, h_hat, h_hat, s.H)
    for i in range(P):
        h[i] = z[i] * h_prev[i] + (1 - z[i]) * h_hat[i]
    dot(&f.product, y, Wy, s.V, s.H, s.H, 1, h)
    for i in range(Q):
        p[i] = y[i] + by[i]
    largest = p[0]
    for i in range(1, s.V):
        if p[i] > largest:
            largest = p[i]
    for i in range(Q):
        p[i] = p[i] - largest
    unary(&f.exp, p, p, s.V)
    sum = total(&f.add, p, s.V)
    for i in range(Q):
        p[i] = p[i] / sum


cdef inline double forward(const Loops *f, Sizes s, Py_ssize_t T, const real *W, const real *U,
                           const real *b, const real *Wy, const real *by, const int32_t *x,
                           real *h, real *gates, real *rh, real *p, real *scratch,
                           real *q) noexcept nogil:
    # A window from h[0]: h (T+1, P), gates (T, 3, P), rh (T, P), p (T, Q). The loss; q (T) is
    # scratch. x (T+1) are the symbols.
    cdef Py_ssize_t t
    cdef double loss = 0
    for t in range(T):
        cell(f, s, W + x[t] * 3 * s.P, U, b, Wy, by, h + t * s.P, gates + t * 3 * s.P,
             rh + t * s.P, h + (t + 1) * s.P, p + t * s.Q, scratch)
        q[t] = p[t * s.Q + x[t + 1]]
    unary(&f.log, q, q, T)
    for t in range(T):
        loss += -q[t]
    return loss


cdef inline void backward(const Loops *f, Sizes s, Py_ssize_t T, const real *U, const real *Wy,
                          const int32_t *x, const real *h, const real *gates, real *p, real *d,
                          real *scratch) noexcept nogil:
    # d (T, 3, P), the gradients of the gates' pre-activations, and p = dy, that of the logits.
    # scratch (5, P)
    cdef Py_ssize_t P = s.P, H = s.H, HH = H * H, t, i
    cdef real *dh = scratch
    cdef real *dh_next = scratch + P
    cdef real *drh = scratch + 2 * P
    cdef real *through_z = scratch + 3 * P
    cdef real *through_r = scratch + 4 * P
    cdef real *dy
    cdef real *dt
    cdef const real *z
    cdef const real *r
    cdef const real *h_hat
    cdef const real *h_prev
    for i in range(P):
        dh_next[i] = 0
    for t in range(T - 1, -1, -1):
        z = gates + t * 3 * P
        r, h_hat, h_prev = z + P, z + 2 * P, h + t * P
        dy, dt = p + t * s.Q, d + t * 3 * P
        dy[x[t + 1]] = dy[x[t + 1]] - 1
        dot(&f.product, dh, Wy, H, s.V, 1, H, dy)
        for i in range(P):
            dh[i] = dh[i] + dh_next[i]
            dt[2 * P + i] = (dh[i] * (1 - z[i])) * (1 - h_hat[i] * h_hat[i])
        dot(&f.product, drh, U + 2 * HH, H, H, 1, H, dt + 2 * P)
        for i in range(P):
            dt[P + i] = (drh[i] * h_prev[i]) * (r[i] * (1 - r[i]))
            dt[i] = (dh[i] * (h_prev[i] - h_hat[i])) * (z[i] * (1 - z[i]))
        dots(&f.product, 2, through_z, P, U, HH, H, H, 1, H, dt, P)
        for i in range(P):
            dh_next[i] = ((through_z[i] + dh[i] * z[i]) + drh[i] * r[i]) + through_r[i]


cdef inline void outer_sums(real *out, const real *a, Py_ssize_t stride_a, const real *b,
                            Py_ssize_t stride_b, Py_ssize_t m, Py_ssize_t n,
                            Py_ssize_t T) noexcept nogil:
    # out (m, n) = the sum of a[t] b[t]^T over t, the last one first. Up to BLOCK - 1 elements after
    # each row are written too: those of the next row are written after it.
    cdef Py_ssize_t i, block, j, k, t
    cdef real sums[BLOCK]
    cdef real factor
    for i in range(m):
        for block in range((n + BLOCK - 1) // BLOCK):
            j = block * BLOCK
            for k in range(BLOCK):
                sums[k] = 0
            for t in range(T - 1, -1, -1):
                factor = a[t * stride_a + i]
                for k in range(BLOCK):
                    sums[k] = sums[k] + factor * b[t * stride_b + j + k]
            for k in range(BLOCK):
                out[i * n + j + k] = sums[k]


cdef inline void add_to(real *out, const real *a, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = out[i] + a[i]


cdef inline void adagrad(real *p, real *m, real *d, Py_ssize_t n, real learning_rate,
                         real clip) noexcept nogil:
    # The update of n elements, and d = 0.
    cdef Py_ssize_t i
    cdef real g, root
    for i in range(n):
        g = d[i]
        g = -clip if g < -clip else g
        g = clip if g > clip else g
        m[i] = m[i] + g * g
        root = sqrtf(m[i] + <float>1e-8) if real is float else sqrt(m[i] + 1e-8)
        p[i] = p[i] + -learning_rate * g / root
        d[i] = 0


cdef inline void update(Sizes s, Py_ssize_t T, real *rows, real *U, real *Wy, real *by,
                        real *m_rows, real *mU, real *mWy, real *mby, const int32_t *x,
                        const real *h, const real *rh, const real *d, const real *dy, real *d_rows,
                        uint8_t *seen, real *g, real learning_rate, real clip) noexcept nogil:
    # d_rows (V+1, 3, P) and seen (V) are zero before and after; g (max(3 H, V) H + Q +
    # BLOCK) is scratch. A row of d_rows whose symbol is no input stays zero: it changes nothing.
    cdef Py_ssize_t P = s.P, H = s.H, HH = H * H, n = 3 * P, t, i
    for t in range(T - 1, -1, -1):
        add_to(d_rows + x[t] * n, d + t * n, n)
        add_to(d_rows + s.V * n, d + t * n, n)
        seen[x[t]] = 1
    for t in range(T):
        if seen[x[t]]:
            seen[x[t]] = 0
            i = x[t] * n
            adagrad(rows + i, m_rows + i, d_rows + i, n, learning_rate, clip)
    i = s.V * n
    adagrad(rows + i, m_rows + i, d_rows + i, n, learning_rate, clip)
    outer_sums(g, d, n, h, P, H, H, T)
    outer_sums(g + HH, d + P, n, h, P, H, H, T)
    outer_sums(g + 2 * HH, d + 2 * P, n, rh, P, H, H, T)
    adagrad(U, mU, g, 3 * HH, learning_rate, clip)
    outer_sums(g, dy, s.Q, h + P, P, s.V, H, T)
    adagrad(Wy, mWy, g, s.V * H, learning_rate, clip)
    for i in range(s.Q):
        g[i] = 0
    for t in range(T - 1, -1, -1):
        add_to(g, dy + t * s.Q, s.Q)
    adagrad(by, mby, g, s.Q, learning_rate, clip)
