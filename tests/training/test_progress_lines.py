# SPDX-License-Identifier: MIT
"""What a run prints: lines that fit the terminal, samples where they are worth it, true speeds."""

import math
import os
import re
import struct
import subprocess

import numpy as np
import pytest
from command import COMMAND, POSIX
from training_runs import SMALL, TEXT, interrupt_after, same

import gru_ext
from gru_ext.model.evaluation import Evaluation
from gru_ext.reporting.metrics import read_metrics
from gru_ext.training import run as training_run
from gru_ext.training.defaults import default_samples
from gru_ext.training.progress_lines import ending
from gru_ext.training.validation import Validation

TRAIN = [
    "train",
    "a.txt",
    "--hidden-size",
    "8",
    "--max-steps",
    "60",
    "--val-fraction",
    "0.2",
    "--eval-every",
    "20",
]
TRAIN += ["--log-every", "10", "--sample-every", "60", "--sample-length", "30"]


def rows_of(out):
    """The rows of the table in what a run has printed."""
    return [line.split() for line in out.splitlines() if re.match(r" *\d[\d,]*  +\d+\.\d\d", line)]


def on_terminal(columns, *arguments):
    """What a command prints on a terminal of so many columns: standard output, and the bar."""
    import fcntl
    import pty
    import termios

    shown = []
    pairs = [pty.openpty() for _ in range(2)]
    for _, theirs in pairs:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    out, err = (theirs for _, theirs in pairs)
    process = subprocess.Popen([*COMMAND, *arguments], stdout=out, stderr=err)
    for _, theirs in pairs:
        os.close(theirs)
    for ours, _ in pairs:
        text = b""
        try:
            while piece := os.read(ours, 65536):
                text += piece
        except OSError:
            pass  # Linux says EIO where the other end is closed
        os.close(ours)
        shown.append(text.decode().replace("\r\n", "\n"))
    assert process.wait() == 0
    return shown


@POSIX
@pytest.mark.parametrize("columns", [80, 40])
def test_everything_fits_the_terminal(folder, columns):
    out, bar = on_terminal(columns, *TRAIN)
    lines = out.split("---- sample")[0].splitlines()
    assert max(map(len, lines)) <= columns
    (heading,) = (line.split() for line in lines if line.lstrip().startswith("step "))
    full = ["step", "epoch", "train", "validation", "learning", "speed", "time"]
    assert heading == (full if columns == 80 else ["step", "train", "validation", "time"])
    assert [int(row[0]) for row in rows_of(out)] == [*range(10, 61, 10)]
    assert "\x1b" not in out
    frames = [frame.replace("\x1b[A", "") for frame in re.split(r"[\r\n]+", bar)]
    assert max(map(len, frames)) <= columns
    assert re.search(r"100%\|.*train \d\.\d\d, val[a-z.]+ \d\.\d\d", frames[-1] or frames[-2])


@POSIX
def test_a_pipe_gets_the_same_lines(folder):
    out, _ = on_terminal(80, *TRAIN)
    piped = subprocess.run([*COMMAND, *TRAIN, "--force"], capture_output=True, text=True)
    assert piped.stderr == ""
    assert not set(piped.stdout) & set("\x1b\r")

    def untimed(text):
        return re.sub(r" *[\d.]+[kM]?  +\d:\d\d$|  +0:00$|\([\d.]+ kB\)", "", text, flags=re.M)

    assert untimed(piped.stdout) == untimed(out)


@pytest.mark.parametrize(
    ("steps", "every"),
    [(12, 0), (199, 0), (200, 200), (1999, 1999), (2000, 500), (2001, 501), (2003, 501)],
)
def test_how_often_there_is_a_sample(steps, every):
    assert default_samples(steps) == every


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"max_steps": 12}, []),
        ({"max_steps": 12, "sample_every": 5}, [5, 10, 12]),
        ({"max_steps": 201}, [201]),
        ({"max_steps": 2003}, [501, 1002, 1503, 2003]),
        ({"max_steps": 2003, "sample_every": 0}, []),
    ],
)
def test_the_samples_of_a_run(capsys, options, found):
    gru_ext.train(TEXT, hidden_size=4, batch_size=1, seq_length=5, sample_length=9, **options)
    steps = re.findall(r"^---- sample at step ([\d,]+) ----$", capsys.readouterr().out, re.M)
    assert [int(step.replace(",", "")) for step in steps] == found


def test_the_heading_fits_and_says_what_is_trained(capsys):
    model = gru_ext.train(TEXT * 60, hidden_size=8, layers=2, dropout=0.1, max_steps=20, tied=True)
    heading = capsys.readouterr().out.split("\n\n")[0]
    trained = model.history.records[0]["about"]
    assert max(map(len, heading.splitlines())) <= 80
    assert heading.startswith("29,160 characters for training, 3,240 for validation (12 blocks), ")
    heading = " ".join(heading.split())  # lines may be wrapped
    parameters = model.parameters.count - 8 * 30  # the tied matrices are one
    assert trained["parameters"] == parameters
    for told in ("2 layers of hidden size 8, dropout 0.1", f"{parameters:,} parameters", "cosine"):
        assert told in heading


def ending_of(best_step, best, step, last, train=0.5, waited=0):
    """The last lines of a run of 100 steps at most, of these losses and steps."""
    validation = Validation(np.arange(10), 10, patience=3)
    validation.best_step, validation.best_nats, validation.waited = best_step, best, waited
    validation.step = step
    validation.last = None if last is None else Evaluation(last, 9)
    return "\n".join(ending(validation, step, train, "character"))


def test_the_end_of_a_run_says_why_and_what_would_help():
    loss = r"validation loss: \d\.\d{3} bits per character, over 9 characters"
    best = r"the best validation loss was 1\.443 at step 40\n"
    patience = r"no better validation loss in 3 evaluations; the best was 1\.443 at step 40\n"
    risen = r"\nit has risen since step 40: the model has begun to learn its text by heart; .*"
    alike = r"\nthe training loss is not lower: more epochs would help, or a larger hidden size"
    at_40 = {"best_step": 40, "best": 1.0}
    at_60 = {"best_step": 60, "best": 1.0, "step": 60, "last": 1.0}
    for options, told in (
        (at_40 | {"step": 70, "last": 1.1, "waited": 3}, patience + loss + risen),
        (at_40 | {"step": 70, "last": 1.01, "waited": 3}, patience + loss),
        (at_40 | {"step": 60, "last": 1.1, "waited": 2}, best + loss + risen),
        (at_40 | {"step": 60, "last": 1.01, "waited": 2}, best + loss),
        (at_40 | {"step": 60, "last": 1.01, "train": 1.1}, best + loss),
        (at_60, loss),
        (at_60 | {"train": 0.9}, loss),
        (at_60 | {"train": 1.1}, loss + alike),
        (at_60 | {"train": math.nan}, loss),
        ({"best_step": 0, "best": math.inf, "step": 0, "last": None}, ""),
    ):
        assert re.fullmatch(told, ending_of(**options)), options


def test_the_last_lines_of_a_run(capsys):
    """A text that is known by heart, one that is not learned yet, and one without evaluations."""
    rules = TEXT + "".join(sorted(TEXT[::2], reverse=True))  # of which the last part has others
    options = {"hidden_size": 16, "val_fraction": 0.3, "split": "tail", "sample_every": 0}
    slow = {"hidden_size": 4, "max_steps": 10, "learning_rate": 1e-5, "sample_every": 0}
    slow |= {"dropout": 0, "weight_dropout": 0}
    options |= {"max_steps": 1500, "dropout": 0, "weight_dropout": 0}
    for text, chosen, told in (
        (rules, options, "it has risen since step "),
        (TEXT * 4, slow | {"val_fraction": 0.2}, "the training loss is not lower: more epochs"),
        (TEXT * 4, slow | {"val_fraction": 0.2, "dropout": 0.1}, None),
        (TEXT, slow | {"val_fraction": 0}, None),
    ):
        gru_ext.train(text, **chosen)
        out = capsys.readouterr().out
        assert max(map(len, out.splitlines())) <= 80
        for line in ("it has risen since step ", "the training loss is not lower: more epochs"):
            assert (f"\n{line}" in out) == (line == told)


def speeds(path):
    return [record["characters_per_second"] for record in read_metrics(path)]


def test_no_speed_of_nothing_after_a_resume(tmp_path, capsys, monkeypatch):
    """What is due at the step of a checkpoint is done on the resume, before any step is made."""
    pytest.importorskip("tensorboardX")
    options = SMALL | {"max_steps": 60, "log_every": 20, "output": tmp_path / "m.npz"}
    options |= {"metrics": tmp_path / "m.jsonl", "tensorboard": tmp_path / "runs"}
    with interrupt_after(20), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(TEXT, **options)
    assert speeds(tmp_path / "m.jsonl") == []
    gru_ext.train(TEXT, **options | {"resume": True, "quiet": False})
    first, *others = speeds(tmp_path / "m.jsonl")
    assert first is None
    assert len(others) == 2
    assert min(others) > 0
    rows = rows_of(capsys.readouterr().out)
    # without a speed after the first, which has no time left either: no step is made yet
    assert [(row[0], len(row)) for row in rows] == [("20", 4), ("40", 6), ("60", 6)]
    events = "".join(path.read_bytes().decode("latin-1") for path in (tmp_path / "runs").iterdir())
    assert events.count("characters_per_second") == 2


def test_a_few_steps_have_no_speed_and_count_for_the_next(tmp_path):
    path = tmp_path / "m.jsonl"
    model = gru_ext.train(TEXT, **SMALL, max_steps=25, log_every=4, metrics=path)
    steps = [record["step"] for record in model.history]
    assert steps == [4, 8, 12, 16, 20, 24, 25]
    known = [speed is not None for speed in speeds(path)]
    assert known == [False, False, True, False, False, True, False]


def test_the_speed_of_long_steps_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(training_run, "_TIMED_SECONDS", 0.0)
    path = tmp_path / "m.jsonl"
    gru_ext.train(TEXT, **SMALL, max_steps=9, log_every=4, metrics=path)
    assert None not in speeds(path)


def test_lines_and_samples_change_no_bit():
    quiet = gru_ext.train(TEXT, **SMALL, max_steps=40)
    watched = SMALL | {"quiet": False, "log_every": 1, "sample_every": 3}
    assert same(quiet, gru_ext.train(TEXT, **watched, max_steps=40))
