# SPDX-License-Identifier: MIT
"""The best weights in the model file: after a kill, whose they are, and what replaces them."""

import json
import shutil

import numpy as np
import pytest
from training_runs import TEXT, last_model, run_files, same, state_of, step_of

import gru_ext
from gru_ext.model import checkpoint
from gru_ext.training.state_files import state_path
from gru_ext.training.validation import Evaluation

OPTIONS = {
    "hidden_size": 6,
    "seq_length": 5,
    "max_steps": 40,
    "val_fraction": 0.1,
    "log_every": 5,
    "eval_every": 5,
    "patience": 0,
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
        assert step_of(path) == 20
        return path

    return make


def loss_of(path):
    return checkpoint.read(path).metadata["validation"]["nats_per_char"]


def with_losses(monkeypatch, losses):
    """Evaluations have these losses, one after the other."""
    found = iter(losses)
    monkeypatch.setattr(
        "gru_ext.training.validation.evaluate_symbols",
        lambda *_, **named: Evaluation(next(found), 9),
    )


@pytest.mark.parametrize("first", [True, False])
def test_better_weights_from_after_the_last_checkpoint_stay(killed, monkeypatch, caplog, first):
    """Evaluations at steps 5, 10, ..., the best at 25; then a resumed run that is worse."""
    options = {"checkpoint_every": 20} if first else {"checkpoint_every": 20, "eval_every": 25}
    losses = [3.0, 2.9, 2.8, 2.7, 1.5, 1.6, 1.7, 1.8] if first else [1.5, 1.6]
    with_losses(monkeypatch, losses)
    path = killed(**options)
    before = path.read_bytes()
    assert (checkpoint.read(path).metadata["step"], loss_of(path)) == (25, 1.5)
    # without an earlier evaluation there is one at once, at step 20
    with_losses(monkeypatch, [2.2, 2.1, 2.0, 1.9] if first else [2.3, 2.2, 2.1, 2.0, 1.9])
    other = {"learning_rate": 1e-4, "eval_every": 5, "quiet": True}
    model = gru_ext.train(TEXT, output=path, resume=True, **other)
    assert path.read_bytes() == before
    assert model.about["step"] == 25
    assert same(model, gru_ext.load(path))
    with_losses(monkeypatch, [1.7, 1.4])
    gru_ext.train(TEXT, output=path, resume=True, max_steps=50, quiet=True)
    assert (checkpoint.read(path).metadata["step"], loss_of(path)) == (50, 1.4)
    assert caplog.messages == []


def test_a_resume_after_a_kill_leads_to_the_same_bytes(killed, tmp_path):
    gru_ext.train(TEXT, **OPTIONS, output=tmp_path / "whole.npz")
    path = killed()
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert run_files(path) == run_files(tmp_path / "whole.npz")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda path, other: path.unlink(), "is missing"),
        (lambda path, other: path.write_bytes(b"PK"), "is not a model file, or is damaged"),
        (lambda path, other: shutil.copy(other, path), "does not hold the best weights of this"),
    ],
    ids=["missing", "damaged", "foreign"],
)
def test_a_model_file_that_cannot_be_used_is_reported(killed, tmp_path, caplog, change, told):
    other = tmp_path / "other.npz"
    gru_ext.train(TEXT, **OPTIONS | {"seed": 1, "learning_rate": 0.02}, output=other)
    path = killed()
    assert loss_of(other) < loss_of(path)
    change(path, other)
    model = gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    (message,) = caplog.messages
    assert message.startswith(f"{path} {told}")
    assert message.endswith("; the weights of the next evaluation replace it")
    found = checkpoint.read(path).metadata
    assert found["step"] in range(25, 41, 5)
    assert found["run"]["id"] == state_of(path).metadata["run"]["id"]
    assert same(model, gru_ext.load(path))


def test_a_model_file_of_another_run_before_the_first_evaluation(killed, tmp_path, caplog):
    path = killed(eval_every=40)
    gru_ext.train(TEXT, **OPTIONS | {"seed": 1}, output=tmp_path / "other.npz")
    shutil.copy(tmp_path / "other.npz", path)
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert [message.split(" does not")[0] for message in caplog.messages] == [str(path)]
    caplog.clear()
    path.unlink()
    gru_ext.train(TEXT, output=path, resume=True, max_steps=80, quiet=True)
    assert caplog.messages == [f"{path} is missing; the weights of the next evaluation replace it"]
    assert loss_of(path) > 0


@pytest.mark.parametrize("deleted", [False, True])
def test_before_the_first_evaluation_the_model_has_the_last_weights(
    killed, tmp_path, caplog, deleted
):
    path = killed(eval_every=40)
    assert checkpoint.read(path).metadata["step"] == 20
    assert "validation" not in checkpoint.read(path).metadata
    assert same(gru_ext.load(path), last_model(path))
    if deleted:
        path.unlink()
    gru_ext.train(TEXT, **OPTIONS | {"eval_every": 40}, output=tmp_path / "whole.npz")
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert run_files(path) == run_files(tmp_path / "whole.npz")
    assert caplog.messages == []


def test_a_file_from_before_runs_had_identifiers(killed, caplog):
    path = killed()
    for file in (path, state_path(path)):
        data = checkpoint.read(file)
        data.metadata["run"].pop("id")
        checkpoint.write(file, data)
    before = loss_of(path)
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert caplog.messages == []
    assert loss_of(path) <= before
    assert "id" not in state_of(path).metadata["run"]


@pytest.mark.parametrize("value", [3, "", [], {}])
def test_a_damaged_identifier_is_refused(killed, value):
    output = killed()
    path = state_path(output)
    arrays = dict(np.load(path))
    about = json.loads(arrays["gru_ext"].tobytes())
    about["run"]["id"] = value
    arrays["gru_ext"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, **arrays)
    with pytest.raises(gru_ext.CheckpointError, match="damaged state of the run: `id` must be"):
        gru_ext.train(TEXT, output=output, resume=True, quiet=True)
