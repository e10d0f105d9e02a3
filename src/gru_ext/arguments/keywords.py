# SPDX-License-Identifier: MIT
"""Functions that take a set of options as keyword arguments."""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Collection, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from gru_ext.arguments.kinds import OneOf
from gru_ext.arguments.option import Option, Options

P = ParamSpec("P")
First = TypeVar("First")
Set = TypeVar("Set", bound=Options)
Result = TypeVar("Result")

_WIDTH = 96
"""Characters of a docstring's line; textwrap would take most of the time of an import."""


def keywords_of(
    options: Callable[P, Set],
) -> Callable[[Callable[[First, Set], Result]], Callable[Concatenate[First, P], Result]]:
    """Give a function of one argument and a set of options these options as keyword arguments.

    Type checkers see the keyword arguments of the dataclass. ``inspect.signature`` and ``help()``
    have them too: the line ``{options}`` of the docstring becomes their description.
    """
    make = cast(type[Set], options)
    declared = make.declared()

    def decorate(function: Callable[[First, Set], Result]) -> Any:
        first = next(iter(inspect.signature(function).parameters.values()))

        @functools.wraps(function)
        def call(*arguments: First, **given: Any) -> Result:
            named = signature.bind(*arguments, **given).arguments
            value: First = named.pop(first.name)
            return function(value, make(**named))

        signature = inspect.Signature(
            [first, *(option.as_parameter() for option in declared.values())],
            return_annotation=inspect.signature(function).return_annotation,
        )
        cast(Any, call).__signature__ = signature
        del call.__wrapped__
        _describe(call, declared)
        return call

    return decorate


def described_by(
    options: type[Options], leave_out: Collection[str] = ()
) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Describe the keyword arguments of a function that ends with ``**options``.

    ``inspect.signature`` and ``help()`` have them instead: those of the declarations that the
    function does not name itself. The line ``{options}`` of the docstring becomes the description
    of all of them. Type checkers see what the annotation of ``**options`` says.
    """
    declared = {n: o for n, o in options.declared().items() if n not in leave_out}

    def decorate(function: Callable[P, Result]) -> Callable[P, Result]:
        own = inspect.signature(function)
        named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        more = [o.as_parameter() for name, o in declared.items() if name not in own.parameters]
        signature = own.replace(parameters=[*named, *more])
        cast(Any, function).__signature__ = signature
        _describe(function, declared)
        return function

    return decorate


def _describe(function: Any, declared: Mapping[str, Option[Any]]) -> None:
    """Put the descriptions of options in the place of a docstring's line ``{options}``."""
    if function.__doc__ is not None:  # python -OO has none
        described = "".join(map(describe, declared.values()))
        # Python 3.13 takes the indentation of docstrings away
        function.__doc__ = re.sub(
            r"^( *)\{options\}\n",
            lambda line: textwrap.indent(described, line[1]),
            function.__doc__,
            flags=re.M,
        )


def describe(option: Option[Any]) -> str:
    """The option as a parameter of a NumPy docstring."""
    # the allowed names as a sentence: documentation tools take the first of {...} for the default
    names = f"One of {option.kind.describe()}." if isinstance(option.kind, OneOf) else ""
    parts = (sentence(option.help), option.details, names, f"Default: {option.default_text}.")
    lines = [f"{option.name} : {option.kind.annotation}, optional", "   "]
    for word in " ".join(filter(None, parts)).split():
        if len(lines[-1]) + len(word) < _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f"    {word}")
    return "\n".join(lines) + "\n"


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    return text[:1].upper() + text[1:].removesuffix(".") + "."
