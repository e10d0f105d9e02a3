# SPDX-License-Identifier: MIT
"""The reference page of the command line, from the parser itself.

``python website/command_line.py`` prints it.
"""

import argparse
import functools
import html
import re

from gru_ext.cli.parser import build_parser

_HEADING = """# Command line

This page is made from the parser of `gru-ext` when the site is built. It has every command, every
option and every default. `gru-ext COMMAND --help` prints the same in the terminal.
[Options of a training run](options.md) describes the options of `train` at more length,
[exit codes and files](exit-codes.md) says how a command ends and what it writes.
"""


_TITLES = {"options": "Other options", "positional arguments": "Arguments"}


def page() -> str:
    """The page: a section for each command, and a list of its arguments for each group."""
    parser = build_parser()
    commands = _commands(parser)
    helps = {choice.dest: choice.help for choice in commands._choices_actions}
    sections = [_section("gru-ext", parser, "", parser._actions[:2])]
    for name, command in commands.choices.items():
        if command.late is not None:  # some commands add their arguments when they are parsed
            add, command.late = command.late, None
            add(command)
        sections.append(_section(f"gru-ext {name}", command, helps[name], command._actions))
    return _HEADING + "".join(sections)


def _commands(parser: argparse.ArgumentParser):
    subparsers = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return next(subparsers)


def _section(name, parser, help, actions) -> str:
    parser.formatter_class = functools.partial(argparse.HelpFormatter, width=80)
    usage = re.sub(r"\x1b\[[\d;]*m", "", parser.format_usage()).removeprefix("usage: ").rstrip()
    usage = re.sub(r"^ {7}", "", usage, flags=re.M)
    text = parser.description or (help[:1].upper() + help[1:] + ".")
    made = f"\n## {name}\n\n{_escaped(text)}\n\n```text\n{usage}\n```\n"
    if parser.epilog:
        made += f"\n{_escaped(parser.epilog)}\n"
    examples = getattr(parser, "examples", {}).items()
    if examples:
        lines = "".join(f"# {what}\n{example}\n" for example, what in examples)
        made += f"\n```sh\n{lines}```\n"
    for group in parser._action_groups:
        listed = [a for a in group._group_actions if a in actions and _is_shown(a, name)]
        if listed:
            title = _TITLES.get(group.title, group.title.capitalize())
            made += f"\n### {title} {{: #{_anchor(name, group.title)} }}\n"
            made += "".join(_definition(action) for action in listed)
    return made


def _is_shown(action: argparse.Action, name: str) -> bool:
    """Whether the list has it: --help is the same for all commands."""
    return action.help != argparse.SUPPRESS and (name == "gru-ext" or action.dest != "help")


def _anchor(*words: str) -> str:
    return "-".join(re.sub(r"[^\w]+", "-", word.lower()) for word in words)


def _definition(action: argparse.Action) -> str:
    value = ""
    if action.nargs != 0:
        value = action.metavar or ("{" + ",".join(action.choices) + "}" if action.choices else "")
        value = value if isinstance(value, str) else " ".join(value)
    names = [f"{name} {value}".rstrip() for name in action.option_strings] or [value or action.dest]
    term = ", ".join(f"`{name}`" for name in names)
    values = {**vars(action), "prog": "gru-ext"}
    help = (action.help or "") % values if "%" in (action.help or "") else (action.help or "")
    help = help[:1].upper() + help[1:] or "A model file."
    default = action.default
    if "default" not in help and default not in (None, argparse.SUPPRESS, False):
        help += f" (default: {default})"
    return f"\n{term}\n:   {_escaped(help)}\n"


def _escaped(text: str) -> str:
    """Plain words as Markdown: nothing in them is markup."""
    text = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]#|~$^])", r"\\\1", text)


if __name__ == "__main__":
    print(page(), end="")
