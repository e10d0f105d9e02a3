# SPDX-License-Identifier: MIT
"""The best weights after a kill: whose they are, and what replaces them."""

import json
import shutil

import numpy as np
import pytest
from model_files import file_arrays
from training_runs import TEXT, same

import gru_ext
from gru_ext.model import checkpoint
from gru_ext.training.validation import Evaluation

OPTIONS = {
    "hidden_size": 6,
    "seq_length": 5,
    "max_steps": 40,
    "val_fraction": 0.1,
    "log_every": 5,
    "eval_every": 5,
    "keep": "best,last",
    "quiet": True,
}


@pytest.fixture
def killed(tmp_path):
    """A function that makes a run which is killed at step 30, ten after its last checkpoint."""

    def make(name="model.npz", **options):
        folder, path = tmp_path / "running", tmp_path / name
        folder.mkdir()

        def copy(progress):
            if progress.step == 30:  # as they are on disk now
                for file in folder.glob("*.npz"):
                    shutil.copy(file, tmp_path / file.name)

        every = {"checkpoint_every": 20, "callback": copy}
        gru_ext.train(TEXT, **OPTIONS | every | options, output=folder / name)
        shutil.rmtree(folder)
        assert checkpoint.read(path).metadata["step"] == 20
        return path, path.with_name(f"{path.stem}.best.npz")

    return make


def loss_of(path):
    return checkpoint.read(path).metadata["validation"]["nats_per_char"]


def with_losses(monkeypatch, losses):
    """Evaluations have these losses, one after the other."""
    found = iter(losses)
    monkeypatch.setattr(
        "gru_ext.training.validation.evaluate_symbols", lambda *_: Evaluation(next(found), 9)
    )


@pytest.mark.parametrize("first", [True, False])
def test_better_weights_from_after_the_last_checkpoint_stay(killed, monkeypatch, caplog, first):
    """Evaluations at steps 5, 10, ..., the best at 25; then a resumed run that is worse."""
    options = {"checkpoint_every": 20} if first else {"checkpoint_every": 20, "eval_every": 25}
    losses = [3.0, 2.9, 2.8, 2.7, 1.5, 1.6, 1.7, 1.8] if first else [1.5, 1.6]
    with_losses(monkeypatch, losses)
    path, best = killed(**options)
    before = best.read_bytes()
    assert (checkpoint.read(best).metadata["step"], loss_of(best)) == (25, 1.5)
    # without an earlier evaluation there is one at once, at step 20
    with_losses(monkeypatch, [2.2, 2.1, 2.0, 1.9] if first else [2.3, 2.2, 2.1, 2.0, 1.9])
    other = {"learning_rate": 1e-4, "eval_every": 5, "quiet": True}
    model = gru_ext.train(TEXT, output=path, resume=True, **other)
    assert best.read_bytes() == before
    assert model.about["step"] == 25
    assert same(model, gru_ext.load(best))
    with_losses(monkeypatch, [1.7, 1.4])
    gru_ext.train(TEXT, output=path, resume=True, max_steps=50, quiet=True)
    assert (checkpoint.read(best).metadata["step"], loss_of(best)) == (50, 1.4)
    assert caplog.messages == []


def test_a_resume_after_a_kill_leads_to_the_same_bytes(killed, tmp_path):
    gru_ext.train(TEXT, **OPTIONS, output=tmp_path / "whole.npz")
    path, best = killed()
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert file_arrays(path) == file_arrays(tmp_path / "whole.npz")
    assert file_arrays(best) == file_arrays(tmp_path / "whole.best.npz")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda best, other: best.unlink(), "is missing"),
        (lambda best, other: best.write_bytes(b"PK"), "is not a model file, or is damaged"),
        (lambda best, other: shutil.copy(other, best), "does not hold the best weights of this"),
    ],
    ids=["missing", "damaged", "foreign"],
)
def test_a_best_file_that_cannot_be_used_is_reported(killed, tmp_path, caplog, change, told):
    other = tmp_path / "other.best.npz"
    gru_ext.train(
        TEXT, **OPTIONS | {"seed": 1, "learning_rate": 0.02}, output=tmp_path / "other.npz"
    )
    path, best = killed()
    assert loss_of(other) < loss_of(best)
    change(best, other)
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    (message,) = caplog.messages
    assert message.startswith(f"{best} {told}")
    assert message.endswith("; the weights of the next evaluation replace it")
    found = checkpoint.read(best).metadata
    assert found["step"] in range(25, 41, 5)
    assert found["run"] == {"id": checkpoint.read(path).metadata["run"]["id"]}


def test_a_best_file_of_another_run_before_the_first_evaluation(killed, tmp_path, caplog):
    path, best = killed(eval_every=40)
    gru_ext.train(TEXT, **OPTIONS | {"seed": 1}, output=tmp_path / "other.npz")
    shutil.copy(tmp_path / "other.best.npz", best)
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert [message.split(" does not")[0] for message in caplog.messages] == [str(best)]
    caplog.clear()
    best.unlink()
    gru_ext.train(TEXT, output=path, resume=True, max_steps=80, quiet=True)
    assert caplog.messages == [f"{best} is missing; the weights of the next evaluation replace it"]


def test_a_file_from_before_runs_had_identifiers(killed, caplog):
    path, best = killed()
    for file in (path, best):
        data = checkpoint.read(file)
        data.metadata["run"].pop("id")
        checkpoint.write(file, data)
    before = loss_of(best)
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert caplog.messages == []
    assert loss_of(best) <= before
    assert "id" not in checkpoint.read(path).metadata["run"]


@pytest.mark.parametrize("value", [3, "", [], {}])
def test_a_damaged_identifier_is_refused(killed, value):
    path, _ = killed()
    arrays = dict(np.load(path))
    about = json.loads(arrays["gru_ext"].tobytes())
    about["run"]["id"] = value
    arrays["gru_ext"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, **arrays)
    with pytest.raises(gru_ext.CheckpointError, match="damaged state of the run: `id` must be"):
        gru_ext.train(TEXT, output=path, resume=True, quiet=True)
