# SPDX-License-Identifier: MIT
"""Training and sampling with gru_ext.core."""

import numpy as np

from bench import workload
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace, sample_streams
from gru_ext.model.parameters import Parameters

CHUNK = 1000


def _parameters(config):
    parameters = Parameters(config.V, config.H, config.dtype)
    parameters.assign(workload.initial_weights(config.V, config.H, config.dtype))
    return parameters


def train(config):
    """One unit is one training step on T * B characters."""
    parameters, adagrad_state = _parameters(config), Parameters(config.V, config.H, config.dtype)
    workspace = Workspace(
        config.V, config.H, config.B, config.T, config.dtype, threads=config.threads
    )
    symbols, _ = workload.read_text(config.text)
    loop = TrainingLoop(parameters.flat, adagrad_state.flat, workspace, symbols)

    def steps(n):
        return loop.steps(n, workload.LEARNING_RATE, workload.CLIP, workload.EPS, config.threads)

    def run(n):
        steps(n)

    losses = steps(2) / (config.T * config.B)
    return run, {"units": config.T * config.B, "losses": losses.tolist()}


def sample(config):
    """One unit is CHUNK characters for each of B streams."""
    parameters = _parameters(config)
    workspace = Workspace(config.V, config.H, config.B, 1, config.dtype, training=False)
    uniforms = workload.uniforms(CHUNK, config.B)
    first = np.zeros(config.B, np.int32)

    def run(n):
        last = first
        for _ in range(n):
            last = sample_streams(parameters.flat, last, uniforms, workspace)[-1]

    sampled = sample_streams(parameters.flat, first, uniforms, workspace)
    return run, {"units": CHUNK * config.B, "sampled": sampled[:32, 0].tolist()}
