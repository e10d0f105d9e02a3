# SPDX-License-Identifier: MIT
"""The command line: which rows, how long, where the page goes."""

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
from bench.registry import IMPLEMENTATIONS
from bench.report import memory_section, page, section
from bench.timing import Result, race


def arguments():
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="all by default; --list names them")
    parser.add_argument("--text", metavar="FILE", help="train on it; by default on a drawn text")
    parser.add_argument("--seconds", type=float, default=0.5, help="of one turn (%(default)s)")
    parser.add_argument("--repeats", type=int, default=9, help="rounds (%(default)s)")
    parser.add_argument("--notebook", metavar="FILE", help="a script to race in the row classic")
    parser.add_argument("--markdown", metavar="FILE", help="write the page there")
    parser.add_argument("--json", metavar="FILE", help="write every rate there")
    parser.add_argument("--list", action="store_true", help="name the rows and stop")
    given = parser.parse_args()
    unknown = sorted(set(given.rows) - set(IDS))
    if unknown:
        parser.error(f"no row {', '.join(unknown)}: choose from {', '.join(IDS)}")
    if not given.seconds > 0 or given.repeats < 1:
        parser.error("--seconds must be more than 0 and --repeats at least 1")
    for file in (given.text, given.notebook):
        if file and not Path(file).is_file():
            parser.error(f"there is no file {file}")
    return given


def entries(row, given, V):
    """The row's results, still empty."""
    cores = len(machine.allowed_cpus())
    results = []
    for label, implementation, change in row.entries:
        if implementation == "command-notebook" and not given.notebook:
            continue
        config = {"text": given.text and str(Path(given.text).resolve()), "V": V}
        config |= {k: v for k, v in (row.config | change).items() if v is not None}
        if config["text"] == "pattern":
            config["V"] = len(set(workload.PATTERN))
        if implementation == "command-notebook":
            config["notebook"] = str(Path(given.notebook).resolve())
        result = Result(label, implementation, config, IMPLEMENTATIONS[implementation].note)
        if config["threads"] > cores:
            result.error = f"needs {config['threads']} cores, {cores} may be used"
        results.append(result)
    return results


def command(given):
    """What was typed, without the folders of the files that were read."""
    read = {given.text, given.notebook}
    words = (Path(word).name if word in read else word for word in sys.argv[1:])
    return shlex.join(["python", "-m", "bench", *words])


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    given = arguments()
    if given.list:
        print(*(f"{row.id:15} {row.title}" for row in CASES), sep="\n")
        print(f"{MEMORY:15} Resident memory of training beside its formula")
        return
    if importlib.util.find_spec("gru_ext") is None:
        sys.exit("bench: gru_ext is not installed: python -m pip install .")
    _, V = workload.read_text(given.text)
    text = Path(given.text).name if given.text else "drawn, frequencies after Zipf"
    about = machine.describe() | {
        "command": command(given),
        "text": f"{text}, V = {V}",
        "seconds": given.seconds,
        "repeats": given.repeats,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    chosen, measured = set(given.rows or IDS), []
    for row in CASES:
        if row.id in chosen:
            results = entries(row, given, V)
            able = [result for result in results if not result.error]
            race(able, given.seconds, given.repeats, lambda s, row=row: say(f"{row.id}: {s}"))
            measured.append((row, results))
            print(section(row, results), end="\n\n", flush=True)
    sizes = memory.run() if MEMORY in chosen else None
    if sizes:
        print(memory_section(sizes))
    if given.markdown:
        Path(given.markdown).write_text(page(about, measured, sizes), encoding="utf-8")
    if given.json:
        rows = {row.id: [asdict(result) for result in results] for row, results in measured}
        data = about | {"rows": rows, "memory": sizes}
        Path(given.json).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
