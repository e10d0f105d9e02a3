# SPDX-License-Identifier: MIT
"""The pages say what the package does."""

import re
from pathlib import Path

import gru_ext

ROOT = Path(__file__).parents[1]


def test_the_page_on_cython_shows_the_example():
    page = (ROOT / "docs" / "cython-api.md").read_text()
    shown = page.split("```cython\n")[2].split("```")[0]
    assert shown in (ROOT / "examples/downstream/src/adaptive_bits/_reader.pyx").read_text()


def test_the_page_on_python_has_every_public_name():
    told = re.findall(r"^::: gru_ext\.[\w.]+\.(\w+)$", (ROOT / "docs" / "api.md").read_text(), re.M)
    assert sorted(told) == sorted({*gru_ext.__all__} - {"__version__"})
