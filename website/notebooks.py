# SPDX-License-Identifier: MIT
"""Notebooks that are made from pages: ``python website/notebooks.py examples/notebooks``.

The tests run the pages, and compare the notebooks with them.
"""

import json
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {
    "hobbyist.ipynb": ("tutorials/names.md",),
    "data-scientist.ipynb": ("tutorials/python.md",),
    "engineer.ipynb": ("how-to/anomalies.md", "how-to/embed-in-c.md"),
}
_FIRST = """\
# All files of this notebook are in a new folder.
import os
import shutil
import sys
import tempfile
from pathlib import Path

start = globals().get("start", Path.cwd())  # where the notebook is, in the repository
folder = tempfile.mkdtemp(prefix="gru_ext-")
shutil.copy(start / "../../docs/data/first-names.txt", folder)
os.chdir(folder)
# the commands are those of this Python
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
print(folder)
"""
_FENCE = re.compile(r"^```(\w+)(?: title=\"[^\"]*\")?\n(.*?)^```\n?", re.M | re.S)
_LINK = re.compile(r"\]\((?!\w+:|#)([^)\s]+)\)")


def notebook(*pages: str) -> str:
    """Pages as a notebook: a cell for each block of code, and one for the text between them.

    An output that a page shows is left out, since the notebook makes its own.
    """
    text = "\n".join(map(_text, pages))
    cells, end = [_code(_FIRST)], 0
    for found in _FENCE.finditer(text):
        cells += _words(text[end : found.start()])
        language, code = found[1], found[2]
        if language == "python":
            cells.append(_code(code))
        elif language == "sh":
            cells.append(_code("%%bash -e\n" + code))
        end = found.end()
    cells += _words(text[end:])
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    about = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = {"cells": cells, "metadata": {"kernelspec": about}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _text(page: str) -> str:
    """The text of a page, with links from the notebook's folder."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return _LINK.sub(lambda found: f"](../../docs/{Path(page).parent}/{found[1]})", text)


def _words(text: str) -> list[dict]:
    source = text.strip().splitlines(keepends=True)
    return [{"cell_type": "markdown", "id": "", "metadata": {}, "source": source}] if source else []


def _code(text: str) -> dict:
    source = text.rstrip("\n").splitlines(keepends=True)
    cell = {"cell_type": "code", "execution_count": None, "id": "", "metadata": {}}
    return {**cell, "outputs": [], "source": source}


if __name__ == "__main__":
    for name, pages in PAGES.items():
        made = notebook(*pages)
        (Path(sys.argv[1]) / name).write_text(made, encoding="utf-8", newline="\n")
