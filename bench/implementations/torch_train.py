# SPDX-License-Identifier: MIT
"""Training in PyTorch: the GRU cell in a Python loop, and nn.GRU, which is a different variant."""

import torch
from torch.nn import functional

from bench import workload


def _training_runner(config, parameters, states):
    # states(x, h) returns all hidden states (T, B, H). The last parameters are Wy (H, V), by (V).
    Wy, by = parameters[-2:]
    adagrad_state = [torch.zeros_like(p) for p in parameters]
    symbols, _ = workload.read_text(config.text)
    x, y = (torch.from_numpy(a).long() for a in workload.windows(symbols, config.T, config.B))
    h, steps = torch.zeros(config.B, config.H), 0

    def step():
        nonlocal h, steps
        i = steps % len(x)
        if i == 0:
            h = torch.zeros(config.B, config.H)
        steps += 1
        hs = states(x[i], h)
        logits = (hs @ Wy + by).reshape(-1, config.V)
        loss = functional.cross_entropy(logits, y[i].reshape(-1), reduction="sum")
        gradients = torch.autograd.grad(loss / config.B, parameters)
        h = hs[-1].detach()
        with torch.no_grad():
            for p, g, m in zip(parameters, gradients, adagrad_state, strict=True):
                g = g.clamp(-workload.CLIP, workload.CLIP)
                m.addcmul_(g, g)
                p.addcdiv_(g, (m + workload.EPS).sqrt_(), value=-workload.LEARNING_RATE)
        return loss

    def run(n):
        for _ in range(n):
            step()

    return (
        run,
        {"units": config.T * config.B},
        lambda: float(step().detach()) / (config.T * config.B),
    )


def loop(config):
    """One unit is one training step on T * B characters."""
    torch.set_num_threads(config.threads)
    arrays = workload.fused_initial_weights(config.V, config.H, config.dtype).values()
    parameters = [torch.from_numpy(a).requires_grad_() for a in arrays]
    W, b, Uzr, Uh, _, _ = parameters

    def states(x, h):
        hs = []
        for xw in (functional.embedding(x, W) + b).unbind():
            xzr, xh = xw.split((2 * config.H, config.H), 1)
            z, r = torch.addmm(xzr, h, Uzr).sigmoid().chunk(2, 1)
            c = torch.addmm(xh, r * h, Uh).tanh()
            h = torch.lerp(c, h, z)
            hs.append(h)
        return torch.stack(hs)

    run, info, next_loss = _training_runner(config, parameters, states)
    return run, info | {"losses": [next_loss(), next_loss()]}


def module(config):
    """The same with nn.GRU; its losses are different, so they are not compared."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(0)
    gru = torch.nn.GRU(config.V, config.H)
    p = workload.fused_initial_weights(config.V, config.H, config.dtype)
    output = [torch.from_numpy(p[name]).requires_grad_() for name in ("Wy", "by")]

    def states(x, h):
        one_hot = functional.one_hot(x, config.V).float()
        return gru(one_hot, h[None])[0]

    run, info, next_loss = _training_runner(config, [*gru.parameters(), *output], states)
    next_loss()
    return run, info
