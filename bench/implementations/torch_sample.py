# SPDX-License-Identifier: MIT
"""Sampling and predicting in PyTorch without gradients, one step at a time."""

import torch

from bench import workload

CHUNK = 100


def predictor(config):
    """A function that reads symbols (B,), and returns probabilities (B, V)."""
    torch.set_num_threads(config.threads)
    p = {
        k: torch.from_numpy(a)
        for k, a in workload.fused_initial_weights(config.V, config.H, config.dtype).items()
    }
    W, Uzr, Uh, Wy, by, H = p["W"] + p["b"], p["Uzr"], p["Uh"], p["Wy"], p["by"], config.H
    h = torch.zeros(config.B, H)

    def predict(x):
        nonlocal h
        xzr, xh = W[x].split((2 * H, H), 1)
        z, r = torch.addmm(xzr, h, Uzr).sigmoid_().chunk(2, 1)
        c = torch.addmm(xh, r * h, Uh).tanh_()
        h = torch.lerp(c, h, z)
        return torch.addmm(by, h, Wy).softmax(1)

    return predict


def sample(config):
    """One unit is CHUNK characters for each of B streams."""
    predict = predictor(config)
    uniforms = torch.from_numpy(workload.uniforms(CHUNK, config.B).astype(config.dtype))[..., None]
    x = torch.zeros(config.B, dtype=torch.long)

    def step(u):
        nonlocal x
        sums = predict(x).cumsum(1)
        x = torch.searchsorted(sums, u * sums[:, -1:], right=True)[:, 0]
        return x

    @torch.inference_mode()
    def run(n):
        for _ in range(n):
            for u in uniforms:
                step(u)

    with torch.inference_mode():
        sampled = [int(step(u)[0]) for u in uniforms[:32]]
    return run, {"units": CHUNK * config.B, "sampled": sampled}


def step(config):
    """One unit is a symbol that one stream reads, and the probabilities of the next one."""
    predict = predictor(config)

    @torch.inference_mode()
    def probabilities(symbol):
        return predict(torch.tensor([symbol]))[0].numpy()

    return workload.steps(probabilities, config.V)
