# SPDX-License-Identifier: MIT
"""The files of a run: when they are written, and what is refused."""

import re
import shutil

import pytest
from command import POSIX, run
from training_runs import TEXT, same, step_of
from written_runs import OPTIONS, assert_same_files, at, written_run

import gru_ext
from gru_ext.model import checkpoint
from gru_ext.training import checkpoints as saving


@pytest.fixture
def whole(tmp_path_factory):
    return written_run(tmp_path_factory.mktemp("whole"))


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
