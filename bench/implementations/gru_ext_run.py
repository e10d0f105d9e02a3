# SPDX-License-Identifier: MIT
"""A complete training run of gru_ext: one call of its trainer."""

import time

from bench import training_run
from gru_ext.model.evaluation import evaluate_symbols


def train(config):
    """The training run of gru_ext.train, without its files and progress messages."""
    trainer, _, validation = training_run.create_trainer(config)
    steps = training_run.total_steps(config, trainer.windows_per_epoch)

    def run(n):
        start = time.perf_counter()
        losses = trainer.advance(n)
        seconds = time.perf_counter() - start
        nats = evaluate_symbols(trainer.model.parameters, validation).nats_per_char
        return {"seconds": seconds, "losses": losses.tolist(), "nats": nats}

    return run, {"warm_up": 0.0, "characters": config.T * config.B, "steps": steps}
