# SPDX-License-Identifier: MIT
"""Functions that take a set of options as keyword arguments."""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from gru_ext.arguments.kinds import OneOf
from gru_ext.arguments.option import Option, Options

P = ParamSpec("P")
First = TypeVar("First")
Set = TypeVar("Set", bound=Options)
Result = TypeVar("Result")


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
            [first, *(_parameter(option) for option in declared.values())],
            return_annotation=inspect.signature(function).return_annotation,
        )
        cast(Any, call).__signature__ = signature
        del call.__wrapped__
        if call.__doc__ is not None:  # python -OO has none
            described = "".join(map(describe, declared.values()))
            # Python 3.13 takes the indentation of docstrings away
            call.__doc__ = re.sub(
                r"^( *)\{options\}\n",
                lambda line: textwrap.indent(described, line[1]),
                call.__doc__,
                flags=re.M,
            )
        return call

    return decorate


def _parameter(option: Option[Any]) -> inspect.Parameter:
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=f"{option.kind.annotation} | None",
    )


def describe(option: Option[Any]) -> str:
    """The option as a parameter of a NumPy docstring."""
    # the allowed names as a sentence: documentation tools take the first of {...} for the default
    names = f"One of {option.kind.describe()}." if isinstance(option.kind, OneOf) else ""
    parts = (sentence(option.help), option.details, names, f"Default: {option.default_text}.")
    lines = textwrap.wrap(" ".join(filter(None, parts)), 92)
    return f"{option.name} : {option.kind.annotation}, optional\n" + "".join(
        f"    {line}\n" for line in lines
    )


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    return text[:1].upper() + text[1:].removesuffix(".") + "."
