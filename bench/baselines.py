# SPDX-License-Identifier: MIT
"""Measure the training and validation loss of complete runs of gru-ext train on one text.

python -m bench.baselines TEXT [--markdown docs/explanation/baselines.md] [--results FILE.json]
                          [--plot FILE]

With --results the new runs are added to those in the file, so that single runs can be repeated.
"""

import argparse
import json
import math
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
from bench.charts import COMMAND, SPLIT, chart_link, check_chart, write_chart
from bench.markdown_sections import write_section

RUNS = {
    "quick": "--preset quick",
    "default": "",
    "best": "--preset best",
}


@dataclass(frozen=True)
class Baseline:
    """Options and results of a run; losses are in bits per character."""

    options: str
    seconds: float
    characters_per_second: float
    train_bits: float
    val_bits: float
    model_bits: float
    window_bits: float


WINDOW = 256
"""The length of the windows that are evaluated as independent sequences."""


def window_bits(model, text):
    """The loss of the validation part where each window of it is read from a zero state."""
    validation = text.read_text(encoding="utf-8")[-model.about["run"]["validation"]["characters"] :]
    return model.evaluate(validation, windows=WINDOW).bits_per_char


def train(text, options):
    """Train once with the command line; the time is that of the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        words = shlex.split(f"{SPLIT} {options}")
        command = [sys.executable, "-m", "gru_ext", "train", str(text), *words]
        command += ["--metrics", "metrics.jsonl", "--sample-every", "0", "--quiet"]
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True)
        seconds = time.perf_counter() - start
        lines = Path(folder, "metrics.jsonl").read_text().splitlines()
        model = gru_ext.load(Path(folder, "model.npz"))
        in_windows = window_bits(model, text)
    of_model = model.about["validation"]["nats_per_char"] / math.log(2)
    points = [json.loads(line) for line in lines]
    val_bits = [point["val_bits"] for point in points if point["val_bits"] is not None]
    last = points[-1]
    speed = last["characters"] / last["seconds"]
    losses = last["train_bits"], val_bits[-1], of_model, in_windows
    return Baseline(options, seconds, speed, *losses)


def section(text, results, chart=""):
    """The section with the table of all runs, and with the link of the picture."""
    size = len(text.read_bytes())
    rows = [
        f"| `{f'{COMMAND} {r.options}'.strip()}` | {r.seconds:.0f} "
        f"| {r.characters_per_second / 1000:.0f} | {r.train_bits:.3f} | {r.val_bits:.3f} "
        f"| {r.model_bits:.3f} | {r.window_bits:.3f} |"
        for r in results
    ]
    processor = f"{machine.processor()}, {len(machine.allowed_cpus())} cores"
    about = f"""
        Complete training runs on `{text.name}` ({size:,} bytes) on {processor}
        ({gru_ext.get_config()["isa"]}, gru_ext {gru_ext.__version__}). With `{SPLIT}` the last
        tenth of the text is the validation part, as in published figures. Seconds are the time of
        the whole command. Losses are in bits per character: the training loss at the end, the
        validation loss at the end, and the validation loss of the model file, which has the best
        weights of the run and their temperature. The last column is the loss of that model where
        the validation part is cut into windows of 256 characters, each of which is read from a zero
        state: the protocol of transformers with a context of 256, such as nanoGPT's, with 1.4697
        nats (2.120 bits). All others carry the state through the whole part. Each run was made
        once. Another seed, instruction set or machine changes the second decimal of a loss, and
        other work on the machine changes the seconds.
    """
    head = [
        "| command | s | 1000 characters/s | training loss | validation loss | model "
        "| windows of 256 |",
        "|---" * 7 + "|",
    ]
    return "\n\n".join(
        [
            "# What loss to expect",
            f"Written by `python -m bench.baselines {text.name} "
            "--markdown docs/explanation/baselines.md`.",
            fill(" ".join(about.split()), 100),
            "\n".join([*head, *rows]),
            *([chart] if chart else []),
        ]
    )


def main():
    """Make the runs; print the section or write it into the page."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.baselines",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", type=Path, help="the text to train on")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the section into this page"
    )
    parser.add_argument(
        "--runs",
        nargs="*",
        choices=RUNS,
        default=list(RUNS),
        metavar="RUN",
        help=f"runs to make: {', '.join(RUNS)} (default: all)",
    )
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="read and write the results of all runs, JSON"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the losses: .svg, .png or .pdf"
    )
    args = parser.parse_args()
    if args.plot:
        check_chart(args.plot)
    results = {}
    if args.results and args.results.exists():
        results = {k: Baseline(**v) for k, v in json.loads(args.results.read_text()).items()}
    for name in args.runs:
        results[name] = train(args.text.resolve(), RUNS[name])
        print(name, results[name], flush=True)
        if args.results:
            args.results.write_text(json.dumps({k: asdict(v) for k, v in results.items()}))
    chart = chart_link(args.plot, args.markdown)
    text = section(args.text, [results[name] for name in RUNS if name in results], chart)
    if args.plot:
        write_chart(text, args.plot)
    if args.markdown:
        write_section(args.markdown, text)
    else:
        print(text)


if __name__ == "__main__":
    main()
