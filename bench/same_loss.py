# SPDX-License-Identifier: MIT
"""Does gru_ext come to its peers' held-out loss in half their time? Whole runs on one text.

python -m bench.same_loss TEXT [--markdown docs/baselines.md] [--json FILE]
python -m bench.same_loss TEXT --check
"""

import argparse
import datetime
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import loss_comparison_page, machine, markdown_sections
from bench.registry import IMPLEMENTATIONS
from bench.timing import PAUSE, Result, Worker, reporting

JAX, TORCH = ("jax", "jax-manual"), ("torch", "torch-loop", "torch-manual")
CONTESTING = ("gru_ext", *JAX, *TORCH)
TIMEOUT = 3600.0
CHECK_TOLERANCE = 1e-9


def row(H, B, epochs, layers=1, dropout=0.0):
    """What is trained: the sizes, float32, windows of 64 characters."""
    sizes = {"H": H, "B": B, "T": 64, "layers": layers, "dropout": dropout}
    return sizes | {"epochs": epochs, "dtype": "float32"}


# The first two are of bench.baselines.
CASES = {
    "default": row(128, 16, 16),
    "wider": row(256, 32, 8),
    "widest": row(512, 32, 6),
    "stack": row(256, 32, 8, layers=2, dropout=0.2),
}
DEFAULT_ROWS = ("default", "wider")
# Two passes, so that the state starts anew, and more updates than a warm-up has.
CHECKS = {
    "one layer": row(32, 64, 2) | {"dtype": "float64"},
    "two layers": row(32, 64, 2, layers=2) | {"dtype": "float64"},
}
SAME_EQUATIONS = ("gru_ext", *JAX, "torch-loop", "torch-manual")


@dataclass
class Runs(Result):
    """One implementation's whole runs, one a round, each from the weights of the round's seed."""

    seconds: list[float] = field(default_factory=list)
    nats: list[float] = field(default_factory=list)
    infos: list[dict] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)  # of the last round's windows


def run_once(runs, seed):
    """Make a run in a process of its own, which ends with it."""
    worker = Worker(runs.implementation, runs.config | {"seed": seed}, TIMEOUT)
    try:
        with reporting(runs):
            runs.info = worker.answer()
            time.sleep(PAUSE)
            done = worker.ask(runs.info["updates"])
            runs.seconds.append(done["seconds"])
            runs.nats.append(done["nats"])
            runs.infos.append(runs.info)
            runs.losses = done["losses"]
            characters = runs.info["updates"] * runs.info["characters"]
            runs.rates.append(characters / done["seconds"])
    finally:
        worker.close()


def compete(config, names, rounds):
    """Let the implementations take turns, the first place going round."""
    results = []
    for name in names:
        implementation = f"run-{name}"
        runs = Runs(name, implementation, config, IMPLEMENTATIONS[implementation].note)
        missing = IMPLEMENTATIONS[implementation].missing_packages()
        runs.error = f"not installed: {', '.join(missing)}" if missing else ""
        results.append(runs)
    for number in range(rounds):
        first = number % len(results)
        for runs in results[first:] + results[:first]:
            if not runs.error:
                run_once(runs, seed=number)
                say(f"round {number + 1} of {rounds}: {runs.label} {runs.error or last(runs)}")
    return results


def last(runs):
    """What the last round of a implementation was."""
    return f"{runs.seconds[-1]:.1f} s, {runs.nats[-1]:.4f} nats"


def check(common, names):
    """Whether all with the same equations have the same losses in float64."""
    same = True
    for title, sizes in CHECKS.items():
        results = compete(sizes | common, [n for n in names if n in SAME_EQUATIONS], 1)
        able = [runs for runs in results if not runs.error]
        for runs in results:
            if runs.error:
                print(f"{title}: {runs.label}: {runs.error}")
        for runs in able[1:]:
            pairs = list(zip(runs.losses, able[0].losses, strict=True))
            window = max(abs(a - b) for a, b in pairs)
            held_out = abs(runs.nats[0] - able[0].nats[0])
            same &= max(window, held_out) <= CHECK_TOLERANCE
            print(
                f"{title}: {runs.label} beside {able[0].label}: largest difference of "
                f"{len(pairs)} windows' losses {window:.1e} nats, of the held-out loss after "
                f"them {held_out:.1e} (of {able[0].nats[0]:.4f})"
            )
    return same


def raw(about, measured):
    """Every figure, as JSON: without the losses of single windows."""
    rows = {name: [asdict(runs) for runs in results] for name, results in measured.items()}
    for runs in (runs for results in rows.values() for runs in results):
        runs["config"] |= {"text": about["text"]}
        del runs["losses"]
    return json.dumps(about | {"rows": rows}, indent=1) + "\n"


def say(text):
    print(text, file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="python -m bench.same_loss", description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--cases", "--rows", nargs="+", choices=CASES, default=list(DEFAULT_ROWS))
    parser.add_argument(
        "--implementations", "--contestants", nargs="+", choices=CONTESTING, default=list(CONTESTING)
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (%(default)s)")
    parser.add_argument("--steps", type=int, help="so many updates only: a quick look")
    parser.add_argument("--threads", type=int, default=2, help="of each (%(default)s)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="put the part there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--check", action="store_true", help="that the peers compute the same")
    given = parser.parse_args()
    if not given.text.is_file():
        parser.error(f"there is no file {given.text}")
    if given.rounds < 1 or (given.steps is not None and given.steps < 1):
        parser.error("--rounds and --steps must be at least 1")
    if not 1 <= given.threads <= len(machine.allowed_cpus()):
        parser.error(f"--threads must be from 1 to {len(machine.allowed_cpus())}")
    return given


def main():
    """Run, print, and write where asked: after each row, for a row takes long."""
    given = arguments()
    text = str(given.text.resolve())
    common = {"text": text, "threads": given.threads, "steps": given.steps}
    if given.check:
        sys.exit(0 if check(common, given.implementations) else 1)
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    about = machine.describe() | {"text": given.text.name, "rounds": given.rounds, "words": words}
    about["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
    names = sorted(given.implementations, key=CONTESTING.index)
    measured = {}
    for name in given.cases:
        measured[name] = compete(CASES[name] | common, names, given.rounds)
        print(loss_comparison_page.section(name, measured[name]), end="\n\n", flush=True)
        if given.markdown:
            markdown_sections.write_section(
                given.markdown, loss_comparison_page.part(about, measured)
            )
        if given.json:
            given.json.write_text(raw(about, measured), encoding="utf-8")


if __name__ == "__main__":
    main()
