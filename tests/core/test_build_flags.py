# SPDX-License-Identifier: MIT
"""Floating-point flags of the environment (CFLAGS) do not reach the compiled modules."""

import runpy
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAST = ["-ffast-math", "-Ofast", "-ffinite-math-only", "-funsafe-math-optimizations"]
pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux")
    or not (find_spec("Cython") and find_spec("setuptools") and shutil.which("cc"))
    or not (ROOT / "setup.py").exists(),
    reason="needs Linux, Cython, setuptools, a C compiler and setup.py",
)


def compiler(*arguments):
    return subprocess.run(["cc", *arguments], capture_output=True, text=True)


@pytest.fixture
def extensions(monkeypatch):
    """The extensions that setup.py describes."""
    found = []
    monkeypatch.setattr("Cython.Build.cythonize", lambda modules, **_: modules)
    monkeypatch.setattr("setuptools.setup", lambda ext_modules, **_: found.extend(ext_modules))
    monkeypatch.chdir(ROOT)
    runpy.run_path("setup.py")
    return found


@pytest.mark.parametrize("flag", FAST)
def test_compiling(flag, extensions):
    """setuptools puts CFLAGS first and an extension's own flags last."""
    assert len(extensions) > 5
    for each in extensions:
        done = compiler(flag, *each.extra_compile_args, "-dM", "-E", "-x", "c", "/dev/null")
        macros = set(done.stdout.splitlines())
        assert done.returncode == 0, done.stderr
        assert "#define __FINITE_MATH_ONLY__ 0" in macros
        assert "__FAST_MATH__" not in done.stdout
        assert "__ASSOCIATIVE_MATH__" not in done.stdout
        assert "__RECIPROCAL_MATH__" not in done.stdout


@pytest.mark.parametrize("flag", FAST)
def test_linking(flag, extensions):
    """crtfastmath.o sets the processor to flush subnormals when it is loaded."""
    for each in extensions:
        done = compiler("-###", "-shared", flag, "x.o", "-o", "x.so", *each.extra_link_args)
        assert "crtfastmath" not in done.stderr


@pytest.mark.parametrize("flag", FAST[:3])
def test_other_builds_of_the_kernels_are_refused(flag):
    done = compiler("-fsyntax-only", flag, "-x", "c", str(ROOT / "csrc" / "compiler.h"))
    assert done.returncode != 0
    assert "gru_ext must not be compiled with" in done.stderr
    assert compiler("-fsyntax-only", "-x", "c", str(ROOT / "csrc" / "compiler.h")).returncode == 0
