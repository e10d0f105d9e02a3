# SPDX-License-Identifier: MIT
"""The files of a run: when they are written, and what happens where they cannot be."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import pytest
from command import POSIX, run
from training_runs import TEXT, run_files, same, step_of

import gru_ext
from gru_ext.files import atomic
from gru_ext.model import checkpoint
from gru_ext.training import checkpoints as saving
from gru_ext.training.state_files import state_path

OPTIONS = {
    "hidden_size": 6,
    "layers": 2,
    "dropout": 0.2,
    "seq_length": 5,
    "max_steps": 40,
    "val_fraction": 0.1,
    "log_every": 5,
    "eval_every": 5,
    "quiet": True,
}


@pytest.fixture
def whole(tmp_path_factory):
    """The folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole")
    gru_ext.train(TEXT, **OPTIONS, output=folder / "model.npz", metrics=folder / "m.jsonl")
    return folder


@pytest.fixture
def away(tmp_path, monkeypatch):
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def at(step, act):
    """A callback that acts at one step."""
    return lambda progress: act() if progress.step == step else None


def assert_same_files(folder, whole):
    assert run_files(folder / "model.npz") == run_files(whole / "model.npz")
    steps = [json.loads(line)["step"] for line in (folder / "m.jsonl").read_text().splitlines()]
    assert steps == list(range(5, 41, 5))


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"checkpoint_every": 7}, [7, 14, 21, 28, 35, 40]),
        ({"checkpoint_every": 20}, [20, 40]),
        ({"checkpoint_every": 0}, [40]),
        ({}, [40]),
        ({"checkpoint_minutes": 0}, [40]),
    ],
)
def test_when_checkpoints_are_written(tmp_path, monkeypatch, options, steps):
    written, write = [], checkpoint.write
    monkeypatch.setattr(
        checkpoint,
        "write",
        lambda path, data, *more: (
            written.append((path.name, data.metadata["step"])),
            write(path, data, *more),
        ),
    )
    plain = OPTIONS | {"keep": "last"}
    one = gru_ext.train(TEXT, **plain, output=tmp_path / "model.npz", **options)
    names = ("model.npz", "model.state.npz")
    assert written == [(name, step) for step in steps for name in names]
    assert same(one, gru_ext.train(TEXT, **plain))


def test_checkpoints_by_the_clock(tmp_path, monkeypatch):
    written, write, hours = [], checkpoint.write, iter(range(10**9))
    monkeypatch.setattr(
        checkpoint,
        "write",
        lambda path, data, *more: (
            written.append((data.metadata["step"], path.name)),
            write(path, data, *more),
        ),
    )
    monkeypatch.setattr(saving.time, "monotonic", lambda: 60.0 * next(hours))
    plain = OPTIONS | {"keep": "last"}
    gru_ext.train(TEXT, **plain, output=tmp_path / "model.npz", checkpoint_minutes=3)
    assert len(written) > 2
    assert written == sorted(set(written))
    assert written[-1] == (40, "model.state.npz")


def test_a_checkpoint_can_be_gone_on_with_while_the_run_goes_on(tmp_path, whole):
    path = tmp_path / "model.npz"
    options = OPTIONS | {"output": path, "metrics": tmp_path / "m.jsonl", "checkpoint_every": 10}

    def copy(progress):
        if progress.step == 25:
            shutil.copytree(tmp_path, tmp_path / "copy")

    gru_ext.train(TEXT, **options, callback=copy)
    moved = {name: tmp_path / "copy" / options[name].name for name in ("output", "metrics")}
    assert step_of(moved["output"]) == 20
    gru_ext.train(TEXT, **options | moved, resume=True)
    assert_same_files(tmp_path, whole)
    assert_same_files(tmp_path / "copy", whole)


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


@POSIX
@pytest.mark.parametrize("length", [231, 246, 256])
def test_names_that_are_too_long_are_refused_before_training(tmp_path, length):
    """The longest name is the temporary one of the previous state: 25 bytes more."""
    seen = []
    options = OPTIONS | {"callback": seen.append}
    with pytest.raises(OSError, match="File name too long"):
        gru_ext.train(TEXT, **options, output=tmp_path / ("n" * (length - 4) + ".npz"))
    assert (seen, list(tmp_path.iterdir())) == ([], [])
    gru_ext.train(TEXT, **options, output=tmp_path / ("n" * 226 + ".npz"), checkpoint_every=10)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_in_the_place_of_the_model_file_is_refused_on_a_resume(tmp_path):
    path = tmp_path / "model.npz"
    gru_ext.train(TEXT, **OPTIONS | {"max_steps": 20}, output=path)
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=r"model\.npz: it is not a regular file"):
        gru_ext.train(TEXT, output=path, resume=True, max_steps=40, quiet=True)
    assert step_of(path) == 20


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


@POSIX
def test_a_file_made_read_only_is_replaced_and_stays_so(tmp_path, whole):
    path = tmp_path / "model.npz"
    gru_ext.train(
        TEXT,
        **OPTIONS,
        output=path,
        metrics=tmp_path / "m.jsonl",
        checkpoint_every=5,
        callback=at(20, lambda: path.chmod(0o444)),
    )
    assert path.stat().st_mode & 0o777 == 0o444
    assert_same_files(tmp_path, whole)


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


def test_what_a_killed_run_has_left_is_removed(tmp_path):
    left = [".model.npz.ab12_xyz", ".model.state.npz.abcdefgh"]
    left.append(".model.state.previous.npz.abcdefgh")
    others = [".model.npz.note", ".model.npz.abcdefghi", ".other.npz.abcdefgh", "model.npz.old"]
    for name in left + others:
        (tmp_path / name).touch()
    gru_ext.train(TEXT, **OPTIONS, output=tmp_path / "model.npz")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*others, "model.npz", "model.state.npz"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--checkpoint-every -1", "--checkpoint-every must be a whole number, 0 or more"),
        ("--checkpoint-every x", "--checkpoint-every"),
        ("--checkpoint-minutes -1", "--checkpoint-minutes must be a finite number, 0 or more"),
        ("--checkpoint-minutes nan", "--checkpoint-minutes must be a finite number, 0 or more"),
        ("--checkpoint-minutes inf", "--checkpoint-minutes must be a finite number, 0 or more"),
        ("--keep first", "keep must be best or last"),
        ("--keep last,best", "keep must be best or last"),
        ("--classic --checkpoint-every 5", "--checkpoint-every and --classic cannot"),
        ("--classic --keep best", "--keep and --classic cannot"),
        ("-o n.npz", r"n\.state\.npz exists.*--force"),
        ("--metrics new.npz -o new.npz", "different names"),
    ],
)
def test_what_is_refused(folder, capsys, options, told):
    (folder / "n.state.npz").write_text("precious")
    assert run("train", "a.txt", "--hidden-size", "8", "--max-steps", "4", *options.split()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(told, err)
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "m.npz", "n.state.npz"]


def test_checkpoints_need_an_output():
    with pytest.raises(ValueError, match="`checkpoint_every` needs an `output`"):
        gru_ext.train(TEXT, **OPTIONS, checkpoint_every=3)
    with pytest.raises(TypeError, match="`checkpoint_minutes` must be a finite number"):
        gru_ext.train(TEXT, **OPTIONS, checkpoint_minutes="often")
