# SPDX-License-Identifier: MIT
"""The options of a C file: the prefix of its names, and the type of its weights."""

from __future__ import annotations

import re

from gru_ext.arguments.kinds import OneOf, String

_NAME = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*", re.ASCII)
_LONGEST = 40


class Identifier(String):
    """The prefix of the names in a C file."""

    metavar = "NAME"

    def check(self, name: str, value: object) -> str:
        plain = super().check(name, value)
        if len(plain) > _LONGEST or not _NAME.fullmatch(plain):
            raise ValueError(self.refusal(name, value))
        return plain

    def describe(self) -> str:
        return (
            f"a name in C that begins with a letter, of at most {_LONGEST} ASCII letters, digits "
            f"and single underscores between them"
        )


NAME = Identifier()
WEIGHTS = OneOf(("float32", "int8"))
