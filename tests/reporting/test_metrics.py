# SPDX-License-Identifier: MIT
"""The numbers of a run: metrics files, and the callback that gets the same."""

import dataclasses
import errno
import io
import json
import math
import re

import pytest
from command import run
from faults import Half
from training_runs import TEXT, same

import gru_ext
from gru_ext.reporting.metrics import Metrics, MetricsError, number_in, read_metrics

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
NAMES = [
    "step",
    "epoch",
    "characters",
    "train_nats",
    "train_bits",
    "val_nats",
    "val_bits",
    "learning_rate",
    "characters_per_second",
    "seconds",
]
TIMES = ("characters_per_second", "seconds")


def untimed(records):
    return [{k: v for k, v in record.items() if k not in TIMES} for record in records]


def record(step):
    return {"step": step, "characters": step * 10, "seconds": step / 4}


@pytest.mark.parametrize("average_over", [0.0, 0.5])
def test_a_line_for_each_point(tmp_path, average_over):
    path, seen, options = tmp_path / "m.jsonl", [], OPTIONS | {"average_over": average_over}
    model = gru_ext.train(TEXT, **options, metrics=path, callback=seen.append)
    assert same(model, gru_ext.train(TEXT, **options))
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [list(line) for line in records] == [[*NAMES, "about"]] + [NAMES] * 3
    assert [line["step"] for line in records] == [10, 20, 30, 40]
    assert [line["characters"] for line in records] == [100, 200, 300, 400]
    assert [line["val_bits"] is None for line in records] == [True, False, True, False]
    known = model.about["validation"]
    assert records[-1]["val_nats"] == known["nats_per_char_before"] > known["nats_per_char"]
    for line in records:
        assert math.isclose(line["train_bits"] * math.log(2), line["train_nats"])
        assert line["characters_per_second"] > 0
    seconds = [line["seconds"] for line in records]
    assert seconds == sorted(seconds)
    assert records == read_metrics(path)
    about = records[0].pop("about")
    assert records == [progress.record() for progress in seen]
    assert (about["characters"], about["validation_characters"]) == (432, 108)
    assert about["parameters"] == model.parameters.count
    assert about["options"] == model.about["options"]
    assert about["version"] == gru_ext.__version__


def test_the_training_loss_is_the_mean_since_the_point_before():
    seen = []
    gru_ext.train(TEXT, **OPTIONS, optimizer="adagrad", callback=seen.append)
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    trainer = gru_ext.Trainer(
        gru_ext.Model.create(vocabulary, 8),
        vocabulary.encode(TEXT)[:432],
        seq_length=5,
        batch_size=2,
        optimizer="adagrad",
        warmup_steps=200,
    )
    for progress in seen:
        losses = trainer.advance(10)
        assert math.isclose(progress.train_nats, losses.mean(), rel_tol=1e-12)
        assert progress.learning_rate == trainer.current_rate
        assert progress.learning_rate == pytest.approx(0.1 * progress.step / 200)
        assert progress.epoch == progress.step / trainer.windows_per_epoch
        assert progress.share == progress.step / 40


def test_progress_is_frozen_and_public():
    seen = []
    gru_ext.train(TEXT, **OPTIONS, callback=seen.append)
    assert isinstance(seen[0], gru_ext.Progress)
    with pytest.raises(dataclasses.FrozenInstanceError):
        seen[0].step = 3
    assert seen[0].val_bits is None
    assert seen[1].val_bits == seen[1].val_nats / math.log(2)


def test_numbers_that_are_not_finite_are_null():
    progress = gru_ext.Progress(1, 2, 0.5, 5, 1.0, math.nan, 0.1, 1.0, 1.0)
    assert progress.val_bits is None
    assert progress.record()["val_nats"] is None


def test_a_callback_ends_training_in_order(tmp_path):
    path = tmp_path / "model.npz"
    model = gru_ext.train(TEXT, **OPTIONS, output=path, callback=lambda p: p.step >= 20)
    assert model.about["step"] == 20
    assert same(model, gru_ext.train(TEXT, **OPTIONS | {"max_steps": 20}))
    whole = gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert same(whole, gru_ext.train(TEXT, **OPTIONS))


def test_an_error_of_a_callback_passes_through_with_the_model():
    def fail(progress):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine") as error:
        gru_ext.train(TEXT, **OPTIONS, callback=fail)
    assert error.value.model.about["step"] == 10
    with pytest.raises(TypeError, match="`callback` must be callable"):
        gru_ext.train(TEXT, **OPTIONS, callback="me")


def test_without_lines_there_are_evaluations_alone(tmp_path):
    path = tmp_path / "m.jsonl"
    gru_ext.train(TEXT, **OPTIONS | {"log_every": 0}, metrics=path)
    assert [line["step"] for line in read_metrics(path)] == [20, 40]


@pytest.mark.parametrize("step", [5, 20, 25])
def test_a_resume_appends_and_repeats_no_step(tmp_path, step):
    whole, parts, path = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl", tmp_path / "model.npz"
    gru_ext.train(TEXT, **OPTIONS, metrics=whole)
    options = OPTIONS | {"metrics": parts, "output": path}
    # as if killed between this checkpoint and the end: the file has more lines than it
    gru_ext.train(TEXT, **options | {"max_steps": 40, "checkpoint_every": step, "force": True})
    gru_ext.train(TEXT, **OPTIONS | {"max_steps": step}, output=path, force=True)
    parts.write_text(parts.read_text() + '{"step": 50, "epo')
    gru_ext.train(TEXT, **options, resume=True)
    found, wanted = read_metrics(parts), read_metrics(whole)
    assert [line["step"] for line in found] == [line["step"] for line in wanted]
    after = [i for i, line in enumerate(wanted) if line["step"] > step + 10]
    assert [untimed(found)[i] for i in after] == [untimed(wanted)[i] for i in after]
    seconds = [line["seconds"] for line in found]
    assert seconds == sorted(seconds)


def test_a_file_that_exists_is_kept_unless_forced(folder, capsys):
    (folder / "m.jsonl").write_text("precious\n")
    command = "train a.txt -o x.npz --hidden-size 8 --max-steps 4 --quiet --metrics m.jsonl"
    assert run(*command.split()) == 2
    assert re.fullmatch(r"gru-ext: m\.jsonl exists: .*--metrics\n", capsys.readouterr().err)
    assert (folder / "m.jsonl").read_text() == "precious\n"
    assert run(*command.split(), "--force") == 0
    assert [line["step"] for line in read_metrics("m.jsonl")] == [1, 2, 3, 4]
    resume = [*command.replace("4", "8").split(), "--resume"]
    assert run(*resume) == 0
    assert [line["step"] for line in read_metrics("m.jsonl")] == list(range(1, 9))
    (folder / "m.jsonl").write_text("no metrics\n")
    assert run(*[*command.replace("4", "9").split(), "--resume"]) == 2
    assert "m.jsonl is not a metrics file: line 1" in capsys.readouterr().err
    assert (folder / "m.jsonl").read_text() == "no metrics\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--metrics none/m.jsonl", r"none/m\.jsonl"),
        ("--metrics .", r"\. exists"),
        ("--metrics x.npz", "different names"),
        ("--classic --metrics m.jsonl", "--metrics and --classic cannot be combined"),
    ],
)
def test_what_is_refused(folder, capsys, options, told):
    assert run("train", "a.txt", "-o", "x.npz", "--max-steps", "4", *options.split()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(told, err)
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "m.npz"]


@pytest.mark.parametrize(
    "line", ["x", "3", "[]", "{}", '{"step": "1"}', '{"step": 1, "characters": 2}', "[" * 99999]
)
def test_what_is_no_metrics_file(tmp_path, line):
    path = tmp_path / "m.jsonl"
    path.write_text(f"{json.dumps(record(1))}\n{line}\n")
    with pytest.raises(MetricsError, match=r"m\.jsonl is not a metrics file: line 2 "):
        read_metrics(path)


@pytest.mark.parametrize("torn", ['{"st', '{"step": 2, "epo', '{"step": 2, "epo\n', '{"st{"\n'])
def test_a_torn_last_line_is_left_out(tmp_path, torn):
    path = tmp_path / "m.jsonl"
    path.write_text(f"{json.dumps(record(1))}\n{torn}")
    assert read_metrics(path) == [record(1)]
    Metrics(path, 1).add(record(2))
    assert read_metrics(path) == [record(1), record(2)]
    path.write_text(f"{json.dumps(record(1))}\n{torn.strip()}\n{json.dumps(record(2))}\n")
    with pytest.raises(MetricsError, match="line 2"):
        read_metrics(path)


def test_a_line_is_whole_or_not_there(tmp_path, monkeypatch, caplog):
    """A disk that is full in the middle of a line."""
    path = tmp_path / "m.jsonl"
    metrics = Metrics(path, 0)
    metrics.add(record(1))
    whole = path.read_bytes()

    monkeypatch.setattr("gru_ext.files.append.open", Half, raising=False)
    metrics.add(record(2))
    assert "m.jsonl: No space left on device; training continues" in caplog.text
    assert path.read_bytes() == whole
    monkeypatch.undo()
    metrics.add(record(3))
    metrics.add(record(3))
    assert read_metrics(path) == [record(1), record(2), record(3)]


def test_a_file_that_was_removed_is_made_again(tmp_path):
    path = tmp_path / "m.jsonl"
    metrics = Metrics(path, 0)
    for step in (1, 2):
        metrics.add(record(step))
    path.unlink()
    metrics.add(record(3))
    assert read_metrics(path) == [record(1), record(2), record(3)]


LARGE = str(10**400)


@pytest.mark.parametrize("name", ["step", "characters", "seconds"])
@pytest.mark.parametrize("value", [LARGE, "-1", "1e300", "NaN", "Infinity", "1e999", "true", "[1]"])
def test_numbers_without_bounds(tmp_path, name, value):
    path = tmp_path / "m.jsonl"
    line = json.dumps(record(2) | {name: "here"}).replace('"here"', value)
    path.write_text(f"{json.dumps(record(1))}\n{line}\n")
    with pytest.raises(MetricsError, match=r"m\.jsonl is not a metrics file: line 2 .*") as error:
        Metrics(path, 5)
    assert len(str(error.value)) < 400 + len(str(path))


@pytest.mark.parametrize(
    "line", ['"mine": NaN', '"mine": [1e999]', '"mine": ' + "[" * 30 + "]" * 30]
)
def test_what_could_not_be_written_again_is_refused_with_the_files_name(tmp_path, line):
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps(record(1))[:-1] + f", {line}}}\n")
    before = path.read_bytes()
    with pytest.raises(MetricsError, match=r"m\.jsonl is not a metrics file: line 1 "):
        Metrics(path, 5)
    assert path.read_bytes() == before


def test_a_column_with_other_values_is_left_out():
    for value in (None, True, "x", [1], math.nan, math.inf, 10**400, 1e300):
        assert number_in(record(1) | {"val_bits": value}, "val_bits") is None
    assert number_in(record(1), "val_bits") is None
    assert number_in(record(1) | {"val_bits": 2}, "val_bits") == 2.0


def test_a_metrics_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps(record(1)) + "\n")

    class Failing(io.BytesIO):
        def read(self, size=-1):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("gru_ext.reporting.metrics.open_regular", lambda _: Failing())
    with pytest.raises(OSError, match="Input/output error") as error:
        read_metrics(path)
    assert error.value.filename == str(path)
