# SPDX-License-Identifier: MIT
"""NumPy's own inner loops, called without the GIL and without a Python call.

They are in PyUFuncObject.functions, a documented part of NumPy's C API.
"""
cimport numpy as cnp

from gru_ext.core.native cimport real

ctypedef void (*loop_t)(char **, cnp.npy_intp *, cnp.npy_intp *, void *) noexcept nogil

cdef struct Loop:
    loop_t call
    void *data


cdef inline Loop loop_of(cnp.ufunc f, str kind) except *:
    # The inner loop for arguments of one type, as "dd->d".
    cdef Loop loop
    cdef int i
    for i, types in enumerate((<object>f).types):
        if set(types) == {kind, "-", ">"}:
            loop.call = <loop_t><void *>f.functions[i]
            loop.data = <void *>f.data[i] if f.data != NULL else NULL
            return loop
    raise RuntimeError("this NumPy lacks an inner loop that --classic needs")


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


cdef inline void dots(const Loop *product, Py_ssize_t count, real *y, Py_ssize_t next_y,
                      const real *a, Py_ssize_t next_a, Py_ssize_t m, Py_ssize_t n,
                      Py_ssize_t stride_m, Py_ssize_t stride_n, real *x,
                      Py_ssize_t next_x) noexcept nogil:
    # y (m) = a (m, n) x (n), for each of `count` products that are so many elements apart, by the
    # loop of matvec or of matmul; strides of a in elements
    cdef char *args[3]
    cdef cnp.npy_intp sizes[4]    # count, m, n; of matmul also the columns of x and y
    cdef cnp.npy_intp strides[9]  # between products, within a, x and y; matvec has the first 7
    cdef cnp.npy_intp item = sizeof(real)
    args[0], args[1], args[2] = <char *>a, <char *>x, <char *>y
    sizes[0], sizes[1], sizes[2], sizes[3] = count, m, n, 1
    strides[0], strides[1], strides[2] = next_a * item, next_x * item, next_y * item
    strides[3], strides[4] = stride_m * item, stride_n * item
    strides[5] = strides[6] = strides[7] = strides[8] = item
    product.call(args, sizes, strides, product.data)


cdef inline void dot(const Loop *product, real *y, const real *a, Py_ssize_t m, Py_ssize_t n,
                     Py_ssize_t stride_m, Py_ssize_t stride_n, real *x) noexcept nogil:
    # y (m) = a (m, n) x (n)
    dots(product, 1, y, 0, a, 0, m, n, stride_m, stride_n, x, 0)
