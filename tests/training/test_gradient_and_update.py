# SPDX-License-Identifier: MIT
"""A step in two halves, as workers that combine their gradients make it."""

import numpy as np
import pytest
from training_runs import TEXT

import gru_ext
from gru_ext import Trainer, Vocabulary
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace
from gru_ext.model.parameters import Parameters

CASES = [
    {"optimizer": "adam"},
    {"optimizer": "adamw", "weight_decay": 0.1},
    {"optimizer": "adagrad", "clip": 0.01},
    {"optimizer": "rmsprop", "clip_norm": 0.1},
    {"tied": True, "dropout": 0.3},
    {"weight_dropout": 0.4, "average_over": 0.5},
]


def trainer_of(**options):
    vocabulary = Vocabulary.from_text(TEXT)
    model = gru_ext.Model.create(vocabulary, 9, seed=1)
    symbols = vocabulary.encode(TEXT)
    sizes = {"seq_length": 7, "batch_size": 8, "dropout": 0, "weight_dropout": 0}
    return Trainer(model, symbols, **sizes | options)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("options", CASES, ids=lambda case: next(iter(case)))
def test_a_gradient_and_its_update_are_a_step(options, threads):
    whole, halves = (trainer_of(threads=threads, **options) for _ in range(2))
    for _ in range(20):
        loss = whole.advance(1)
        rate = halves.schedule.rates(halves.steps_done, 1)
        assert halves.make_steps(1, rate, gradient_only=True) == loss
        halves.apply(rate[0])
    assert whole.counters[:2] == halves.counters[:2]
    for name in whole.model.parameters:
        assert np.array_equal(whole.model.parameters[name], halves.model.parameters[name]), name
    for name, arrays in whole.beside.items():
        assert np.array_equal(arrays.flat, halves.beside[name].flat), name


def test_a_gradient_alone_changes_no_weight():
    trainer = trainer_of()
    before = trainer.model.parameters.flat.copy()
    trainer.make_steps(1, np.array([0.1]), gradient_only=True)
    assert np.array_equal(trainer.model.parameters.flat, before)
    assert trainer.gradients.any()


def loop_of():
    parameters = Parameters(5, 4)
    workspace = Workspace(5, 4, 2, 3, parameters.dtype)
    symbols = np.arange(60, dtype=np.uint8) % 5
    return TrainingLoop(parameters.flat, parameters.like().flat, workspace, symbols)


def test_what_is_no_half_of_a_step_is_refused():
    loop = loop_of()
    with pytest.raises(ValueError, match="no step is done"):
        loop.apply(0.1)
    with pytest.raises(ValueError, match="a gradient is that of one window"):
        loop.steps(2, 0.1, gradient_only=True)
    with pytest.raises(ValueError, match="learning_rate"):
        loop.steps(1, -0.1, gradient_only=True)
    loop.steps(1, 0.1, gradient_only=True)
    with pytest.raises(ValueError, match="learning_rate"):
        loop.apply(float("nan"))
    with pytest.raises(ValueError, match="needs `average`"):
        loop.apply(0.1, average_over=0.5)
