# SPDX-License-Identifier: MIT
"""Runs that mpiexec starts: the same files on any number of processes, kills, signals, messages."""

import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training_runs import TEXT, run_files

from gru_ext.training.state_files import state_path

MPIEXEC = shutil.which("mpiexec", path=Path(sys.executable).parent) or shutil.which("mpiexec")
pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("mpi4py") is None, reason="mpi4py is missing"),
    pytest.mark.skipif(MPIEXEC is None, reason="mpiexec is missing"),
]
SECONDS = 100
"""None of the runs below takes a tenth of it."""
STEPS = 300
OPTIONS = {
    "workers": 4,
    "sync_every": 4,
    "hidden_size": 8,
    "seq_length": 6,
    "batch_size": 2,
    "threads": 1,
    "max_steps": STEPS,
    "val_fraction": 0.2,
    "eval_every": 40,
    "patience": 0,
    "log_every": 4,
    "output": "model.npz",
    "quiet": True,
}
# Each rank says who it is. Rank 0 says when the first steps are made, and is slow from then on.
SCRIPT = """if True:
    import json, os, sys, time
    import gru_ext
    from gru_ext.distributed.launched import launched
    rank = launched().rank
    sys.stdout.write(f"{rank} {os.getpid()}\\n")
    sys.stdout.flush()
    told = []
    def slow(progress):
        told or print("ready", flush=True)
        told.append(progress)
        time.sleep(0.005)
    gru_ext.train(open("a.txt").read(), callback=slow, **json.loads(sys.argv[1]))
"""


def start(folder, processes, script=SCRIPT, **options):
    (folder / "a.txt").write_text(TEXT)
    return subprocess.Popen(
        [MPIEXEC, "-n", str(processes), sys.executable, "-c", script, json.dumps(options)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process):
    """The exit status and what was said; a run that hangs is killed."""
    try:
        out, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    return process.returncode, out, err


def ranks_of(process, processes):
    """The process ids of the ranks, when the run has made its first steps."""
    found = {}
    while "ready" not in found or len(found) <= processes:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        rank, _, number = line.strip().partition(" ")
        found[rank] = number
    del found["ready"]
    return {int(rank): int(number) for rank, number in found.items()}


def train(folder, processes, **options):
    folder.mkdir(exist_ok=True)
    status, _, err = end(start(folder, processes, **OPTIONS | options))
    assert (status, err) == (0, "")
    return run_files(folder / "model.npz")


def test_the_files_are_the_same_on_any_number_of_processes(tmp_path):
    expected = train(tmp_path / "1", 1)
    for processes in (2, 3, 4):
        assert train(tmp_path / str(processes), processes) == expected
    folder = tmp_path / "resumed"
    constant = {"schedule": "constant", "warmup": 20}  # the same for any number of steps
    train(folder, 3, max_steps=120, checkpoint_every=40, **constant)
    resumed = train(folder, 2, resume=True, **constant)
    whole = train(tmp_path / "whole", 4, **constant)
    for one, other in zip(resumed, whole, strict=True):
        assert {n: a for n, a in one.items() if n != "gru_ext"} == {
            n: a for n, a in other.items() if n != "gru_ext"
        }


def test_twenty_kills_of_random_ranks_lose_nothing(tmp_path):
    folder, draws, killed = tmp_path / "parts", random.Random(0), 0
    folder.mkdir()
    while killed < 20:
        resume = state_path(folder / "model.npz").exists()
        processes = draws.choice([2, 3])
        how = {"resume": resume, "force": not resume, "checkpoint_every": 8}
        process = start(folder, processes, **OPTIONS | how | {"max_steps": 1200})
        ranks = ranks_of(process, processes)
        time.sleep(draws.uniform(0, 0.15))
        os.kill(ranks[draws.randrange(processes)], signal.SIGKILL)
        status, _, _ = end(process)
        if status == 0:  # it was at its end
            break
        killed += 1
    if killed == 20:
        status, _, _ = end(start(folder, 2, **OPTIONS | {"resume": True, "max_steps": 1200}))
        assert status == 0
    assert killed > 10
    whole = train(tmp_path / "whole", 1, max_steps=1200)
    assert run_files(folder / "model.npz") == whole


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_signal_on_any_rank_stops_all(tmp_path, rank):
    process = start(tmp_path, 3, **OPTIONS | {"max_steps": 40_000})
    os.kill(ranks_of(process, 3)[rank], signal.SIGTERM)
    status, _, err = end(process)
    assert status != 0
    assert err.count("TrainingInterrupted: training was interrupted at step") == 3
    assert state_path(tmp_path / "model.npz").exists()


FAILING = (
    """if True:
    from gru_ext.distributed.launched import launched
    from gru_ext.training.trainer import Trainer
    made = Trainer.make_steps
    def fail(trainer, *arguments, **options):
        if trainer.steps_done >= 40 and launched().rank == 1:
            raise MemoryError("no memory is left")
        return made(trainer, *arguments, **options)
    Trainer.make_steps = fail
"""
    + SCRIPT
)


def test_an_exception_on_a_rank_ends_all_with_its_message(tmp_path):
    status, _, err = end(start(tmp_path, 3, FAILING, **OPTIONS | {"checkpoint_every": 8}))
    assert status != 0
    assert "gru-ext: rank 1 of 3: MemoryError: no memory is left" in err
    assert state_path(tmp_path / "model.npz").exists()


def command(folder, processes, *arguments):
    words = [sys.executable, "-m", "gru_ext", "train", *map(str, arguments)]
    return end(
        subprocess.Popen(
            [MPIEXEC, "-n", str(processes), *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    )


def test_one_rank_prints(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    sizes = ["--hidden-size", 8, "--max-steps", 12, "--sync-every", 4]
    status, out, err = command(tmp_path, 3, "a.txt", *sizes)
    assert (status, err) == (0, "")
    assert out.count("3 workers in 3 processes, combined every 4 steps") == 1
    assert out.count("wrote model.npz") == 1
    status, out, err = command(tmp_path, 3, "missing.txt", "-o", "b.npz")
    assert status == 2
    assert err.count("gru-ext: ") == 1  # the engine may say something too
    assert "gru-ext: missing.txt: No such file or directory\n" in err


def test_a_long_message_arrives():
    """Longer than the first message of a broadcast; and ranks that send nothing."""
    script = """if True:
        import numpy as np
        from gru_ext.distributed.launched import launched
        ranks = launched()
        for n in (0, 1, 4087, 4088, 4089, 100_000):
            data = np.arange(n).astype(np.uint8)
            data.flags.writeable = False
            assert (ranks.broadcast(data if ranks.rank == 0 else data[:0]) == data).all()
            found = ranks.allgather(data[: n * ranks.rank // 2])
            assert [len(each) for each in found] == [0, n // 2, n]
            found = ranks.exchange([data[: n * r // 2] for r in range(3)])
            assert [len(each) for each in found] == [n * ranks.rank // 2] * 3
    """
    process = subprocess.Popen(
        [MPIEXEC, "-n", "3", sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert end(process) == (0, "", "")
