# SPDX-License-Identifier: MIT
"""The function of JAX."""

import numpy as np
import pytest
from exported import MODELS, TEXT, drawn

from gru_ext import export

jax = pytest.importorskip("jax")


@pytest.fixture
def double():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("model", MODELS, ids=lambda each: f"{each[0]}-{each[1]}-{each[2]}")
def test_it_predicts_the_same(double, model):
    model = drawn(*model)
    parameters, read = export.jax_function(model)
    assert {*parameters} == {*model.parameters}
    fast = jax.jit(read)

    def logits(symbols):
        return fast(parameters, symbols[:, None])[0][:, 0]

    assert export.check(model, logits, TEXT).passed


def test_states_are_handed_on_and_gradients_flow():
    parameters, read = export.jax_function(drawn(layers=2))
    symbols = np.arange(12).reshape(6, 2)
    whole, last = read(parameters, symbols)
    first, states = read(parameters, symbols[:4])
    rest, end = read(parameters, symbols[4:], states)
    np.testing.assert_allclose(np.concatenate([first, rest]), whole, 1e-5, 1e-5)
    np.testing.assert_allclose(end, last, 1e-5, 1e-5)
    slopes = jax.grad(lambda p: read(p, symbols)[0].sum())(parameters)
    assert {name for name, slope in slopes.items() if np.abs(slope).max() > 0} == {*parameters}


@pytest.mark.filterwarnings("ignore:.*float64:UserWarning")  # older ones say it too
def test_float64_must_be_switched_on():
    with pytest.raises(ValueError, match="enable_x64"):
        export.jax_function(drawn(dtype="float64"))
