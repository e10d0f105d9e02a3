# SPDX-License-Identifier: MIT
"""The examples are built with the declarations of the installed package, and run."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

needs_compiler = pytest.mark.skipif(
    not (find_spec("Cython") and find_spec("setuptools") and shutil.which("cc")),
    reason="needs Cython, setuptools and a C compiler",
)


def python(folder, *arguments):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_compiler
def test_cython_package(tmp_path):
    shutil.copytree(EXAMPLES / "compressor", tmp_path / "package")
    folder = tmp_path / "package"
    python(folder, "setup.py", "-q", "build_ext", "--build-lib", "src")
    shutil.copytree(folder / "tests", folder / "src" / "tests")
    assert " passed" in python(folder / "src", "-m", "pytest", "-q", "-p", "no:cacheprovider")


@needs_compiler
def test_c_extension(tmp_path):
    shutil.copytree(EXAMPLES / "c_client", tmp_path / "client")
    folder = tmp_path / "client"
    python(folder, "setup.py", "-q", "build_ext", "--inplace")
    code = (
        "import gru_ext, numpy as np, text_bits;"
        "m = gru_ext.Model.create(gru_ext.Vocabulary('abc'), 16, layers=2);"
        "print(text_bits.text_bits(m, np.int32([0, 1, 2, 1, 0])) / 4)"
    )
    assert abs(float(python(folder, "-c", code)) - 1.585) < 0.2
    for wrong in ("[0, 3]", "[-1, 0]"):
        code = (
            "import gru_ext, numpy as np, text_bits\n"
            "m = gru_ext.Model.create(gru_ext.Vocabulary('abc'), 4)\n"
            f"try: text_bits.text_bits(m, np.int32({wrong}))\n"
            "except ValueError as error: print(error)"
        )
        assert python(folder, "-c", code) == "gru_ext: GRU_BAD_SYMBOL\n"
    for wrong, found in (
        ("np.int64([0, 1])", "1-D with elements of 8 bytes"),
        ("np.uint8([0, 1, 2, 0])", "1-D with elements of 1 bytes"),
        ("np.float32([0, 1])", "1-D with elements of 4 bytes"),
        ("np.int32([[0, 1]])", "2-D with elements of 4 bytes"),
        ("np.int32([0, 1]).tobytes()", "1-D with elements of 1 bytes"),
    ):
        code = (
            "import gru_ext, numpy as np, text_bits\n"
            "m = gru_ext.Model.create(gru_ext.Vocabulary('abc'), 4)\n"
            f"try: text_bits.text_bits(m, {wrong})\n"
            "except TypeError as error: print(error)"
        )
        told = f"symbols must be a 1-D array of int32, not {found}"
        assert python(folder, "-c", code).startswith(told)


@needs_compiler
def test_scoring_a_text(tmp_path):
    shutil.copytree(EXAMPLES / "score_text", tmp_path / "score")
    folder = tmp_path / "score"
    python(folder, "setup.py", "-q", "build_ext", "--inplace")
    code = (
        "import gru_ext, score_text\n"
        "text = 'the end.||the \u20ac end.||' * 30\n"
        "for separator, layers in ((None, 1), ('||', 2)):\n"
        "    gru_ext.train(text, hidden_size=8, max_steps=20, output='m.npz', force=True,\n"
        "                  quiet=True, layers=layers, document_separator=separator)\n"
        "    want = gru_ext.load('m.npz').evaluate(text).bits_per_char * (len(text) - 1)\n"
        "    print(abs(score_text.bits_of('m.npz', text.encode()) / want - 1) < 1e-6)\n"
        "try:\n"
        "    score_text.bits_of('m.npz', b'x?')\n"
        "except ValueError as error:\n"
        "    print(error)\n"
        "print(score_text.bits_of('m.npz', b''))\n"
    )
    assert python(folder, "-c", code).split() == [
        "True",
        "True",
        "gru_ext:",
        "GRU_BAD_SYMBOL",
        "0.0",
    ]


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
