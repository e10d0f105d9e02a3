# SPDX-License-Identifier: MIT
"""The build of the compiled modules; everything else about the build is in pyproject.toml.

Environment variables:

GRU_EXT_DEBUG=1   build with Cython's bounds checks and debug symbols
GRU_EXT_WERROR=1  treat C warnings as errors
GRU_EXT_ABI3=1    build one wheel for this version of Python and all newer ones
GRU_EXT_MSVC=1    build with MSVC, which gets the generic kernels only, instead of clang-cl
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

debug, strict, abi3, msvc = (
    os.environ.get(f"GRU_EXT_{name}") == "1" for name in ("DEBUG", "WERROR", "ABI3", "MSVC")
)
windows = sys.platform == "win32"
LLVM = Path(os.environ.get("PROGRAMFILES", ""), "LLVM", "bin", "clang-cl.exe")
clang_cl = None
if windows and not msvc:
    clang_cl = shutil.which("clang-cl") or (str(LLVM) if LLVM.exists() else None)

# These flags come after CFLAGS. With -ffast-math from there, results would be wrong; in the link
# step it would flush subnormals in the whole process.
# The compiler fuses no multiply-adds by itself, so that its choice does not decide the bits: the
# kernels name each fused one, and core.classic must be bit-identical to NumPy, without any.
link_flags = []
if windows:
    flags = ["/O2", "/std:c11", *(["/clang:-ffp-contract=off"] if clang_cl else [])]
    kernel_flags = ["/clang:-fno-math-errno"] if clang_cl else []
else:
    link_flags = ["-O2", "-fno-fast-math", "-fno-unsafe-math-optimizations"]
    flags = ["-std=c11", "-fvisibility=hidden", *link_flags, "-fno-finite-math-only"]
    flags += ["-fno-associative-math", "-fno-reciprocal-math", "-fsigned-zeros", "-fno-math-errno"]
    flags += ["-ffp-contract=off"]
    flags += ["-O2", "-g1"] if debug else ["-O3", "-g0"]
    kernel_flags = ["-fno-trapping-math", "-Wall", "-Wextra", "-Wno-psabi"]
    if strict:
        # Cython's generated code causes some warnings of -Wextra; only the kernels get -Wextra.
        flags += ["-Wall", "-Werror", "-Wno-unreachable-code"]

KERNEL_SOURCES = [
    f"csrc/{name}.c"
    for name in ("dispatch", "isa_generic", "isa_avx2", "isa_avx512", "isa_avx512_bf16")
]
HEADERS = [f"csrc/{name}" for name in sorted(os.listdir("csrc")) if name.endswith(".h")]
# The utility code that Cython's modules share, in one module of its own.
SHARED = "gru_ext.core._cython"
# The version of Python whose limited API is used. Memoryviews need 3.11 or newer.
MACROS = [("Py_LIMITED_API", f"{sys.hexversion & 0xFFFF0000:#x}")] if abi3 else []


def extension(name, *c_sources, more_flags=(), include=()):
    return Extension(
        f"gru_ext.{name}",
        [f"src/gru_ext/{name.replace('.', '/')}.pyx", *c_sources],
        depends=HEADERS,
        include_dirs=["csrc", *include],
        define_macros=MACROS,
        py_limited_api=abi3,
        extra_compile_args=[*flags, *more_flags],
        extra_link_args=link_flags,
    )


class BuildExt(build_ext):
    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self):
        if clang_cl:
            if not self.compiler.initialized:
                self.compiler.initialize(self.plat_name)
            self.compiler.cc = clang_cl
        super().build_extensions()


sys.path[:0] = [str(Path(__file__).resolve().parent / name) for name in ("src", "tools")]
from long_description import long_description  # noqa: E402 (found by the path above)


def manual():
    """The file of the man page as data of the package; none where its generator is missing.

    It always is there in a build by pip, but not in a build in place for development.
    """
    if importlib.util.find_spec("argparse_manpage") is None:
        return []
    from gru_ext.cli.manual import manual  # the parser needs no compiled module

    page = Path("build", "man", "gru-ext.1")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(manual(), encoding="utf-8", newline="\n")
    return [("share/man/man1", [page.as_posix()])]


setup(
    long_description=long_description(),
    long_description_content_type="text/markdown",
    data_files=manual(),
    cmdclass={"build_ext": BuildExt},
    options={"bdist_wheel": {"py_limited_api": "cp{}{}".format(*sys.version_info)}} if abi3 else {},
    ext_modules=cythonize(
        [
            Extension(
                SHARED,
                ["src/gru_ext/core/_cython.c"],
                define_macros=MACROS,
                py_limited_api=abi3,
                extra_compile_args=flags,
                extra_link_args=link_flags,
            ),
            Extension(
                "gru_ext.core.baseline",
                ["src/gru_ext/core/baseline.c"],
                depends=HEADERS,
                include_dirs=["csrc"],
                define_macros=MACROS,
                py_limited_api=abi3,
                extra_compile_args=flags,
                extra_link_args=link_flags,
            ),
            extension("core.kernels", *KERNEL_SOURCES, more_flags=kernel_flags),
            extension("core.matmul"),
            extension("core.bptt"),
            extension("core.bfloat16"),
            extension("core.products"),
            extension("core.gradients"),
            extension("core.narrow"),
            extension("core.windows"),
            extension("core.reading"),
            extension("core.stream_state"),
            extension("core.stream_group"),
            extension("core.stream_reader"),
            extension("core.stream"),
            extension("core.sampler"),
            extension("core.sampling_loop"),
            extension("core.training_loop"),
            extension("core.training_step"),
            extension("c_interface.batch"),
            extension("c_interface.handle"),
            extension("c_interface.logits"),
            extension("c_interface.one_stream"),
            extension("c_interface.sampling"),
            extension("c_interface.table"),
            extension("c_interface.text"),
            extension("c_interface.training"),
            extension("c_interface.windows"),
            extension("c_interface.workspace"),
            extension("capi"),
            extension("core.classic", include=[numpy.get_include()]),
        ],
        build_dir="build/cython",
        shared_utility_qualified_name=SHARED,
        compiler_directives={
            "language_level": 3,
            "boundscheck": debug,
            "wraparound": False,
            "initializedcheck": debug,
            "cdivision": True,
            "freethreading_compatible": True,
        },
    ),
)
