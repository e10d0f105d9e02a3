# SPDX-License-Identifier: MIT
"""gru_ext itself: training windows and drawing characters."""

import numpy as np

from bench import problem
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace, sample_streams
from gru_ext.model.parameters import Parameters

CHUNK = 1000


def _parameters(job):
    parameters = Parameters(job.V, job.H, job.dtype)
    parameters.assign(problem.weights(job.V, job.H, job.dtype))
    return parameters


def train(job):
    """A unit is a window of T * B characters and its update."""
    parameters, memory = _parameters(job), Parameters(job.V, job.H, job.dtype)
    workspace = Workspace(job.V, job.H, job.B, job.T, job.dtype, threads=job.threads)
    symbols, _ = problem.read_text(job.text)
    loop = TrainingLoop(parameters.flat, memory.flat, workspace, symbols)

    def steps(n):
        return loop.steps(n, problem.LEARNING_RATE, problem.CLIP, problem.EPS, job.threads)

    def run(n):
        steps(n)

    losses = steps(2) / (job.T * job.B)
    return run, {"units": job.T * job.B, "losses": losses.tolist()}


def sample(job):
    """A unit is CHUNK characters of each of B streams."""
    parameters = _parameters(job)
    workspace = Workspace(job.V, job.H, job.B, 1, job.dtype, training=False)
    uniforms = problem.uniforms(CHUNK, job.B)
    first = np.zeros(job.B, np.int32)

    def run(n):
        last = first
        for _ in range(n):
            last = sample_streams(parameters.flat, last, uniforms, workspace)[-1]

    drawn = sample_streams(parameters.flat, first, uniforms, workspace)
    return run, {"units": CHUNK * job.B, "drawn": drawn[:32, 0].tolist()}
