# SPDX-License-Identifier: MIT
"""Measure what loss several workers reach, and what it costs to combine them.

python -m bench.distributed TEXT... [--markdown docs/how-to/distributed.md] [--results FILE.json]
python -m bench.distributed --speed [--markdown docs/how-to/distributed.md]

Without --speed each text is trained on with 1, 2, 4 and 8 workers, which see the same characters.
With --results the runs are added to those in the file, and runs that it has are not repeated. The
losses do not depend on other work of the machine. The speeds do: nothing else may run meanwhile.
They need mpi4py and an mpiexec.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill

import gru_ext
from bench.distributed_speed import speed_section
from bench.markdown_sections import write_section

STREAMS = 8
OPTIONS = {
    "hidden_size": 128,
    "seq_length": 64,
    "optimizer": "adam",
    "split": "tail",
    "val_fraction": 0.1,
    "eval_every": 0,
    "keep": "last",
    "callback": lambda progress: None,  # so that the last step is evaluated
    "threads": 1,
    "quiet": True,
}
WORKERS = (2, 4, 8)
SYNC_EVERY = (16, 64, 128)
OUTER = {
    "mean": {"outer_optimizer": "mean"},
    "nesterov 0.9": {"outer_optimizer": "nesterov", "outer_momentum": 0.9},
    "nesterov 0.5": {"outer_optimizer": "nesterov", "outer_momentum": 0.5},
}
"""The outer optimisers; those of nesterov have different momenta, and a rate of 0.7."""
SHORT, SHORT_EPOCHS, LONG_EPOCHS = 2_000_000, 4, 1
"""Shorter texts are trained on for more epochs."""


@dataclass(frozen=True)
class Run:
    """A run, and its loss on the validation part in bits per character; None: it diverged."""

    text: str
    workers: int
    sync_every: int
    outer: str
    characters: int
    steps: int
    bits: float | None
    batch_size: int = STREAMS

    @property
    def key(self):
        return self.text, self.workers, self.sync_every, self.outer, self.batch_size


def train(path, workers, sync_every, outer, batch_size):
    """Train one model."""
    text = path.read_text(encoding="utf-8")
    together = {"workers": workers, "sync_every": sync_every} if workers > 1 else {}
    epochs = SHORT_EPOCHS if len(text) < SHORT else LONG_EPOCHS
    options = (
        OPTIONS | {"epochs": epochs, "batch_size": batch_size} | together | OUTER.get(outer, {})
    )
    try:
        last = gru_ext.train(text, **options).history.records[-1]
    except ValueError as error:
        if "diverged" not in str(error):
            raise
        return Run(path.name, workers, sync_every, outer, 0, 0, None, batch_size)
    seen = last["characters"], last["step"], last["val_bits"]
    return Run(path.name, workers, sync_every, outer, *seen, batch_size)


def cases():
    """The workers, the steps between two combinations, the outer optimiser, and the streams."""
    yield 1, 1, "", STREAMS
    for workers in reversed(WORKERS):
        yield workers, 1, "", STREAMS
        for sync_every in SYNC_EVERY:
            yield workers, sync_every, "mean", STREAMS
            yield workers, sync_every, "mean", STREAMS // workers
            yield workers, sync_every, "nesterov 0.9", STREAMS
            yield workers, sync_every, "nesterov 0.5", STREAMS
            yield workers, sync_every, "nesterov 0.5", STREAMS // workers


def section(runs):
    """The section with the losses of all runs."""
    lines = [
        "## Losses at equal characters",
        "",
        fill(
            f"Measured by `python -m bench.distributed`: one layer of {OPTIONS['hidden_size']} "
            f"units, windows of {OPTIONS['seq_length']} characters, adam with its default peak "
            f"learning rate and a cosine, the last tenth of the text as validation part, the last "
            f"weights. The streams are those of one worker. Nesterov has a learning rate of 0.7 "
            f"and the momentum that is named. One run each: differences of a hundredth mean "
            f"little. In bits per character:",
            110,
        ),
    ]
    for text in dict.fromkeys(run.text for run in runs):
        lines += ["", *_table([run for run in runs if run.text == text])]
    return "\n".join(lines) + "\n"


def _table(runs):
    """The lines of one text: first as many streams for each worker, then as many in all."""
    found = {run.key[1:]: run for run in runs}
    one = found[1, 1, "", STREAMS]
    yield fill(
        f"{one.text}: {one.characters:,} characters seen, with one worker in {one.steps:,} steps "
        f"of {STREAMS} streams, which reach **{one.bits:.3f}**.",
        110,
    )
    yield ""
    names = " | ".join(f"{workers} workers" for workers in WORKERS)
    yield f"| streams | combined every | outer optimiser | {names} |"
    yield "|---|---|---|" + "---|" * len(WORKERS)
    gradients = [found.get((workers, 1, "", STREAMS)) for workers in WORKERS]
    yield f"| {STREAMS} | step | none: gradients | {_row(gradients)} |"
    for outer in OUTER:
        for sync_every in SYNC_EVERY:
            of_outer = [found.get((workers, sync_every, outer, STREAMS)) for workers in WORKERS]
            yield f"| {STREAMS} | {sync_every} steps | {outer} | {_row(of_outer)} |"
    fewer = ", ".join(str(STREAMS // workers) for workers in WORKERS)
    for outer in ("mean", "nesterov 0.5"):
        for sync_every in SYNC_EVERY:
            in_all = [found.get((n, sync_every, outer, STREAMS // n)) for n in WORKERS]
            yield f"| {fewer} | {sync_every} steps | {outer} | {_row(in_all)} |"


def _row(runs):
    return " | ".join(
        "" if run is None else "diverged" if run.bits is None else f"{run.bits:.3f}" for run in runs
    )


def main(argv=None):
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("texts", nargs="*", type=Path, metavar="TEXT")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args(argv)
    if arguments.speed:
        text = speed_section()
    else:
        text = section(losses(arguments.texts, arguments.results))
    print(text)
    if arguments.markdown is not None:
        write_section(arguments.markdown, text)


def losses(texts, results):
    """The runs on these texts, and those that the file of results has."""
    known = {}
    if results is not None and results.exists():
        known = {run.key: run for run in (Run(**r) for r in json.loads(results.read_text()))}
    for case in cases():
        for text in texts:
            if (text.name, *case) not in known:
                run = train(text, *case)
                known[run.key] = run
                print(run, flush=True)
                if results is not None:
                    rows = [asdict(each) for each in known.values()]
                    results.write_text(json.dumps(rows, indent=1))
    return list(known.values())


if __name__ == "__main__":
    main()
