# SPDX-License-Identifier: MIT
"""Kinds of arguments: which values are allowed, and the one sentence that refuses all others.

A kind checks a value wherever it comes from: a keyword argument, the command line, a file. What it
returns is plain Python, never a scalar of NumPy.
"""

from __future__ import annotations

import math
import numbers
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import Any, Generic, TypeVar

from gru_ext.arguments.messages import either, shown

T_co = TypeVar("T_co", covariant=True)
Name_co = TypeVar("Name_co", bound=str, covariant=True)


class Kind(ABC, Generic[T_co]):
    """Which values an argument may have.

    Attributes
    ----------
    annotation : str
        The Python type, as a signature shows it.
    metavar : str
        What stands for a value in the command line's help.
    repeated : bool
        Whether the command line collects several values.
    """

    annotation: str
    metavar: str
    repeated = False

    @abstractmethod
    def check(self, name: str, value: object) -> T_co:
        """Return the value as plain Python.

        Raises
        ------
        TypeError, ValueError
            The value is of another type, or out of range. The message names the argument, says
            what it must be, and shows what it was.
        """

    def parse(self, text: str) -> object:
        """Return the value that a word of the command line means, which is not checked yet.

        Raises
        ------
        ValueError
            The word means no value at all, such as an unknown escape.
        """
        return text

    def configured(self, value: object) -> object:
        """Return the value that one of a configuration file means, which is not checked yet."""
        return value

    @abstractmethod
    def describe(self) -> str:
        """Say what a value must be, as the end of the sentence "it must be …"."""

    def refusal(self, name: str, value: object) -> str:
        """The sentence that refuses a value."""
        return f"`{name}` must be {self.describe()}, not {shown(value)}"


class Whole(Kind[int]):
    """A whole number, from ``least`` to ``most`` where these are given."""

    annotation = "int"

    def __init__(
        self, least: int | None = None, most: int | None = None, metavar: str = "N"
    ) -> None:
        self.least, self.most, self.metavar = least, most, metavar

    def check(self, name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise TypeError(self.refusal(name, value))
        plain = int(value)
        if (self.least is not None and plain < self.least) or (
            self.most is not None and plain > self.most
        ):
            raise ValueError(self.refusal(name, value))
        return plain

    def parse(self, text: str) -> object:
        try:
            return int(text)
        except ValueError:
            return text

    def describe(self) -> str:
        if self.most is not None:
            return f"a whole number from {self.least} to {_power(self.most)}"
        return "a whole number" + ("" if self.least is None else f", {self.least} or more")


class Number(Kind[float]):
    """A real number that is not NaN.

    Parameters
    ----------
    least, most, above, below : float, optional
        Bounds: ``least`` and ``most`` are allowed, ``above`` and ``below`` are not.
    infinite : bool
        Whether infinity is allowed.
    """

    annotation, metavar = "float", "X"

    def __init__(
        self,
        *,
        least: float = -math.inf,
        most: float = math.inf,
        above: float = -math.inf,
        below: float = math.inf,
        infinite: bool = False,
    ) -> None:
        self.least, self.most, self.above, self.below = least, most, above, below
        self.infinite = infinite

    def check(self, name: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(self.refusal(name, value))
        try:
            plain = float(value)
        except OverflowError:  # a whole number beyond the floats
            raise ValueError(self.refusal(name, value)) from None
        inside = self.least <= plain <= self.most and (
            self.above == -math.inf or plain > self.above
        )
        inside = inside and (plain < self.below or (self.infinite and plain == math.inf))
        if not inside or plain == -math.inf:
            raise ValueError(self.refusal(name, value))
        return plain

    def parse(self, text: str) -> object:
        try:
            return float(text)
        except ValueError:
            return text

    def describe(self) -> str:
        finite = "number or infinity" if self.infinite else "finite number"
        if self.most < math.inf:
            if self.above == 0:
                return f"a number above 0, up to {self.most:g}"
            return f"a number from {self.least:g} to {self.most:g}"
        if self.above == 0:
            return f"a positive {finite}"
        if self.below < math.inf:
            return f"a number from {self.least:g} to below {self.below:g}"
        return f"a {finite}" + (f", {self.least:g} or more" if self.least > -math.inf else "")


class OneOf(Kind[Name_co]):
    """One of some names.

    The names of a ``Literal`` are its ``get_args``. Type checkers then see the same names in a
    signature as users in the message that refuses another one.
    """

    annotation = "str"

    def __init__(self, names: Collection[Name_co]) -> None:
        self.names, self.metavar = names, "{" + ",".join(names) + "}"

    def check(self, name: str, value: object) -> Name_co:
        if not isinstance(value, str):
            raise TypeError(self.refusal(name, value))
        for known in self.names:
            if value == known:
                return known
        raise ValueError(self.refusal(name, value))

    def describe(self) -> str:
        return either(self.names)


class String(Kind[str]):
    """A str that is not empty, or may be.

    Parameters
    ----------
    parse : callable, optional
        What a word of the command line goes through first.
    empty : bool
        Whether the str may be empty.
    """

    annotation, metavar = "str", "TEXT"

    def __init__(self, parse: Callable[[str], str] = str, empty: bool = False) -> None:
        self._parse, self.empty = parse, empty

    def check(self, name: str, value: object) -> str:
        if not isinstance(value, str):
            raise TypeError(self.refusal(name, value))
        if not value and not self.empty:
            raise ValueError(self.refusal(name, value))
        return str(value)

    def parse(self, text: str) -> object:
        return self._parse(text)

    def describe(self) -> str:
        return "a str" if self.empty else "a str of one character or more"


class Strings(Kind[tuple[str | bytes, ...]]):
    """One str or several, none of them empty; bytes too.

    Parameters
    ----------
    parse : callable, optional
        What a word of the command line goes through first.
    """

    annotation, metavar, repeated = "str | bytes | list[str | bytes]", "TEXT", True

    def __init__(self, parse: Callable[[str], str] = str) -> None:
        self._parse = parse

    def check(self, name: str, value: object) -> tuple[str | bytes, ...]:
        values = [value] if isinstance(value, str | bytes) else value
        if not isinstance(values, list | tuple):
            raise TypeError(self.refusal(name, value))
        for each in values:
            if not isinstance(each, str | bytes):
                raise TypeError(self.refusal(name, each))
            if not each:
                raise ValueError(self.refusal(name, each))
        return tuple(values)

    def parse(self, text: str) -> object:
        return self._parse(text)

    def describe(self) -> str:
        return "a str of one character or more, or a list of them"


class Flag(Kind[bool]):
    """True or False."""

    annotation, metavar = "bool", ""

    def check(self, name: str, value: object) -> bool:
        if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):  # NumPy's
            return bool(value)
        raise TypeError(self.refusal(name, value))

    def describe(self) -> str:
        return "True or False"


class FilePath(Kind[Any]):
    """The path of a file or folder: a str or another path-like object."""

    annotation = "str | os.PathLike[str]"

    def __init__(self, metavar: str = "FILE") -> None:
        self.metavar = metavar

    def check(self, name: str, value: object) -> Any:
        if not isinstance(value, str | os.PathLike):
            raise TypeError(self.refusal(name, value))
        if not os.fspath(value):
            raise ValueError(self.refusal(name, value))
        return value

    def describe(self) -> str:
        return "a path"


class Function(Kind[Any]):
    """A callable object."""

    annotation, metavar = "Callable", ""

    def check(self, name: str, value: object) -> Any:
        if not callable(value):
            raise TypeError(self.refusal(name, value))
        return value

    def describe(self) -> str:
        return "callable"


def _power(number: int) -> str:
    """A number that is one less than a large power of two, as such a power."""
    if number >= 2**16 and number & (number + 1) == 0:
        return f"2**{number.bit_length()} - 1"
    if number >= 2**16 and number & (number - 1) == 0:
        return f"2**{number.bit_length() - 1}"
    return str(number)
