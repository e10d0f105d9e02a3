# SPDX-License-Identifier: MIT
"""A run's numbers as TensorBoard reads them."""

import importlib.util
import json
import math
import os
import re
import struct
import subprocess
import sys
import warnings

import numpy as np
import pytest
from command import contents, run
from faults import Half
from training_runs import TEXT, same

import gru_ext
from gru_ext import Trainer
from gru_ext.model.sampling import iter_sample
from gru_ext.reporting.tensorboard import EventFile
from gru_ext.training.recovery import Recovery

OPTIONS = {
    "hidden_size": 8,
    "seq_length": 5,
    "batch_size": 2,
    "max_steps": 40,
    "warmup": 200,  # the same in runs of other lengths
    "val_fraction": 0.2,
    "split": "tail",
    "log_every": 10,
    "eval_every": 20,
    "quiet": True,
}
TAGS = ["loss/train", "loss/validation", "learning_rate", "characters_per_second"]
COLUMNS = ["train_bits", "val_bits", "learning_rate", "characters_per_second"]


@pytest.fixture
def library():
    return pytest.importorskip("tensorboardX")


def events_of(path):
    """The events of a file; it is whole, and its checksums are right."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    data, events = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        record, sums = data[12 : 12 + length], (data[8:12], data[12 + length : 16 + length])
        assert [struct.unpack("<I", s)[0] for s in sums] == [
            masked_crc32c(data[:8]),
            masked_crc32c(record),
        ]
        events.append(Event.FromString(record))
        data = data[16 + length :]
    assert events[0].file_version == "brain.Event:2"
    return events[1:]


def read(folder):
    """Points of each tag, as TensorBoard has them: a start forgets what has its step or more."""
    points = []
    for name in sorted(os.listdir(folder)):
        for event in events_of(folder / name):
            if event.HasField("session_log"):
                assert event.session_log.status == event.session_log.START
                points = [point for point in points if point[0] < event.step]
            points += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
    return {tag: [(step, value) for step, found, value in points if found == tag] for tag in TAGS}


def expected(path):
    """The same of a metrics file, as float32."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        tag: [(r["step"], float(np.float32(r[name]))) for r in records if r[name] is not None]
        for tag, name in zip(TAGS, COLUMNS, strict=True)
    }


def untimed(points):
    return {tag: found for tag, found in points.items() if tag != "characters_per_second"}


def test_the_numbers_are_those_of_the_metrics(library, tmp_path):
    folder, metrics = tmp_path / "runs" / "one", tmp_path / "m.jsonl"
    model = gru_ext.train(TEXT, **OPTIONS, tensorboard=folder, metrics=metrics)
    assert same(model, gru_ext.train(TEXT, **OPTIONS))
    found = read(folder)
    assert found == expected(metrics)
    assert [step for step, _ in found["loss/train"]] == [10, 20, 30, 40]
    assert [step for step, _ in found["loss/validation"]] == [20, 40]
    (name,) = os.listdir(folder)
    assert re.fullmatch(r"events\.out\.tfevents\.\d{10}\..+", name)


def summaries(folder, tag):
    """The values with a tag, and the steps that they are of."""
    found = []
    for name in sorted(os.listdir(folder)):
        for event in events_of(folder / name):
            found += [(event.step, v) for v in event.summary.value if v.tag == tag]
    return found


def test_one_chart_has_both_losses(library, tmp_path):
    from tensorboardX.proto.layout_pb2 import Layout

    gru_ext.train(TEXT, **OPTIONS, tensorboard=tmp_path)
    ((_, value),) = summaries(tmp_path, "custom_scalars__config__")
    assert value.metadata.plugin_data.plugin_name == "custom_scalars"
    (category,) = Layout.FromString(value.tensor.string_val[0]).category
    (chart,) = category.chart
    assert chart.title == "bits per character"
    assert list(chart.multiline.tag) == TAGS[:2]


def test_the_options_are_the_hyperparameters(library, tmp_path):
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    options = OPTIONS | {"clip": math.inf, "units": "bytes", "tied": True}
    model = gru_ext.train(TEXT, **options, tensorboard=tmp_path)
    ((_, value),) = summaries(tmp_path, "_hparams_/session_start_info")
    data = HParamsPluginData.FromString(value.metadata.plugin_data.content)
    found = dict(data.session_start_info.hparams)
    assert found["hidden_size"].number_value == 8
    assert found["optimizer"].string_value == "adamw"
    assert (found["tied"].bool_value, found["clip"].string_value) == (True, "inf")
    assert found["characters"].number_value == 432
    assert found.keys() >= model.about["options"].keys()
    ((_, value),) = summaries(tmp_path, "_hparams_/experiment")
    experiment = HParamsPluginData.FromString(value.metadata.plugin_data.content).experiment
    assert {info.name for info in experiment.hparam_infos} == found.keys()
    assert [info.name.tag for info in experiment.metric_infos] == TAGS[1::-1]


@pytest.mark.parametrize("average_over", [0.0, 0.5])
@pytest.mark.parametrize("quiet", [True, False])
def test_samples_are_texts(library, tmp_path, capsys, quiet, average_over):
    run = OPTIONS | {"average_over": average_over, "learning_rate": 1.0, "keep": "last"}
    options = run | {"quiet": quiet, "sample_every": 20, "sample_length": 30}
    model = gru_ext.train(TEXT, **options, tensorboard=tmp_path)
    assert same(model, gru_ext.train(TEXT, **run))
    found = summaries(tmp_path, "sample/text_summary")
    assert [step for step, _ in found] == [20, 40]
    last = "".join(iter_sample(model, 30, seed=(0, 40)))
    assert found[1][1].tensor.string_val[0].decode() == "    " + last.replace("\n", "\n    ")
    assert (f"---- sample at step 40 ----\n{last}\n----\n" in capsys.readouterr().out) != quiet


def test_tensorboard_reads_them(library, tmp_path):
    """Its own reader, of three runs' files: the second was killed, and the third went on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        accumulator = pytest.importorskip(
            "tensorboard.backend.event_processing.event_accumulator", exc_type=ImportError
        )
    folder, metrics = tmp_path / "runs", tmp_path / "m.jsonl"
    files = {"tensorboard": folder, "metrics": metrics, "output": tmp_path / "model.npz"}
    gru_ext.train(TEXT, **OPTIONS, **files)
    for steps in (70, 100):
        older = (tmp_path / "model.npz").read_bytes()
        gru_ext.train(TEXT, **files, max_steps=steps, resume=True, quiet=True, log_every=10)
        if steps == 70:
            (tmp_path / "model.npz").write_bytes(older)
    reader = accumulator.EventAccumulator(str(folder))
    reader.Reload()
    assert sorted(reader.Tags()["scalars"]) == sorted(TAGS)
    for tag, points in expected(metrics).items():
        assert [(event.step, event.value) for event in reader.Scalars(tag)] == points


@pytest.mark.parametrize("step", [5, 20, 25])
def test_a_resume_goes_on_where_its_checkpoint_is(library, tmp_path, step):
    """As if killed between it and the end: what came after it is forgotten."""
    whole, parts, path = tmp_path / "whole", tmp_path / "parts", tmp_path / "model.npz"
    gru_ext.train(TEXT, **OPTIONS, tensorboard=whole)
    gru_ext.train(TEXT, **OPTIONS, tensorboard=parts)
    gru_ext.train(TEXT, **OPTIONS | {"max_steps": step}, output=path)
    gru_ext.train(TEXT, **OPTIONS, tensorboard=parts, output=path, resume=True)
    assert len(os.listdir(parts)) == 2  # in order, within the same second too
    found, wanted = read(parts), read(whole)
    for tag, points in untimed(found).items():
        assert [s for s, _ in points] == [s for s, _ in wanted[tag]]
        assert [p for p in points if p[0] > step + 10] == [
            p for p in wanted[tag] if p[0] > step + 10
        ]


def test_a_run_that_diverges_takes_its_points_back(library, tmp_path, monkeypatch):
    monkeypatch.setattr(Recovery, "every", 10)
    folder, metrics, advance = tmp_path / "runs", tmp_path / "m.jsonl", Trainer.advance

    def advance_to(trainer, steps):
        if trainer.steps_done < 29:
            steps = min(steps, 29 - trainer.steps_done)
        losses = advance(trainer, steps)
        if trainer.steps_done == 29 and not trainer.schedule.halvings:
            trainer.model.parameters["by"][0] = math.nan
        return losses

    monkeypatch.setattr(Trainer, "advance", advance_to)
    options = OPTIONS | {"log_every": 3, "learning_rate": 0.02}
    gru_ext.train(TEXT, **options, tensorboard=folder, metrics=metrics)
    (name,) = os.listdir(folder)
    starts = [e.step for e in events_of(folder / name) if e.HasField("session_log")]
    assert starts == [21]
    assert read(folder) == expected(metrics)


def test_a_quiet_run_is_measured(library, tmp_path):
    gru_ext.train(TEXT, **OPTIONS, tensorboard=tmp_path)
    assert len(read(tmp_path)["loss/validation"]) == 2


def test_files_of_another_run_are_kept_unless_forced(library, folder, capsys):
    command = "train a.txt -o x.npz --hidden-size 8 --max-steps 4 --quiet --tensorboard runs/a"
    assert run(*command.split()) == 0
    before = sorted(os.listdir("runs/a"))
    (folder / "runs/a/notes.txt").write_text("precious")
    assert run(*command.replace("x.npz", "y.npz").split()) == 2
    told = r"gru-ext: runs/a has event files of a run: .*--resume.*--force.*--tensorboard\n"
    assert re.fullmatch(told, capsys.readouterr().err)
    assert not (folder / "y.npz").exists()
    assert run(*command.split(), "--force") == 0
    assert (folder / "runs/a/notes.txt").read_text() == "precious"
    (folder / "runs/a/notes.txt").unlink()
    assert len(os.listdir("runs/a")) == len(before) == 1
    assert len(read(folder / "runs/a")["loss/train"]) == 4
    # a folder without event files is no other run's
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("precious")
    assert run(*command.replace("x.npz", "z.npz").replace("runs/a", "mine").split()) == 0
    assert (folder / "mine" / "notes.txt").read_text() == "precious"


def test_files_of_another_run_stay_where_no_new_one_can_be_written(library, tmp_path, monkeypatch):
    EventFile(tmp_path, 0)
    before = contents(tmp_path)

    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gru_ext.files.append.open", full, raising=False)
    with pytest.raises(OSError, match="No space left on device"):
        EventFile(tmp_path, 0)
    assert contents(tmp_path) == before
    monkeypatch.undo()
    EventFile(tmp_path, 0)
    assert len(contents(tmp_path)) == 1
    assert contents(tmp_path).keys() != before.keys()


def test_a_record_is_whole_or_not_there(library, tmp_path, monkeypatch, caplog):
    """A disk that is full in the middle of a record, for a while."""
    events = EventFile(tmp_path, 0)
    record = dict.fromkeys(COLUMNS, 1.5)
    events.add(record | {"step": 1})
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()

    monkeypatch.setattr("gru_ext.files.append.open", Half, raising=False)
    events.add(record | {"step": 2})
    assert ": No space left on device; training continues" in caplog.text
    assert path.read_bytes() == whole
    monkeypatch.undo()
    events.add(record | {"step": 3})
    assert read(tmp_path)["loss/validation"] == [(1, 1.5), (2, 1.5), (3, 1.5)]
    path.unlink()  # and where somebody removes it
    events.add(record | {"step": 4})
    assert [step for step, _ in read(tmp_path)["loss/validation"]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--tensorboard a.txt", "cannot write to a.txt: "),
        ("--tensorboard a.txt/runs", "cannot write to a.txt/runs: "),
        ("--tensorboard x.npz", "different names"),
        ("--classic --tensorboard runs", "--tensorboard and --classic cannot be combined"),
    ],
)
def test_what_is_refused(library, folder, capsys, options, told):
    assert run("train", "a.txt", "-o", "x.npz", "--max-steps", "4", *options.split()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(told, err)
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "m.npz"]


def test_without_the_library(folder, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboardX" else find(name)
    )
    command = "train a.txt -o x.npz --max-steps 4 --tensorboard runs"
    assert run(*command.split()) == 2
    assert capsys.readouterr().err == (
        "gru-ext: files for TensorBoard need tensorboardX, which is not installed: "
        'python -m pip install "gru-ext[tensorboard]"\n'
    )
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "m.npz"]


def test_the_library_is_loaded_for_these_files_alone(folder):
    program = (
        "from gru_ext.cli.main import main; "
        "main('train a.txt -o x.npz --max-steps 2 --metrics m.jsonl --quiet'.split()); "
        "import sys; print({'tensorboardX', 'google.protobuf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
