# SPDX-License-Identifier: MIT
"""Output weights that are the candidate's input weights."""

import numpy as np
import pytest
import reference
from loops import assert_guarded, make_loop, state_of
from training_runs import SMALL, TEXT, assert_same_state, step_of

import gru_ext
from gru_ext import CheckpointError

OPTIONS = SMALL | {"seq_length": 6, "batch_size": 3, "tied": True}


def tied_parameters(draw_parameters, V, H, dtype, layers):
    parameters, values = draw_parameters(V, H, dtype, layers=layers)
    parameters["Wy"][...] = parameters["Wh"].T
    values["Wy"][...] = values["Wh"].T
    return parameters, values


@pytest.mark.parametrize("optimizer", ["adagrad", "adamw"])
@pytest.mark.parametrize("norm", [np.inf, 0.3])
@pytest.mark.parametrize(("V", "layers"), [(7, 1), (37, 2)])
def test_runs_against_the_oracle(optimizer, norm, V, layers, isa, draw_parameters, padding_of):
    H, B, T, windows, rate = 9, 3, 4, 20, 0.02
    symbols = np.random.default_rng(0).integers(0, V, 301).astype(np.uint8)
    parameters, values = tied_parameters(draw_parameters, V, H, np.float64, layers)
    loop = make_loop(parameters, B, T, symbols, optimizer=optimizer, tied=True)
    mean = reference.zeros_like(values)

    def update(p, memory, g, t):
        g["Wh"] += g["Wy"].T
        g["Wy"] = np.zeros_like(g["Wy"])
        g = reference.clipped_by_norm(g, norm)
        if optimizer == "adagrad":
            reference.adagrad(p, memory, g, rate)
        else:
            reference.adam(p, memory, mean, g, t, rate, 0.9, 0.999, 0.1)
        p["Wy"][...] = p["Wh"].T

    decay = 0.1 if optimizer == "adamw" else 0.0
    losses = loop.steps(windows, rate, clip_norm=norm, weight_decay=decay)
    want = reference.train(values, symbols, B, T, windows, rate, update=update)
    np.testing.assert_allclose(losses, want[0], rtol=1e-8)
    trained = parameters.like(np.ascontiguousarray(loop.parameters))
    memory = parameters.like(np.ascontiguousarray(loop.memory))
    for name, view in trained.items():
        np.testing.assert_allclose(view, values[name], 1e-6, 1e-8, err_msg=name)
        np.testing.assert_allclose(memory[name], want[1][name], 1e-6, 1e-10, err_msg=name)
    np.testing.assert_array_equal(trained["Wy"], trained["Wh"].T)
    assert not loop.parameters[padding_of(V, H, np.float64, layers)].any()
    assert_guarded(loop)


@pytest.mark.parametrize("norm", [np.inf, 0.1])
def test_same_bits_for_any_number_of_threads(norm, isa, dtype, draw_parameters):
    V, H, B, T = 37, 17, 7, 5
    symbols = np.random.default_rng(0).integers(0, V, B * 60).astype(np.uint8)
    parameters, _ = tied_parameters(draw_parameters, V, H, dtype, 2)
    results = []
    for threads in (1, 2, 3, 7):
        loop = make_loop(parameters, B, T, symbols, threads, tied=True)
        losses = loop.steps(11, 0.1, threads=threads, clip_norm=norm)
        results.append(losses.tobytes() + state_of(loop))
        assert_guarded(loop)
    assert len(set(results)) == 1


@pytest.mark.parametrize("optimizer", ["adagrad", "adam"])
def test_resume(optimizer, tmp_path):
    whole, part = tmp_path / "whole.npz", tmp_path / "part.npz"
    options = OPTIONS | {"optimizer": optimizer, "layers": 2, "dropout": 0.2}
    gru_ext.train(TEXT, output=whole, max_steps=30, **options)
    gru_ext.train(TEXT, output=part, max_steps=30, callback=lambda p: p.step >= 12, **options)
    assert step_of(part) < 30
    model = gru_ext.train(TEXT, output=part, resume=True, quiet=True)
    assert_same_state(whole, part)
    np.testing.assert_array_equal(model.parameters["Wy"], model.parameters["Wh"].T)


def test_a_resume_keeps_what_was(tmp_path):
    path, own = tmp_path / "m.npz", tmp_path / "own.npz"
    gru_ext.train(TEXT, output=path, max_steps=5, **OPTIONS)
    gru_ext.train(TEXT, output=own, max_steps=5, **OPTIONS | {"tied": False})
    for output, tied in ((path, False), (own, True)):
        with pytest.raises(CheckpointError, match=f"was trained with tied {not tied}, not {tied}"):
            gru_ext.train(TEXT, output=output, resume=True, max_steps=9, tied=tied, quiet=True)
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    model = gru_ext.Model.create(vocabulary, 8)
    trainer = gru_ext.Trainer(model, vocabulary.encode(TEXT)[:432], seq_length=6, batch_size=3)
    with pytest.raises(CheckpointError, match="weight tying True, not False"):
        trainer.resume(
            gru_ext.Trainer(
                model, vocabulary.encode(TEXT)[:432], seq_length=6, batch_size=3, tied=True
            ).checkpoint()
        )


def test_weights_of_before_are_tied_when_a_run_starts_from_them(tmp_path):
    model = gru_ext.train(TEXT, max_steps=5, **OPTIONS | {"tied": False})
    assert not np.array_equal(model.parameters["Wy"], model.parameters["Wh"].T)
    model = gru_ext.train(TEXT, init_from=model, max_steps=5, **OPTIONS)
    np.testing.assert_array_equal(model.parameters["Wy"], model.parameters["Wh"].T)
    assert model.sample(20, seed=1)


def test_info_counts_tied_weights_once(tmp_path, capsys):
    from gru_ext.cli.main import main

    counts = []
    for tied in (True, False):
        path = str(tmp_path / f"{tied}.npz")
        model = gru_ext.train(TEXT, output=path, max_steps=2, **OPTIONS | {"tied": tied})
        assert main(["info", path]) == 0
        (line,) = (x for x in capsys.readouterr().out.splitlines() if x.startswith("parameters"))
        counts.append(int(line.split(":")[1].replace(",", "")))
    assert counts == [model.parameters.count - 8 * len(set(TEXT)), model.parameters.count]


def test_classic_is_not_tied(tmp_path):
    with pytest.raises(ValueError, match="`tied` and `classic` cannot be combined"):
        gru_ext.train(TEXT, output=tmp_path / "w", classic=True, tied=True)
