# SPDX-License-Identifier: MIT
"""Filters of the probabilities p (V) of the next symbol: each sets those that it removes to zero.

The sum of p is not kept at 1; each filter works with p divided by its sum. A filter removes
nothing if no probability is positive. Ties are broken by the symbol's number. With NaN in p a
filter may keep any symbols, but it reads and writes only p[0] to p[V - 1] and heap[0] to
heap[V - 1].
"""
from libc.math cimport INFINITY, fabs, log
from libc.stdint cimport int32_t

from gru_ext.core.native cimport real


cdef struct Candidate:
    double key         # the largest one is the best
    int32_t symbol


cdef inline bint _is_better(const Candidate *a, const Candidate *b) noexcept nogil:
    return a.key > b.key or (a.key == b.key and a.symbol < b.symbol)


cdef inline void _sift_down(Candidate *heap, Py_ssize_t i, Py_ssize_t n) noexcept nogil:
    # Restores the order of a heap of n below i: a parent is better than its children.
    cdef Py_ssize_t child
    cdef Candidate moved = heap[i]
    while 2 * i + 1 < n:
        child = 2 * i + 1
        if child + 1 < n and _is_better(&heap[child + 1], &heap[child]):
            child += 1
        if not _is_better(&heap[child], &moved):
            break
        heap[i] = heap[child]
        i = child
    heap[i] = moved


cdef inline Py_ssize_t _collect(Candidate *heap, const real *p, Py_ssize_t V,
                                double *total) noexcept nogil:
    # The symbols with p > 0, keyed by p. Returns their number; total is the sum of their p.
    cdef Py_ssize_t v, n = 0
    total[0] = 0
    for v in range(V):
        if p[v] > 0:
            heap[n].key = p[v]
            heap[n].symbol = <int32_t>v
            total[0] += p[v]
            n += 1
    return n


cdef inline void _keep_best(Candidate *heap, Py_ssize_t n, real *p, Py_ssize_t most,
                            double mass) noexcept nogil:
    # Keeps the best candidates, until there are `most` or the sum of their p reaches `mass`. Only
    # these are sorted: O(n + kept * log n).
    cdef Py_ssize_t i, left = n
    cdef Candidate best
    cdef double sum = 0
    for i in range(n // 2 - 1, -1, -1):
        _sift_down(heap, i, n)
    while left > 0 and n - left < most and not sum >= mass:
        best = heap[0]
        left -= 1
        heap[0] = heap[left]
        _sift_down(heap, 0, left)
        sum += p[best.symbol]
    for i in range(left):
        p[heap[i].symbol] = 0


cdef inline void keep_top_k(real *p, Py_ssize_t V, Py_ssize_t k, Candidate *heap) noexcept nogil:
    # The k most likely symbols.
    cdef double total
    cdef Py_ssize_t n = _collect(heap, p, V, &total)
    _keep_best(heap, n, p, k, INFINITY)


cdef inline void keep_top_p(real *p, Py_ssize_t V, double top_p, Candidate *heap) noexcept nogil:
    # The fewest most likely symbols whose sum reaches top_p.
    cdef double total
    cdef Py_ssize_t n = _collect(heap, p, V, &total)
    _keep_best(heap, n, p, n, top_p * total)


cdef inline void keep_typical(real *p, Py_ssize_t V, double typical_p,
                              Candidate *heap) noexcept nogil:
    # The fewest symbols whose sum reaches typical_p, those of smallest |-log p - entropy| first.
    cdef double total, entropy = 0
    cdef Py_ssize_t i, n = _collect(heap, p, V, &total)
    for i in range(n):
        heap[i].key = log(total / heap[i].key)
        entropy += p[heap[i].symbol] / total * heap[i].key
    for i in range(n):
        heap[i].key = -fabs(heap[i].key - entropy)
    _keep_best(heap, n, p, n, typical_p * total)


cdef inline Py_ssize_t most_likely(const real *p, Py_ssize_t V) noexcept nogil:
    # The first symbol of the largest p.
    cdef Py_ssize_t v, best = 0
    for v in range(1, V):
        if p[v] > p[best]:
            best = v
    return best


cdef inline void keep_from(real *p, Py_ssize_t V, double least, Py_ssize_t best) noexcept nogil:
    # The symbols with p >= least, and `best`.
    cdef Py_ssize_t v
    cdef real kept = p[best]
    for v in range(V):
        p[v] = 0 if p[v] < least else p[v]
    p[best] = kept
