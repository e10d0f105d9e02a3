# SPDX-License-Identifier: MIT
"""The state before the last, which a run keeps in model.state.previous.npz."""

import errno
import os
import re
import shutil

import pytest
from command import POSIX, run
from model_files import file_arrays
from training_runs import TEXT, interrupt_after, run_files, step_of

import gru_ext
from gru_ext.files import atomic
from gru_ext.files.atomic import link_or_copy
from gru_ext.training.state_files import state_path

OPTIONS = {"hidden_size": 6, "seq_length": 5, "max_steps": 40, "val_fraction": 0, "quiet": True}


def no_links(number):
    def link(*_, **__):
        raise OSError(number, os.strerror(number))

    return link


@pytest.fixture(params=["links", "copies"])
def how(request, monkeypatch):
    """With hard links, and on a file system that has none."""
    if request.param == "copies":
        monkeypatch.setattr(atomic.os, "link", no_links(errno.EPERM))
    return request.param


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_each_checkpoint_keeps_the_one_before(tmp_path, monkeypatch, how):
    path, previous = tmp_path / "model.npz", tmp_path / "model.state.previous.npz"
    found, replace = [], os.replace

    def watched(source, target):
        if os.path.basename(target) == "model.state.npz" and state_path(path).exists():
            found.append(step_of(path))  # whole until the very moment
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", watched)
    seen = []

    def look(progress):
        if state_path(path).exists():
            seen.append((progress.step, step_of(path), previous.exists() and step_of(previous)))

    options = OPTIONS | {"log_every": 5, "checkpoint_every": 10, "callback": look}
    gru_ext.train(TEXT, **options, output=path)
    assert seen == [
        (15, 10, False),
        (20, 10, False),
        (25, 20, 10),
        (30, 20, 10),
        (35, 30, 20),
        (40, 30, 20),
    ]
    assert (step_of(path), step_of(previous)) == (40, 30)
    assert found == [10, 20, 30]
    assert names(tmp_path) == ["model.npz", "model.state.npz", "model.state.previous.npz"]
    # the same bytes as those of a run to there, and it can be gone on with
    gru_ext.train(TEXT, **OPTIONS, output=tmp_path / "whole.npz")
    shutil.copy(previous, state_path(path))
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert run_files(path) == run_files(tmp_path / "whole.npz")


def test_a_single_file_keeps_none(tmp_path):
    gru_ext.train(TEXT, **OPTIONS, output=tmp_path / "model.npz")
    assert names(tmp_path) == ["model.npz", "model.state.npz"]


def test_a_resumed_run_keeps_what_it_began_with(tmp_path):
    path, previous = tmp_path / "model.npz", tmp_path / "model.state.previous.npz"
    with interrupt_after(12), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(TEXT, **OPTIONS, output=path)
    before = file_arrays(state_path(path))
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert file_arrays(previous) == before
    assert step_of(path) == 40


def test_another_run_keeps_nothing_of_the_one_it_replaces(tmp_path):
    path, previous = tmp_path / "model.npz", tmp_path / "model.state.previous.npz"
    gru_ext.train(TEXT, **OPTIONS, output=path, checkpoint_every=10)
    for every, kept in ((None, None), (15, 30)):
        gru_ext.train(TEXT, **OPTIONS, output=path, checkpoint_every=every, force=True)
        assert (step_of(previous) if previous.exists() else None) == kept


def test_the_notebooks_weights_are_replaced_as_ever(folder):
    """--classic goes on with what it finds, and keeps and removes nothing beside it."""
    others = ["w.state.data", "w.state.previous.data", "w.previous.data"]
    for name in others:
        (folder / name).write_text("precious")
    for _ in range(2):
        command = "train a.txt --classic -o w.data --max-steps 3 --quiet --force"
        assert run(*command.split()) == 0
    assert [(folder / name).read_text() for name in others] == ["precious"] * 3
    assert names(folder) == sorted(["a.txt", "m.npz", "w.data", *others])


@pytest.mark.parametrize("damage", [b"", b"PK", None])
def test_a_damaged_file_is_told_with_the_one_before(folder, capsys, damage):
    command = "train a.txt -o x.npz --hidden-size 6 --max-steps 30 --quiet --checkpoint-every 10"
    assert run(*command.split()) == 0
    state = folder / "x.state.npz"
    whole = state.read_bytes()
    state.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    resume = "train a.txt -o x.npz --resume --max-steps 50 --quiet"
    assert run(*resume.split()) == 2
    hint = (
        r"; x\.state\.previous\.npz has the previous state, of step 20: copy it to "
        r"x\.state\.npz to resume from it\n"
    )
    assert re.fullmatch(rf"gru-ext: x\.state\.npz is .*{hint}", capsys.readouterr().err)
    state.unlink()
    assert run(*resume.split()) == 2
    told = rf"gru-ext: x\.npz holds no training state, and x\.state\.npz does not exist: .*{hint}"
    assert re.fullmatch(told, capsys.readouterr().err)
    (folder / "x.npz").unlink()
    assert run(*resume.split()) == 2
    told = rf"gru-ext: x\.state\.npz does not exist: there is no run to resume{hint}"
    assert re.fullmatch(told, capsys.readouterr().err)
    shutil.copy("x.state.previous.npz", "x.state.npz")
    assert run(*resume.split()) == 0
    # nothing that cannot be read is named
    for name in ("x.state.npz", "x.state.previous.npz"):
        (folder / name).write_bytes(b"")
    capsys.readouterr()
    assert run(*resume.split()) == 2
    assert "previous" not in capsys.readouterr().err


def test_what_is_in_its_place_is_not_replaced(folder, capsys):
    (folder / "x.state.previous.npz").write_text("precious")
    command = "train a.txt -o x.npz --hidden-size 6 --max-steps 30 --quiet --checkpoint-every 10"
    assert run(*command.split()) == 2
    told = r"gru-ext: x\.state\.previous\.npz exists: .*--force.*--output\n"
    assert re.fullmatch(told, capsys.readouterr().err)
    assert run(*command.split(), "--metrics", "x.state.previous.npz", "--force") == 2
    assert "different names" in capsys.readouterr().err
    assert (folder / "x.state.previous.npz").read_text() == "precious"
    assert run(*command.split(), "--force") == 0
    assert step_of("x.state.previous.npz") == 20


def test_where_it_cannot_be_kept_the_new_state_is_written(tmp_path, monkeypatch, caplog):
    path = tmp_path / "model.npz"
    replace = os.replace

    def refused(source, target):
        if "previous" in os.path.basename(target):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", refused)
    gru_ext.train(TEXT, **OPTIONS, output=path, checkpoint_every=10)
    assert step_of(path) == 40
    assert names(tmp_path) == ["model.npz", "model.state.npz"]
    assert caplog.messages == [
        f"cannot keep the previous state as {tmp_path / 'model.state.previous.npz'}: "
        f"{os.strerror(errno.EIO)}"
    ]


def test_keep_as(tmp_path, how):
    path, kept = tmp_path / "a", tmp_path / "b"
    with pytest.raises(FileNotFoundError):
        link_or_copy(path, kept)
    path.write_bytes(b"one")
    for _ in range(2):  # the second time they may be two names of one file
        link_or_copy(path, kept)
        assert (path.read_bytes(), kept.read_bytes()) == (b"one", b"one")
        assert path.samefile(kept) == (how == "links")
    path.unlink()
    path.write_bytes(b"two")
    assert kept.read_bytes() == b"one"
    link_or_copy(path, kept)
    assert kept.read_bytes() == b"two"
    assert names(tmp_path) == ["a", "b"]


@POSIX
def test_keep_as_keeps_permissions(tmp_path, how):
    path, kept = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"one")
    path.chmod(0o640)
    link_or_copy(path, kept)
    assert kept.stat().st_mode & 0o777 == 0o640


@POSIX
def test_an_output_elsewhere_by_a_symbolic_link(tmp_path, how):
    (tmp_path / "far").mkdir()
    path = tmp_path / "model.npz"
    path.symlink_to(tmp_path / "far" / "m.npz")
    gru_ext.train(TEXT, **OPTIONS, output=path, checkpoint_every=10)
    assert path.is_symlink()
    assert (step_of(path), step_of(tmp_path / "model.state.previous.npz")) == (40, 30)
    assert names(tmp_path / "far") == ["m.npz"]
