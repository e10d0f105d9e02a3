# SPDX-License-Identifier: MIT
"""The parser of one command: its help, its errors, its examples, its options from a file."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from gru_ext.arguments.kinds import Flag, Kind, OneOf
from gru_ext.arguments.messages import either, shown
from gru_ext.arguments.option import Option, Options
from gru_ext.cli.config_file import defaults_of
from gru_ext.cli.messages import BAD_INPUT, one_line, suggested


class _RefusedError(Exception):
    """What is wrong with the words of the command line, and which parser found it."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line.

    Attributes
    ----------
    late : callable, optional
        It adds the arguments when they are needed. So other commands need not import what they
        are made of.
    examples : mapping
        Commands, and what each of them does: the end of the help.
    """

    late: Callable[[Parser], None] | None = None
    examples: Mapping[str, str] = {}

    def complete(self) -> None:
        """Add the arguments that are added late."""
        if self.late is not None:
            add, self.late = self.late, None
            add(self)
            self.usage = self.usage or self._short_usage()

    def commands(self) -> list[Parser]:
        """The parsers of the commands, with all of their arguments."""
        found = [a for a in self._actions if isinstance(a, argparse._SubParsersAction)]
        commands = [command for action in found for command in action.choices.values()]
        for command in commands:
            command.complete()
        return commands

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = sys.argv[1:] if args is None else list(args)
        try:
            return super().parse_args(words, namespace)
        except _RefusedError as refused:
            parser, message = refused.args
            told = f"{parser.prog}: {one_line(message + _hint(message, words))}\n"
            self.exit(BAD_INPUT, told)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.complete()
        if not args and self._needs_words():
            self.print_help(sys.stderr)
            print(file=sys.stderr)
        try:
            with defaults_of(self) as defaults:
                found, extra = super().parse_known_args(args, namespace)
        except _RefusedError as refused:
            if refused.args[0] is self and "required" in refused.args[1]:
                self._refuse_unknown(self._unknown(args))  # perhaps the cause
            raise
        defaults.fill(found)
        self._refuse_unknown(extra)
        return found, extra

    def _short_usage(self) -> str:
        """The usage without the names of options that need not be given."""
        words = ["%(prog)s", "[options]"]
        for action in self._actions:
            name = str(action.metavar)
            if action.option_strings:
                words += [action.option_strings[0], name] if action.required else []
            else:
                forms = {"?": f"[{name}]", "+": f"{name} [{name} ...]"}
                words.append(forms.get(str(action.nargs), name))
        return " ".join(words)

    def _needs_words(self) -> bool:
        return any(action.required for action in self._actions)

    def _unknown(self, words: Iterable[str]) -> list[str]:
        """The words that look like an option, and are none and the beginning of none."""
        names = [word.partition("=")[0] for word in itertools.takewhile("--".__ne__, words)]
        known = self._option_string_actions
        return [
            name
            for name in names
            if name.startswith("--") and not any(each.startswith(name) for each in known)
        ]

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        if not words:
            return
        wrong = next((word.partition("=")[0] for word in words if word.startswith("-")), "")
        known = self._option_string_actions
        self.error(f"unrecognized arguments: {' '.join(words)}{suggested(wrong, known)}")

    def _get_formatter(self) -> argparse.HelpFormatter:
        formatter = super()._get_formatter()
        actions = (a for a in self._actions if isinstance(a, argparse._SubParsersAction))
        longest = max((len(name) for action in actions for name in action.choices), default=0)
        formatter._action_max_length = longest + 4  # argparse leaves out their indent
        return formatter

    def error(self, message: str) -> NoReturn:
        raise _RefusedError(self, message)

    def format_help(self) -> str:
        lines = [f"\n  {command}\n      {what}" for command, what in self.examples.items()]
        return super().format_help() + (f"\nexamples:{''.join(lines)}\n" if lines else "")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            name = action.option_strings[-1] if action.option_strings else action.metavar
            names = [*map(str, action.choices)]
            meant = suggested(str(value), names)
            self.error(f"{name} must be {either(names)}, not {shown(value)}{meant}")

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        # argparse takes the value of --name=-- for the mark that ends the options
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            return self._get_value(action, "--")
        return super()._get_values(action, arg_strings)


def _hint(message: str, words: Sequence[str]) -> str:
    """How a value that begins with - is written, where the message misses a value."""
    found = re.fullmatch(r"argument (\S*?)(--[\w-]+): expected one argument", message)
    if found is None:
        return ""
    for option, value in itertools.pairwise(words):
        if option.startswith("-") and option in (found[1].rstrip("/"), found[2]):
            return f"; a value that begins with - is written {found[2]}={value}"
    return ""


def parsed(kind: Kind[Any]) -> Callable[[str], object]:
    """The kind's parser; its errors keep their words, which argparse would replace."""

    def parse(word: str) -> object:
        try:
            return kind.parse(word)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def add_argument(
    group: Any,
    names: Sequence[str],
    kind: Kind[Any],
    help: str,
    *,
    default: Any = None,
    required: bool = False,
) -> None:
    """Add an option that is no part of a declared set: ``--name``, with or without a letter."""
    if isinstance(kind, Flag):
        action = group.add_argument(*names, action="store_true", help=help)
    else:
        choices = kind.names if isinstance(kind, OneOf) else None
        action = group.add_argument(
            *names,
            type=parsed(kind),
            choices=choices,
            default=default,
            required=required,
            metavar=kind.metavar,
            help=help,
        )
    action.kind = kind


def add_options(
    parser: argparse.ArgumentParser, options: type[Options], only: Collection[str] = ()
) -> None:
    """Add an argument for each declared option, in the groups of the declarations.

    With ``only``, those of some groups.
    """
    groups: dict[str, Any] = {}
    for option in options.declared().values():
        if option.on_command_line and (not only or option.group in only):
            if option.group not in groups:
                groups[option.group] = parser.add_argument_group(option.group)
            _add_option(groups[option.group], option)


def _add_option(group: Any, option: Option[Any]) -> None:
    names = [f"-{option.letter}"] if option.letter else []
    if option.letter != option.name:
        names.append("--" + option.name.replace("_", "-"))
    help = f"{option.help} (default: {option.default_text})".replace("%", "%%")
    if isinstance(option.kind, Flag):
        # a flag that a model file records can be taken back on a resume
        how: Any = argparse.BooleanOptionalAction if option.saved else "store_true"
        action = group.add_argument(*names, action=how, default=None, help=help)
    else:
        parse, metavar = parsed(option.kind), option.kind.metavar
        how = "append" if option.kind.repeated else "store"
        action = group.add_argument(*names, type=parse, metavar=metavar, action=how, help=help)
    action.kind = option.kind
