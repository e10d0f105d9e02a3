# SPDX-License-Identifier: MIT
"""The choice of the code for matrix products: the package's kernels or the BLAS in SciPy."""
import contextlib
import os
import threading

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer

from gru_ext.core.blas cimport Blas, dgemm_t, dgemv_t, sgemm_t, sgemv_t

cdef Blas _blas
cdef const Blas *_active = NULL
_threads = None


cdef const Blas *active() noexcept nogil:
    # NULL: the package's kernels.
    return _active


cdef void *_blas_function(module, name, arguments) except NULL:
    # The capsule's name is the C signature; SciPy has its own name for the type of reals.
    capsule = module.__pyx_capi__[name]
    cdef const char *signature = PyCapsule_GetName(capsule)
    types = signature.decode().removeprefix("void (").removesuffix(")").split(", ")
    kinds = "".join({"char *": "c", "int *": "i"}.get(kind, "r") for kind in types)
    if kinds != arguments:
        raise ImportError(f"this SciPy's {name} has unexpected arguments "
                          f"({signature.decode()}): use matmul 'native'")
    return PyCapsule_GetPointer(capsule, signature)


def _load_blas():
    global _threads
    try:
        from scipy.linalg import cython_blas
        from threadpoolctl import ThreadpoolController
    except ImportError as error:
        raise ImportError(f"matmul 'blas' needs SciPy and threadpoolctl ({error}): "
                          'pip install "gru-ext[blas]", '
                          "or use matmul 'native'") from error
    _blas.sgemm = <sgemm_t>_blas_function(cython_blas, "sgemm", "cciiirririrri")
    _blas.dgemm = <dgemm_t>_blas_function(cython_blas, "dgemm", "cciiirririrri")
    _blas.sgemv = <sgemv_t>_blas_function(cython_blas, "sgemv", "ciirririrri")
    _blas.dgemv = <dgemv_t>_blas_function(cython_blas, "dgemv", "ciirririrri")
    _threads = ThreadpoolController()


def use_matmul(name=None):
    """Choose the code for the matrix products of workspaces and trainers created from now on.

    Parameters
    ----------
    name : {'native', 'blas'}, optional
        ``'native'``, the default, is the package's kernels. ``'blas'`` is the BLAS in SciPy (the
        extra ``gru-ext[blas]``); each training thread calls it with one BLAS thread. It is faster
        only where the kernels' instruction set is the generic one, and results may then depend on
        the number of threads.

    Raises
    ------
    ImportError
        If SciPy or threadpoolctl is missing.
    ValueError
        If the name is not one of these.
    """
    global _active
    if name is None or name == "native":
        _active = NULL
    elif name == "blas":
        _load_blas()
        _active = &_blas
    else:
        raise ValueError(f"matmul must be 'native' or 'blas', not {name!r}")


def active_matmul():
    """Return ``'native'`` or ``'blas'``, the code in use for matrix products."""
    return "native" if _active is NULL else "blas"


class _OneThread:
    # A context that limits the BLAS to one thread. Contexts of several threads may overlap: the
    # first entered sets the limit, the last left restores it.
    def __init__(self):
        self._lock = threading.Lock()
        self._calls = 0

    def __enter__(self):
        with self._lock:
            if self._calls == 0:
                self._limit = _threads.limit(limits=1, user_api="blas")
            self._calls += 1

    def __exit__(self, *error):
        with self._lock:
            self._calls -= 1
            if self._calls == 0:
                self._limit.restore_original_limits()


_one_thread = _OneThread()


def one_blas_thread(blas):
    """Return a context in which, if ``blas``, the BLAS libraries of this process use one thread."""
    return _one_thread if blas else contextlib.nullcontext()


use_matmul(os.environ.get("GRU_EXT_MATMUL") or None)
