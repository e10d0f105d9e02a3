# SPDX-License-Identifier: MIT
"""The files of a run where they cannot be written, for a while or at the end."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile

import pytest
from command import POSIX
from training_runs import TEXT, run_files, same, step_of
from written_runs import OPTIONS, assert_same_files, at, written_run

import gru_ext
from gru_ext.files import atomic
from gru_ext.model import checkpoint
from gru_ext.training import checkpoints as saving
from gru_ext.training.state_files import state_path


@pytest.fixture
def whole(tmp_path_factory):
    return written_run(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def away(tmp_path, monkeypatch):
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_full_disk_for_a_while(tmp_path, monkeypatch, capsys, caplog, whole, number):
    fsync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if 6 <= len(calls) <= 20:
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(atomic.os, "fsync", full)
    gru_ext.train(
        TEXT,
        **OPTIONS,
        output=tmp_path / "model.npz",
        metrics=tmp_path / "m.jsonl",
        checkpoint_every=3,
    )
    assert capsys.readouterr() == ("", "")
    for name in ("model.npz", "model.state.npz"):
        assert f"{name}: {os.strerror(number)}; training continues" in caplog.text
        assert f"{name}, which could not be written before" in caplog.text
    assert_same_files(tmp_path, whole)
    assert len(list(tmp_path.iterdir())) == 4


@POSIX  # Windows removes no folder with an open file: the lock
def test_the_folder_is_removed_for_a_while(tmp_path, caplog, whole):
    folder = tmp_path / "runs"
    folder.mkdir()

    def act(progress):
        if progress.step == 10:
            shutil.rmtree(folder)
        if progress.step == 30:
            folder.mkdir()

    gru_ext.train(
        TEXT,
        **OPTIONS,
        output=folder / "model.npz",
        metrics=folder / "m.jsonl",
        checkpoint_every=3,
        callback=act,
    )
    assert all(
        f"cannot write {folder / name}: No such file" in caplog.text
        for name in ("model.npz", "model.state.npz", "m.jsonl")
    )
    assert_same_files(folder, whole)


@POSIX  # Windows removes no folder with an open file: the lock
def test_the_folder_is_removed_for_good(tmp_path, away, capsys, whole):
    folder = tmp_path / "runs"
    folder.mkdir()
    with pytest.raises(gru_ext.NotSavedError, match=r"cannot write .*model\.npz: No such") as error:
        gru_ext.train(
            TEXT,
            **OPTIONS,
            output=folder / "model.npz",
            callback=at(10, lambda: shutil.rmtree(folder)),
        )
    assert same(error.value.model, gru_ext.load(whole / "model.npz"))
    (found,) = away.glob("*/model.npz")
    for path in (found, state_path(found)):
        assert str(path) in str(error.value)
    assert run_files(found) == run_files(whole / "model.npz")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("Wz is not finite"), "Wz is not finite"),
        (TypeError("not JSON"), "not JSON"),
        (MemoryError(), "MemoryError"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ],
)
@pytest.mark.parametrize("classic", [False, True])
def test_whatever_fails_in_the_last_write_the_model_is_handed_over(
    tmp_path, away, monkeypatch, error, told, classic
):
    write = checkpoint.write

    def fail(path, *more):
        if path.parent == tmp_path:
            raise error
        write(path, *more)

    options = {"classic": True, "max_steps": 5, "quiet": True} if classic else OPTIONS
    whole = gru_ext.train(TEXT, **options)
    monkeypatch.setattr(checkpoint, "write", fail)
    with pytest.raises(gru_ext.NotSavedError, match=rf"cannot write .*model\.npz: .*{told}") as end:
        gru_ext.train(TEXT, **options, output=tmp_path / "model.npz")
    assert same(end.value.model, whole)
    (copy,) = away.glob("*/model.npz")
    assert f"it is in {copy} instead" in str(end.value)
    assert same(gru_ext.load(copy), whole)
    assert [path.name for path in away.glob("*/*.state.npz")] == ["model.state.npz"] * (not classic)
    assert classic or step_of(copy) == 40


def test_a_weight_that_is_not_finite_at_the_end(tmp_path, away, monkeypatch):
    finish = saving.CheckpointWriter.finish

    def break_and_finish(writer, state, model, trained):
        trained.parameters["Wz"][0, 0] = float("nan")
        finish(writer, state, model, trained)

    monkeypatch.setattr(saving.CheckpointWriter, "finish", break_and_finish)
    with pytest.raises(gru_ext.NotSavedError, match="values that are not finite") as end:
        gru_ext.train(TEXT, **OPTIONS | {"keep": "last"}, output=tmp_path / "model.npz")
    assert end.value.model.about["step"] == 40
    assert list(away.iterdir()) == []


def test_whatever_fails_in_a_write_training_continues(tmp_path, monkeypatch, caplog, whole):
    write, calls = checkpoint.write, []

    def fail(*arguments):
        calls.append(arguments)
        if 2 <= len(calls) < 9:
            raise MemoryError
        write(*arguments)

    monkeypatch.setattr(checkpoint, "write", fail)
    files = {"output": tmp_path / "model.npz", "metrics": tmp_path / "m.jsonl"}
    gru_ext.train(TEXT, **OPTIONS, **files, checkpoint_every=3)
    for name in ("model.npz", "model.state.npz"):
        assert f"{name}: MemoryError; training continues" in caplog.text
    assert_same_files(tmp_path, whole)


def test_a_copy_whose_name_is_too_long_for_the_other_folder(tmp_path, away, monkeypatch):
    write = checkpoint.write

    def fail(path, *more):
        if path.name not in ("model.npz", "model.state.npz"):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        write(path, *more)

    monkeypatch.setattr(checkpoint, "write", fail)
    with pytest.raises(gru_ext.NotSavedError, match=r"it is in .*model\.npz instead"):
        gru_ext.train(TEXT, **OPTIONS | {"keep": "last"}, output=tmp_path / "long.npz")
    (copy,) = away.glob("*/model.npz")
    assert checkpoint.read(copy).metadata["step"] == step_of(copy) == 40


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
@POSIX
def test_the_folder_is_made_read_only_for_a_while(tmp_path, caplog, whole):
    folder = tmp_path / "runs"
    folder.mkdir()

    def act(progress):
        if progress.step in (10, 30):
            folder.chmod(0o500 if progress.step == 10 else 0o700)

    gru_ext.train(
        TEXT,
        **OPTIONS,
        output=folder / "model.npz",
        metrics=folder / "m.jsonl",
        checkpoint_every=3,
        callback=act,
    )
    assert "Permission denied; training continues" in caplog.text
    assert_same_files(folder, whole)


# From step 10 to 30 no file may grow past 500 bytes: to the writer it looks like a full disk.
LIMITED = """if True:
    import json, resource, sys
    import gru_ext
    def act(progress):
        if progress.step in (10, 30):
            limit = 500 if progress.step == 10 else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    gru_ext.train(sys.argv[2], callback=act, **json.loads(sys.argv[1]))
"""


@POSIX
def test_files_may_not_grow_for_a_while(tmp_path, whole):
    options = OPTIONS | {"output": "model.npz", "metrics": "m.jsonl", "checkpoint_every": 3}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, json.dumps(options), TEXT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert "cannot write model.npz: File too large; training continues" in done.stderr
    assert "cannot write model.state.npz: File too large; training continues" in done.stderr
    assert "cannot write m.jsonl: File too large; training continues" in done.stderr
    assert_same_files(tmp_path, whole)
    assert len(list(tmp_path.iterdir())) == 4
