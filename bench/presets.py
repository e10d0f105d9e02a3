# SPDX-License-Identifier: MIT
"""Measure what loss the presets of gru-ext train reach on texts of different lengths.

python -m bench.presets TEXT... [--presets quick default best] [--seeds 3] [--options "..."]
                        [--results FILE.json] [--markdown docs/explanation/baselines.md]

With --results the runs are added to those in the file, and runs that it has are not repeated.
"""

import argparse
import json
import math
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
from gru_ext.training.presets import PRESETS

SAMPLED = 20_000
"""The characters that are sampled where a text is a list of lines, to count copies."""


def train(text, preset, seed, options):
    """Train once with the command line; return what the table needs, as plain Python."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "gru_ext",
            "train",
            str(text.resolve()),
            "--preset",
            preset,
        ]
        command += ["--seed", str(seed), "--metrics", "metrics.jsonl", "--sample-every", "0"]
        start = time.perf_counter()
        subprocess.run([*command, *shlex.split(options), "--quiet"], cwd=folder, check=True)
        seconds = time.perf_counter() - start
        points = [
            json.loads(line) for line in Path(folder, "metrics.jsonl").read_text().splitlines()
        ]
        model = gru_ext.load(Path(folder, "model.npz"))
    known = model.about["options"]
    names = "hidden_size", "layers", "dropout", "weight_dropout", "average_over"
    return {
        "text": text.name,
        "characters": model.about["training"]["text_characters"],
        "preset": preset,
        "seed": seed,
        "options": options,
        "seconds": seconds,
        "bits": model.about["validation"]["nats_per_char"] / math.log(2),
        "epochs": points[-1]["epoch"],
        "copies": copies(model, text, seed),
        **{name: known[name] for name in names},
    }


def copies(model, text, seed):
    """The fraction of sampled lines that are lines of the text; None where it is not a list."""
    if model.about.get("document_separator") != "\n":
        return None
    lines = set(text.read_text(encoding="utf-8").splitlines())
    sampled = model.sample(SAMPLED, seed=seed).split("\n")[1:-1]
    return sum(line in lines for line in sampled) / len(sampled)


def row(runs):
    """The table's row for the runs of one text and preset with different seeds."""
    first, bits = runs[0], [run["bits"] for run in runs]
    seconds = statistics.mean(run["seconds"] for run in runs)
    told = [run["copies"] for run in runs if run["copies"] is not None]
    cells = [
        first["text"],
        f"{first['characters']:,}",
        f"{first['preset']} {first['options']}".strip(),
        f"{first['layers']} x {first['hidden_size']}",
        f"{first['dropout']:g}",
        f"{first['weight_dropout']:g}",
        f"{statistics.mean(run['epochs'] for run in runs):.3g}",
        f"{float(f'{seconds:.3g}'):g}",
        f"{statistics.mean(bits):.3f} ({min(bits):.3f} to {max(bits):.3f})",
        f"{100 * statistics.mean(told):.0f} %" if told else "",
    ]
    return f"| {' | '.join(cells)} |"


def section(results):
    """The section with the table of all runs."""
    groups = {}
    for run in results:
        groups.setdefault((run["text"], run["preset"], run["options"]), []).append(run)
    seeds = sorted({len(runs) for runs in groups.values()})
    cores = len(machine.allowed_cpus())
    processor = f"{machine.processor()}, {cores} core{'s' if cores > 1 else ''}"
    about = f"""
        Runs of `gru-ext train TEXT --preset PRESET` on {processor}
        ({gru_ext.get_config()["isa"]}, gru_ext {gru_ext.__version__}), each with
        {" or ".join(map(str, seeds))} seeds, which draw the validation part, the weights and the
        dropout. Bits are the validation loss of the model, in bits per character: mean, lowest and
        highest. Epochs are those until early stopping or the end, and seconds those of the
        whole command, some of them beside other work. Copies are the lines of a sample that are
        lines of the text.
    """
    head = [
        "| text | characters | preset | layers x H | dropout | weight dropout | epochs | s | bits "
        "| copies |",
        "|---" * 10 + "|",
    ]
    return "\n\n".join(
        [
            "## What the presets reach",
            "Written by `python -m bench.presets TEXT... "
            "--markdown docs/explanation/baselines.md`.",
            fill(" ".join(about.split()), 100),
            "\n".join([*head, *map(row, groups.values())]),
        ]
    )


def main():
    """Make the runs; print the section or write it into the page."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.presets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("texts", type=Path, nargs="*", help="the texts to train on")
    parser.add_argument("--presets", nargs="*", choices=PRESETS, default=["default"])
    parser.add_argument("--seeds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--options", default="", help="further options of gru-ext train")
    parser.add_argument("--results", type=Path, metavar="FILE", help="read and write all results")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write into this page")
    args = parser.parse_args()
    results = []
    if args.results and args.results.exists():
        results = json.loads(args.results.read_text())
    for text in args.texts:
        for preset in args.presets:
            for seed in range(args.seeds):
                known = {"text": text.name, "preset": preset, "seed": seed, "options": args.options}
                if any(known.items() <= run.items() for run in results):
                    continue
                results.append(train(text, preset, seed, args.options))
                print(results[-1], flush=True)
                if args.results:
                    args.results.write_text(json.dumps(results))
    if args.markdown:
        write_section(args.markdown, section(results))
    else:
        print(section(results))


if __name__ == "__main__":
    main()
