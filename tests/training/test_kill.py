# SPDX-License-Identifier: MIT
"""Training that is killed, terminated, interrupted twice: what is on disk, and going on from it."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest
from command import POSIX
from training_runs import TEXT, run_files, step_of

import gru_ext
from gru_ext.model import checkpoint
from gru_ext.training.state_files import state_path

pytestmark = POSIX

STEPS = 4000
OPTIONS = {
    "hidden_size": 6,
    "seq_length": 5,
    "batch_size": 8,
    "threads": 2,
    "max_steps": STEPS,
    "val_fraction": 0.1,
    "log_every": 10,
    "eval_every": 40,
    "patience": 0,
    "quiet": True,
}
# Each line of progress takes 5 ms, so that there is time to kill the run in.
SLOW = """if True:
    import json, signal, sys, time
    import gru_ext
    signal.signal(signal.SIGINT, signal.default_int_handler)
    told = []
    def slow(progress):
        told or print("ready", flush=True)
        told.append(progress)
        time.sleep(0.005)
    gru_ext.train(open("a.txt").read(), callback=slow, **json.loads(sys.argv[1]))
"""


def start(folder, **options):
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, json.dumps(OPTIONS | options)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def end(process):
    out, err = process.communicate(timeout=120)
    assert out == ""
    return process.returncode, err


def without_times(path):
    times = ("seconds", "characters_per_second", "about")  # it has the date
    lines = path.read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in times} for line in lines]


@pytest.mark.parametrize(
    "chosen",
    [
        {"optimizer": "adagrad"},  # with one memory
        {"optimizer": "adam", "layers": 2, "dropout": 0.2},  # with two
    ],
)
def test_killed_twenty_times_a_run_ends_with_the_same_bytes(tmp_path, chosen):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
        (folder / "a.txt").write_text(TEXT)
    files = {"output": "model.npz", "metrics": "m.jsonl"}
    gru_ext.train(TEXT, **OPTIONS | chosen, **{name: whole / path for name, path in files.items()})
    moments, killed = random.Random(0), 0
    while killed < 20:
        resume = state_path(parts / "model.npz").exists()
        how = {"resume": resume, "force": not resume, "checkpoint_every": 7}
        process = start(parts, **chosen, **how, **files)
        time.sleep(moments.uniform(0.0, 0.06))
        process.kill()
        assert end(process) == (-signal.SIGKILL, "")
        killed += 1
        for path in parts.glob("model*.npz"):
            checkpoint.read(path)  # whole, whichever moment it was
    assert 7 <= step_of(parts / "model.npz") < STEPS
    assert end(start(parts, **chosen, resume=True, **files)) == (0, "")
    assert run_files(parts / "model.npz") == run_files(whole / "model.npz")
    assert without_times(parts / "m.jsonl") == without_times(whole / "m.jsonl")
    names = ["model.npz", "model.state.npz", "model.state.previous.npz"]
    assert sorted(path.name for path in parts.iterdir()) == ["a.txt", "m.jsonl", *names]


@pytest.mark.parametrize(
    ("number", "chosen"), [(signal.SIGINT, {}), (signal.SIGTERM, {"layers": 3, "dropout": 0.1})]
)
def test_one_signal_ends_a_run_in_order(tmp_path, number, chosen):
    (tmp_path / "a.txt").write_text(TEXT)
    files = {"output": "model.npz", "metrics": "m.jsonl"}
    whole = {name: tmp_path / f"whole.{path}" for name, path in files.items()}
    gru_ext.train(TEXT, **OPTIONS | chosen, **whole)
    for n in range(4):
        how = {"resume": True} if n else chosen  # the file knows what was chosen
        process = start(tmp_path, **how, **files)
        time.sleep(0.04 * n)
        process.send_signal(number)
        status, err = end(process)
        assert status != 0
        assert "TrainingInterrupted" in err
    step = step_of(tmp_path / "model.npz")
    assert step < STEPS
    assert without_times(tmp_path / "m.jsonl")[-1]["step"] <= step
    assert end(start(tmp_path, resume=True, **files)) == (0, "")
    assert run_files(tmp_path / "model.npz") == run_files(tmp_path / "whole.model.npz")
    assert without_times(tmp_path / "m.jsonl") == without_times(tmp_path / "whole.m.jsonl")


# Writing takes so long that a second signal comes in the middle of it.
STUCK = """if True:
    import os, signal, sys, time
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from gru_ext.cli import main as cli
    from gru_ext.training import interrupts
    interrupts.GRACE_SECONDS = 0
    def fsync(descriptor):
        print("writing", flush=True)
        time.sleep(60)
    os.fsync = fsync
    sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture
def started():
    """A function that starts a process, which does not outlive the test."""
    processes = []

    def start_process(command):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        processes.append(subprocess.Popen(command, text=True, **pipes))
        return processes[-1]

    yield start_process
    for process in processes:
        with process:
            process.kill()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_at_once(folder, started, number, status):
    before = (folder / "m.npz").read_bytes()
    arguments = "train a.txt -o m.npz --force --hidden-size 8 --max-steps 1000000000"
    process = started([sys.executable, "-c", STUCK, *arguments.split()])
    assert "characters for training" in process.stdout.readline()
    process.send_signal(number)
    while process.stdout.readline() != "writing\n":
        pass
    begun = time.monotonic()
    process.send_signal(number)
    err = process.communicate(timeout=50)[1]
    assert time.monotonic() - begun < 30
    assert (process.returncode, err) == (status, "")
    assert (folder / "m.npz").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "m.npz"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_exit_status_tells_the_signal(folder, started, number, status):
    arguments = "train a.txt -o x.npz --hidden-size 8 --max-steps 1000000000 --sample-every 0"
    program = STUCK.replace("time.sleep(60)", "pass")
    process = started([sys.executable, "-c", program, *arguments.split()])
    assert "characters for training" in process.stdout.readline()
    process.send_signal(number)
    err = process.communicate(timeout=50)[1]
    step = checkpoint.read(folder / "x.npz").metadata["step"]
    told = f"interrupted at step {step:,} of 1,000,000,000; model in x.npz, continue with --resume"
    assert (process.returncode, err) == (status, f"gru-ext: {told}\n")


def test_signals_are_given_back():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    gru_ext.train(TEXT, hidden_size=4, max_steps=2, quiet=True)
    assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
