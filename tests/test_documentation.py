# SPDX-License-Identifier: MIT
"""The pages say what the package does."""

import importlib.util
import re
from pathlib import Path

import gru_ext

ROOT = Path(__file__).parents[1]


def test_the_page_on_cython_shows_the_examples():
    page = (ROOT / "docs" / "reference" / "cython-api.md").read_text()
    examples = [path.read_text() for path in (ROOT / "examples").rglob("*.pyx")]
    blocks = re.findall(r"^```cython\n(.*?)^```", page, re.M | re.S)
    assert len(blocks) > 1
    for block in blocks:
        assert any(block in example for example in examples), block


def test_the_cookbook_works(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "how-to" / "cookbook.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    names = {}
    for block in blocks:
        if "gru_ext.tune(" in block and importlib.util.find_spec("optuna") is None:
            continue
        exec(compile(block, "docs/how-to/cookbook.md", "exec"), names)
    assert "least typical name" in capsys.readouterr().out


def test_the_page_on_python_has_every_public_name():
    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    told = re.findall(r"^::: gru_ext\.[\w.]+\.(\w+)$", page, re.M)
    assert sorted(told) == sorted({*gru_ext.__all__} - {"__version__"})
