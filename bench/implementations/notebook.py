# SPDX-License-Identifier: MIT
"""The notebook's iteration: its own arithmetic in NumPy, and --classic's, which has its bits."""

import importlib.util
from pathlib import Path

import numpy as np

from bench import workload

ARITHMETIC = Path(__file__).parents[2] / "tests" / "notebook.py"


def arithmetic():
    """The module tests/notebook.py."""
    spec = importlib.util.spec_from_file_location("notebook_arithmetic", ARITHMETIC)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def numpy(config):
    """A unit is an iteration: a window of T characters and its update."""
    notebook = arithmetic()
    p = workload.weights(config.V, config.H, config.dtype)
    m = {name: np.zeros_like(array) for name, array in p.items()}
    symbols = workload.read_text(config.text)[0].tolist()
    at, h, T = 0, np.zeros((config.H, 1)), config.T

    def step():
        nonlocal at, h
        if at + T + 1 >= len(symbols):
            h, at = np.zeros((config.H, 1)), 0
        loss, g, h = notebook.window(p, symbols[at : at + T], symbols[at + 1 : at + T + 1], h)
        notebook.adagrad(p, m, g, workload.LEARNING_RATE, workload.CLIP)
        at += T
        return loss

    def run(n):
        for _ in range(n):
            step()

    return run, {"units": T, "losses": [step() / T, step() / T]}


def classic(config):
    """A unit is an iteration."""
    from gru_ext.core import classic as _classic

    w = workload.weights(config.V, config.H, config.dtype)
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
