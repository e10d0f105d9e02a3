# SPDX-License-Identifier: MIT
"""Compare the speed of gru_ext with NumPy, JAX, PyTorch and ONNX Runtime."""

import argparse
import datetime
import importlib.util
import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

from bench import machine, memory, workload
from bench.cases import CASES, IDS, MEMORY
from bench.charts import chart_link, check_chart, write_chart
from bench.registry import IMPLEMENTATIONS
from bench.report import case_section, memory_section, page
from bench.timing import Result, time_in_rounds


def parse_arguments():
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="cases to run (default: all)")
    parser.add_argument("--text", metavar="FILE", help="training text (default: a random text)")
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="approximate length of one run (%(default)s)"
    )
    parser.add_argument("--repeats", type=int, default=9, help="number of rounds (%(default)s)")
    parser.add_argument(
        "--notebook",
        metavar="FILE",
        help="the original NumPy script, to include it in case classic",
    )
    parser.add_argument("--markdown", metavar="FILE", help="write the page to this file")
    parser.add_argument("--json", metavar="FILE", help="write all rates to this file")
    parser.add_argument(
        "--plot", metavar="FILE", help="draw the rates of the libraries: .svg, .png or .pdf"
    )
    parser.add_argument("--list", action="store_true", help="list the cases and exit")
    args = parser.parse_args()
    unknown = sorted(set(args.cases) - set(IDS))
    if unknown:
        parser.error(f"unknown case {', '.join(unknown)}: choose from {', '.join(IDS)}")
    if not args.seconds > 0 or args.repeats < 1:
        parser.error("--seconds must be more than 0 and --repeats at least 1")
    for file in (args.text, args.notebook):
        if file and not Path(file).is_file():
            parser.error(f"there is no file {file}")
    return args


def empty_results(case, args, V):
    """A result without rates for each entry of the case."""
    cores = len(machine.allowed_cpus())
    results = []
    for label, implementation, changes in case.entries:
        if implementation == "command-notebook" and not args.notebook:
            continue
        config = {"text": args.text and str(Path(args.text).resolve()), "V": V}
        config |= {k: v for k, v in (case.config | changes).items() if v is not None}
        if config["text"] == "pattern":
            config["V"] = len(set(workload.PATTERN))
        if implementation == "command-notebook":
            config["notebook"] = str(Path(args.notebook).resolve())
        result = Result(label, implementation, config, IMPLEMENTATIONS[implementation].note)
        if config["threads"] > cores:
            result.error = f"needs {config['threads']} cores, only {cores} available"
        results.append(result)
    return results


def command_line(args):
    """The command as it was typed, with the input files' names instead of their paths."""
    inputs = {args.text, args.notebook}
    words = (Path(word).name if word in inputs else word for word in sys.argv[1:])
    return shlex.join(["python", "-m", "bench", *words])


def log(text):
    print(text, file=sys.stderr, flush=True)


def main():
    args = parse_arguments()
    if args.list:
        print(*(f"{case.id:15} {case.title}" for case in CASES), sep="\n")
        print(f"{MEMORY:15} Resident memory of training, compared with a formula")
        return
    if importlib.util.find_spec("gru_ext") is None:
        sys.exit("bench: gru_ext is not installed: python -m pip install .")
    if args.plot:
        check_chart(args.plot)
    _, V = workload.read_text(args.text)
    text = Path(args.text).name if args.text else "random, frequencies by Zipf's law"
    about = machine.describe() | {
        "command": command_line(args),
        "text": f"{text}, V = {V}",
        "seconds": args.seconds,
        "repeats": args.repeats,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    chosen, measured = set(args.cases or IDS), []
    for case in CASES:
        if case.id in chosen:
            results = empty_results(case, args, V)
            runnable = [result for result in results if not result.error]

            def log_case(message, id=case.id):
                log(f"{id}: {message}")

            time_in_rounds(runnable, args.seconds, args.repeats, log_case)
            measured.append((case, results))
            print(case_section(case, results), end="\n\n", flush=True)
    sizes = memory.measure_in_new_process() if MEMORY in chosen else None
    if sizes:
        print(memory_section(sizes))
    written = page(about, measured, sizes, chart_link(args.plot, args.markdown))
    if args.markdown:
        Path(args.markdown).write_text(written, encoding="utf-8")
    if args.json:
        cases = {case.id: [asdict(result) for result in results] for case, results in measured}
        data = about | {"cases": cases, "memory": sizes}
        Path(args.json).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    if args.plot:
        write_chart(written, args.plot)


if __name__ == "__main__":
    main()
