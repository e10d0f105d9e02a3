# SPDX-License-Identifier: MIT
"""C programs that are compiled in a temporary folder and run."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

COMPILERS = ("cc", "gcc", "clang")
_PROGRAM = "program.exe" if sys.platform == "win32" else "program"


@functools.cache
def compiler() -> str | None:
    """The path of the first of cc, gcc and clang that compiles a program; None without one."""
    for name in COMPILERS:
        path = shutil.which(name)
        if path is None:
            continue
        try:
            Program("int main(void) { return 0; }\n", path)
        except OSError:  # such as one that only asks for its installation
            continue
        return path
    return None


class Program:
    """A program that is compiled from the text of a C file, and removed when it is not used.

    Parameters
    ----------
    source : str
    compiler : str
        The path of the compiler.
    options : sequence of str
        What the compiler gets besides; by default, that of a quick and optimised compilation.

    Raises
    ------
    OSError
        The program could not be compiled.
    """

    def __init__(
        self, source: str, compiler: str, options: Sequence[str] = ("-std=c99", "-O1")
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gru_ext-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "program.c").write_text(source, "ascii")
        self._run([compiler, *options, "program.c", "-o", _PROGRAM, "-lm"], "compile a program")

    def run(self, *arguments: str) -> bytes:
        """Run the program in its folder; what it wrote to its standard output.

        Raises
        ------
        OSError
            It failed.
        """
        command = [str(self.folder / _PROGRAM), *arguments]
        return self._run(command, "run what was compiled")

    def _run(self, command: Sequence[str], what: str) -> bytes:
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode != 0:
            message = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
            raise OSError(f"{command[0]} could not {what}: {message}")
        return done.stdout
