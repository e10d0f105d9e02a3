# SPDX-License-Identifier: MIT
"""Kinds of arguments that only a training run has."""

from __future__ import annotations

import codecs
from typing import Any, Literal, get_args

from gru_ext.arguments.kinds import FilePath, Kind, OneOf, String
from gru_ext.text.given import GIVEN_TEXT, given_text


class Encoding(String):
    """The name of a text encoding."""

    metavar = "NAME"

    def check(self, name: str, value: object) -> str:
        known = super().check(name, value)
        try:
            codecs.lookup(known)
        except (LookupError, ValueError):
            raise ValueError(self.refusal(name, value)) from None
        return known

    def describe(self) -> str:
        return "a text encoding that Python knows"


Kept = Literal["best", "last"]


class Keep(OneOf[Kept]):
    """Which weights the model has; files of older versions record ``best,last``."""

    def __init__(self) -> None:
        super().__init__(get_args(Kept))

    def check(self, name: str, value: object) -> Kept:
        return super().check(name, "best" if value == "best,last" else value)


class TextFile(FilePath):
    """The path of a text, or - for standard input."""

    def parse(self, text: str) -> object:
        from pathlib import Path  # not above: --help does without

        if not text:
            raise ValueError("the path of a text must not be empty")
        return text if text == "-" else Path(text)

    def configured(self, value: object) -> object:
        return self.parse(value) if isinstance(value, str) else value


class OwnText(Kind[Any]):
    """A text: the text itself, documents, or files, of which the command line names each."""

    annotation = "str | bytes | os.PathLike[str] | Iterable"
    metavar, repeated = "FILE", True

    def check(self, name: str, value: object) -> Any:
        return given_text(value, name)

    def parse(self, text: str) -> object:
        return TextFile().parse(text)

    def configured(self, value: object) -> object:
        file = TextFile()
        return [*map(file.configured, value if isinstance(value, list) else [value])]

    def describe(self) -> str:
        return GIVEN_TEXT


class Weights(FilePath):
    """A model file, or a model."""

    annotation = "Model | str | os.PathLike[str]"

    def check(self, name: str, value: object) -> Any:
        from gru_ext.model.model import Model

        return value if isinstance(value, Model) else super().check(name, value)

    def describe(self) -> str:
        return "a Model or the path of a model file"


class Engine(Kind[Any]):
    """What connects the processes of a run."""

    annotation, metavar = "Communicator", ""

    def check(self, name: str, value: object) -> Any:
        from gru_ext.distributed.communicator import Communicator

        if isinstance(value, type) or not isinstance(value, Communicator):
            raise TypeError(self.refusal(name, value))
        return value

    def describe(self) -> str:
        return "an object with rank, size, broadcast, allgather, exchange and abort"
