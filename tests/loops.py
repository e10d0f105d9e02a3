# SPDX-License-Identifier: MIT
"""Training loops for tests, with their arrays between guard elements."""

import numpy as np

from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace

GUARD = 64
WITH_MEAN = ("adam", "adamw")


def make_loop(parameters, B, T, symbols, threads=1, optimizer="adagrad", **options):
    V, H, size = parameters.vocabulary_size, parameters.hidden_size, parameters.flat.size
    guarded = np.full((3, size + 2 * GUARD), 7, parameters.dtype)
    flat, memory, mean = guarded[:, GUARD:-GUARD]
    flat[:], memory[:], mean[:] = parameters.flat, 0, 0
    sizes = {"layers": parameters.layers, "dropping": True}
    workspace = Workspace(V, H, B, T, parameters.dtype, threads=threads, **sizes)
    if optimizer in WITH_MEAN:
        options["mean"] = mean
    return TrainingLoop(flat, memory, workspace, symbols, optimizer=optimizer, **options)


def assert_guarded(loop):
    assert np.all(np.delete(loop.memory.base, np.s_[GUARD:-GUARD], axis=1) == 7)


def state_of(loop):
    means = [] if loop.mean is None else [loop.mean]
    arrays = (loop.parameters, loop.memory, *means, loop.workspace.hidden)
    return b"".join(a.tobytes() for a in arrays)
