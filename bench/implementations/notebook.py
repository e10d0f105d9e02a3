# SPDX-License-Identifier: MIT
"""Training iterations of the notebook: tests/notebook.py, and gru-ext train --classic."""

import importlib.util
from pathlib import Path

import numpy as np

from bench import workload

NOTEBOOK_MODULE = Path(__file__).parents[2] / "tests" / "notebook.py"


def load_notebook_module():
    """Import tests/notebook.py."""
    spec = importlib.util.spec_from_file_location("notebook_arithmetic", NOTEBOOK_MODULE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def numpy(config):
    """One unit is one iteration: a training step on T characters."""
    notebook = load_notebook_module()
    p = workload.initial_weights(config.V, config.H, config.dtype)
    m = {name: np.zeros_like(array) for name, array in p.items()}
    symbols = workload.read_text(config.text)[0].tolist()
    position, h, T = 0, np.zeros((config.H, 1)), config.T

    def step():
        nonlocal position, h
        if position + T + 1 >= len(symbols):
            h, position = np.zeros((config.H, 1)), 0
        window = symbols[position : position + T + 1]
        loss, g, h = notebook.window(p, window[:-1], window[1:], h)
        notebook.adagrad(p, m, g, workload.LEARNING_RATE, workload.CLIP)
        position += T
        return loss

    def run(n):
        for _ in range(n):
            step()

    return run, {"units": T, "losses": [step() / T, step() / T]}


def classic(config):
    """One unit is one iteration."""
    from gru_ext.core import classic as _classic

    w = workload.initial_weights(config.V, config.H, config.dtype)
    p = [np.stack([w[kind + g] for g in workload.GATES]) for kind in "WU"]
    p += [np.stack([w["b" + g][:, 0] for g in workload.GATES]), w["Wy"], w["by"][:, 0].copy()]
    m = [np.zeros_like(array) for array in p]
    symbols = workload.read_text(config.text)[0].astype(np.int32)
    hidden, position = np.zeros(config.H), 0

    def steps(n):
        nonlocal position
        losses = np.zeros(n)
        position = _classic.iterate(
            *p,
            *m,
            hidden,
            symbols,
            position,
            config.T,
            workload.LEARNING_RATE,
            workload.CLIP,
            losses,
        )
        return losses

    def run(n):
        steps(n)

    return run, {"units": config.T, "losses": (steps(2) / config.T).tolist()}
