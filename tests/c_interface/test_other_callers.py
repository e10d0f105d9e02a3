# SPDX-License-Identifier: MIT
"""What docs/reference/cython-api.md shows for ctypes, cffi and Numba, run as it stands there."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import gru_ext

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cython-api.md"


def blocks():
    """The Python code of the page, by the library that its first line names."""
    found = re.findall(r"^```python\n# (\w+)\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    return dict(found)


@pytest.mark.parametrize("library", ["ctypes", "cffi", "numba"])
def test_callers(library, tmp_path, monkeypatch):
    if not find_spec(library):
        pytest.skip(f"needs {library}")
    monkeypatch.chdir(tmp_path)
    text = "one two three " * 20
    gru_ext.train(text, hidden_size=5, max_steps=3, output="model.npz", quiet=True)
    names = {}
    exec(compile(blocks()["ctypes"], f"{PAGE}, ctypes", "exec"), names)
    if library != "ctypes":
        exec(compile(blocks()[library], f"{PAGE}, {library}", "exec"), names)
    stream = gru_ext.load("model.npz").stream()
    stream.feed("on")
    assert names["bits"] == pytest.approx(stream.feed("e")[0], rel=1e-5)
