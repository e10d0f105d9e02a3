# SPDX-License-Identifier: MIT
"""Sizes and speeds of gru-compress beside xz and zstd, as a table in Markdown.

python compare.py [--options "--hidden-size 384" ...] FILE ...

Each compressor is a process of its own, and what it writes is decompressed and compared.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = {
    "xz -9e": ("xz -9e -k -c {0} > {1}", "xz -d -c < {0} > {1}"),
    "zstd -19 --ultra -22": ("zstd -q -19 --ultra -22 -c {0} > {1}", "zstd -q -d -c < {0} > {1}"),
}
CALL = f"{shlex.quote(sys.executable)} -c " + shlex.quote(
    "import sys; from gru_compress import commands as c;"
    "sys.exit(getattr(c, sys.argv.pop(1) + '_main')())"
)
# Matt Mahoney, Large Text Compression Benchmark, http://mattmahoney.net/dc/text.html: of another
# text, of 10**9 bytes, and on another machine, 92,342 and 91,876 ns per byte
PUBLISHED = "| enwik9 | lstm-compress (published) | 173,874,407 | 1.391 | 10.8 | 10.9 |"


def timed(command: str, source: Path, target: Path) -> float:
    """Run a command for the shell; returns the seconds."""
    begin = time.perf_counter()
    quoted = (shlex.quote(str(path)) for path in (source, target))
    subprocess.run(command.format(*quoted), shell=True, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def row(path: Path, name: str, compress: str, decompress: str, folder: Path) -> str:
    packed, again = folder / "packed", folder / "again"
    there, back = timed(compress, path, packed), timed(decompress, packed, again)
    if again.read_bytes() != path.read_bytes():
        raise SystemExit(f"{name} does not restore {path}")
    size, before = packed.stat().st_size, path.stat().st_size
    return (
        f"| {path.name} | {name} | {size:,} | {8 * size / before:.3f} | "
        f"{before / there / 1000:,.1f} | {before / back / 1000:,.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--options", action="append", default=[], help="of gru-compress; repeated")
    given = parser.parse_args()
    commands = {name: c for name, c in COMMANDS.items() if shutil.which(name.partition(" ")[0])}
    for options in given.options or [""]:
        commands[f"gru-compress {options}".strip()] = (
            f"{CALL} compress {{0}} -f -o {{1}} {options}",
            f"{CALL} decompress {{0}} -f -o {{1}}",
        )
    print("| file | compressor | bytes | bits per byte | kB/s | kB/s back |")
    print("|---|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for path in given.files:
            for name, (compress, decompress) in commands.items():
                print(row(path, name, compress, decompress, Path(folder)), flush=True)
    print(PUBLISHED)


if __name__ == "__main__":
    main()
