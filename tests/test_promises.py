# SPDX-License-Identifier: MIT
"""What the pages promise: one version everywhere, every environment variable named."""

import re
import tomllib
from pathlib import Path

import pytest

import gru_ext

ROOT = Path(__file__).parents[1]
PACKAGE = Path(gru_ext.__file__).parent


def stability():
    (page,) = (ROOT / "docs").rglob("stability.md")
    return page.read_text(encoding="utf-8")


def in_repository(name):
    """The text of a file beside the tests, which a copy of the tests alone lacks."""
    if not (ROOT / name).exists():
        pytest.skip(f"{name} is not beside these tests")
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_to_cite():
    cited = in_repository("CITATION.cff")
    assert f"\nversion: {gru_ext.__version__}\n" in cited
    project = tomllib.loads(in_repository("pyproject.toml"))["project"]
    assert f"\nlicense: {project['license']}\n" in cited
    holder = re.search(r"Copyright \(c\) \d+ (.*)", in_repository("LICENSE"))[1]
    assert f"\nauthors:\n  - name: {holder}\n" in cited


def test_the_changelog_has_this_version_and_is_short():
    text = in_repository("CHANGELOG.md")
    version = re.escape(gru_ext.__version__)
    entry = re.search(
        rf"^## \[{version}\] - (unreleased|\d{{4}}-\d\d-\d\d)\n(.*?)^(## |\[)", text, re.M | re.S
    )
    assert "\n### Added\n" in entry[2]
    assert len(entry[2].split()) < 400  # read in a minute or two
    headings = re.findall(r"^### (.*)", text, re.M)
    assert {*headings} <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_environment_variable_is_on_the_page():
    sources = [p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".pyx", ".pxd")]
    found = {name for p in sources for name in re.findall(r"\bGRU_EXT_\w+", p.read_text("utf-8"))}
    told = set(re.findall(r"^\| `(GRU_EXT_\w+)`", stability(), re.M))
    assert found == told


def test_every_exit_status_is_on_the_page():
    from gru_ext.cli.export import FAILED
    from gru_ext.cli.messages import BAD_INPUT

    told = re.findall(r"^\| (\d+) \|", stability(), re.M)
    assert told == [str(status) for status in (0, FAILED, BAD_INPUT, 130)]
