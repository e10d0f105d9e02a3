# SPDX-License-Identifier: MIT
"""Learning rates: the rise, the cosine, and the same bits however they are asked for."""

import math

import numpy as np
import pytest
from training_runs import SMALL, TEXT

import gru_ext
from gru_ext.training.optimizers import OPTIMIZERS
from gru_ext.training.schedule import Schedule


def test_a_rise_and_a_constant():
    rates = Schedule("constant", 0.8, 4).rates(0, 7)
    np.testing.assert_allclose(rates, [0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.8], rtol=1e-15)
    np.testing.assert_array_equal(Schedule("constant", 0.8, 0).rates(0, 3), [0.8] * 3)


def test_a_rise_and_a_cosine():
    rates = Schedule("cosine", 0.8, 4, planned_steps=12).rates(0, 14)
    fall = [0.8 * (1 + math.cos(math.pi * i / 8)) / 2 for i in range(8)]
    np.testing.assert_allclose(rates, [0.2, 0.4, 0.6, 0.8, *fall, 0, 0], rtol=1e-8, atol=2e-10)
    assert 0 < rates[11] < 0.04


@pytest.mark.parametrize("planned", [1, 3, 4, 5])
def test_a_run_no_longer_than_its_rise(planned):
    rates = Schedule("cosine", 1.0, 4, planned_steps=planned).rates(0, planned)
    np.testing.assert_array_equal(rates, [0.25, 0.5, 0.75, 1.0, 1.0][:planned])


@pytest.mark.parametrize("name", ["constant", "cosine"])
def test_same_bits_in_any_pieces(name):
    schedule = Schedule(name, 0.0123, 37, planned_steps=1000)
    whole = schedule.rates(0, 1000)
    for size in (1, 3, 64, 999):
        pieces = [schedule.rates(n, min(size, 1000 - n)) for n in range(0, 1000, size)]
        assert np.concatenate(pieces).tobytes() == whole.tobytes()


def test_a_cosine_without_an_end():
    with pytest.raises(ValueError, match="planned steps"):
        Schedule("cosine", 0.1, 0).rates(0, 1)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_default_schedule(optimizer):
    """Adagrad's rate falls by itself, as its sums grow."""
    options = gru_ext.train(TEXT, optimizer=optimizer, max_steps=2, **SMALL).about["options"]
    assert options["schedule"] == ("constant" if optimizer == "adagrad" else "cosine")
    assert options["weight_decay"] == (0.03 if optimizer == "adamw" else 0)
    assert options.get("clip_norm") is None
