# SPDX-License-Identifier: MIT
"""Options that are declared once.

Each option is an attribute of a class: its kind, one line of help, its group, its default, whether
a model file records it, whether a resumed run may change it. Argument checks, the command line's
parser, ``help()``, the reference page and what a file records follow from the declaration.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, dataclass_transform, overload

from gru_ext.arguments.kinds import Kind

if TYPE_CHECKING:
    from inspect import Parameter, Signature

T = TypeVar("T")


@dataclass(frozen=True)
class Option(Generic[T]):
    """One option: a descriptor that checks what it is set to.

    Set to None it is not given. Read, it is then the default.

    Parameters
    ----------
    kind : Kind
        Which values are allowed.
    help : str
        What it is, in one line.
    group : str
        The heading under which help and reference page have it.
    default : T, optional
        The value where none is given and nothing else decides.
    automatic : str
        What decides where none is given: text for help and reference page.
    details : str
        Further sentences for the docstring and the reference page.
    saved : bool
        Whether a model file records it.
    fixed : bool
        Whether a resumed run must have the recorded value.
    letter : str, optional
        The command line's short name for it.
    on_command_line : bool
        Whether the command line has it.
    """

    kind: Kind[T]
    help: str
    group: str
    default: Any = None
    automatic: str = ""
    details: str = ""
    saved: bool = False
    fixed: bool = False
    letter: str | None = None
    on_command_line: bool = True
    name: str = field(default="", init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)

    @overload
    def __get__(self, instance: None, owner: type) -> None: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> T | None:
        if instance is None:  # the default of a dataclass's field: not given
            return None
        value: T | None = instance.__dict__.get(self.name, self.default)
        return value

    def __set__(self, instance: object, value: T | None) -> None:
        if value is not None:
            instance.__dict__[self.name] = self.check(value)

    def check(self, value: object) -> T:
        """Return the value as plain Python; raise where it is not allowed (:class:`Kind`)."""
        checked: T = self.kind.check(self.name, value)
        return checked

    def as_parameter(self) -> Parameter:
        """The option as a keyword argument of a signature."""
        from inspect import Parameter  # not above: the command line does without

        annotation = f"{self.kind.annotation} | None"
        return Parameter(self.name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)

    @property
    def default_text(self) -> str:
        """The default as help and reference page show it."""
        if self.automatic or self.default is None:
            return self.automatic or "none"
        if isinstance(self.default, bool):
            return "on" if self.default else "off"
        if isinstance(self.default, float):
            return f"{self.default:g}"
        return str(self.default)


class _SignatureOf:
    """The signature of a set of options, made when it is asked for."""

    def __get__(self, instance: object | None, owner: type[Options]) -> Signature:
        from inspect import Signature  # not above: the command line does without

        return Signature([option.as_parameter() for option in owner.declared().values()])


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Options:
    """A set of options, whose attributes are declared as :class:`Option`.

    A subclass is like a frozen dataclass whose fields are its options. Its methods are those below
    instead of generated ones, since generating them would take longer than parsing a command line.
    """

    __signature__ = _SignatureOf()

    def __init__(self, **given: Any) -> None:
        declared = self.declared()
        for name in given.keys() - declared.keys():
            raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {name!r}")
        for name, option in declared.items():
            option.__set__(self, given.get(name))
        self.__post_init__()

    def __post_init__(self) -> None:
        """Raise a ValueError where options contradict each other."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to {name!r}: options are not changed")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._values() == self._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values().items()))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in self._values().items())})"
        )

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.declared()}

    @classmethod
    @functools.cache
    def declared(cls) -> dict[str, Option[Any]]:
        """The declarations by name, in order; those of base classes come first."""
        own = (vars(each) for each in reversed(cls.__mro__))
        return {name: o for each in own for name, o in each.items() if isinstance(o, Option)}

    def given(self) -> dict[str, Any]:
        """The options that were given, by name."""
        return {name: vars(self)[name] for name in self.declared() if name in vars(self)}

    def over(self, defaults: Mapping[str, Any]) -> Self:
        """These options where given, else those of ``defaults`` that are declared."""
        known = {name: value for name, value in defaults.items() if name in self.declared()}
        return type(self)(**known | self.given())

    def record(self) -> dict[str, Any]:
        """What a model file keeps of them: options that are saved, and have a value."""
        values = {name: getattr(self, name) for name, o in self.declared().items() if o.saved}
        return {name: value for name, value in values.items() if value is not None}
