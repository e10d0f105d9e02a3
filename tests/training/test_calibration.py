# SPDX-License-Identifier: MIT
"""The temperature of the best weights: how it is found, and where they have it."""

import math
import re

import numpy as np
import pytest
from training_runs import TEXT, last_model, same, state_of

import gru_ext
from gru_ext.model.evaluation import evaluate_symbols
from gru_ext.training.calibration import LEAST_GAIN, calibrate, lowest
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.validation import Validation

LONG = TEXT * 2
# The validation part follows other rules, of which a model is too sure.
OVERFITTED = LONG + "".join(sorted(TEXT, reverse=True))
OPTIONS = {
    "hidden_size": 8,
    "seq_length": 8,
    "max_steps": 60,
    "learning_rate": 0.02,
    "val_fraction": 0.3,
    "split": "tail",
    "eval_every": 20,
    "quiet": True,
}
OFF = OPTIONS | {"calibrate": False}


def sure_model(factor):
    """A model whose predictions are those of another one with another temperature."""
    model = gru_ext.train(LONG, **OFF)
    model.parameters["Wy"][...] *= factor
    model.parameters["by"][...] *= factor
    return model, model.vocabulary.encode(LONG)


def scaled_loss(model, symbols, hundredths):
    parameters = model.parameters.copy()
    for name in ("Wy", "by"):
        parameters[name][...] *= hundredths / 100
    return evaluate_symbols(parameters, symbols).nats_per_char


@pytest.mark.parametrize("place", [31, 32, 64, 99, 100, 101, 140, 172, 173])
def test_the_lowest_place_of_a_convex_function(place):
    for loss in (
        lambda n: (n - place) ** 2,
        lambda n: math.exp(0.05 * (n - place)) - 0.05 * (n - place),
        lambda n: abs(n - place) + 0.9 * (n - place),
    ):
        seen = []
        found = lowest(lambda n, loss=loss: seen.append(n) or loss(n), 30, 55, 89)  # noqa: B023
        assert found == place
        assert len(seen) == len(set(seen)) == 10


@pytest.mark.parametrize(
    ("loss", "found"),
    [(lambda n: n, 31), (lambda n: -n, 173), (lambda n: math.nan, 31)],
    ids=["rising", "falling", "nan"],
)
def test_bounds(loss, found):
    assert lowest(loss, 30, 55, 89) == found


@pytest.mark.parametrize("factor", [0.8, 1.5, 2.5])
def test_the_temperature_is_the_best_one(factor):
    model, symbols = sure_model(factor)
    before = evaluate_symbols(model.parameters, symbols).nats_per_char
    losses = {n: scaled_loss(model, symbols, n) for n in range(31, 174)}
    temperature, found = calibrate(model, symbols, before)
    assert round(100 / temperature) == min(losses, key=losses.get)
    assert found.nats_per_char == losses[round(100 / temperature)] < before
    assert evaluate_symbols(model.parameters, symbols) == found


def test_a_long_part_is_read_in_pieces(monkeypatch):
    model, symbols = sure_model(3)
    symbols, read = np.tile(symbols, 60), []
    monkeypatch.setattr(
        "gru_ext.training.calibration.evaluate_symbols",
        lambda p, s, *more, **named: read.append(len(s)) or evaluate_symbols(p, s, *more, **named),
    )
    temperature, found = calibrate(model, symbols, math.inf)
    assert read == [16_384] * 10 + [len(symbols)]
    assert temperature > 1
    assert found == evaluate_symbols(model.parameters, symbols)


def test_a_temperature_that_gives_hardly_anything_is_not_used():
    model, symbols = sure_model(1.5)
    before = model.parameters.flat.tobytes()
    _, found = calibrate(model, symbols, math.inf)
    for gain, used in ((0.9 * LEAST_GAIN, False), (1.1 * LEAST_GAIN, True)):
        model, symbols = sure_model(1.5)
        assert (calibrate(model, symbols, found.nats_per_char + gain) is not None) == used
        assert (model.parameters.flat.tobytes() != before) == used


def test_a_stop_in_the_middle_leaves_the_model_as_it_was():
    model, symbols = sure_model(4)
    validation, stop, before = Validation(symbols, 1), StopRequest(), model.parameters.copy()
    assert validation.evaluate(model, 1, stop)
    stop.signal = 2
    assert validation.calibrate(model, stop) is None
    assert model.parameters == before
    stop.signal = None
    found = validation.calibrate(model, stop)
    assert found["nats_per_char"] < found["nats_per_char_before"] == validation.best_nats
    assert model.parameters != before


def test_a_run_divides_the_best_weights_and_says_so(tmp_path, capsys):
    path = tmp_path / "model.npz"
    raw = gru_ext.train(LONG, **OFF)
    model = gru_ext.train(LONG, **OPTIONS | {"quiet": False}, output=path)
    known = model.about["validation"]
    for name, array in raw.parameters.items():
        factor = round(100 / known["temperature"]) / 100 if name in ("Wy", "by") else 1
        assert np.array_equal(model.parameters[name], array * factor)
    part = LONG[-round(0.3 * len(LONG)) :]
    assert known["nats_per_char_before"] == raw.evaluate(part).nats_per_char
    assert known["nats_per_char"] == model.evaluate(part).nats_per_char
    assert known["nats_per_char"] < known["nats_per_char_before"]
    assert raw.about["validation"] == {"nats_per_char": known["nats_per_char_before"]}
    bits = [known[name] / math.log(2) for name in ("nats_per_char", "nats_per_char_before")]
    line = f"output layer divided by a temperature of {known['temperature']:.3g}: validation loss "
    line += f"{bits[0]:.3f} instead of {bits[1]:.3f} bits per character"
    assert line in re.sub(r"\n  ", " ", capsys.readouterr().out)
    loaded = gru_ext.load(path)
    assert same(loaded, model)
    assert loaded.about["validation"] == known
    assert model.about["step"] == 60
    assert same(last_model(path), raw)  # the state has the weights without it
    assert (
        state_of(path).metadata["run"]["validation"]["best_nats"] == known["nats_per_char_before"]
    )


def test_weights_are_divided_once(tmp_path):
    """A run that is continued, and finds no better weights, keeps those it has."""
    path = tmp_path / "model.npz"
    model = gru_ext.train(OVERFITTED, **OPTIONS | {"learning_rate": 0.1}, output=path)
    before = path.read_bytes()
    assert model.about["validation"]["temperature"] > 1
    more = {"output": path, "resume": True, "quiet": True}
    longer = gru_ext.train(OVERFITTED, **more, max_steps=80, learning_rate=1e-9)
    assert longer.about["step"] == model.about["step"] < 60
    assert path.read_bytes() == before
    assert same(gru_ext.load(path), longer)


@pytest.mark.parametrize(
    "options",
    [{"tied": True}, {"keep": "last"}, {"calibrate": False}, {"val_fraction": 0}],
    ids=lambda options: next(iter(options)),
)
def test_where_it_is_not_done(options):
    options = OPTIONS | options
    if not options["val_fraction"]:
        options |= {"eval_every": None}
    model = gru_ext.train(OVERFITTED, **options)
    assert "temperature" not in model.about.get("validation", {})
