# SPDX-License-Identifier: MIT
"""Complete training runs of several libraries on one text, with the same sizes and options."""

import time
from dataclasses import dataclass, field

from bench.registry import IMPLEMENTATIONS
from bench.timing import PAUSE, Result, missing_packages_error, rotated, store_worker_error
from bench.worker_process import WorkerProcess

NAMES = ("gru_ext", "jax", "jax-manual", "torch", "torch-loop", "torch-manual")
# nn.GRU ("torch") has different equations.
SAME_EQUATIONS = tuple(name for name in NAMES if name != "torch")
TIMEOUT = 3600.0
CHECK_TOLERANCE = 1e-9


def sizes(H, B, epochs, layers=1, dropout=0.0):
    """The configuration of a case: T = 64, float32."""
    return {
        "H": H,
        "B": B,
        "T": 64,
        "layers": layers,
        "dropout": dropout,
        "epochs": epochs,
        "dtype": "float32",
    }


CASES = {
    "default": sizes(128, 16, 16),
    "wider": sizes(256, 32, 8),
    "widest": sizes(512, 32, 6),
    "stack": sizes(256, 32, 8, layers=2, dropout=0.2),
}
DEFAULT_CASES = ("default", "wider")
# Two epochs, so that the hidden state is reset once, and more steps than a warm-up has.
CHECKS = {
    "one layer": sizes(32, 64, 2) | {"dtype": "float64"},
    "two layers": sizes(32, 64, 2, layers=2) | {"dtype": "float64"},
}


@dataclass
class TrainingRuns(Result):
    """The runs of one implementation: one per round, with the round's number as seed.

    Attributes
    ----------
    seconds : list of float
        Time of the training steps of each run.
    validation_nats : list of float
        Validation loss of each run, in nats per character.
    infos : list of dict
        The worker's first reply of each run.
    losses : list of float
        Losses of the windows of the last run.
    """

    seconds: list[float] = field(default_factory=list)
    validation_nats: list[float] = field(default_factory=list)
    infos: list[dict] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


def train_once(runs, seed):
    """Make one run in a new process."""
    worker = WorkerProcess(runs.implementation, runs.config | {"seed": seed}, TIMEOUT)
    try:
        with store_worker_error(runs):
            runs.info = worker.read_reply()
            time.sleep(PAUSE)
            reply = worker.run(runs.info["steps"])
            runs.seconds.append(reply["seconds"])
            runs.validation_nats.append(reply["nats"])
            runs.infos.append(runs.info)
            runs.losses = reply["losses"]
            characters = runs.info["steps"] * runs.info["characters"]
            runs.rates.append(characters / reply["seconds"])
    finally:
        worker.close()


def train_in_rounds(config, names, rounds, log):
    """Make the runs of all implementations, with the order rotated from round to round."""
    results = []
    for name in names:
        implementation = f"run-{name}"
        runs = TrainingRuns(name, implementation, config, IMPLEMENTATIONS[implementation].note)
        runs.error = missing_packages_error(implementation)
        results.append(runs)
    for number in range(rounds):
        for runs in rotated(results, number):
            if not runs.error:
                train_once(runs, seed=number)
                status = runs.error or _last_run(runs)
                log(f"round {number + 1} of {rounds}: {runs.label} {status}")
    return results


def _last_run(runs):
    return f"{runs.seconds[-1]:.1f} s, {runs.validation_nats[-1]:.4f} nats"


def losses_agree(common, names, log):
    """Whether the implementations with the same equations have the same losses in float64."""
    agree = True
    for title, check_sizes in CHECKS.items():
        compared = [name for name in names if name in SAME_EQUATIONS]
        results = train_in_rounds(check_sizes | common, compared, 1, log)
        for runs in results:
            if runs.error:
                print(f"{title}: {runs.label}: {runs.error}")
        completed = [runs for runs in results if not runs.error]
        for runs in completed[1:]:
            reference = completed[0]
            pairs = list(zip(runs.losses, reference.losses, strict=True))
            training = max(abs(a - b) for a, b in pairs)
            validation = abs(runs.validation_nats[0] - reference.validation_nats[0])
            agree &= max(training, validation) <= CHECK_TOLERANCE
            print(
                f"{title}: {runs.label} compared with {reference.label}: largest difference of "
                f"the losses of {len(pairs)} windows {training:.1e} nats, difference of the "
                f"validation loss {validation:.1e} (of {reference.validation_nats[0]:.4f})"
            )
    return agree
