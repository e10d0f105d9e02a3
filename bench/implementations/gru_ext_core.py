# SPDX-License-Identifier: MIT
"""Training and sampling with gru_ext.core."""

import numpy as np

from bench import workload
from gru_ext.core.sampler import Sampler
from gru_ext.core.sampling_loop import sample_symbols
from gru_ext.core.stream import SymbolStream
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace
from gru_ext.model.narrow_parameters import with_weights
from gru_ext.model.parameters import Parameters

CHUNK = 1000


def _parameters(config):
    parameters = Parameters(config.V, config.H, config.dtype)
    parameters.assign(workload.initial_weights(config.V, config.H, config.dtype))
    return parameters


def train(config):
    """One unit is one training step on T * B characters."""
    run, losses = _training(config)
    return run, {"units": config.T * config.B, "losses": losses.tolist()}


def train_bfloat16(config):
    """The same with factors of products that are rounded, so that the losses are others."""
    return _training(config, "bfloat16")[0], {"units": config.T * config.B}


def _training(config, products=None):
    """What makes n steps, and the mean losses of two."""
    parameters, adagrad_state = _parameters(config), Parameters(config.V, config.H, config.dtype)
    workspace = Workspace(
        *(config.V, config.H, config.B, config.T, config.dtype),
        threads=config.threads,
        products=products,
    )
    symbols, _ = workload.read_text(config.text)
    loop = TrainingLoop(parameters.flat, adagrad_state.flat, workspace, symbols)

    def steps(n):
        return loop.steps(n, workload.LEARNING_RATE, workload.CLIP, workload.EPS, config.threads)

    def run(n):
        steps(n)

    return run, steps(2) / (config.T * config.B)


def sample(config):
    """One unit is CHUNK characters for each of B streams."""
    run, sampled = _sampling(config, None)
    return run, {"units": CHUNK * config.B, "sampled": sampled[:32, 0].tolist()}


def sample_bfloat16(config):
    """The same with weights that are rounded, so that other characters may be sampled."""
    return _sampling(config, "bfloat16")[0], {"units": CHUNK * config.B}


def sample_int8(config):
    """The same with weights and activations that are rounded."""
    return _sampling(config, "int8")[0], {"units": CHUNK * config.B}


def _sampling(config, weights):
    """What samples n units, and the symbols of a unit, (CHUNK, B)."""
    stream = SymbolStream(with_weights(_parameters(config), weights), config.B)
    stream.read(np.zeros((1, config.B), np.int32))
    sampler = Sampler(config.V, config.B, config.dtype)
    uniforms = workload.uniforms(CHUNK, config.B)
    sampled = sample_symbols(stream, sampler, uniforms)

    def run(n):
        for _ in range(n):
            sample_symbols(stream, sampler, uniforms)

    return run, sampled


def step(config):
    """One unit is a symbol that one stream reads, and the probabilities of the next one."""
    stream = SymbolStream(_parameters(config))

    def probabilities(symbol):
        stream.feed(symbol)
        return stream.probabilities()

    return workload.steps(probabilities, config.V)
