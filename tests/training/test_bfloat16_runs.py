# SPDX-License-Identifier: MIT
"""Whole runs with matrix products in bfloat16: files, going on, what is refused."""

import numpy as np
import pytest
from command import run
from training_runs import (
    NAMES,
    SMALL,
    TEXT,
    assert_same_state,
    interrupt_after,
    run_files,
    same,
    state_of,
)

import gru_ext
from gru_ext import Model, Trainer, Vocabulary
from gru_ext.core.bfloat16 import product_times
from gru_ext.training import progress_lines

OPTIONS = SMALL | {"seq_length": 6, "batch_size": 5, "max_steps": 40, "val_fraction": 0, "seed": 3}
BFLOAT16 = OPTIONS | {"dtype": "bfloat16"}


@pytest.mark.parametrize("text", [TEXT, NAMES])
@pytest.mark.parametrize("chosen", [{}, {"layers": 2, "dropout": 0.1, "weight_dropout": 0.2}])
def test_threads_and_interruptions_change_no_bit(tmp_path, text, chosen):
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    options = BFLOAT16 | chosen
    model = gru_ext.train(text, output=whole, threads=1, **options)
    assert same(model, gru_ext.train(text, threads=3, **options))
    for i, step in enumerate((1, 13, 32)):
        more = {"resume": True, "quiet": True} if i else options
        with interrupt_after(step), pytest.raises(gru_ext.TrainingInterrupted):
            gru_ext.train(text, output=parts, threads=1 + i, **more)
    gru_ext.train(text, output=parts, resume=True, quiet=True)
    assert_same_state(whole, parts)
    assert run_files(whole) == run_files(parts)
    metadata = state_of(parts).metadata
    assert metadata["options"]["dtype"] == metadata["training"]["products"] == "bfloat16"


def test_the_model_is_float32_and_learns_alike():
    models = [gru_ext.train(TEXT, **OPTIONS | {"dtype": d}) for d in ("float32", "bfloat16")]
    assert [model.dtype for model in models] == [np.float32, np.float32]
    assert not same(*models)
    losses = [model.evaluate(TEXT).bits_per_char for model in models]
    assert losses[1] == pytest.approx(losses[0], rel=0.01)


@pytest.mark.parametrize("workers", [2, 3])
def test_workers(workers, tmp_path):
    sizes = {"batch_size": 2, "seq_length": 6, "workers": workers, "sync_every": 4}
    models = [gru_ext.train(TEXT, threads=n, **BFLOAT16 | sizes) for n in (1, 2)]
    assert same(*models)
    assert not same(models[0], gru_ext.train(TEXT, **OPTIONS | sizes))


def test_a_trainer():
    vocabulary = Vocabulary.from_text(TEXT)
    symbols = vocabulary.encode(TEXT)
    trainer = Trainer(Model.create(vocabulary, 9), symbols, products="bfloat16")
    trainer.advance(3)
    saved = trainer.checkpoint()
    other = Trainer(Model.create(vocabulary, 9), symbols)
    with pytest.raises(gru_ext.CheckpointError, match="dtype of products bfloat16, not float32"):
        other.resume(saved)
    going_on = Trainer(Model.create(vocabulary, 9), symbols, products="bfloat16")
    going_on.resume(saved)
    trainer.advance(2)
    going_on.advance(2)
    assert same(trainer.model, going_on.model)


def test_weights_to_start_from(tmp_path):
    """They may be float64: the new run has float32."""
    start = Model.create(Vocabulary.from_text(TEXT), 8, "float64", seed=1)
    start.save(tmp_path / "start.npz")
    model = gru_ext.train(TEXT, init_from=tmp_path / "start.npz", **BFLOAT16)
    assert model.dtype == np.float32


def test_the_command_line(folder, capsys):
    words = "--dtype bfloat16 --hidden-size 8 --batch-size 1 --max-steps 12 --sample-every 0"
    assert run("train", "a.txt", *words.split()) == 0
    assert "hidden size 8, " in (told := capsys.readouterr().out)
    assert "bfloat16: " in told
    assert "no faster" not in told
    options = {"hidden_size": 8, "batch_size": 1, "max_steps": 12, "quiet": True}
    assert same(gru_ext.load("model.npz"), gru_ext.train(TEXT, dtype="bfloat16", **options))


@pytest.mark.parametrize("times", [(2.0, 1.0, 3.0), (1.0, 2.0, 3.0), (1.0, 1.5, 0.5)])
def test_the_heading_says_where_it_does_not_pay(times, monkeypatch, capsys):
    names = ("float32", "fused multiply-adds", "vdpbf16ps")
    monkeypatch.setattr(
        progress_lines, "product_times", lambda: dict(zip(names, times, strict=True))
    )
    gru_ext.train(TEXT, **BFLOAT16 | {"quiet": False})
    told = " ".join(capsys.readouterr().out.split())
    assert ("no faster than those in float32" in told) == (times[0] < min(times[1:]))
    assert set(product_times()) <= set(names)


def test_what_is_refused(folder, capsys):
    gru_ext.train(TEXT, output="m.npz", force=True, **OPTIONS)
    with pytest.raises(gru_ext.CheckpointError, match="dtype float32, not bfloat16"):
        gru_ext.train(TEXT, output="m.npz", resume=True, dtype="bfloat16", max_steps=50)
    vocabulary = Vocabulary.from_text(TEXT)
    symbols = vocabulary.encode(TEXT)
    with pytest.raises(ValueError, match="`products` must be"):
        Trainer(Model.create(vocabulary, 4), symbols, products="int8")
    with pytest.raises(ValueError, match="`products` in bfloat16 are for training in float32"):
        Trainer(Model.create(vocabulary, 4, "float64"), symbols, products="bfloat16")
    assert run("train", "a.txt", "--classic", "--dtype", "bfloat16") == 2
    assert "--dtype bfloat16 and --classic cannot be combined" in capsys.readouterr().err
