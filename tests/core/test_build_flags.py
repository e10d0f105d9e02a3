# SPDX-License-Identifier: MIT
"""Floating-point flags of the environment (CFLAGS) do not reach the compiled modules."""

import os
import platform
import runpy
import shutil
import subprocess
import sys
import sysconfig
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


@pytest.mark.skipif(
    platform.machine() != "x86_64"
    or not Path(sysconfig.get_path("include"), "Python.h").exists()
    or shutil.which("objdump") is None,
    reason="needs x86-64, Python.h and objdump",
)
@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], "x86-64"),
        (["-msse3"], "x86-64 SSE3"),
        (["-march=haswell"], "x86-64 SSE3 SSE4.2 POPCNT BMI2 AVX AVX2 FMA"),
        (["-march=skylake-avx512"], "x86-64 SSE3 SSE4.2 POPCNT BMI2 AVX AVX2 FMA AVX-512"),
    ],
)
def test_the_baseline_is_told_by_code_that_does_not_need_it(flags, told, tmp_path):
    module = tmp_path / "baseline.so"
    include = f"-I{sysconfig.get_path('include')}"
    done = compiler(
        *(*flags, "-std=c11", "-O3", "-fPIC", "-shared", include, f"-I{ROOT / 'csrc'}"),
        *(str(ROOT / "src/gru_ext/core/baseline.c"), "-o", str(module)),
    )
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        ["objdump", "--disassemble", "--no-show-raw-insn", str(module)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    instructions = [line.split("\t")[1].split()[0] for line in shown.splitlines() if "\t" in line]
    assert len(instructions) > 20
    assert [name for name in instructions if name.startswith("v") or name == "popcnt"] == []
    program = "import baseline; print(baseline.built_for(), baseline.missing(), sep='|')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    found, missing = done.stdout.strip().split("|")
    assert found == told, done.stderr
    assert missing in ("", *told.split())
