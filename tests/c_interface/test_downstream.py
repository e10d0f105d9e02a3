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
    shutil.copytree(EXAMPLES / "downstream", tmp_path / "package")
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
        "m = gru_ext.Model.create(gru_ext.Vocabulary('abc'), 16);"
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
        assert python(folder, "-c", code) == "gru_ext: status -3\n"
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
