# SPDX-License-Identifier: MIT
"""What loss to expect: whole runs of the command line on one text.

python -m bench.baselines TEXT [--markdown docs/baselines.md]
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import gru_ext
from bench import machine
from bench.parts import write_part

RUNS = {
    "quick": "--hidden-size 64 --epochs 4",
    "default": "",
    "adam": "--optimizer adam",
    "wider": "--optimizer adam --hidden-size 256 --batch-size 32 --epochs 8 --keep best,last",
    "widest": "--optimizer adam --hidden-size 512 --batch-size 32 --epochs 6 --keep best,last",
}


@dataclass(frozen=True)
class Baseline:
    """A run, and what came of it."""

    options: str
    seconds: float
    characters_per_second: float
    train_bits: float
    val_bits: float
    best_bits: float


def run(text, options):
    """Train once, as a user would; the whole process is timed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gru_ext", "train", str(text), *shlex.split(options)]
        command += ["--metrics", "metrics.jsonl", "--sample-every", "0", "--quiet"]
        begin = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True)
        seconds = time.perf_counter() - begin
        lines = Path(folder, "metrics.jsonl").read_text().splitlines()
    points = [json.loads(line) for line in lines]
    measured = [point["val_bits"] for point in points if point["val_bits"] is not None]
    last = points[-1]
    speed = last["characters"] / last["seconds"]
    return Baseline(options, seconds, speed, last["train_bits"], measured[-1], min(measured))


def page(text, results):
    """The page of all runs."""
    size = len(text.read_bytes())
    rows = [
        f"| `{f'gru-ext train input.txt {r.options}'.strip()}` | {r.seconds:.0f} "
        f"| {r.characters_per_second / 1000:.0f} | {r.train_bits:.3f} | {r.val_bits:.3f} "
        f"| {r.best_bits:.3f} |"
        for r in results
    ]
    processor = f"{machine.processor()}, {len(machine.allowed_cpus())} cores"
    about = f"""
        Whole runs on `{text.name}` ({size:,} bytes), the last tenth of it held out, measured by
        `python -m bench.baselines {text.name} --markdown docs/baselines.md` on {processor}
        ({gru_ext.get_config()["isa"]}, gru_ext {gru_ext.__version__}). Seconds are those of the
        whole command. Loss is in bits per character: of training at the end, of the held-out tenth
        at the end, and of its best measurement on the way, whose weights `--keep best,last` keeps.
        One run each: another seed, instruction set or machine moves the second decimal, and other
        work on the machine moved the seconds by up to a third (an update of H = 128 takes the same
        time with Adam as with Adagrad).
    """
    head = ["| command | s | 1000 characters/s | training | held out | best |", "|---" * 6 + "|"]
    table = "\n".join([*head, *rows])
    return f"# What loss to expect\n\n{fill(' '.join(about.split()), 100)}\n\n{table}\n"


def main():
    """Run the command line's baselines and print or write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.baselines", description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page there")
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    given = parser.parse_args()
    results = []
    for name in given.runs:
        results.append(run(given.text.resolve(), RUNS[name]))
        print(name, results[-1], flush=True)
    if given.markdown:
        write_part(given.markdown, page(given.text, results))
    else:
        print(page(given.text, results))


if __name__ == "__main__":
    main()
