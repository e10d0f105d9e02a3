# SPDX-License-Identifier: MIT
"""Values of any type and size in a model file or a metrics file: each is refused in one line."""

import importlib.util
import io
import json
import math
import random
import re
import shutil

import numpy as np
import pytest
from command import run
from model_files import archive_of, array, members_of
from training_runs import TEXT, interrupt_after

import gru_ext
from gru_ext.model import checkpoint
from gru_ext.model.metadata import VERSION, VOCABULARY
from gru_ext.reporting.metrics import COLUMNS, FIELDS, read_metrics
from gru_ext.reporting.progress import Progress
from gru_ext.training import recorded
from gru_ext.training.options import TrainingOptions
from gru_ext.training.state_files import previous_path, state_path

OPTIONS = {
    "hidden_size": 8,
    "seq_length": 5,
    "batch_size": 2,
    "max_steps": 40,
    "val_fraction": 0.2,
    "split": "tail",
    "log_every": 5,
    "eval_every": 5,
    "patience": 8,
    "schedule": "plateau",
    "optimizer": "adamw",
    "clip_norm": 3.0,
    "document_separator": "\n",
    "min_count": 2,
    "quiet": True,
}

VALUES = [
    None,
    True,
    0,
    1,
    2,
    -1,
    1.5,
    2**53 + 1,
    2**63,
    10**400,
    -(10**400),
    float("nan"),
    float("inf"),
    1e308,
    -1e308,
    "",
    "x",
    "o",
    "x" * 100_000,
    "\x1b[31mred\n\u202e",
    "\ud800",
    [],
    [1],
    [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]],
    [10**400] * 8,
    {},
    {"\x1b[31m" * 1000: "x" * 100_000},
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a text, and with the model files and metrics of a run that can be resumed."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "a.txt").write_text(TEXT)
    options = OPTIONS | {"output": folder / "m.npz", "metrics": folder / "m.jsonl"}
    with interrupt_after(13), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(folder / "a.txt", **options)
    gru_ext.train(TEXT, **OPTIONS | {"max_steps": 3}, output=folder / "other.npz")
    return folder


def paths_of(value, path=()):
    """The place of every value within a value, those of lists and objects included."""
    if path:
        yield path
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield from paths_of(value[key], (*path, key))


def changed(value, path, new):
    """A copy of a value with another value at this place; or, for an Ellipsis, with none there."""
    value = json.loads(json.dumps(value))
    *before, last = path
    inner = value
    for key in before:
        inner = inner[key]
    if new is ...:
        del inner[last]
    else:
        inner[last] = new
    return value


def changes(value, count, seed):
    """So many changes in some places; and the removal of each value."""
    paths = [*paths_of(value)]
    every = [(path, new) for path in paths for new in VALUES]
    yield from ((path, ...) for path in paths)
    yield from random.Random(seed).sample(every, count)


def assert_in_order(capsys, status, name):
    """A command has succeeded, or has refused the file with this name in one short line."""
    out, err = capsys.readouterr()
    assert status in (0, 2)
    assert max(map(len, out.splitlines()), default=0) < 1100
    assert all(line.isprintable() for line in out.splitlines())
    if status == 2:
        assert re.fullmatch(r"gru-ext: [^\n]*\n", err), err
        assert name in err, err
        assert len(err) < 900
        assert err[:-1].isprintable()


def metadata_of(members):
    return json.loads(np.load(io.BytesIO(members["gru_ext"])).tobytes())


@pytest.mark.parametrize("name", ["m.state.npz", "m.npz"])
def test_any_value_in_the_metadata_of_a_model_file(files, tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    shutil.copy(files / "a.txt", "a.txt")
    members = members_of((files / name).read_bytes())
    metadata = metadata_of(members)
    statuses = set()
    for path, new in changes(metadata, 200 if name == "m.state.npz" else 100, seed=1):
        text = json.dumps(changed(metadata, path, new)).encode()
        data = archive_of(members | {"gru_ext": array(np.frombuffer(text, np.uint8))})
        for other in ("m.npz", "m.state.npz"):
            shutil.copy(files / other, other)
        (tmp_path / name).write_bytes(data)
        commands = [
            f"info {name}",
            f"sample {name} --length 3 --seed 0",
            f"evaluate {name} a.txt",
            f"train a.txt -o new.npz --force --init-from {name} --max-steps 2 --quiet",
            "train a.txt -o m.npz --resume --max-steps 15 --quiet",
        ]
        for command in commands:
            status = run(*command.split())
            statuses.add((command.split()[0], status))
            assert_in_order(capsys, status, name)
    assert {(command, status) for command in ("info", "train") for status in (0, 2)} <= statuses


def put(path, place, value):
    """Change the metadata of a model file."""
    members = members_of(path.read_bytes())
    text = json.dumps(changed(metadata_of(members), place, value)).encode()
    path.write_bytes(archive_of(members | {"gru_ext": array(np.frombuffer(text, np.uint8))}))


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("options clip", 10**400, "has damaged options: `clip` must be a positive number"),
        ("options warmup", 10**400, "has damaged options: `warmup` must be a whole number from 0"),
        ("options seed", None, "has damaged options: `seed` must be"),
        ("options tied", 1, "has damaged options: `tied` must be True or False, not 1"),
        ("options patience", 1, "has damaged options: `patience` must be 3 or more"),
        ("options optimizer", "adam", "cannot be resumed with this text and these options: "),
        ("options val_fraction", 0.99, "cannot be resumed with this text and these options: "),
        ("options learning_rate", 1e300, "cannot be resumed with this text and these options: "),
        ("options hidden_size", 2**24, "m.state.npz has hidden size 8, not 16777216"),
        ("options layers", 16, "m.state.npz has layers 1, not 16"),
        ("options dtype", "float64", "was trained with dtype float32, not float64"),
        ("training optimizer", 5, "`optimizer` must be adagrad, adam, adamw or rmsprop, not 5"),
        ("training optimizer", "x" * 99_999, "`optimizer` must be adagrad, adam, adamw or "),
        ("training optimizer", ..., "was trained with optimizer adagrad, not adamw"),
        ("training tied", 2, "`tied` must be True or False, not 2"),
        ("training tied", 1, "`tied` must be True or False, not 1"),
        ("training smooth_loss", math.nan, "`smooth_loss` must be a number from -1e+100"),
        ("training position", 10**400, "`position` must be a whole number from 0 to 2**53"),
        ("training text_sha256", "\x1b" * 99, r"with a text of 432 characters (SHA-256 \x1b"),
        ("run stability good", [10**400] * 8, "has a damaged recovery state: `step` must be"),
        ("run stability good", [1] * 7, "`good` must be a list of 8 values"),
        ("run validation waited", 10**400, "`waited` must be a whole number from 0 to 2**53"),
        ("run nats", 1e300, "`nats` must be a number"),
        ("step", 2**53 + 1, "`step` must be a whole number from 0 to 2**53"),
        ("document_separator", "zz", "the document separator 'zz' of "),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_damaged_value_is_named_with_its_file(files, tmp_path, place, value, told):
    path = tmp_path / "m.npz"
    shutil.copy(files / "m.state.npz", state_path(path))
    put(state_path(path), place.split(), value)
    with pytest.raises(ValueError, match=r"m\.state\.npz") as error:
        gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert told in str(error.value)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 500 + len(str(path))


def test_options_that_contradict_those_of_the_file(files, tmp_path):
    path = tmp_path / "m.npz"
    shutil.copy(files / "m.state.npz", state_path(path))
    with pytest.raises(
        ValueError, match=r"m\.state\.npz cannot be resumed .*`patience` must be 3 or more"
    ):
        gru_ext.train(TEXT, output=path, resume=True, patience=2, quiet=True)


def test_the_step_of_a_previous_state_is_short_and_printable(files, tmp_path):
    path = tmp_path / "m.npz"
    shutil.copy(files / "m.state.npz", previous_path(path))
    put(previous_path(path), ["step"], "\x1b[31m" * 9999)
    state_path(path).write_bytes(b"nothing")
    with pytest.raises(gru_ext.CheckpointError, match=r"m\.state\.previous\.npz has") as error:
        gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 500 + 5 * len(str(path))


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="needs matplotlib")
def test_any_value_in_a_metrics_file_can_be_drawn_or_is_refused(files, tmp_path, capsys):
    records = read_metrics(files / "m.jsonl")
    path, picture = tmp_path / "m.jsonl", tmp_path / "m.svg"
    for place, new in changes(records[-1], 40, seed=2):
        path.write_text(f"{json.dumps(changed(records[-1], place, new))}\n")
        assert_in_order(capsys, run("plot", path, "-o", picture, "--force"), "m.jsonl")


def test_any_value_in_a_metrics_file_is_continued_or_refused(files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(files / "a.txt", "a.txt")
    records = [{**record, "mine": [1]} for record in read_metrics(files / "m.jsonl")]
    command = "train a.txt -o m.npz --resume --max-steps 15 --quiet --metrics m.jsonl"
    statuses = set()
    for path, new in changes(records, 200, seed=3):
        for name in ("m.npz", "m.state.npz"):
            shutil.copy(files / name, name)
        lines = changed(records, path, new)
        (tmp_path / "m.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        status = run(*command.split())
        statuses.add(status)
        assert_in_order(capsys, status, "m.jsonl")
        if status == 0:
            assert read_metrics("m.jsonl")[-1]["step"] == 15
    assert statuses == {0, 2}


def test_every_value_that_is_written_is_declared(files):
    """A value that a run records must be checked when it is read."""
    model, state = (checkpoint.read(files / name).metadata for name in ("m.npz", "m.state.npz"))
    known = {"format", "classic", *recorded.RECORDED, *VERSION, *VOCABULARY}
    assert {*state, *model} <= known
    assert known - {*state, *model} <= {"classic", "units"}
    assert state["options"].keys() <= TrainingOptions.declared().keys()
    assert state["training"].keys() == recorded.TRAINING.keys()
    assert state["run"].keys() == recorded.RUN.keys()
    assert state["run"]["validation"].keys() == recorded.VALIDATION.keys()
    assert state["run"]["stability"].keys() == recorded.STABILITY.keys()
    assert model["validation"].keys() <= recorded.BEST.keys()
    assert model["training"].keys() <= recorded.TRAINING.keys()
    assert model["run"].keys() <= recorded.RUN.keys()
    assert model["run"]["validation"].keys() <= recorded.VALIDATION.keys()
    assert model["made_from"].keys() == state["made_from"].keys() <= recorded.MADE_FROM.keys()
    progress = Progress(1, 2, 0.5, 5, 1.0, 1.0, 0.1, 1.0, 1.0)
    assert progress.record().keys() == FIELDS.keys() | COLUMNS.keys()
