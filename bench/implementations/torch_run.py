# SPDX-License-Identifier: MIT
"""A whole run in PyTorch."""

import functools
import time

import torch
from torch import nn
from torch.nn import functional

from bench import run_options, training_run
from bench.implementations.torch_run_models import Module, Recurrence, Stack, cells

EVALUATED = 4096
TRIED = 20


class Training:
    """A model and its optimiser, from the first update on."""

    def __init__(self, model, config, plan):
        self.model, self.config, self.plan = model, config, plan
        self.inputs = torch.from_numpy(plan.inputs).long()
        self.targets = torch.from_numpy(plan.targets).long()
        betas = run_options.BETA1, run_options.BETA2
        self.adam = torch.optim.Adam(model.parameters(), 0.0, betas, run_options.EPS, fused=True)
        self.losses = []

    def go(self, updates):
        """Make the first updates; the seconds that they take."""
        config, parameters = self.config, list(self.model.parameters())
        self.model.train()
        began = time.perf_counter()
        for n, rate in enumerate(self.plan.rates[:updates].tolist()):
            at = n % len(self.inputs)
            if at == 0:
                hidden = torch.zeros(config.layers, config.B, config.H)
            logits, hidden = self.model(self.inputs[at], hidden)
            hidden = hidden.detach()
            targets = self.targets[at].flatten()
            nats = functional.cross_entropy(logits.flatten(0, 1), targets, reduction="sum")
            self.adam.zero_grad()
            (nats / config.B).backward()
            nn.utils.clip_grad_value_(parameters, self.plan.clip)
            self.adam.param_groups[0]["lr"] = rate
            self.adam.step()
            self.losses.append(nats.detach())
        return time.perf_counter() - began

    @torch.no_grad()
    def evaluate(self):
        """Mean nats of the held-out text read as one stream from a zero state."""
        torch.set_num_threads(1)  # one stream has nothing to share
        self.model.eval()
        symbols = torch.from_numpy(self.plan.held_out).long()[:, None]
        hidden, nats = torch.zeros(self.config.layers, 1, self.config.H), 0.0
        for start in range(0, len(symbols) - 1, EVALUATED):
            piece = symbols[start : start + EVALUATED + 1]
            logits, hidden = self.model(piece[:-1], hidden)
            nats += float(functional.cross_entropy(logits[:, 0], piece[1:, 0], reduction="sum"))
        return nats / (len(symbols) - 1)


def _fastest_threads(training, most):
    # Small products are faster on one thread than on two that wait for one another.
    taken = {}
    for threads in range(1, most + 1):
        torch.set_num_threads(threads)
        training().go(3)
        taken[threads] = training().go(TRIED)
    return min(taken, key=taken.get)


def _run(model, config):
    torch.set_flush_denormal(True)
    torch.set_default_dtype(getattr(torch, config.dtype))
    plan = training_run.plan(config)

    def training():
        torch.manual_seed(config.seed)
        return Training(model(plan, config.dropout), config, plan)

    began = time.perf_counter()
    threads = _fastest_threads(training, config.threads)
    torch.set_num_threads(threads)
    warm_up = time.perf_counter() - began

    def run(n):
        made = training()
        seconds = made.go(n)
        losses = torch.stack(made.losses) / (config.T * config.B)
        return {"seconds": seconds, "losses": losses.tolist(), "nats": made.evaluate()}

    return run, {
        "warm_up": warm_up,
        "threads": threads,
        "characters": config.T * config.B,
        "updates": len(plan.rates),
    }


module = functools.partial(_run, Module)
loop = functools.partial(_run, functools.partial(Stack, states=cells))
by_hand = functools.partial(_run, functools.partial(Stack, states=Recurrence.apply))
