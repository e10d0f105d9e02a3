# SPDX-License-Identifier: MIT
"""Training and sampling of ``--classic``, bit-identical to the original NumPy script.

tests/notebook.py repeats the arithmetic of the original script ("the notebook"). Training is
chaotic: a difference of one unit in the last place of one weight changes the printed losses after
some thousand iterations. So every operation here rounds as the notebook's does. Sums, products and
quotients have the same order and are compiled without fused multiply-adds. exp, tanh, log, sums of
vectors and matrix products call NumPy's own inner loops, without the GIL and without a Python call.
docs/explanation/design/classic.md has the reasons and the measurements.
"""
import numpy as np

from gru_ext.core.arrays import REAL, WRITABLE, Array, checks_arrays
from gru_ext.core.kernels import check_clip, check_learning_rate

cimport numpy as cnp
from libc.math cimport sqrt, sqrtf
from libc.stdint cimport int32_t

from gru_ext.core.native cimport real

ctypedef void (*loop_t)(char **, cnp.npy_intp *, cnp.npy_intp *, void *) noexcept nogil

cdef struct Loop:
    loop_t call
    void *data

cdef struct Loops:
    Loop exp, tanh, log, add, matmul


cdef Loop _loop_of(cnp.ufunc f, str kind) except *:
    # The inner loop of NumPy for arguments of one type, as "dd->d".
    cdef Loop loop
    cdef int i
    for i, types in enumerate((<object>f).types):
        if set(types) == {kind, "-", ">"}:
            loop.call = <loop_t><void *>f.functions[i]
            loop.data = <void *>f.data[i] if f.data != NULL else NULL
            return loop
    raise RuntimeError("this NumPy lacks an inner loop that --classic needs")


cdef Loops _loops(str kind) except *:
    cdef Loops loops
    loops.exp = _loop_of(np.exp, kind)
    loops.tanh = _loop_of(np.tanh, kind)
    loops.log = _loop_of(np.log, kind)
    loops.add = _loop_of(np.add, kind)
    loops.matmul = _loop_of(np.matmul, kind)
    return loops


cdef inline void unary(const Loop *f, real *y, real *x, Py_ssize_t n) noexcept nogil:
    # y = f(x), n elements
    cdef char *args[2]
    cdef cnp.npy_intp count = n
    cdef cnp.npy_intp strides[2]
    args[0], args[1] = <char *>x, <char *>y
    strides[0] = strides[1] = sizeof(real)
    f.call(args, &count, strides, f.data)


cdef inline real total(const Loop *add, real *x, Py_ssize_t n) noexcept nogil:
    # The sum of x, in NumPy's order of additions.
    cdef real sum = 0
    cdef char *args[3]
    cdef cnp.npy_intp count = n
    cdef cnp.npy_intp strides[3]
    args[0] = args[2] = <char *>&sum
    args[1] = <char *>x
    strides[0] = strides[2] = 0
    strides[1] = sizeof(real)
    add.call(args, &count, strides, add.data)
    return sum


cdef inline void dot(const Loop *matmul, real *y, const real *a, Py_ssize_t m, Py_ssize_t n,
                     Py_ssize_t stride_m, Py_ssize_t stride_n, real *x) noexcept nogil:
    # y (m, 1) = a (m, n) x (n, 1); strides of a in elements
    cdef char *args[3]
    cdef cnp.npy_intp sizes[4]
    cdef cnp.npy_intp strides[9]
    cdef cnp.npy_intp item = sizeof(real)
    args[0], args[1], args[2] = <char *>a, <char *>x, <char *>y
    sizes[0], sizes[1], sizes[2], sizes[3] = 1, m, n, 1
    strides[0], strides[1], strides[2] = 0, 0, 0
    strides[3], strides[4] = stride_m * item, stride_n * item
    strides[5], strides[6] = item, item
    strides[7], strides[8] = item, item
    matmul.call(args, sizes, strides, matmul.data)


cdef struct Sizes:
    Py_ssize_t V, H


cdef inline void pre_activation(const Loops *f, Sizes s, real *out, const real *W, const real *U,
                                const real *b, int32_t x, real *h, real *scratch) noexcept nogil:
    # (W x + U h) + b of one gate; with x one-hot, W x is a column of W
    cdef Py_ssize_t i
    dot(&f.matmul, scratch, U, s.H, s.H, s.H, 1, h)
    for i in range(s.H):
        out[i] = (W[i * s.V + x] + scratch[i]) + b[i]


cdef inline void sigmoid(const Loops *f, real *v, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        v[i] = -v[i]
    unary(&f.exp, v, v, n)
    for i in range(n):
        v[i] = 1 / (1 + v[i])


cdef inline void cell(const Loops *f, Sizes s, const real *W, const real *U, const real *b,
                      const real *Wy, const real *by, int32_t x, real *h_prev, real *z, real *r,
                      real *h_hat, real *rh, real *h, real *p, real *scratch) noexcept nogil:
    # One time step: gates, h (may be h_prev) and p = softmax(Wy h + by).
    cdef Py_ssize_t H = s.H, V = s.V, HV = H * V, HH = H * H, i
    cdef real largest, sum
    pre_activation(f, s, z, W, U, b, x, h_prev, scratch)
    sigmoid(f, z, H)
    pre_activation(f, s, r, W + HV, U + HH, b + H, x, h_prev, scratch)
    sigmoid(f, r, H)
    for i in range(H):
        rh[i] = r[i] * h_prev[i]
    pre_activation(f, s, h_hat, W + 2 * HV, U + 2 * HH, b + 2 * H, x, rh, scratch)
    unary(&f.tanh, h_hat, h_hat, H)
    for i in range(H):
        h[i] = z[i] * h_prev[i] + (1 - z[i]) * h_hat[i]
    dot(&f.matmul, p, Wy, V, H, H, 1, h)
    for i in range(V):
        p[i] = p[i] + by[i]
    largest = p[0]
    for i in range(1, V):
        if p[i] > largest:
            largest = p[i]
    for i in range(V):
        p[i] = p[i] - largest
    unary(&f.exp, p, p, V)
    sum = total(&f.add, p, V)
    for i in range(V):
        p[i] = p[i] / sum


cdef inline void add_outer(real *c, const real *a, const real *b, Py_ssize_t m,
                           Py_ssize_t n) noexcept nogil:
    # c (m, n) += a b^T
    cdef Py_ssize_t i, j
    for i in range(m):
        for j in range(n):
            c[i * n + j] = c[i * n + j] + a[i] * b[j]


cdef inline void add_gate(real *dW, real *dU, real *db, const real *d, const real *state, int32_t x,
                          Sizes s) noexcept nogil:
    # dW += d x^T, dU += d state^T, db += d
    cdef Py_ssize_t i
    for i in range(s.H):
        dW[i * s.V + x] = dW[i * s.V + x] + d[i]
        db[i] = db[i] + d[i]
    add_outer(dU, d, state, s.H, s.H)


cdef inline void adagrad(real *p, real *m, real *d, Py_ssize_t n, Py_ssize_t stride,
                         real learning_rate, real clip) noexcept nogil:
    # The update of n elements, and d = 0 for the next window.
    cdef Py_ssize_t i, k
    cdef real g, root
    for k in range(n):
        i = k * stride
        g = d[i]
        g = -clip if g < -clip else g
        g = clip if g > clip else g
        m[i] = m[i] + g * g
        root = sqrtf(m[i] + <float>1e-8) if real is float else sqrt(m[i] + 1e-8)
        p[i] = p[i] + -learning_rate * g / root
        d[i] = 0


cdef bint _have_shapes(real[:, :, ::1] W, real[:, :, ::1] U, real[:, ::1] b, real[:, ::1] Wy,
                       real[::1] by, Py_ssize_t V, Py_ssize_t H) noexcept:
    return (W.shape[0] == 3 and W.shape[1] == H and W.shape[2] == V and U.shape[0] == 3
            and U.shape[1] == H and U.shape[2] == H and b.shape[0] == 3 and b.shape[1] == H
            and Wy.shape[0] == V and Wy.shape[1] == H and by.shape[0] == V)


_WEIGHTS = {name: Array(ndim, writable=True)
            for name, ndim in {"W": 3, "U": 3, "b": 2, "Wy": 2, "by": 1}.items()}
_STATES = {f"m{name}": kind for name, kind in _WEIGHTS.items()}
_NUMBERS = dict.fromkeys(("position", "T", "learning_rate", "clip"))


def _bad_symbol(V, symbol, i):
    return ValueError(f"`symbols` must be from 0 to {V - 1}, not {symbol} at position {i}")


@checks_arrays(**_WEIGHTS, **_STATES, hidden=WRITABLE, symbols=Array(dtypes=(np.int32,)),
               **_NUMBERS, losses=Array(writable=True, dtypes=(np.float64,)))
def iterate(real[:, :, ::1] W, real[:, :, ::1] U, real[:, ::1] b, real[:, ::1] Wy, real[::1] by,
            real[:, :, ::1] mW, real[:, :, ::1] mU, real[:, ::1] mb, real[:, ::1] mWy,
            real[::1] mby, real[::1] hidden, const int32_t[::1] symbols, Py_ssize_t position,
            Py_ssize_t T, double learning_rate, double clip, double[::1] losses):
    """Train with truncated BPTT on one stream, with an Adagrad step per window, in place.

    Parameters
    ----------
    W, U, b : ndarray, shapes (3, H, V), (3, H, H), (3, H)
        The parameters of the gates, in the order z, r, h.
    Wy, by : ndarray, shapes (V, H), (V,)
        The parameters of the output layer.
    mW, mU, mb, mWy, mby : ndarray
        The optimiser state of Adagrad, with the shapes of the parameters.
    hidden : ndarray, shape (H,)
        The hidden state before the first window; afterwards that of the last window.
    symbols : ndarray, int32, shape (n,)
        The text.
    position : int
        Where the first window begins. A window that would reach the end of the text begins at 0
        with a zero state instead, as in the notebook.
    T : int
        The sequence length.
    learning_rate, clip : float
        The settings of Adagrad; gradients are clipped by value.
    losses : ndarray, float64, shape (windows,)
        Output: the loss of each window, in nats.

    Returns
    -------
    int
        The position of the next window.
    """
    cdef Py_ssize_t H = U.shape[1], V = W.shape[2], n = symbols.shape[0], window, t, i, g
    cdef Py_ssize_t HV = H * V, HH = H * H
    cdef int32_t symbol
    if not _have_shapes(W, U, b, Wy, by, V, H) or hidden.shape[0] != H or H < 1 or V < 1:
        raise ValueError("the shapes of the parameters and of hidden do not match")
    if not _have_shapes(mW, mU, mb, mWy, mby, V, H):
        raise ValueError("the optimiser state must have the shapes of the parameters")
    if not (T >= 1 and n > T and 0 <= position < n):
        raise ValueError(f"a text of {n} characters has no window of length {T} at {position}")
    check_learning_rate(learning_rate, sizeof(real))
    check_clip(clip)
    for i in range(n):
        symbol = symbols[i]  # read once: another thread may write into the text
        if not 0 <= symbol < V:
            raise _bad_symbol(V, symbol, i)
    cdef Loops f = _loops("f" if real is float else "d")
    cdef Sizes s = Sizes(V, H)
    dtype = np.float32 if real is float else np.float64
    # z, r, h_hat, rh (T, H); h (T+1, H); p (T, V); then vectors of H, and the gradients
    cdef real[::1] work = np.zeros(T * (4 * H + V) + (T + 1) * H + 9 * max(H, V), dtype)
    cdef real[::1] gradients = np.zeros(3 * (HV + HH + H) + HV + V, dtype)
    cdef real *z = &work[0]
    cdef real *r = z + T * H
    cdef real *h_hat = r + T * H
    cdef real *rh = h_hat + T * H
    cdef real *h = rh + T * H
    cdef real *p = h + (T + 1) * H
    cdef real *dh = p + T * V
    cdef real *dh_next = dh + max(H, V)
    cdef real *dh_hat_l = dh_next + max(H, V)
    cdef real *drh = dh_hat_l + max(H, V)
    cdef real *dr_l = drh + max(H, V)
    cdef real *dz_l = dr_l + max(H, V)
    cdef real *through_z = dz_l + max(H, V)
    cdef real *through_r = through_z + max(H, V)
    cdef real *scratch = through_r + max(H, V)
    cdef real *dW = &gradients[0]
    cdef real *dU = dW + 3 * HV
    cdef real *db = dU + 3 * HH
    cdef real *dWy = db + 3 * H
    cdef real *dby = dWy + HV
    cdef real *dy
    cdef real *h_prev
    cdef real *zt
    cdef real *rt
    cdef real *ct
    cdef real q, log_q
    cdef double loss
    cdef int32_t[::1] inputs = np.empty(T + 1, np.int32)
    cdef int32_t *x = &inputs[0]
    with nogil:
        for window in range(losses.shape[0]):
            if position + T + 1 >= n:
                position = 0
                for i in range(H):
                    hidden[i] = 0
            for t in range(T + 1):  # checked again, as they are copied
                x[t] = symbols[position + t]
                if not 0 <= x[t] < V:
                    with gil:
                        raise _bad_symbol(V, x[t], position + t)
            for i in range(H):
                h[i] = hidden[i]
            loss = 0
            for t in range(T):
                cell(&f, s, &W[0, 0, 0], &U[0, 0, 0], &b[0, 0], &Wy[0, 0], &by[0], x[t], h + t * H,
                     z + t * H, r + t * H, h_hat + t * H, rh + t * H, h + (t + 1) * H, p + t * V,
                     scratch)
                q = p[t * V + x[t + 1]]
                unary(&f.log, &log_q, &q, 1)
                loss += -log_q
            losses[window] = loss
            for i in range(H):
                dh_next[i] = 0
            for t in range(T - 1, -1, -1):
                dy, h_prev = p + t * V, h + t * H
                zt, rt, ct = z + t * H, r + t * H, h_hat + t * H
                dy[x[t + 1]] = dy[x[t + 1]] - 1
                add_outer(dWy, dy, h + (t + 1) * H, V, H)
                for i in range(V):
                    dby[i] = dby[i] + dy[i]
                dot(&f.matmul, dh, &Wy[0, 0], H, V, 1, H, dy)
                for i in range(H):
                    dh[i] = dh[i] + dh_next[i]
                    dh_hat_l[i] = (dh[i] * (1 - zt[i])) * (1 - ct[i] * ct[i])
                add_gate(dW + 2 * HV, dU + 2 * HH, db + 2 * H, dh_hat_l, rh + t * H, x[t], s)
                dot(&f.matmul, drh, &U[2, 0, 0], H, H, 1, H, dh_hat_l)
                for i in range(H):
                    dr_l[i] = (drh[i] * h_prev[i]) * (rt[i] * (1 - rt[i]))
                add_gate(dW + HV, dU + HH, db + H, dr_l, h_prev, x[t], s)
                for i in range(H):
                    dz_l[i] = (dh[i] * (h_prev[i] - ct[i])) * (zt[i] * (1 - zt[i]))
                add_gate(dW, dU, db, dz_l, h_prev, x[t], s)
                dot(&f.matmul, through_z, &U[0, 0, 0], H, H, 1, H, dz_l)
                dot(&f.matmul, through_r, &U[1, 0, 0], H, H, 1, H, dr_l)
                for i in range(H):
                    dh_next[i] = ((through_z[i] + dh[i] * zt[i]) + drh[i] * rt[i]) + through_r[i]
            for i in range(H):
                hidden[i] = h[T * H + i]
            # A column of W whose symbol is not an input has a zero gradient, which changes nothing.
            for t in range(T):
                for g in range(3):
                    adagrad(&W[g, 0, x[t]], &mW[g, 0, x[t]], dW + g * HV + x[t], H, V,
                            <real>learning_rate, <real>clip)
            adagrad(&U[0, 0, 0], &mU[0, 0, 0], dU, 3 * HH, 1, <real>learning_rate, <real>clip)
            adagrad(&b[0, 0], &mb[0, 0], db, 3 * H, 1, <real>learning_rate, <real>clip)
            adagrad(&Wy[0, 0], &mWy[0, 0], dWy, HV, 1, <real>learning_rate, <real>clip)
            adagrad(&by[0], &mby[0], dby, V, 1, <real>learning_rate, <real>clip)
            position += T
    return position


@checks_arrays(**_WEIGHTS, hidden=REAL, first=None, uniforms=Array(dtypes=(np.float64,)))
def sample(real[:, :, ::1] W, real[:, :, ::1] U, real[:, ::1] b, real[:, ::1] Wy, real[::1] by,
           const real[::1] hidden, int32_t first, const double[::1] uniforms):
    """Sample symbols one after the other, as the notebook does.

    Parameters
    ----------
    W, U, b, Wy, by : ndarray
        The parameters, with the shapes of ``iterate``.
    hidden : ndarray, shape (H,)
        The hidden state to start from; it is not changed.
    first : int
        The symbol that the first time step reads.
    uniforms : ndarray, float64, shape (n,)
        Random numbers in [0, 1), one per symbol, as numpy.random.choice would draw them.

    Returns
    -------
    ndarray, int32, shape (n + 1,)
        ``first`` and the n symbols sampled.
    """
    cdef Py_ssize_t H = U.shape[1], V = W.shape[2], n = uniforms.shape[0], i, k
    if not _have_shapes(W, U, b, Wy, by, V, H) or hidden.shape[0] != H or H < 1 or V < 1:
        raise ValueError("the shapes of the parameters and of hidden do not match")
    if not 0 <= first < V:
        raise ValueError(f"first must be from 0 to {V - 1}, not {first}")
    cdef Loops f = _loops("f" if real is float else "d")
    cdef Sizes s = Sizes(V, H)
    cdef real[::1] work = np.zeros(5 * H + V + max(H, V),
                                   np.float32 if real is float else np.float64)
    cdef double[::1] running = np.empty(V)
    cdef int32_t[::1] out = np.empty(n + 1, np.int32)
    cdef real *h = &work[0]
    cdef real *z = h + H
    cdef real *r = z + H
    cdef real *h_hat = r + H
    cdef real *rh = h_hat + H
    cdef real *p = rh + H
    cdef real *scratch = p + V
    work[:H] = hidden
    out[0] = first
    with nogil:
        for k in range(n):
            cell(&f, s, &W[0, 0, 0], &U[0, 0, 0], &b[0, 0], &Wy[0, 0], &by[0], out[k], h, z, r,
                 h_hat, rh, h, p, scratch)
            running[0] = p[0]
            for i in range(1, V):
                running[i] = running[i - 1] + p[i]
            i = 0
            while i < V - 1 and not running[i] / running[V - 1] > uniforms[k]:
                i += 1
            out[k + 1] = <int32_t>i
    return np.asarray(out)
