# SPDX-License-Identifier: MIT
"""Training runs in tests: a text, a small model, and whether two models are the same."""

import signal
from contextlib import contextmanager
from unittest import mock

from model_files import file_arrays

from gru_ext import Trainer
from gru_ext.model.model import from_checkpoint
from gru_ext.training.state_files import read_state, state_path

TEXT = "The quick brown fox jumps over the lazy dog.\n" * 12
NAMES = "".join(f"{name}\n" for name in ("anna", "bob", "carl", "dora", "ed", "ida") * 40)
DOCUMENTS = "one day.<|end|>the <fox>.<|end|><|end|>a dog|>.<|end|>" * 12
SMALL = {"hidden_size": 8, "quiet": True}


def same(one, other):
    return all(
        one.parameters[name].tobytes() == other.parameters[name].tobytes()
        for name in one.parameters
    )


def state_of(output):
    """The training state of the run that writes this model file; or that of a file that has one."""
    return read_state(output)[1]


def step_of(output):
    """The step of the training state of a run."""
    return state_of(output).metadata["step"]


def last_model(output):
    """The model of the last step of a run: the average of its weights, where it has one."""
    data = state_of(output)
    data.weights = data.average or data.weights
    return from_checkpoint(data)


def run_files(output):
    """Every array of the model file of a run, and of its training state."""
    return file_arrays(output), file_arrays(state_path(output))


def assert_same_state(one, other):
    """Two runs have the same weights, arrays beside these, hidden states, position and losses."""
    a, b = state_of(one), state_of(other)
    for name in a.weights:
        assert a.weights[name].tobytes() == b.weights[name].tobytes(), name
    assert a.beside.keys() == b.beside.keys()
    for which, arrays in a.beside.items():
        for name in arrays:
            assert arrays[name].tobytes() == b.beside[which][name].tobytes(), (which, name)
    assert a.hidden.tobytes() == b.hidden.tobytes()
    assert a.metadata["training"] == b.metadata["training"]
    assert a.metadata["step"] == b.metadata["step"]


@contextmanager
def interrupt_after(step):
    """Ctrl-C when so many updates are made."""
    advance = Trainer.advance

    def advance_to(trainer, steps):
        losses = advance(trainer, min(steps, step - trainer.steps_done))
        if trainer.steps_done == step:
            signal.raise_signal(signal.SIGINT)
        return losses

    with mock.patch.object(Trainer, "advance", advance_to):
        yield
