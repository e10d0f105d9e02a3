# SPDX-License-Identifier: MIT
"""model.npz, the model to use, and model.state.npz: sizes, kills, files of older versions."""

import errno
import os
import shutil

import numpy as np
import pytest
from command import contents, run
from training_runs import TEXT, interrupt_after, last_model, run_files, same, state_of, step_of

import gru_ext
from gru_ext.files import atomic
from gru_ext.model import checkpoint
from gru_ext.training.state_files import (
    model_path,
    old_best_path,
    old_previous_path,
    previous_path,
    state_path,
)

# The validation part follows other rules: the loss on it falls until about step 20, then it rises.
OVERFITTED = TEXT + "".join(sorted(TEXT[::2], reverse=True))
OPTIONS = {
    "hidden_size": 6,
    "seq_length": 5,
    "max_steps": 40,
    "val_fraction": 0.3,
    "eval_every": 5,
    "log_every": 5,
    "learning_rate": 0.1,
    "warmup": 0,
    "schedule": "constant",
    "split": "tail",
    "patience": 0,
    "average_over": 0.0,
    "dropout": 0.0,
    "weight_dropout": 0.0,
    "calibrate": False,
    "quiet": True,
}
CALIBRATED = OPTIONS | {"calibrate": True}
AVERAGED = OPTIONS | {"average_over": 0.3}
LAST = OPTIONS | {"keep": "last"}
WITHOUT = OPTIONS | {"val_fraction": 0, "eval_every": None}
RUNS = pytest.mark.parametrize(
    "options", [OPTIONS, AVERAGED, LAST, WITHOUT], ids=["best", "averaged", "last", "without"]
)


def keeps_best(options):
    return options is not LAST and options is not WITHOUT


def model_step(path):
    return checkpoint.read(path).metadata["step"]


def snapshots(monkeypatch, folder, copies):
    """Copy the folder before and after each file in it takes its name, as a kill would leave it."""
    replace = os.replace

    def copy():
        shutil.copytree(folder, copies / f"{len(list(copies.iterdir())):03}")

    def watched(source, target):
        copy()
        replace(source, target)
        copy()

    copies.mkdir()
    monkeypatch.setattr(atomic.os, "replace", watched)


def as_old(path, kept=True):
    """Make the files of a run those of an older version."""
    state, best = state_of(path), checkpoint.read(path)
    for data in (state, best):
        data.metadata["options"].pop("keep", None)
        data.metadata["options"] |= {"keep": "best,last"} if kept else {}
    del best.metadata["training"]
    best.metadata["run"] = {"id": best.metadata["run"]["id"]}
    if kept:
        checkpoint.write(old_best_path(path), best)
    checkpoint.write(path, state)
    state_path(path).unlink()
    if previous_path(path).exists():
        previous_path(path).rename(old_previous_path(path))


@pytest.mark.parametrize(
    ("output", "state"),
    [("model.npz", "model.state.npz"), ("a/b.c.npz", "a/b.c.state.npz"), ("x", "x.state")],
)
def test_the_names_of_the_others(output, state):
    assert state_path(output).as_posix() == state
    assert previous_path(output).as_posix() == state.replace("state", "state.previous")
    if output != "x":
        assert model_path(state).as_posix() == output
        assert model_path(previous_path(output)).as_posix() == output
    assert model_path(output) is None


def test_the_model_has_weights_alone(tmp_path):
    path = tmp_path / "model.npz"
    gru_ext.train(OVERFITTED, **OPTIONS | {"hidden_size": 64, "optimizer": "adam"}, output=path)
    with np.load(path) as model, np.load(state_path(path)) as state:
        assert {*model} == {*gru_ext.load(path).parameters, "gru_ext"}
        assert {"hidden", "memory_Wz", "mean_Wz"} <= {*state}
    assert path.stat().st_size < 0.36 * state_path(path).stat().st_size


@RUNS
@pytest.mark.parametrize("stopped", [None, 3, 28])
def test_all_agree_about_the_weights_of_the_model(tmp_path, options, stopped):
    """What Python returns or hands over, the file, and a resume with nothing left to find."""
    path = tmp_path / "model.npz"
    try:
        with interrupt_after(stopped or 41):
            model = gru_ext.train(OVERFITTED, **options, output=path)
    except gru_ext.TrainingInterrupted as interrupted:
        model = interrupted.model
    written = gru_ext.load(path)
    assert same(model, written)
    assert model.about.items() <= written.about.items()
    last = last_model(path)
    assert step_of(path) == last.about["step"] == (stopped or 40)
    best = keeps_best(options) and stopped != 3
    assert (model.about["step"] < last.about["step"]) == best
    assert same(model, last) != best
    plain = gru_ext.train(OVERFITTED, **options | {"max_steps": model.about["step"]})
    assert same(model, plain)
    if options is not WITHOUT and "validation" in model.about:
        part = OVERFITTED[-round(0.3 * len(OVERFITTED)) :]
        found = model.about["validation"]["nats_per_char"]
        assert model.evaluate(part).nats_per_char == found
    assert model.about["training"]["text_characters"] > 0


@pytest.mark.parametrize(
    "options",
    [OPTIONS, CALIBRATED, AVERAGED, LAST, WITHOUT],
    ids=["best", "calibrated", "averaged", "last", "without"],
)
def test_a_kill_at_any_write_loses_nothing(tmp_path, monkeypatch, options):
    running, whole = tmp_path / "running", tmp_path / "whole.npz"
    running.mkdir()
    options = options | {"checkpoint_every": 7}
    gru_ext.train(OVERFITTED, **options, output=whole)
    with monkeypatch.context() as patched:
        snapshots(patched, running, tmp_path / "copies")
        gru_ext.train(OVERFITTED, **options, output=running / "model.npz")
    assert run_files(running / "model.npz") == run_files(whole)
    copies = sorted((tmp_path / "copies").iterdir())
    assert len(copies) > 20
    resumed = 0
    for folder in copies:
        path = folder / "model.npz"
        if path.exists():
            gru_ext.load(path)
        resume = state_path(path).exists()
        if resume and step_of(path) == 40:
            continue
        resumed += resume
        how = {"resume": True, "quiet": True} if resume else options | {"force": True}
        model = gru_ext.train(OVERFITTED, output=path, **how)
        assert run_files(path) == run_files(whole)
        assert same(model, gru_ext.load(path))
    assert resumed > 10


@pytest.mark.parametrize("kept", [True, False])
def test_a_file_of_an_older_version_is_resumed_whenever_it_is_killed(tmp_path, monkeypatch, kept):
    old, whole = tmp_path / "old", tmp_path / "whole.npz"
    old.mkdir()
    path = old / "model.npz"
    gru_ext.train(OVERFITTED, **OPTIONS | {"keep": "best" if kept else "last"}, output=whole)
    options = OPTIONS | {"checkpoint_every": 7, "keep": "best"}
    with interrupt_after(23), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(OVERFITTED, **options, output=path)
    as_old(path, kept)
    before, best_step = path.read_bytes(), model_step(old_best_path(path)) if kept else None
    with monkeypatch.context() as patched:
        snapshots(patched, old, tmp_path / "copies")
        more = {"resume": True, "quiet": True, "checkpoint_every": 7}
        more |= {} if kept else {"keep": "last"}
        model = gru_ext.train(OVERFITTED, output=path, **more)
    copies = sorted((tmp_path / "copies").iterdir())
    for folder in [old, *copies]:
        output = folder / "model.npz"
        if folder is not old and step_of(output) < 40:
            # the state that the older version wrote is there, until a newer one is
            states = [output, state_path(output), previous_path(output)]
            assert step_of(output) > 23 or before in [p.read_bytes() for p in states if p.exists()]
            model = gru_ext.train(OVERFITTED, output=output, **more)
        assert same(model, gru_ext.load(output))
        assert state_of(output).memory is not None
        assert checkpoint.read(output).memory is None
        assert model_step(output) == (best_step if kept else 40)
        one, other = state_of(output), state_of(whole)
        assert one.metadata["training"] == other.metadata["training"]
        assert same(gru_ext.load(state_path(output)), gru_ext.load(state_path(whole)))
    # the last write kept the state before it, as ever
    assert step_of(previous_path(path)) == 35


def test_the_best_weights_are_looked_for_anew_where_an_older_version_kept_none(tmp_path, caplog):
    path = tmp_path / "model.npz"
    with interrupt_after(23), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(OVERFITTED, **OPTIONS, output=path)
    as_old(path, kept=False)
    model = gru_ext.train(OVERFITTED, output=path, resume=True, quiet=True)
    assert caplog.messages == [
        f"{path} does not hold the best weights of this run; the weights of the next evaluation "
        f"replace it"
    ]
    assert same(model, gru_ext.load(path))
    assert 23 < model.about["step"] == model_step(path)
    assert (step_of(path), step_of(previous_path(path))) == (40, 23)


def test_the_state_of_an_older_version_is_kept_on_a_full_disk(tmp_path, monkeypatch):
    """Where it cannot be kept, the model file that holds it is not replaced."""
    path = tmp_path / "model.npz"
    with interrupt_after(23), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(OVERFITTED, **OPTIONS, output=path)
    as_old(path)
    before, replace = path.read_bytes(), os.replace

    def full(source, target):
        if os.path.basename(target) == "model.state.npz":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(gru_ext.NotSavedError, match=r"model\.npz: No space.*state\.npz: No space"):
        gru_ext.train(OVERFITTED, output=path, resume=True, quiet=True)
    assert path.read_bytes() == before
    monkeypatch.undo()
    model = gru_ext.train(OVERFITTED, output=path, resume=True, quiet=True)
    assert same(model, gru_ext.load(path))


def test_a_damaged_file_of_an_older_version_names_the_one_before(tmp_path):
    path = tmp_path / "model.npz"
    gru_ext.train(OVERFITTED, **OPTIONS, output=path, checkpoint_every=30)
    as_old(path)
    path.write_bytes(path.read_bytes()[:-100])
    old, state = old_previous_path(path), state_path(path)
    told = f"{old} has the previous state, of step 30: copy it to {state} to resume from it"
    with pytest.raises(gru_ext.CheckpointError) as error:
        gru_ext.train(OVERFITTED, output=path, resume=True, quiet=True)
    assert str(error.value).startswith(f"{path} is ")
    assert str(error.value).endswith(told)
    shutil.copy(old, state)
    gru_ext.train(OVERFITTED, output=path, resume=True, quiet=True)
    assert step_of(path) == 40


@RUNS
def test_a_model_file_that_was_deleted_is_written_again(tmp_path, options, caplog):
    path = tmp_path / "model.npz"
    with interrupt_after(23), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(OVERFITTED, **options, output=path)
    path.unlink()
    model = gru_ext.train(OVERFITTED, output=path, resume=True, quiet=True)
    assert same(model, gru_ext.load(path))
    missing = f"{path} is missing; the weights of the next evaluation replace it"
    assert caplog.messages == ([missing] if keeps_best(options) else [])
    assert model_step(path) == (25 if keeps_best(options) else 40)


@pytest.mark.parametrize("options", [LAST, WITHOUT], ids=["last", "without"])
def test_weights_of_another_run_are_reported_before_they_are_replaced(tmp_path, options, caplog):
    path = tmp_path / "model.npz"
    with interrupt_after(23), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(OVERFITTED, **options, output=path)
    gru_ext.train(OVERFITTED, **options | {"seed": 1}).save(path)
    model = gru_ext.train(OVERFITTED, output=path, resume=True, quiet=True)
    assert caplog.messages == [
        f"{path} does not hold weights of this run; the weights of the next checkpoint replace it"
    ]
    assert same(model, gru_ext.load(path))


@RUNS
def test_the_model_file_is_written_where_it_changes_or_is_gone(tmp_path, monkeypatch, options):
    path, written, write = tmp_path / "model.npz", [], checkpoint.write

    def watched(name, data, *more):
        if name == path:
            written.append(data.metadata["step"])
        write(name, data, *more)

    def remove(progress):
        if progress.step == 30:
            path.unlink()

    monkeypatch.setattr(checkpoint, "write", watched)
    options = options | {"checkpoint_every": 10}
    model = gru_ext.train(OVERFITTED, **options, output=path)
    steps = [10, 20, 30, 40]
    if options["eval_every"] and "keep" not in options:
        steps = [step for step in range(5, 41, 5) if step in written]
        assert len(steps) < 8
        assert model.about["step"] == steps[-1]
    assert written == steps
    gru_ext.train(OVERFITTED, **options, output=path, force=True, callback=remove)
    assert same(model, gru_ext.load(path))


def test_other_weights_are_asked_for_on_a_resume(tmp_path, caplog):
    """Where the model file had the last weights, the best ones are those from there on."""
    path = tmp_path / "model.npz"
    best = gru_ext.train(OVERFITTED, **OPTIONS, output=path)
    assert best.about["step"] < 40
    last = gru_ext.train(
        OVERFITTED, output=path, resume=True, keep="last", max_steps=50, quiet=True
    )
    assert model_step(path) == last.about["step"] == 50
    assert caplog.messages == []
    model = gru_ext.train(
        OVERFITTED, output=path, resume=True, keep="best", max_steps=60, quiet=True
    )
    assert "does not hold the best weights of this run" in caplog.messages[0]
    assert model_step(path) == model.about["step"] >= 50


def test_a_run_that_replaces_another_one_removes_its_states_first(tmp_path, monkeypatch):
    """Killed in its first seconds, it must not be continued from a state of the other run."""
    folder, path = tmp_path / "run", tmp_path / "run" / "model.npz"
    folder.mkdir()
    other = OPTIONS | {"seed": 1, "checkpoint_every": 10}
    gru_ext.train(OVERFITTED, **other, output=path)
    identifier = state_of(path).metadata["run"]["id"]
    shutil.copy(state_path(path), old_previous_path(path))
    before = contents(folder)
    with monkeypatch.context() as patched:
        snapshots(patched, folder, tmp_path / "copies")
        gru_ext.train(OVERFITTED, **OPTIONS, output=path, force=True, checkpoint_every=7)
    copies = sorted((tmp_path / "copies").iterdir())
    left = {name: data for name, data in contents(copies[0]).items() if name in before}
    assert left == {"model.npz": before["model.npz"]}  # the new file is complete beside it
    for copy in copies[1:]:
        for found in copy.glob("model*.npz"):
            assert checkpoint.read(found).metadata["run"]["id"] != identifier
    names = {"model.npz", "model.state.npz", "model.state.previous.npz"}
    assert {found.name for found in folder.iterdir()} == names


def test_a_state_is_no_output_of_a_resumed_run(folder, capsys):
    command = "train a.txt --hidden-size 6 --max-steps 20 --quiet --checkpoint-every 10 -o x.npz"
    assert run(*command.split()) == 0
    before = contents(folder)
    for name in ("x.state.npz", "x.state.previous.npz"):
        assert run(*f"train a.txt --resume --max-steps 30 -o {name}".split()) == 2
        told = f"{name} has the name of a training state: to resume its run, --output must be "
        assert told + "its model file, x.npz" in capsys.readouterr().err
        assert run("sample", name, "--length", "3", "--seed", "1") == 0
    capsys.readouterr()
    assert contents(folder) == before


def test_a_state_and_a_model_start_another_run(folder):
    """Each is a whole model file."""
    gru_ext.train(OVERFITTED, **OPTIONS, output="x.npz")
    for name in ("x.npz", "x.state.npz"):
        start = {"init_from": name, "max_steps": 1, "learning_rate": 1e-30, "quiet": True}
        model = gru_ext.train(OVERFITTED, **start, clip=5.0)
        loaded = gru_ext.load(name)
        for array, expected in zip(
            model.parameters.values(), loaded.parameters.values(), strict=True
        ):
            np.testing.assert_allclose(array, expected, atol=1e-6)
