# SPDX-License-Identifier: MIT
"""The pages say what the package does."""

import json
import re
from pathlib import Path

import gru_ext
from gru_ext.cli.main import main

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


def test_each_link_of_a_page_leads_to_a_file():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    made = {"command-line.md", "changelog.md", "contributing.md"}  # when the site is built
    missing = []
    for page in pages:
        text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)\s#]+)", re.sub(r"`[^`\n]*`", "", text)):
            is_file = (page.parent / target).exists() or Path(target).name in made
            if not (is_file or target.startswith(("http:", "https:"))):
                missing.append((page.name, target))
    assert len(pages) > 40
    assert not missing


def test_the_page_on_json_has_every_key(monkeypatch, tmp_path, capsys):
    page = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
    keys = {
        title: set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", part, re.M))))
        for title, part in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    }
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("one line of it\n" * 99)
    options = {"hidden_size": 5, "max_steps": 3, "quiet": True}
    gru_ext.train(Path("a.txt"), output="a.npz", metrics="a.jsonl", **options)
    made = {"The metrics file": Path("a.jsonl").read_text()}
    for command in ("sample a.npz --length 5", "score a.npz a.txt", "evaluate a.npz a.txt"):
        assert main([*command.split(), "--json"]) == 0
        made[f"gru-ext {command.split()[0]}"] = capsys.readouterr().out
    first = {title: json.loads(text.splitlines()[0]) for title, text in made.items()}
    assert {title: {*record} for title, record in first.items()} == keys
    about = re.search(r"^\| `about` \|(.*)\|$", page, re.M)[1]
    assert {*re.findall(r"`(\w+)`", about)} == {*first["The metrics file"]["about"]}
