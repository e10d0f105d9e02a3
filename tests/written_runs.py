# SPDX-License-Identifier: MIT
"""A run that writes its files, and whether those of another run are the same."""

import json

from training_runs import TEXT, run_files

import gru_ext

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


def written_run(folder):
    """The folder of a run that nothing happened to."""
    gru_ext.train(TEXT, **OPTIONS, output=folder / "model.npz", metrics=folder / "m.jsonl")
    return folder


def at(step, act):
    """A callback that acts at one step."""
    return lambda progress: act() if progress.step == step else None


def assert_same_files(folder, whole):
    assert run_files(folder / "model.npz") == run_files(whole / "model.npz")
    steps = [json.loads(line)["step"] for line in (folder / "m.jsonl").read_text().splitlines()]
    assert steps == list(range(5, 41, 5))
