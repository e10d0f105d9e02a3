# SPDX-License-Identifier: MIT
"""Roles of docstrings, such as :func:`gru_ext.train`, as links to the Python interface.

An extension of Griffe, which reads the docstrings for mkdocstrings.
"""

import re
from pathlib import Path

import griffe

_ROLE = re.compile(r":(?:func|class|meth|attr|mod|data|exc):`~?\.?([\w.]+)`")
_PAGE = Path(__file__).parents[1] / "docs" / "reference" / "api.md"


class Roles(griffe.Extension):
    """Each role becomes a link, or code where the page has no such name."""

    def __init__(self) -> None:
        names = re.findall(r"^::: (gru_ext\.[\w.]+)$", _PAGE.read_text(encoding="utf-8"), re.M)
        self._places = {name.rpartition(".")[2]: name for name in names}

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Write the roles of a docstring anew."""
        if obj.docstring is not None:
            obj.docstring.value = _ROLE.sub(self._link, obj.docstring.value)

    def _link(self, found: re.Match[str]) -> str:
        words = found[1].split(".")
        for i, word in enumerate(words):
            if word in self._places:
                return f"[`{found[1]}`][{'.'.join([self._places[word], *words[i + 1 :]])}]"
        return f"`{found[1]}`"
