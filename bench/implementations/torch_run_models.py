# SPDX-License-Identifier: MIT
"""PyTorch's models of a whole run: nn.GRU, and stacks with the equations of gru_ext.

A model takes x (T, B) and hidden (layers, B, H), and returns logits (T, B, V) and the hidden states
after the window.
"""

import torch
from torch import nn
from torch.nn import functional

from bench.workload import GATES

# nn.GRU lists reset, update, candidate; its update gate keeps the old state, as ours.
_ORDER = "rzh"


class Module(nn.Module):
    """nn.GRU on one-hot characters, with its reset gate after the product."""

    def __init__(self, plan, dropout):
        super().__init__()
        V, H = plan.layers[0]["Wz"].shape
        self.V, self.dropout = V, dropout
        self.gru = nn.GRU(V, H, len(plan.layers), dropout=dropout if len(plan.layers) > 1 else 0)
        self.output = _linear(plan)
        with torch.no_grad():
            for number, layer in enumerate(plan.layers):
                for name, kind in (("ih", "W"), ("hh", "U")):
                    rows = _beside(layer, kind, _ORDER).T
                    getattr(self.gru, f"weight_{name}_l{number}").copy_(rows)
                    getattr(self.gru, f"bias_{name}_l{number}").zero_()

    def forward(self, x, hidden):
        """Logits and states."""
        hs, hidden = self.gru(functional.one_hot(x, self.V).to(hidden.dtype), hidden)
        return self.output(functional.dropout(hs, self.dropout, self.training)), hidden


class Stack(nn.Module):
    """Layers with the reset gate before the product; states(Uzr, Uh, xw, h) runs one, (T, B, H)."""

    def __init__(self, plan, dropout, states):
        super().__init__()
        self.dropout, self.states = dropout, states
        self.layers = nn.ModuleList(_parameters(layer) for layer in plan.layers)
        self.output = _linear(plan)

    def forward(self, x, hidden):
        """Logits and states."""
        first, last = self.layers[0], []
        xw = functional.embedding(x, first["W"]) + first["b"]
        for number, (p, h) in enumerate(zip(self.layers, hidden, strict=True), 1):
            hs = self.states(p["Uzr"], p["Uh"], xw, h)
            last.append(hs[-1])
            read = functional.dropout(hs, self.dropout, self.training)
            for above in self.layers[number : number + 1]:
                xw = read @ above["W"] + above["b"]
        return self.output(read), torch.stack(last)


def cells(Uzr, Uh, xw, h):
    """A Python loop over the cell, the gradient by autograd."""
    H, hs = h.shape[1], []
    for xzr, xh in zip(xw[..., : 2 * H].unbind(), xw[..., 2 * H :].unbind(), strict=True):
        z, r = torch.addmm(xzr, h, Uzr).sigmoid().chunk(2, 1)
        c = torch.addmm(xh, r * h, Uh).tanh()
        h = torch.lerp(c, h, z)
        hs.append(h)
    return torch.stack(hs)


class Recurrence(torch.autograd.Function):
    """The same with a backward pass of its own, as docs/equations.md has it."""

    @staticmethod
    def forward(ctx, Uzr, Uh, xw, h):
        """States (T, B, H); z, r and h_hat take the place of xw's copy."""
        T, B, H = len(xw), *h.shape
        hs, rh, gates = xw.new_empty(T + 1, B, H), xw.new_empty(T, B, H), xw.clone()
        hs[0] = h
        parts = (gates[..., : 2 * H], gates[..., 2 * H :], rh, hs[:-1], hs[1:])
        for zr, c, q, before, after in zip(*(a.unbind() for a in parts), strict=True):
            zr.addmm_(before, Uzr).sigmoid_()
            torch.mul(zr[:, H:], before, out=q)
            c.addmm_(q, Uh).tanh_()
            torch.lerp(c, before, zr[:, :H], out=after)
        ctx.save_for_backward(Uzr, Uh, gates, rh, hs)
        return hs[1:]

    @staticmethod
    def backward(ctx, dhs):
        """Gradients of Uzr, Uh, xw and h: one product over T * B rows a matrix."""
        Uzr, Uh, gates, rh, hs = ctx.saved_tensors
        H, before = dhs.shape[2], hs[:-1]
        z, r, c = gates.split(H, -1)
        factors = (before - c) * z * (1 - z), before * r * (1 - r), (1 - z) * (1 - c * c)
        d, dh = torch.empty_like(gates), torch.zeros_like(dhs[0])
        parts = (dhs, z, r, *factors, *d.split(H, -1), d[..., : 2 * H])
        steps = list(zip(*(a.unbind() for a in parts), strict=True))
        for dh_out, z_t, r_t, by_z, by_r, by_c, dz, dr, dc, dzr in reversed(steps):
            dh = dh + dh_out
            torch.mul(dh, by_z, out=dz)
            torch.mul(dh, by_c, out=dc)
            drh = dc @ Uh.T
            torch.mul(drh, by_r, out=dr)
            dh = torch.addmm(torch.addcmul(dh * z_t, drh, r_t), dzr, Uzr.T)
        rows = d.flatten(0, 1)
        dUzr = before.flatten(0, 1).T @ rows[:, : 2 * H]
        dUh = rh.flatten(0, 1).T @ rows[:, 2 * H :]
        return dUzr, dUh, d, dh


def _beside(layer, kind, gates):
    return torch.cat([torch.from_numpy(layer[kind + gate]) for gate in gates], -1)


def _parameters(layer):
    named = {"W": _beside(layer, "W", GATES), "b": _beside(layer, "b", GATES)}
    named |= {"Uzr": _beside(layer, "U", "zr"), "Uh": _beside(layer, "U", "h")}
    return nn.ParameterDict({name: nn.Parameter(a) for name, a in named.items()})


def _linear(plan):
    H, V = plan.output["Wy"].shape
    linear = nn.Linear(H, V)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(plan.output["Wy"]).T)
        linear.bias.zero_()
    return linear
