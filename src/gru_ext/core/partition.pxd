# SPDX-License-Identifier: MIT
"""How streams, rows and columns are divided among the threads of a team."""


cdef inline Py_ssize_t part_begin(Py_ssize_t n, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    # Part number `part` of `parts` has the items [part_begin(part), part_begin(part + 1)) of n.
    return n * part // parts
