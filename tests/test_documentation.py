# SPDX-License-Identifier: MIT
"""The pages say what the package does."""

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


def test_the_page_on_python_has_every_public_name():
    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    told = re.findall(r"^::: gru_ext\.[\w.]+\.(\w+)$", page, re.M)
    assert sorted(told) == sorted({*gru_ext.__all__} - {"__version__"})
