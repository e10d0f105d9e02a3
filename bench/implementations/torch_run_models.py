# SPDX-License-Identifier: MIT
"""PyTorch models of a training run: nn.GRU, and a stacked GRU with the equations of gru_ext.

A model takes x (T, B) and hidden (layers, B, H). It returns logits (T, B, V) and the last hidden
states (layers, B, H).
"""

import torch
from torch import nn
from torch.nn import functional

from bench.workload import GATES

# nn.GRU stores reset, update, candidate. Its update gate keeps the old state, as in gru_ext.
_ORDER = "rzh"


class BuiltinGRU(nn.Module):
    """nn.GRU on one-hot characters; its reset gate comes after the matrix product."""

    def __init__(self, plan, dropout):
        super().__init__()
        V, H = plan.layers[0]["Wz"].shape
        self.V, self.dropout = V, dropout
        self.gru = nn.GRU(V, H, len(plan.layers), dropout=dropout if len(plan.layers) > 1 else 0)
        self.output = _linear(plan)
        with torch.no_grad():
            for number, layer in enumerate(plan.layers):
                for name, kind in (("ih", "W"), ("hh", "U")):
                    rows = _concatenated(layer, kind, _ORDER).T
                    getattr(self.gru, f"weight_{name}_l{number}").copy_(rows)
                    getattr(self.gru, f"bias_{name}_l{number}").zero_()

    def forward(self, x, hidden):
        """Logits and last hidden states."""
        hs, hidden = self.gru(functional.one_hot(x, self.V).to(hidden.dtype), hidden)
        return self.output(functional.dropout(hs, self.dropout, self.training)), hidden


class StackedGRU(nn.Module):
    """Layers with the reset gate before the matrix product.

    states(Uzr, Uh, xw, h) computes the hidden states (T, B, H) of one layer.
    """

    def __init__(self, plan, dropout, states):
        super().__init__()
        self.dropout, self.states = dropout, states
        self.layers = nn.ModuleList(_parameters(layer) for layer in plan.layers)
        self.output = _linear(plan)

    def forward(self, x, hidden):
        """Logits and last hidden states."""
        first, last = self.layers[0], []
        xw = functional.embedding(x, first["W"]) + first["b"]
        for number, (p, h) in enumerate(zip(self.layers, hidden, strict=True), 1):
            hs = self.states(p["Uzr"], p["Uh"], xw, h)
            last.append(hs[-1])
            output_states = functional.dropout(hs, self.dropout, self.training)
            for above in self.layers[number : number + 1]:
                xw = output_states @ above["W"] + above["b"]
        return self.output(output_states), torch.stack(last)


def loop_over_cells(Uzr, Uh, xw, h):
    """A Python loop over the time steps; the gradient by autograd."""
    H, hs = h.shape[1], []
    for xzr, xh in zip(xw[..., : 2 * H].unbind(), xw[..., 2 * H :].unbind(), strict=True):
        z, r = torch.addmm(xzr, h, Uzr).sigmoid().chunk(2, 1)
        c = torch.addmm(xh, r * h, Uh).tanh()
        h = torch.lerp(c, h, z)
        hs.append(h)
    return torch.stack(hs)


class ManualRecurrence(torch.autograd.Function):
    """The same with a manual backward pass, as in docs/explanation/equations.md."""

    @staticmethod
    def forward(ctx, Uzr, Uh, xw, h):
        """States (T, B, H); a copy of xw is overwritten by z, r and h_hat."""
        T, B, H = len(xw), *h.shape
        hs, rh, gates = xw.new_empty(T + 1, B, H), xw.new_empty(T, B, H), xw.clone()
        hs[0] = h
        arrays = (gates[..., : 2 * H], gates[..., 2 * H :], rh, hs[:-1], hs[1:])
        for zr, c, q, h_prev, h_next in zip(*(a.unbind() for a in arrays), strict=True):
            zr.addmm_(h_prev, Uzr).sigmoid_()
            torch.mul(zr[:, H:], h_prev, out=q)
            c.addmm_(q, Uh).tanh_()
            torch.lerp(c, h_prev, zr[:, :H], out=h_next)
        ctx.save_for_backward(Uzr, Uh, gates, rh, hs)
        return hs[1:]

    @staticmethod
    def backward(ctx, dhs):
        """Gradients of Uzr, Uh, xw and h; one product over T * B rows per weight matrix."""
        Uzr, Uh, gates, rh, hs = ctx.saved_tensors
        H, h_prev = dhs.shape[2], hs[:-1]
        z, r, c = gates.split(H, -1)
        factors = (h_prev - c) * z * (1 - z), h_prev * r * (1 - r), (1 - z) * (1 - c * c)
        d, dh = torch.empty_like(gates), torch.zeros_like(dhs[0])
        arrays = (dhs, z, r, *factors, *d.split(H, -1), d[..., : 2 * H])
        steps = list(zip(*(a.unbind() for a in arrays), strict=True))
        for dh_out, z_t, r_t, factor_z, factor_r, factor_c, dz, dr, dc, dzr in reversed(steps):
            dh = dh + dh_out
            torch.mul(dh, factor_z, out=dz)
            torch.mul(dh, factor_c, out=dc)
            drh = dc @ Uh.T
            torch.mul(drh, factor_r, out=dr)
            dh = torch.addmm(torch.addcmul(dh * z_t, drh, r_t), dzr, Uzr.T)
        rows = d.flatten(0, 1)
        dUzr = h_prev.flatten(0, 1).T @ rows[:, : 2 * H]
        dUh = rh.flatten(0, 1).T @ rows[:, 2 * H :]
        return dUzr, dUh, d, dh


def _concatenated(layer, kind, gates):
    return torch.cat([torch.from_numpy(layer[kind + gate]) for gate in gates], -1)


def _parameters(layer):
    arrays = {"W": _concatenated(layer, "W", GATES), "b": _concatenated(layer, "b", GATES)}
    arrays |= {"Uzr": _concatenated(layer, "U", "zr"), "Uh": _concatenated(layer, "U", "h")}
    return nn.ParameterDict({name: nn.Parameter(a) for name, a in arrays.items()})


def _linear(plan):
    H, V = plan.output["Wy"].shape
    linear = nn.Linear(H, V)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(plan.output["Wy"]).T)
        linear.bias.zero_()
    return linear
