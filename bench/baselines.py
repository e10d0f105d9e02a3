# SPDX-License-Identifier: MIT
"""What loss to expect: whole runs of the command line on one text.

python -m bench.baselines TEXT [--markdown docs/baselines.md] [--results FILE.json]

With --results the runs add to those of a file, so that some may be made again.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill

import gru_ext
from bench import machine
from bench.markdown_sections import write_section

RUNS = {
    "quick": "--hidden-size 64 --epochs 4",
    "default": "",
    "wider": "--hidden-size 256 --batch-size 32 --epochs 8",
    "deeper": "--layers 2 --hidden-size 320 --dropout 0.3 --batch-size 32 --epochs 8",
    "best": "--layers 2 --hidden-size 384 --dropout 0.35 --batch-size 16 --epochs 12"
    " --learning-rate 0.0025 --keep best,last",
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
        work on the machine moves the seconds.
    """
    head = ["| command | s | 1000 characters/s | training | held out | best |", "|---" * 6 + "|"]
    table = "\n".join([*head, *rows])
    return f"# What loss to expect\n\n{fill(' '.join(about.split()), 100)}\n\n{table}\n"


def main():
    """Run the command line's baselines and print or write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.baselines", description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page there")
    parser.add_argument("--runs", nargs="*", choices=RUNS, default=list(RUNS))
    parser.add_argument("--results", type=Path, metavar="FILE", help="JSON of all runs")
    given = parser.parse_args()
    results = {}
    if given.results and given.results.exists():
        results = {k: Baseline(**v) for k, v in json.loads(given.results.read_text()).items()}
    for name in given.runs:
        results[name] = run(given.text.resolve(), RUNS[name])
        print(name, results[name], flush=True)
        if given.results:
            given.results.write_text(json.dumps({k: asdict(v) for k, v in results.items()}))
    told = page(given.text, [results[name] for name in RUNS if name in results])
    if given.markdown:
        write_section(given.markdown, told)
    else:
        print(told)


if __name__ == "__main__":
    main()
