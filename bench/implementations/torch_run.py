# SPDX-License-Identifier: MIT
"""A complete training run in PyTorch."""

import functools
import time

import torch
from torch import nn
from torch.nn import functional

from bench import run_options, training_run
from bench.implementations.torch_run_models import (
    BuiltinGRU,
    ManualRecurrence,
    StackedGRU,
    loop_over_cells,
)

EVALUATION_LENGTH = 4096
TRIAL_STEPS = 20


class Training:
    """A model and its optimiser at the start of a run."""

    def __init__(self, model, config, plan):
        self.model, self.config, self.plan = model, config, plan
        self.inputs = torch.from_numpy(plan.inputs).long()
        self.targets = torch.from_numpy(plan.targets).long()
        betas = run_options.BETA1, run_options.BETA2
        self.adam = torch.optim.Adam(model.parameters(), 0.0, betas, run_options.EPS, fused=True)
        self.losses = []

    def train(self, steps):
        """Make the first steps; returns their seconds."""
        config, parameters = self.config, list(self.model.parameters())
        self.model.train()
        start_time = time.perf_counter()
        for n, rate in enumerate(self.plan.learning_rates[:steps].tolist()):
            window = n % len(self.inputs)
            if window == 0:
                hidden = torch.zeros(config.layers, config.B, config.H)
            logits, hidden = self.model(self.inputs[window], hidden)
            hidden = hidden.detach()
            targets = self.targets[window].flatten()
            nats = functional.cross_entropy(logits.flatten(0, 1), targets, reduction="sum")
            self.adam.zero_grad()
            (nats / config.B).backward()
            nn.utils.clip_grad_value_(parameters, self.plan.clip)
            self.adam.param_groups[0]["lr"] = rate
            self.adam.step()
            self.losses.append(nats.detach())
        return time.perf_counter() - start_time

    @torch.no_grad()
    def evaluate(self):
        """Mean loss in nats of the validation part, with batch size 1 and a zero initial state."""
        torch.set_num_threads(1)  # more threads do not help for batch size 1
        self.model.eval()
        symbols = torch.from_numpy(self.plan.validation).long()[:, None]
        hidden, nats = torch.zeros(self.config.layers, 1, self.config.H), 0.0
        for start in range(0, len(symbols) - 1, EVALUATION_LENGTH):
            chunk = symbols[start : start + EVALUATION_LENGTH + 1]
            logits, hidden = self.model(chunk[:-1], hidden)
            nats += float(functional.cross_entropy(logits[:, 0], chunk[1:, 0], reduction="sum"))
        return nats / (len(symbols) - 1)


def _fastest_thread_count(create_training, max_threads):
    # Small matrix products are faster on one thread than on two that have to synchronise.
    seconds = {}
    for threads in range(1, max_threads + 1):
        torch.set_num_threads(threads)
        create_training().train(3)
        seconds[threads] = create_training().train(TRIAL_STEPS)
    return min(seconds, key=seconds.get)


def _run(create_model, config):
    torch.set_flush_denormal(True)
    torch.set_default_dtype(getattr(torch, config.dtype))
    plan = training_run.create_plan(config)

    def create_training():
        torch.manual_seed(config.seed)
        return Training(create_model(plan, config.dropout), config, plan)

    start_time = time.perf_counter()
    threads = _fastest_thread_count(create_training, config.threads)
    torch.set_num_threads(threads)
    warm_up = time.perf_counter() - start_time

    def run(n):
        training = create_training()
        seconds = training.train(n)
        losses = torch.stack(training.losses) / (config.T * config.B)
        return {"seconds": seconds, "losses": losses.tolist(), "nats": training.evaluate()}

    return run, {
        "warm_up": warm_up,
        "threads": threads,
        "characters": config.T * config.B,
        "steps": len(plan.learning_rates),
    }


module = functools.partial(_run, BuiltinGRU)
loop = functools.partial(_run, functools.partial(StackedGRU, states=loop_over_cells))
manual = functools.partial(_run, functools.partial(StackedGRU, states=ManualRecurrence.apply))
