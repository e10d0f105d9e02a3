# SPDX-License-Identifier: MIT
"""Two runs on one file: the second is refused, and takes nothing from the first."""

import json
import os
import subprocess
import sys

import pytest
from command import contents, run
from training_runs import TEXT, run_files

import gru_ext
from gru_ext.files.lock import LockedError
from gru_ext.reporting.metrics import read_metrics

OPTIONS = {"hidden_size": 6, "seq_length": 5, "max_steps": 40, "val_fraction": 0, "quiet": True}

FIRST = """if True:
    import json, sys
    import gru_ext
    def wait(progress):
        if progress.step == 10:
            print("ready", flush=True)
            sys.stdin.read()
    gru_ext.train(sys.argv[2], callback=wait, log_every=5, **json.loads(sys.argv[1]))
"""


@pytest.fixture
def first(tmp_path, monkeypatch):
    """A run in another process, after some steps; it ends when its input is closed."""
    monkeypatch.chdir(tmp_path)
    options = OPTIONS | {"output": "model.npz", "metrics": "m.jsonl", "checkpoint_every": 5}
    command = [sys.executable, "-c", FIRST, json.dumps(options), TEXT]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.mark.parametrize(
    "second",
    [
        {"output": "model.npz", "force": True},
        {"output": "model.npz", "resume": True},
        {"output": "other.npz", "metrics": "m.jsonl", "force": True},
        {"output": "model.npz", "classic": True, "max_steps": 3},
    ],
    ids=str,
)
def test_the_second_run_is_refused(first, tmp_path, second):
    (tmp_path / ".model.npz.01234567").write_bytes(b"being written")
    before = contents(tmp_path)
    name = "m.jsonl" if "metrics" in second else "model.npz"
    options = {"quiet": True} | ({} if "classic" in second or "resume" in second else OPTIONS)
    with pytest.raises(LockedError, match=rf"^{name} is being .* \(process {first.pid}\)"):
        gru_ext.train(TEXT, **options | second)
    assert contents(tmp_path) == before
    first.communicate()
    assert first.returncode == 0
    assert [line["step"] for line in read_metrics("m.jsonl")] == list(range(5, 41, 5))
    gru_ext.train(TEXT, **OPTIONS, output="whole.npz")
    assert run_files("model.npz") == run_files("whole.npz")


def test_a_killed_run_locks_nothing(first, tmp_path):
    first.kill()
    first.communicate()
    gru_ext.train(TEXT, output="model.npz", metrics="m.jsonl", resume=True, quiet=True)
    names = ["m.jsonl", "model.npz", "model.state.npz", "model.state.previous.npz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_the_command_names_the_other_run(first, tmp_path, capsys):
    (tmp_path / "a.txt").write_text(TEXT)
    assert run("train", "a.txt", "-o", "model.npz", "--force", "--max-steps", "3") == 2
    err = capsys.readouterr().err
    assert f"model.npz is being written by another run (process {first.pid})" in err
    assert err.count("\n") == 1


def test_a_run_within_a_run_is_another_run(tmp_path):
    def again(progress):
        gru_ext.train(TEXT, **OPTIONS, output=tmp_path / "model.npz", force=True)

    with pytest.raises(LockedError, match=str(os.getpid())):
        gru_ext.train(TEXT, **OPTIONS, output=tmp_path / "model.npz", callback=again)


def test_a_file_that_was_made_while_the_second_run_began(tmp_path, monkeypatch):
    """The first run ends between the second one's checks and its lock."""
    path = tmp_path / "model.npz"
    locked = gru_ext.training.outputs.locked

    def late(name):
        path.write_bytes(b"precious")
        return locked(name)

    monkeypatch.setattr(gru_ext.training.outputs, "locked", late)
    with pytest.raises(FileExistsError, match="exists"):
        gru_ext.train(TEXT, **OPTIONS, output=path)
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]
