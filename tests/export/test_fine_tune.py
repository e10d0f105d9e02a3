# SPDX-License-Identifier: MIT
"""The example that fine-tunes a model with PyTorch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from exported import TEXT

import gru_ext

pytest.importorskip("torch")
EXAMPLE = Path(__file__).parents[2] / "examples" / "torch_fine_tune.py"


def test_it_learns_and_comes_back(tmp_path):
    text = TEXT * (8000 // len(TEXT))
    given, source, tuned = (tmp_path / name for name in ("given.npz", "text.txt", "tuned.npz"))
    gru_ext.train(text, hidden_size=16, max_steps=30, output=given, quiet=True)
    source.write_text(text, encoding="utf-8")
    command = [sys.executable, EXAMPLE, given, source, tuned, "30"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}  # a small model is slower with several
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, after = (gru_ext.load(path).evaluate(text).bits_per_char for path in (given, tuned))
    assert after < before - 0.05
    assert done.stdout.startswith("bits per character of the last tenth: ")
    assert "after 30 steps" in done.stdout
    source.write_text(text[:500], encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True)
    assert "the text must have more than 520 characters, not 450" in done.stderr
