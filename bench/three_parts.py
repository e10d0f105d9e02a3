# SPDX-License-Identifier: MIT
"""Train on one part of a text, choose the weights on another and test them on a third.

python -m bench.three_parts TEXT [--options "--preset best"] [--seeds 3] [--results FILE.json]
                            [--markdown docs/explanation/baselines.md]

Each seed draws other parts: a tenth of the text, in blocks from all over it, is the test part,
another tenth the validation part of the run.
"""

import argparse
import json
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from textwrap import fill

import gru_ext
from bench import machine
from bench.markdown_sections import write_section

BLOCKS, WINDOW = 16, 256


def cut(text, seed):
    """The text without a tenth of it, and that tenth: a block from each of equal intervals."""
    rng, length = random.Random(seed), len(text) // 10 // BLOCKS
    kept, test, end = [], [], 0
    for i in range(BLOCKS):
        start = i * len(text) // BLOCKS + rng.randrange(len(text) // BLOCKS - length)
        kept.append(text[end:start])
        end = start + length
        test.append(text[start:end])
    return "".join([*kept, text[end:]]), "".join(test)


def measure(text, seed, options):
    """One run: the losses in bits per character, and the seconds of the command."""
    kept, test = cut(text, seed)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "text.txt").write_text(kept, encoding="utf-8")
        command = [sys.executable, "-m", "gru_ext", "train", "text.txt", "--seed", str(seed)]
        command += ["--val-fraction", str(1 / 9), "--sample-every", "0", "--quiet"]
        start = time.perf_counter()
        subprocess.run([*command, *shlex.split(options)], cwd=folder, check=True)
        seconds = time.perf_counter() - start
        model = gru_ext.load(Path(folder, "model.npz"))
    return {
        "options": options,
        "seed": seed,
        "seconds": seconds,
        "parameters": model.summary().parameters,
        "validation": model.about["validation"]["nats_per_char"] / 0.6931471805599453,
        "test": model.evaluate(test).bits_per_char,
        "windows": model.evaluate(test, windows=WINDOW).bits_per_char,
    }


def section(name, results):
    """The section with a row for each set of options."""
    groups = {}
    for run in results:
        groups.setdefault(run["options"], []).append(run)
    rows = []
    for options, runs in groups.items():
        losses = (
            f"{statistics.mean(run[which] for run in runs):.3f}"
            for which in ("validation", "test", "windows")
        )
        bits = [run["test"] for run in runs]
        rows.append(
            f"| `gru-ext train {name} {options}` | {len(runs)} | {runs[0]['parameters']:,} "
            f"| {statistics.mean(run['seconds'] for run in runs):.0f} | {' | '.join(losses)} "
            f"| {min(bits):.3f} to {max(bits):.3f} | {statistics.mean(bits) * 0.693147:.3f} |"
        )
    processor = f"{machine.processor()}, {len(machine.allowed_cpus())} cores"
    about = f"""
        The loss on a part of `{name}` that chooses nothing, on {processor}
        ({gru_ext.get_config()["isa"]}, gru_ext {gru_ext.__version__}). Eight tenths of the text are
        trained on, one chooses the weights (the validation part), and one is the test part. The
        last two are each {BLOCKS} blocks from all over the text, at places that the seed
        draws. Bits per character, means over the seeds; windows of {WINDOW} characters are each
        read from a zero state. Some runs were made two at a time.
    """
    head = [
        "| command | seeds | parameters | s | validation loss | test loss | in windows of 256 "
        "| of each seed | in nats |",
        "|---" * 9 + "|",
    ]
    return "\n\n".join(
        [
            "## Training, validation and test part",
            f"Written by `python -m bench.three_parts {name} "
            "--markdown docs/explanation/baselines.md`.",
            fill(" ".join(about.split()), 100),
            "\n".join([*head, *rows]),
        ]
    )


def main():
    """Make the runs; print the section or write it into the page."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.three_parts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", type=Path, help="the text to train on")
    parser.add_argument("--options", default="--preset best", help="options of gru-ext train")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--results", type=Path, metavar="FILE", help="read and write all results")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write into this page")
    args = parser.parse_args()
    results = []
    if args.results and args.results.exists():
        results = json.loads(args.results.read_text())
    text = args.text.read_text(encoding="utf-8")
    for seed in args.seeds:
        known = {"options": args.options, "seed": seed}
        if not any(known.items() <= run.items() for run in results):
            results.append(measure(text, seed, args.options))
            print(results[-1], flush=True)
            if args.results:
                args.results.write_text(json.dumps(results))
    if args.markdown:
        write_section(args.markdown, section(args.text.name, results))
    else:
        print(section(args.text.name, results))


if __name__ == "__main__":
    main()
