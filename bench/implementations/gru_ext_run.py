# SPDX-License-Identifier: MIT
"""A whole run of gru_ext: its trainer in one call."""

import time

from bench import training_run
from gru_ext.model.evaluation import evaluate_symbols


def train(config):
    """The run that gru_ext.train makes, without its files and lines of progress."""
    trainer, _, held_out = training_run.trainer(config)
    updates = training_run.updates(config, trainer.windows_per_epoch)

    def run(n):
        began = time.perf_counter()
        losses = trainer.advance(n)
        seconds = time.perf_counter() - began
        nats = evaluate_symbols(trainer.model.parameters, held_out).nats_per_char
        return {"seconds": seconds, "losses": losses.tolist(), "nats": nats}

    return run, {"warm_up": 0.0, "characters": config.T * config.B, "updates": updates}
