# SPDX-License-Identifier: MIT
"""``gru-compress FILE`` and ``gru-decompress FILE``."""

from __future__ import annotations

import argparse
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from gru_compress._network import instruction_sets
from gru_compress.coding import MEMORY_LIMIT, compress, decompress
from gru_compress.weights import Given

SUFFIX = ".gruz"
LEARNS = "bytes of each stream after which the network learns from them; default: 16"


def compress_main(arguments: Sequence[str] | None = None) -> int:
    """The command ``gru-compress``; returns the exit status."""
    parser = _parser("gru-compress", f"Compress a file; by default to FILE{SUFFIX}.")
    parser.add_argument("--hidden-size", type=int, metavar="N", help="default: 256")
    parser.add_argument("--layers", type=int, metavar="N", help="default: 1")
    parser.add_argument(
        "--streams", type=int, metavar="N", help="parts that are coded side by side; default: 8"
    )
    parser.add_argument(
        "--groups", type=int, metavar="N", help="the most threads that can help; default: 2"
    )
    parser.add_argument("--window", type=int, metavar="N", help=LEARNS)
    parser.add_argument(
        "--learning-rate",
        type=float,
        metavar="R",
        help="default: 0.01, with a model 0.0015; 0: learn nothing",
    )
    parser.add_argument("--isa", choices=instruction_sets(), help="default: the fastest")
    given = vars(parser.parse_args(arguments))
    source = given["file"]
    target = given.pop("output") or Path(f"{source}{SUFFIX}")
    return _run(parser.prog, compress, target, given)


def decompress_main(arguments: Sequence[str] | None = None) -> int:
    """The command ``gru-decompress``; returns the exit status."""
    parser = _parser(
        "gru-decompress", f"Decompress a file; by default to its name without {SUFFIX}."
    )
    given = vars(parser.parse_args(arguments))
    source, target = given["file"], given.pop("output")
    if target is None and source.suffix != SUFFIX:
        parser.error(f"the name {source} does not end with {SUFFIX}: name the output with -o")
    return _run(parser.prog, decompress, target or source.with_suffix(""), given)


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(name, description=description, allow_abbrev=False)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE")
    parser.add_argument("-f", "--force", action="store_true", help="replace an existing output")
    parser.add_argument("--model", metavar="MODEL", help="a model of gru-ext train to begin with")
    parser.add_argument("--threads", type=int, metavar="N", help="default: all processors")
    parser.add_argument(
        "--memory-limit", type=int, metavar="MIB", default=MEMORY_LIMIT >> 20, help="default: 1024"
    )
    return parser


def _run(name: str, code: Callable[..., bytes], target: Path, given: dict) -> int:
    source, force, path = given.pop("file"), given.pop("force"), given.pop("model")
    limit = given.pop("memory_limit") << 20
    try:
        if given["threads"] is not None and given["threads"] < 1:
            raise ValueError(f"`threads` must be 1 or more, not {given['threads']}")
        if not force and os.path.lexists(target):
            raise FileExistsError(f"{target} exists: add --force to replace it")
        model = None if path is None else Given(path)
        data = _read(source, limit)
        try:
            result = code(data, model, memory_limit=limit, progress=True, **given)
        except ValueError as error:
            raise ValueError(f"{source} {error}" if str(error)[0] != "`" else error) from None
        _write(target, result)
    except (OSError, ValueError, MemoryError) as error:
        print(f"{name}: {_told(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    print(f"{target}: {len(data):,} -> {len(result):,} bytes", file=sys.stderr)
    return 0


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error) or "not enough memory"


def _read(path: Path, limit: int) -> bytes:
    with open(path, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path} is not a regular file")
        if found.st_size > limit:
            raise ValueError(f"{path} has {found.st_size:,} bytes, more than --memory-limit")
        return file.read()


def _write(path: Path, data: bytes) -> None:
    """Write a file atomically: under another name in the same folder, which is then changed."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
