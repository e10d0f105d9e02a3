# SPDX-License-Identifier: MIT
"""What the site makes by itself: the page of the command line, notebooks, formulas, a drawing."""

import argparse
import importlib
import json
import os
import tempfile
from pathlib import Path

import pytest

from gru_ext.cli.parser import build_parser

ROOT = Path(__file__).parents[1]
if not (ROOT / "website").exists():
    pytest.skip("the tests stand alone, without the site", allow_module_level=True)


@pytest.fixture(autouse=True)
def path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def test_the_page_of_the_command_line_has_every_option():
    page = importlib.import_module("website.command_line").page()
    sections = dict(part.split("\n", 1) for part in page.split("\n## ")[1:])
    commands = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    assert sections.keys() == {"gru-ext", *(f"gru-ext {name}" for name in commands.choices)}
    for name, parser in commands.choices.items():
        if parser.late is not None:
            parser.late(parser)
        for action in parser._actions:
            for option in action.option_strings:
                shown = f"`{option}" in sections[f"gru-ext {name}"]
                assert shown == (action.dest != "help"), (name, option)
    assert "(default: utf-8)" in sections["gru-ext train"]
    assert "%(" not in page


def test_the_notebooks_are_those_of_the_pages():
    notebooks = importlib.import_module("website.notebooks")
    for name, pages in notebooks.PAGES.items():
        text = (ROOT / "examples" / "notebooks" / name).read_text(encoding="utf-8")
        assert text == notebooks.notebook(*pages), "run python website/notebooks.py"
        cells = json.loads(text)["cells"]
        assert sum(cell["cell_type"] == "code" for cell in cells) > 1


def test_a_notebook_can_be_run_again(monkeypatch, tmp_path):
    """Each run has a folder of its own, also after a restart of the cells alone."""
    first = importlib.import_module("website.notebooks").notebook("tutorials/names.md")
    code = "".join(json.loads(first)["cells"][0]["source"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.chdir(ROOT / "examples" / "notebooks")
    names = {}
    for number in (1, 2):
        exec(code, names)
        assert Path("first-names.txt").read_text(encoding="utf-8").startswith("Aaliyah\n")
        assert len([*tmp_path.iterdir()]) == number
        assert Path.cwd().parent.samefile(tmp_path)


def test_the_drawing_of_the_cell():
    drawing = importlib.import_module("website.cell_drawing").drawing()
    page = ROOT / "docs" / "pictures" / "cell.svg"
    assert page.read_text(encoding="utf-8") == drawing, "run python website/cell_drawing.py"


def test_formulas_become_mathml():
    pytest.importorskip("latex2mathml")
    rendered = importlib.import_module("website.formulas").rendered
    page = rendered("$`x`$ is\n\n```math\na &= b\n```\n\n    $`y`$\n")
    assert page.count("<math ") == 3
    assert 'alttext="x"' in page
    assert '<div class="equation"><math ' in page


def test_links_of_a_root_page_lead_to_pages():
    pytest.importorskip("mkdocs")
    hooks = importlib.import_module("website.hooks")

    class Files:
        def get_file_from_path(self, path):
            return path == "faq.md"

    text = "[a](docs/faq.md#b) [c](CHANGELOG.md) [d](src/x.py) [e](https://e.org)"
    where = "[a](faq.md#b) [c](changelog.md) "
    assert hooks.as_page(text, Files(), None) == where + "d [e](https://e.org)"
    linked = hooks.as_page(text, Files(), "https://h.org/p/")
    assert linked == where + "[d](https://h.org/p/blob/main/src/x.py) [e](https://e.org)"


def test_a_picture_with_a_dark_twin_is_shown_by_the_colours_of_the_page():
    pytest.importorskip("mkdocs")
    hooks = importlib.import_module("website.hooks")

    class Files:
        def get_file_from_path(self, path):
            return path == "pictures/a-dark.png"

    one, other = "[![an a](../pictures/a.png)](../pictures/a.png)", "[![b](../b.png)](../b.png)"
    shown = hooks.with_dark_pictures(f"{one} {other}", "how-to", Files())
    assert shown == (
        "[![an a](../pictures/a.png#only-light)](../pictures/a.png)"
        "[![an a](../pictures/a-dark.png#only-dark)](../pictures/a-dark.png) " + other
    )
