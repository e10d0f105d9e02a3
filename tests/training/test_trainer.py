# SPDX-License-Identifier: MIT
"""Trainer: stepped, iterated, resumed."""

import itertools
import math

import numpy as np
import pytest
import reference
from training_runs import TEXT, same

from gru_ext import CheckpointError, Model, Trainer, Vocabulary


def new_trainer(layers=1, **options):
    vocabulary = Vocabulary.from_text(TEXT)
    model = Model.create(vocabulary, 8, "float64", seed=1, layers=layers)
    fixed = {"seq_length": 11, "batch_size": 1, "dropout": 0.0, "weight_dropout": 0.0}
    return Trainer(model, vocabulary.encode(TEXT), **fixed | options)


def test_a_trainer_is_stepped_and_iterated():
    one, other, third = new_trainer(), new_trainer(), new_trainer()
    losses = one.advance(12)
    assert losses.shape == (12,)
    steps = [other.step() for _ in range(12)]
    iterated = list(itertools.islice(third, 12))
    assert [step.number for step in steps] == list(range(1, 13))
    assert [step.nats_per_char for step in steps] == losses.tolist()
    assert iterated == steps
    assert steps[3].bits_per_char == pytest.approx(losses[3] / math.log(2), rel=1e-14)
    assert same(one.model, other.model)
    assert same(one.model, third.model)
    assert one.steps_done == other.steps_done == 12
    assert one.smooth_loss == other.smooth_loss


@pytest.mark.parametrize(("layers", "dropout"), [(1, 0.0), (1, 0.3), (3, 0.3)])
def test_a_trainers_first_loss_is_that_of_the_equations(layers, dropout):
    trainer = new_trainer(layers, dropout=dropout, seed=2)
    p = {name: view.copy() for name, view in trainer.model.parameters.items()}
    symbols = trainer.model.vocabulary.encode(TEXT).astype(int)[:, None]
    factors = reference.stack_dropout(layers, 11, 1, 8, dropout, seed=2, update=1)
    window, zeros = (symbols[:11], symbols[1:12]), np.zeros((layers, 1, 8))
    expected = reference.forward(p, *window, zeros, factors=factors)["loss"].mean()
    assert trainer.step().nats_per_char == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("layers", "dropout"), [(1, 0.0), (2, 0.3)])
def test_a_trainer_goes_on_from_a_checkpoint(layers, dropout):
    options = {"batch_size": 5, "seq_length": 9, "dropout": dropout, "seed": 4}
    whole, first, second = (new_trainer(layers, **options) for _ in range(3))
    whole.advance(30)
    first.advance(13)
    second.resume(first.checkpoint())
    first.advance(5)
    second.advance(17)
    assert same(whole.model, second.model)
    assert second.steps_done == 30
    assert second.smooth_loss == whole.smooth_loss


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"optimizer": "sgd"}, "`optimizer` must be"),
        ({"schedule": "linear"}, "`schedule` must be"),
        ({"weight_decay": 1000.0}, "weight decay must be"),
        ({"optimizer": "adam", "weight_decay": 0.1}, "weight.decay`? needs the optimizer adamw"),
        ({"optimizer": "adamw", "weight_decay": 1000.0}, "weight decay must be"),
        ({"dropout": 1}, "`dropout` must be a number from 0 to below 1, not 1"),
        ({"seed": -1}, "`seed` must be a whole number from 0 to"),
        ({"seed": 2**64}, "`seed` must be a whole number from 0 to"),
    ],
)
def test_what_a_trainer_refuses(options, told):
    with pytest.raises(ValueError, match=told):
        new_trainer(**options)


def test_a_cosine_needs_the_planned_steps():
    trainer = new_trainer(schedule="cosine", warmup_steps=0)
    with pytest.raises(ValueError, match="planned steps"):
        trainer.advance(3)
    trainer.schedule.planned_steps = 3
    trainer.advance(3)
    before = trainer.model.parameters.flat.copy()
    trainer.advance(2)  # past the plan the rate is 0
    assert (trainer.model.parameters.flat == before).all()


def test_a_trainers_optimizers_differ_and_are_not_mixed():
    trainers = {name: new_trainer(optimizer=name) for name in ("adagrad", "adam", "rmsprop")}
    trainers["adamw"] = new_trainer(optimizer="adamw", weight_decay=0.5)
    for trainer in trainers.values():
        trainer.advance(20)
    weights = {trainer.model.parameters.flat.tobytes() for trainer in trainers.values()}
    assert len(weights) == 4
    for name, trainer in trainers.items():
        for other in trainers:
            if other != name:
                with pytest.raises(CheckpointError, match=f"{name}, not {other}"):
                    new_trainer(optimizer=other).resume(trainer.checkpoint())


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 1), (3, 2)])
def test_a_trainer_refuses_another_number_of_layers(one, other):
    trainer = new_trainer(other)
    before = trainer.model.parameters.flat.copy()
    with pytest.raises(CheckpointError, match=f"with layers {one}, not {other}"):
        trainer.resume(new_trainer(one).checkpoint())
    assert (trainer.model.parameters.flat == before).all()


@pytest.mark.parametrize("damage", ["mean", "step"])
def test_a_damaged_state_changes_nothing(damage):
    data = new_trainer(optimizer="adam").checkpoint()
    if damage == "mean":
        data.mean = None
    else:
        data.metadata["step"] = 10**30
    trainer = new_trainer(optimizer="adam")
    before = trainer.model.parameters.flat.copy()
    with pytest.raises(CheckpointError, match="damaged training state"):
        trainer.resume(data)
    assert (trainer.model.parameters.flat == before).all()
    assert trainer.steps_done == 0
