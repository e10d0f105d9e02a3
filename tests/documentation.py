# SPDX-License-Identifier: MIT
"""The blocks of code in a page of the documentation, and the files that they read."""

import contextlib
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from gru_ext.cli.parser import build_parser

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^( *)```(\w+)(?: title=\"([^\"]*)\")?\n(.*?)^\1```$", re.M | re.S)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?[kM]?")

# The commands of this very interpreter, whether they are installed on the path or not.
_PROGRAMS = """python() { "$PYTHON" "$@"; }
gru-ext() { python -m gru_ext "$@"; }"""

# What a line or a block has in it, and the package without which it cannot run.
NEEDS = {
    "gru-ext plot": "matplotlib",
    "gru_ext.plot(": "matplotlib",
    "--plot": "matplotlib",
    "gru-ext report": "jinja2",
    "gru_ext.tune(": "optuna",
    "--tensorboard": "tensorboardX",
}
# Commands that a test does not run: they need a network or minutes, or do not end by themselves.
NOT_RUN = ("curl ", "python -m pip ", "gru-ext tune ", "gru-ext serve ", "tensorboard ")
COMPILERS = ("gcc ", "cc ")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its title and its text."""

    language: str
    title: str | None
    text: str


def blocks(page):
    """All blocks of a page."""
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [
        Block(language, title or None, re.sub(f"(?m)^{indent}", "", text))
        for indent, language, title, text in found
    ]


def commands(text):
    """The lines of a block of shell, each whole and without its comment."""
    for line in re.sub(r"\\\n *", "", text).splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield line, words


def is_missing(code):
    """Whether a package, or a compiler, that the code needs is not installed."""
    packages = {name for mark, name in NEEDS.items() if mark in code}
    if code.startswith(COMPILERS) and not shutil.which(code.split()[0]):
        return True
    return any(importlib.util.find_spec(name) is None for name in packages)


def arguments_of(words):
    """The arguments of each call of gru-ext in the words of a line."""
    while "gru-ext" in words:
        words = words[words.index("gru-ext") + 1 :]
        ends = (i for i, word in enumerate(words) if word in {"|", ">", "&&", "<", ">>", "||"})
        yield words[: next(ends, len(words))]


class Runner:
    """It runs the blocks of a page in a folder, from the first to the last."""

    def __init__(self, folder):
        self.folder = folder
        self.names = {"__name__": "__main__"}
        self.output = ""
        self.variables = []  # lines of shell that later blocks need too

    def run(self, block, place):
        """Run a block, or compare it with what the block before it has printed."""
        if block.language == "python":
            self._python(block.text, place)
        elif block.language == "sh":
            self._shell(block.text)
        elif block.language == "text" and block.title == "Output":
            assert shape(block.text).fullmatch("\n" + self.output), (place, self.output)

    def _python(self, code, place):
        self.output = ""
        if is_missing(code):
            return
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, place, "exec"), self.names)
        self.output = printed.getvalue()

    def _shell(self, text):
        lines = []
        for line, words in commands(text):
            if line.startswith(NOT_RUN) or is_missing(line):
                for arguments in arguments_of(words):
                    build_parser().parse_args(arguments)
            else:
                lines.append(line)
        before = list(self.variables)
        self.variables += [line for line in lines if re.match(r"[A-Z]+=", line)]
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join([_PROGRAMS, *before, *lines])],
            cwd=self.folder,
            env={**os.environ, "PYTHON": sys.executable},
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, (lines, done.stdout, done.stderr)
        self.output = done.stdout


def shape(text):
    """What a shown output has in common with any other one, as a regular expression.

    Numbers and stars differ from machine to machine, and ``...`` is any text.
    """
    rules = {"...": r"(?:\s.*)?", "*": r"(?:\s+\*)?", "thread": r"\s+threads?"}
    rules["threads"] = rules["thread"]
    words = (rules.get(word) or r"\s+" + _plain(word) for word in text.split())
    return re.compile("".join(words) + r"\s*", re.S)


def _plain(word):
    return _NUMBER.pattern.join(map(re.escape, _NUMBER.split(word)))


def play():
    """A text of some kilobytes in the form of a play."""
    speakers, verbs = ["KING", "QUEEN", "FOOL", "ROMEO"], ["see", "hear", "know", "want", "fear"]
    nouns = ["the night", "my crown", "a horse", "the sea", "thy name", "no man", "an axe"]
    scenes = ["The end.\nTo be or not to bx.\n"]
    for i in range(150):
        verb, noun, other = verbs[i * i % 5], nouns[i % 7], nouns[(i * i + 3) % 7]
        line = f"I {verb} {noun}, and {other} is here;\nWhat shall I {verbs[i % 5]} but {other}?"
        scenes.append(f"{speakers[i % 4]}:\n{line}\n")
    return "\n".join(scenes)


def make_files(folder):
    """Write the files that readers of the pages have: their own, or downloaded ones."""
    shutil.copy(DOCS / "data" / "first-names.txt", folder / "names.txt")
    shutil.copy(DOCS / "data" / "first-names.txt", folder / "first-names.txt")
    (folder / "input.txt").write_text(play(), encoding="utf-8", newline="\n")
    (folder / "other.txt").write_text(play()[2000:3000], encoding="utf-8", newline="\n")
