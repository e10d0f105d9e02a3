# SPDX-License-Identifier: MIT
"""capi_fused.pxd: one name for both dtypes, in a module that is compiled with it."""

from built import needs_compiler, python

FUSED = """
# cython: language_level=3
import numpy as np
from libc.stdint cimport int32_t
from gru_ext.capi cimport (
    GRU_FOR_TRAINING, GRU_ITEMSIZE, GRU_OK, gru_model, gru_model_free, gru_model_get,
    gru_model_open, gru_workspace_bytes_for, gru_workspace_init_for, gru_workspace_losses,
)
from gru_ext.capi_fused cimport gru_cost, gru_forward, gru_real, gru_step

cdef _bits(gru_model *model, const int32_t[:, ::1] x, gru_real[::1] state, gru_real[::1] scratch):
    cdef double bits = 0, total = 0
    cdef Py_ssize_t i
    for i in range(x.shape[0] - 1):
        assert gru_step(model, x[i, 0], &state[0], &scratch[0], scratch.shape[0]) == GRU_OK
        assert gru_cost(model, &state[0], x[i + 1, 0], &bits, &scratch[0],
                        scratch.shape[0]) == GRU_OK
        total += bits
    return total

def bits(path, const int32_t[:, ::1] x):
    cdef gru_model *model = gru_model_open(path)
    cdef Py_ssize_t T = x.shape[0] - 1, n = gru_workspace_bytes_for(model, 1, T, 0)
    cdef unsigned char[::1] workspace = np.zeros(n, np.uint8)
    cdef double nats = 0
    dtype = np.dtype(f"f{gru_model_get(model, GRU_ITEMSIZE)}")
    state, scratch = np.zeros((2, 4096), dtype)
    gru_workspace_init_for(model, &workspace[0], n, 1, T, 0)
    assert gru_forward(model, &workspace[0], &x[0, 0], &x[1, 0], T, &nats) == GRU_OK
    if dtype == np.float32:
        total = _bits[float](model, x, state, scratch)
    else:
        total = _bits[double](model, x, state, scratch)
    gru_model_free(model)
    return total, nats / np.log(2)
"""


@needs_compiler
def test_one_name_for_both_dtypes(tmp_path):
    (tmp_path / "fused.pyx").write_text(FUSED)
    python(tmp_path, "-m", "cython", "fused.pyx", "-o", "fused.c")
    (tmp_path / "setup.py").write_text(
        "from setuptools import Extension, setup\n"
        "setup(ext_modules=[Extension('fused', ['fused.c'])])\n"
    )
    python(tmp_path, "setup.py", "-q", "build_ext", "--inplace")
    code = (
        "import fused, gru_ext, numpy as np, os\n"
        "x = np.random.default_rng(0).integers(0, 3, (30, 1), np.int32)\n"
        "for dtype in ('f4', 'f8'):\n"
        "    model = gru_ext.Model.create(gru_ext.Vocabulary('abc'), 16, dtype, layers=2)\n"
        "    model.save('m.npz')\n"
        "    one, window = fused.bits('m.npz', x)\n"
        "    want = model.stream().feed(x[:, 0]).sum()\n"
        "    print(max(abs(one / want - 1), abs(window / want - 1)) < 1e-6)\n"
    )
    assert python(tmp_path, "-c", code) == "True\nTrue\n"
