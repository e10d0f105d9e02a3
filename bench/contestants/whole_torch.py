# SPDX-License-Identifier: MIT
"""A whole run in PyTorch: nn.GRU, and a stack of cells with the equations of gru_ext."""

import functools
import time

import torch
from torch import nn
from torch.nn import functional

from bench import whole
from bench.problem import GATES

EVALUATED = 4096
# nn.GRU lists reset, update, candidate; its update gate keeps the old state, as ours.
ORDER = "rzh"


class Module(nn.Module):
    """nn.GRU on one-hot characters, with its reset gate after the product."""

    def __init__(self, plan, dropout):
        super().__init__()
        V, H = plan.layers[0]["Wz"].shape
        self.V, layers = V, len(plan.layers)
        self.gru = nn.GRU(V, H, layers, dropout=dropout)
        self.output = _linear(plan)
        with torch.no_grad():
            for number, layer in enumerate(plan.layers):
                for name, kind in ((f"weight_ih_l{number}", "W"), (f"weight_hh_l{number}", "U")):
                    rows = [torch.from_numpy(layer[kind + gate]).T for gate in ORDER]
                    getattr(self.gru, name).copy_(torch.cat(rows))
                getattr(self.gru, f"bias_ih_l{number}").zero_()
                getattr(self.gru, f"bias_hh_l{number}").zero_()

    def forward(self, x, hidden):
        """Logits (T, B, V) and states after the window (layers, B, H)."""
        hs, hidden = self.gru(functional.one_hot(x, self.V).to(hidden.dtype), hidden)
        return self.output(hs), hidden


class Cells(nn.Module):
    """The reset gate before the product, in a Python loop."""

    def __init__(self, plan, dropout):
        super().__init__()
        self.dropout = dropout
        self.layers = nn.ModuleList(_parameters(layer) for layer in plan.layers)
        self.output = _linear(plan)

    def forward(self, x, hidden):
        """Logits (T, B, V) and states after the window (layers, B, H)."""
        last = []
        for number, (p, h) in enumerate(zip(self.layers, hidden, strict=True)):
            if number == 0:
                xw = functional.embedding(x, p["W"]) + p["b"]
            else:
                xw = functional.dropout(hs, self.dropout, self.training) @ p["W"] + p["b"]
            hs = _states(p["Uzr"], p["Uh"], xw, h)
            last.append(hs[-1])
        return self.output(hs), torch.stack(last)


def _states(Uzr, Uh, xw, h):
    H, hs = h.shape[1], []
    for xzr, xh in zip(xw[..., : 2 * H].unbind(), xw[..., 2 * H :].unbind(), strict=True):
        z, r = torch.addmm(xzr, h, Uzr).sigmoid().chunk(2, 1)
        c = torch.addmm(xh, r * h, Uh).tanh()
        h = torch.lerp(c, h, z)
        hs.append(h)
    return torch.stack(hs)


def _parameters(layer):
    def beside(kind, gates):
        return torch.cat([torch.from_numpy(layer[kind + gate]) for gate in gates], -1)

    named = {"W": (beside("W", GATES)), "b": beside("b", GATES)}
    named |= {"Uzr": beside("U", "zr"), "Uh": beside("U", "h")}
    return nn.ParameterDict({name: nn.Parameter(a) for name, a in named.items()})


def _linear(plan):
    H, V = plan.output["Wy"].shape
    linear = nn.Linear(H, V)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(plan.output["Wy"]).T)
        linear.bias.zero_()
    return linear


class Training:
    """A model and its optimiser, from the first update on."""

    def __init__(self, model, job, plan):
        self.model, self.job, self.plan = model, job, plan
        self.inputs, self.targets = map(torch.from_numpy, (plan.inputs, plan.targets))
        betas = whole.BETA1, whole.BETA2
        self.adam = torch.optim.Adam(model.parameters(), 0.0, betas, whole.EPS, fused=True)
        self.losses = []

    def go(self, updates):
        """Make the first updates."""
        job, parameters = self.job, list(self.model.parameters())
        for n, rate in enumerate(self.plan.rates[:updates].tolist()):
            at = n % len(self.inputs)
            if at == 0:
                hidden = torch.zeros(job.layers, job.B, job.H)
            logits, hidden = self.model(self.inputs[at].long(), hidden)
            hidden = hidden.detach()
            targets = self.targets[at].long().view(-1)
            nats = functional.cross_entropy(logits.flatten(0, 1), targets, reduction="sum")
            self.adam.zero_grad()
            (nats / job.B).backward()
            nn.utils.clip_grad_value_(parameters, self.plan.clip)
            self.adam.param_groups[0]["lr"] = rate
            self.adam.step()
            self.losses.append(nats.detach())

    @torch.no_grad()
    def evaluate(self):
        """Mean nats of the held-out text read as one stream from a zero state."""
        self.model.eval()
        symbols = torch.from_numpy(self.plan.held_out).long()[:, None]
        hidden, nats = torch.zeros(self.job.layers, 1, self.job.H), 0.0
        for start in range(0, len(symbols) - 1, EVALUATED):
            piece = symbols[start : start + EVALUATED + 1]
            logits, hidden = self.model(piece[:-1], hidden)
            nats += float(functional.cross_entropy(logits[:, 0], piece[1:, 0], reduction="sum"))
        return nats / (len(symbols) - 1)


def _run(model, job):
    torch.set_num_threads(job.threads)
    torch.set_flush_denormal(True)
    torch.set_default_dtype(getattr(torch, job.dtype))
    torch.manual_seed(job.seed)
    plan = whole.plan(job)
    began = time.perf_counter()
    Training(model(plan, job.dropout), job, plan).go(3)
    info = {"warm_up": time.perf_counter() - began, "characters": job.T * job.B}

    def run(n):
        training = Training(model(plan, job.dropout), job, plan)
        began = time.perf_counter()
        training.go(n)
        seconds = time.perf_counter() - began
        losses = torch.stack(training.losses) / (job.T * job.B)
        return {"seconds": seconds, "losses": losses.tolist(), "nats": training.evaluate()}

    return run, info


module = functools.partial(_run, Module)
cells = functools.partial(_run, Cells)
