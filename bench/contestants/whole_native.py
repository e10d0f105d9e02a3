# SPDX-License-Identifier: MIT
"""A whole run of gru_ext: its trainer in one call."""

import time

from bench import whole
from gru_ext.model.evaluation import evaluate_symbols


def train(job):
    """The run that gru_ext.train makes, without its files and lines of progress."""
    trainer, _, held_out = whole.trainer(job)
    updates = whole.updates(job, trainer.windows_per_epoch)

    def run(n):
        began = time.perf_counter()
        losses = trainer.advance(n)
        seconds = time.perf_counter() - began
        nats = evaluate_symbols(trainer.model.parameters, held_out).nats_per_char
        return {"seconds": seconds, "losses": losses.tolist(), "nats": nats}

    return run, {"warm_up": 0.0, "characters": job.T * job.B, "updates": updates}
