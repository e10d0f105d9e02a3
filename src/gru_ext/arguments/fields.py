# SPDX-License-Identifier: MIT
"""Fields of what is read from files: JSON texts, and which values are allowed in them.

Whatever reads a value from a file declares it as a :class:`Field` and takes it from the result of
:func:`checked`. So no value comes from a file without a type and bounds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from gru_ext.arguments.kinds import Kind, Number, Whole

COUNT = Whole(0, 2**53)
"""A number of steps or characters; a float holds every one of them."""
LOSS = Number(least=-1e100, below=1e100)
"""A loss, or a sum of losses; rounding may leave it a little below 0."""

# What this package writes is nested half as deep.
_DEEPEST = 10


class Field(NamedTuple):
    """A value in a record: its kind, and its value in older files, which lack it."""

    kind: Kind[Any]
    default: Any = None
    nullable: bool = False


def checked(record: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """The fields of a record as plain Python.

    Raises
    ------
    TypeError, ValueError
        The record lacks a field, or one has a value that is not allowed.
    """
    return {
        name: None
        if field.nullable and record.get(name) is None
        else field.kind.check(name, record.get(name, field.default))
        for name, field in fields.items()
    }


def read_json(data: bytes, finite: bool = False, deepest: int = _DEEPEST) -> object:
    """What a JSON text says.

    Parameters
    ----------
    data : bytes
    finite : bool
        Whether NaN and infinity are refused, which Python reads beside the numbers of JSON.
    deepest : int
        How many levels of lists and objects it may have.

    Raises
    ------
    ValueError
        It is not a JSON text, or one that is nested so deeply that it cannot be handled further.
    """
    try:
        value: object = json.loads(
            data,
            parse_constant=_finite if finite else None,
            parse_float=_finite if finite else None,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level = [value]
    for _ in range(deepest):
        level = [inner for outer in level for inner in _inner(outer)]
    if level:
        raise ValueError("it is nested too deeply")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("it has a number that is not finite")
    return number


def _inner(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.values()]
    return value if isinstance(value, list) else []


class Object(Kind[dict[str, Any]]):
    """A JSON object, whose own fields are checked where they are used."""

    annotation, metavar = "dict", ""

    def check(self, name: str, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise TypeError(self.refusal(name, value))
        return value

    def describe(self) -> str:
        return "a JSON object"


class ListOf(Kind[list[Any]]):
    """A list of at most so many values of a kind."""

    annotation, metavar = "list", ""

    def __init__(self, kind: Kind[Any], most: int) -> None:
        self.kind, self.most = kind, most

    def check(self, name: str, value: object) -> list[Any]:
        if not isinstance(value, list):
            raise TypeError(self.refusal(name, value))
        if len(value) > self.most:
            raise ValueError(self.refusal(name, value))
        return [self.kind.check(name, each) for each in value]

    def describe(self) -> str:
        return f"a list of at most {self.most} values"


class Row(Kind[dict[str, Any]]):
    """A list with the value of each field, in their order; checked, it is a dict by their names."""

    annotation, metavar = "list", ""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = fields

    def check(self, name: str, value: object) -> dict[str, Any]:
        if not isinstance(value, list):
            raise TypeError(self.refusal(name, value))
        if len(value) != len(self.fields):
            raise ValueError(self.refusal(name, value))
        return checked(dict(zip(self.fields, value, strict=True)), self.fields)

    def describe(self) -> str:
        return f"a list of {len(self.fields)} values"
