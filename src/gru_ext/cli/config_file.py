# SPDX-License-Identifier: MIT
"""Options from a file: ``--config run.toml``, and the file that ``gru-ext info --toml`` prints.

A key is the long name of an option, as in ``hidden-size = 128``; ``hidden_size`` is the same. Its
value is checked by the declaration of the option. What the command line says wins.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gru_ext.arguments.kinds import Kind
from gru_ext.arguments.messages import shown
from gru_ext.cli.messages import described, suggested, with_flags

_LARGEST = 1 << 20


class Defaults:
    """The values of those options that the words of the command line do not give.

    Attributes
    ----------
    values : dict
        The default of each option, by the name of its attribute.
    of_file : dict
        What the file says, of other options perhaps.
    """

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser
        self.values = {action.dest: action.default for action in _configurable(parser).values()}
        self.of_file: dict[str, Any] = {}

    def fill(self, found: argparse.Namespace) -> None:
        """Set the options that were not given."""
        given = vars(found)
        for group in self.parser._mutually_exclusive_groups:
            names = [action.dest for action in group._group_actions]
            if any(name in given for name in names):
                for name in names:
                    self.of_file.pop(name, None)
        for name, value in (self.values | self.of_file).items():
            given.setdefault(name, value)


@contextmanager
def defaults_of(parser: argparse.ArgumentParser) -> Iterator[Defaults]:
    """Let the parser set what is given alone, so that an option of a file is known as not given."""
    defaults, required = Defaults(parser), [a for a in parser._actions if a.required]
    options = _configurable(parser).values()
    for action in parser._actions:
        if isinstance(action, ConfigFile):
            action.defaults = defaults
    for action in options:
        action.default = argparse.SUPPRESS
    try:
        yield defaults
    finally:
        for action in options:
            action.default = defaults.values[action.dest]
        for action in required:
            action.required = True


class ConfigFile(argparse.Action):
    """The option ``--config``: it reads the file, whose options need not be given then."""

    kind: Kind[Any] | None = None
    defaults: Defaults

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, flag: str | None = None
    ) -> None:
        try:
            found = read_config(values, parser)
        except OSError as error:
            parser.error(described(error))
        except ValueError as error:
            parser.error(f"{values}: {error}")
        for action in parser._actions:
            if action.dest in found:
                action.required = False
        self.defaults.of_file |= found


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--config``."""
    parser.add_argument(
        "--config",
        action=ConfigFile,
        type=str,
        dest=argparse.SUPPRESS,
        metavar="FILE",
        help="TOML file with options of this command by their long names; an option on the command "
        "line wins",
    )


def read_config(path: str, parser: argparse.ArgumentParser) -> dict[str, Any]:
    """The options of a file, by the names of their attributes.

    Raises
    ------
    OSError, ValueError
        The file cannot be read, is no TOML file, or has a key or a value that is not allowed.
    """
    import tomllib

    from gru_ext.files.regular import open_regular

    with open_regular(path) as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"a file of options has at most {_LARGEST:,} bytes")
    try:
        table = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text: byte 0x{data[error.start]:02x}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is not TOML: {error}") from None
    known = _configurable(parser)
    values: dict[str, Any] = {}
    for key, value in table.items():
        action: Any = known.get(key.replace("_", "-"))
        if action is None:
            meant = suggested(key.replace("_", "-"), known)
            raise ValueError(f"{shown(key)} is not an option of {parser.prog}{meant}")
        if action.dest in values:
            raise ValueError(f"{shown(key)} is there twice, with - and with _")
        values[action.dest] = _value(action, value)
    for group in parser._mutually_exclusive_groups:
        names = [action.dest for action in group._group_actions if action.dest in values]
        if len(names) > 1:
            raise ValueError(f"{' and '.join(names)} cannot be combined: give one of them")
    return values


def _value(action: Any, value: object) -> object:
    try:
        meant: object = action.kind.configured(value)
        action.kind.check(action.dest, meant)
    except (TypeError, ValueError) as error:
        raise ValueError(with_flags(str(error), [action.dest], mark="")) from None
    return meant


def _configurable(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """The options that a file may have, by their long names."""
    return {
        _long_name(action.option_strings): action
        for action in parser._actions
        if action.option_strings and getattr(action, "kind", None) is not None
    }


def _long_name(names: Sequence[str]) -> str:
    return next((name for name in names if name.startswith("--")), names[0]).lstrip("-")


def as_toml(name: str, value: object) -> str:
    """An option as a line of TOML; its value is a bool, int, float or str, or a list of them."""
    return f"{name.replace('_', '-')} = {_toml(value)}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{"".join(map(_character, value))}"' if isinstance(value, str) else repr(value)


def _character(c: str) -> str:
    if c.isprintable():
        return f"\\{c}" if c in '"\\' else c
    return f"\\u{ord(c):04X}" if ord(c) < 0x10000 else f"\\U{ord(c):08X}"
