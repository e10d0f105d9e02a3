# SPDX-License-Identifier: MIT
"""Compare training time and validation loss of gru_ext, JAX and PyTorch on one text.

python -m bench.same_loss TEXT [--markdown docs/explanation/baselines.md] [--json FILE]
python -m bench.same_loss TEXT --check
"""

import argparse
import datetime
import json
import sys
from dataclasses import asdict
from pathlib import Path

from bench import machine
from bench.loss_comparison import CASES, DEFAULT_CASES, NAMES, losses_agree, train_in_rounds
from bench.loss_comparison_report import case_section, comparison_section
from bench.markdown_sections import write_section


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="python -m bench.same_loss",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", type=Path, help="the text to train on")
    parser.add_argument(
        "--cases",
        "--rows",
        nargs="+",
        choices=CASES,
        default=list(DEFAULT_CASES),
        metavar="CASE",
        help=f"cases to run: {', '.join(CASES)} (default: {' '.join(DEFAULT_CASES)})",
    )
    parser.add_argument(
        "--implementations",
        "--contestants",
        nargs="+",
        choices=NAMES,
        default=list(NAMES),
        metavar="NAME",
        help=f"implementations to compare: {', '.join(NAMES)} (default: all)",
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="runs of each implementation (%(default)s)"
    )
    parser.add_argument("--steps", type=int, help="stop each run after so many steps")
    parser.add_argument("--threads", type=int, default=2, help="threads of a run (%(default)s)")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the section into this page"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file")
    parser.add_argument(
        "--check",
        action="store_true",
        help="check that the implementations have the same losses in float64, and exit",
    )
    args = parser.parse_args()
    if not args.text.is_file():
        parser.error(f"there is no file {args.text}")
    if args.rounds < 1 or (args.steps is not None and args.steps < 1):
        parser.error("--rounds and --steps must be at least 1")
    if not 1 <= args.threads <= len(machine.allowed_cpus()):
        parser.error(f"--threads must be from 1 to {len(machine.allowed_cpus())}")
    return args


def as_json(about, measured):
    """All figures as JSON, without the losses of single windows."""
    cases = {name: [asdict(runs) for runs in results] for name, results in measured.items()}
    for runs in (runs for results in cases.values() for runs in results):
        runs["config"] |= {"text": about["text"]}
        del runs["losses"]
    return json.dumps(about | {"cases": cases}, indent=1) + "\n"


def log(text):
    print(text, file=sys.stderr, flush=True)


def main():
    """Run the cases; print and write the results after each, because a case takes long."""
    args = parse_arguments()
    text = str(args.text.resolve())
    common = {"text": text, "threads": args.threads, "steps": args.steps}
    if args.check:
        sys.exit(0 if losses_agree(common, args.implementations, log) else 1)
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    about = machine.describe() | {"text": args.text.name, "rounds": args.rounds, "words": words}
    about["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
    names = sorted(args.implementations, key=NAMES.index)
    measured = {}
    for name in args.cases:
        measured[name] = train_in_rounds(CASES[name] | common, names, args.rounds, log)
        print(case_section(name, measured[name]), end="\n\n", flush=True)
        if args.markdown:
            write_section(args.markdown, comparison_section(about, measured))
        if args.json:
            args.json.write_text(as_json(about, measured), encoding="utf-8")


if __name__ == "__main__":
    main()
