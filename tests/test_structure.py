# SPDX-License-Identifier: MIT
"""The folders: imports go one way, and no file is a second module in disguise."""

import ast
import itertools
import re
from pathlib import Path

import pytest

import gru_ext

PACKAGE = Path(gru_ext.__file__).parent
BASE = {"core", "files", "arguments"}
ALLOWED = {
    "files": set(),
    "arguments": {"files"},
    "core": set(),
    "distributed": set(),
    "text": {"files", "arguments"},
    "model": BASE | {"text", "reporting"},
    "reporting": BASE,
    "training": BASE | {"distributed", "model", "text", "reporting"},
    "tuning": BASE | {"training", "model", "text", "reporting"},
    "report": BASE | {"model", "text", "reporting"},
    "serve": BASE | {"model", "text", "report", "reporting"},
    "export": BASE | {"model", "text"},
    "cli": BASE
    | {"distributed", "training", "tuning"}
    | {"model", "text", "reporting", "report", "serve", "export"},
    "c_interface": {"core"},
}
"""For each folder those that it may import."""

# the declarations of the interface that c_interface implements, and the version
TOP = {"c_interface": {"capi", "_version"}}
MODULES = sorted(p for p in PACKAGE.rglob("*.py*") if p.suffix in (".py", ".pyi", ".pyx", ".pxd"))


def folder_of(path):
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else None


def imported(path):
    """The names of the package that a module imports, also in functions; cimports included."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".pyx", ".pxd"):
        found = re.findall(r"^\s*from gru_ext((?:\.\w+)*) c?import (\w+)", text, re.M)
        return {(module[1:] or name) for module, name in found}
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.removeprefix("gru_ext.") for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gru_ext":
            module = node.module.removeprefix("gru_ext").removeprefix(".")
            names |= {module or alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_go_one_way(folder):
    allowed = ALLOWED[folder] | {folder} | TOP.get(folder, {"_version"})
    for path in MODULES:
        if folder_of(path) == folder:
            ours = {name.split(".")[0] for name in imported(path)}
            ours &= {p.stem for p in PACKAGE.iterdir()}
            assert ours <= allowed, path


def test_every_folder_has_its_place():
    folders = {p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists()}
    assert folders == ALLOWED.keys()
    for folder in folders:
        assert (PACKAGE / folder / "__init__.py").read_text().count('"""') == 2, folder


def test_nothing_is_included_as_text():
    assert not list(PACKAGE.rglob("*.pxi"))


def test_no_two_test_files_have_one_name():
    """Pytest imports them by their name alone."""
    names = sorted(p.name for p in Path(__file__).parent.rglob("*.py"))
    twice = {a for a, b in itertools.pairwise(names) if a == b}
    assert not twice
