# SPDX-License-Identifier: MIT
"""Programs in C and C++ in tests: which compilers are there, and what they are told."""

import functools
import shutil

import pytest

from gru_ext.export.c_compiler import Program, compiler

STRICT = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror", "-O2")
C99 = ("-std=c99", *STRICT)
CXX17 = ("-x", "c++", "-std=c++17", *STRICT)
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")
DIALECTS = [("cc", C99), ("gcc", C99), ("clang", C99), ("g++", CXX17), ("clang++", CXX17)]
IDS = [each for each, _ in DIALECTS]
REQUIRED = pytest.mark.skipif(compiler() is None, reason="no C compiler was found")


@functools.cache
def _works(name, options, source):
    try:
        Program(source, name, options)
    except OSError:
        return False
    return True


def compiled(source, name="cc", options=C99):
    """Compile a program; skip the test where the compiler, or one of its options, is missing."""
    name = compiler() if name == "cc" else name
    if not shutil.which(name or ""):
        pytest.skip(f"{name} was not found")
    if not _works(name, options, "int main(void) { return 0; }\n"):
        pytest.skip(f"{name} does not take {' '.join(options)}")
    return Program(source, name, options)
