# SPDX-License-Identifier: MIT
"""Docstrings for the page of the Python interface: an extension of Griffe, which reads them.

Roles, such as :func:`gru_ext.train`, become links. Of several values in braces, Griffe would take
the first for the default; without the braces the default is that of the signature.
"""

import re
from pathlib import Path

import griffe

_ROLE = re.compile(r":(?:func|class|meth|attr|mod|data|exc):`~?\.?([\w.]+)`")
_CHOICES = re.compile(r"^(\s*\w[\w, ]* : )\{(.+?)\}", re.M)
_PAGE = Path(__file__).parents[1] / "docs" / "reference" / "api.md"


class Docstrings(griffe.Extension):
    """Each role becomes a link, or code where the page has no such name."""

    def __init__(self) -> None:
        names = re.findall(r"^::: (gru_ext\.[\w.]+)$", _PAGE.read_text(encoding="utf-8"), re.M)
        self._places = {name.rpartition(".")[2]: name for name in names}

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Write a docstring anew."""
        if obj.docstring is not None:
            text = _ROLE.sub(self._link, obj.docstring.value)
            obj.docstring.value = _CHOICES.sub(r"\1\2", text)

    def _link(self, found: re.Match[str]) -> str:
        words = found[1].split(".")
        for i, word in enumerate(words):
            if word in self._places:
                return f"[`{found[1]}`][{'.'.join([self._places[word], *words[i + 1 :]])}]"
        return f"`{found[1]}`"
