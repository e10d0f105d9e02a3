# SPDX-License-Identifier: MIT
"""The README on a package index: each link leads to the repository, once that has an address."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ADDRESS = "https://example.org/group/gru_ext"


@pytest.fixture
def tool():
    """The module, for a project in a folder of its own."""
    path = ROOT / "tools" / "long_description.py"
    if not path.exists():
        pytest.skip("tools/ is not beside these tests")
    spec = importlib.util.spec_from_file_location("long_description", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_and_pictures(tool):
    text = """[a](docs/a.md#part), [b](./b.md "title"),
[c](https://x.org/c.md), [d](#here).
![p](docs/p.svg) [![q](q.png)](docs/q.md)
<img src="docs/r.png"><a href="LICENSE">x</a> <a href="https://x.org">y</a>
[ref]: docs/ref.md
`[code](no.md)` and
```python
x = y[0](z)  # [code](no.md)
```
"""
    blob, raw = f"{ADDRESS}/blob/v1", f"{ADDRESS}/raw/v1"
    expected = f"""[a]({blob}/docs/a.md#part), [b]({blob}/b.md "title"),
[c](https://x.org/c.md), [d](#here).
![p]({raw}/docs/p.svg) [![q]({raw}/q.png)]({blob}/docs/q.md)
<img src="{raw}/docs/r.png"><a href="{blob}/LICENSE">x</a> <a href="https://x.org">y</a>
[ref]: {blob}/docs/ref.md
`[code](no.md)` and
```python
x = y[0](z)  # [code](no.md)
```
"""
    assert tool.with_links(text, f"{ADDRESS}/", "v1") == expected
    assert tool.with_links(expected, ADDRESS, "v2") == expected


def test_each_link_of_the_readme_leads_to_a_file(tool):
    text = tool.with_links((ROOT / "README.md").read_text("utf-8"), ADDRESS, "v1")
    found = re.findall(rf"{ADDRESS}/(?:blob|raw)/v1/([^\s)\"#]+)", text)
    assert len(found) > 10
    assert all((ROOT / path).exists() for path in found)
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    links = re.findall(r"\]\(([^)\s]+)|\b(?:src|href)=\"([^\"]+)", text)
    assert all(re.match("https?:|#", "".join(link)) for link in links), links


def test_the_address_has_one_place(tool, monkeypatch, tmp_path):
    """Source in [project.urls]; without it the README is as it is."""
    (tmp_path / "src" / "gru_ext").mkdir(parents=True)
    (tmp_path / "src" / "gru_ext" / "_version.py").write_text('# v\n__version__ = "3.2.1"\n')
    (tmp_path / "README.md").write_text("[a](a.md)\n")
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    for urls, link in [("", "a.md"), (f'Source = "{ADDRESS}"', f"{ADDRESS}/blob/v3.2.1/a.md")]:
        (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\n[project.urls]\n{urls}\n')
        assert tool.long_description() == f"[a]({link})\n"
