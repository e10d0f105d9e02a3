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

from libc.stdint cimport int32_t, uint8_t

from gru_ext.core.classic_window cimport (
    BLOCK,
    Loops,
    Sizes,
    backward,
    cell,
    forward,
    sizes_of,
    update,
)
from gru_ext.core.native cimport real
from gru_ext.core.numpy_loops cimport loop_of


cdef Loops _loops(str kind) except *:
    cdef Loops loops
    loops.exp = loop_of(np.exp, kind)
    loops.tanh = loop_of(np.tanh, kind)
    loops.log = loop_of(np.log, kind)
    loops.add = loop_of(np.add, kind)
    # the same bits; NumPy 2.2 and newer have matvec, which takes less time
    loops.product = loop_of(getattr(np, "matvec", np.matmul), kind)
    return loops


def _padded_rows(W, b, V, P):
    # W and b as rows (V + 1, 3, P): the weights of each symbol are adjacent; the last row is b.
    rows = np.zeros((V + 1, 3, P), W.dtype)
    rows[:V, :, :W.shape[1]] = W.transpose(2, 0, 1)
    rows[V, :, :W.shape[1]] = b
    return rows


def _from_rows(rows, W, b):
    W[...] = rows[:-1, :, :W.shape[1]].transpose(1, 2, 0)
    b[...] = rows[-1, :, :W.shape[1]]


def _padded(by, Q):
    row = np.zeros(Q, by.dtype)
    row[:len(by)] = by
    return row


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
    cdef Py_ssize_t H = U.shape[1], V = W.shape[2], n = symbols.shape[0], window, t = 0, i
    cdef int32_t symbol = 0
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
    cdef Sizes s = sizes_of(V, H)
    cdef Py_ssize_t P = s.P, Q = s.Q
    dtype = np.float32 if real is float else np.float64
    cdef real[:, :, ::1] rows = _padded_rows(np.asarray(W), np.asarray(b), V, P)
    cdef real[:, :, ::1] m_rows = _padded_rows(np.asarray(mW), np.asarray(mb), V, P)
    cdef real[::1] y_bias = _padded(np.asarray(by), Q)
    cdef real[::1] m_y_bias = _padded(np.asarray(mby), Q)
    # gates and d (T, 3, P), rh (T, P), h (T+1, P), p (T, Q), q (T), the scratch of a time step
    cdef real[::1] work = np.zeros(T * (8 * P + Q + 1) + P + 5 * P + Q, dtype)
    cdef real[::1] gradients = np.zeros((V + 1) * 3 * P + max(3 * H, V) * H + Q + BLOCK, dtype)
    cdef real *gates = &work[0]
    cdef real *d = gates + T * 3 * P
    cdef real *rh = d + T * 3 * P
    cdef real *h = rh + T * P
    cdef real *p = h + (T + 1) * P
    cdef real *scratch = p + T * Q
    cdef real *q = scratch + 5 * P + Q
    cdef uint8_t[::1] seen = np.zeros(V, np.uint8)
    cdef int32_t[::1] inputs = np.empty(T + 1, np.int32)
    cdef int32_t *x = &inputs[0]
    cdef bint wrong = False
    with nogil:
        for i in range(H):
            h[T * P + i] = hidden[i]
        for window in range(losses.shape[0]):
            if position + T + 1 >= n:
                position = 0
                for i in range(H):
                    h[T * P + i] = 0
            for t in range(T + 1):  # checked again, as they are copied
                symbol = x[t] = symbols[position + t]
                wrong = not 0 <= symbol < V
                if wrong:
                    break
            if wrong:
                break
            for i in range(H):
                h[i] = h[T * P + i]
            losses[window] = forward(&f, s, T, &rows[0, 0, 0], &U[0, 0, 0], &rows[V, 0, 0],
                                     &Wy[0, 0], &y_bias[0], x, h, gates, rh, p, scratch, q)
            backward(&f, s, T, &U[0, 0, 0], &Wy[0, 0], x, h, gates, p, d, scratch)
            update(s, T, &rows[0, 0, 0], &U[0, 0, 0], &Wy[0, 0], &y_bias[0], &m_rows[0, 0, 0],
                   &mU[0, 0, 0], &mWy[0, 0], &m_y_bias[0], x, h, rh, d, p, &gradients[0], &seen[0],
                   &gradients[(V + 1) * 3 * P], <real>learning_rate, <real>clip)
            position += T
        for i in range(H):
            hidden[i] = h[T * P + i]
    _from_rows(np.asarray(rows), np.asarray(W), np.asarray(b))
    _from_rows(np.asarray(m_rows), np.asarray(mW), np.asarray(mb))
    np.asarray(by)[:] = y_bias[:V]
    np.asarray(mby)[:] = m_y_bias[:V]
    if wrong:
        raise _bad_symbol(V, symbol, position + t)
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
    cdef Sizes s = sizes_of(V, H)
    cdef real[:, :, ::1] rows = _padded_rows(np.asarray(W), np.asarray(b), V, s.P)
    cdef real[::1] y_bias = _padded(np.asarray(by), s.Q)
    cdef real[::1] work = np.zeros(7 * s.P + 2 * s.Q, np.float32 if real is float else np.float64)
    cdef double[::1] running = np.empty(V)
    cdef int32_t[::1] out = np.empty(n + 1, np.int32)
    cdef real *h = &work[0]
    cdef real *gates = h + s.P
    cdef real *rh = gates + 3 * s.P
    cdef real *p = rh + s.P
    cdef real *scratch = p + s.Q
    work[:H] = hidden
    out[0] = first
    with nogil:
        for k in range(n):
            cell(&f, s, &rows[out[k], 0, 0], &U[0, 0, 0], &rows[V, 0, 0], &Wy[0, 0], &y_bias[0], h,
                 gates, rh, h, p, scratch)
            running[0] = p[0]
            for i in range(1, V):
                running[i] = running[i - 1] + p[i]
            i = 0
            while i < V - 1 and not running[i] / running[V - 1] > uniforms[k]:
                i += 1
            out[k + 1] = <int32_t>i
    return np.asarray(out)
