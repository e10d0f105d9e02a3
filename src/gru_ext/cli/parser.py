# SPDX-License-Identifier: MIT
"""The parser of the command ``gru-ext``."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from gru_ext._version import __version__
from gru_ext.arguments.kinds import Flag, Number, Whole
from gru_ext.arguments.option import Option, Options
from gru_ext.cli.messages import BAD_INPUT, one_line
from gru_ext.training.options import TrainingOptions


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {one_line(message)}\n")


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line."""
    parser = _Parser(prog="gru-ext", description="A character-level GRU on the CPU.")
    parser.add_argument("--version", action="version", version=f"gru-ext {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    train = commands.add_parser("train", help="train a model on texts")
    _add_texts(train)
    add_options(train, TrainingOptions)
    _add_sample(commands.add_parser("sample", help="print text that a model generates"))
    _add_evaluate(commands.add_parser("evaluate", help="evaluate a model on texts"))
    _add_plot(commands.add_parser("plot", help="draw loss and speed of training runs"))
    info = commands.add_parser("info", help="describe a model file, or this installation")
    info.add_argument("model", metavar="MODEL", nargs="?", help="default: this installation")
    return parser


def add_options(parser: argparse.ArgumentParser, options: type[Options]) -> None:
    """Add an argument for each declared option, in the groups of the declarations."""
    groups: dict[str, Any] = {}
    for option in options.declared().values():
        if option.on_command_line:
            if option.group not in groups:
                groups[option.group] = parser.add_argument_group(option.group)
            _add_option(groups[option.group], option)


def _add_option(group: Any, option: Option[Any]) -> None:
    names = [f"-{option.letter}"] if option.letter else []
    names.append("--" + option.name.replace("_", "-"))
    help = f"{option.help} (default: {option.default_text})".replace("%", "%%")
    if isinstance(option.kind, Flag):
        # a flag that a model file records can be taken back on a resume
        action: Any = argparse.BooleanOptionalAction if option.saved else "store_true"
        group.add_argument(*names, action=action, default=None, help=help)
    else:
        parse, metavar = option.kind.parse, option.kind.metavar
        group.add_argument(*names, type=parse, metavar=metavar, help=help)


def _add_texts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "texts", metavar="TEXT", nargs="+", help="text files, read in order; - is standard input"
    )


def _add_plot(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("metrics", metavar="METRICS", nargs="+", help="files that train --metrics wrote")
    add("-o", "--output", metavar="FILE", required=True, help="picture to write, .png or .svg")
    add("--force", action="store_true", help="replace the picture if it exists")


def _add_sample(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL")
    add(
        "--length",
        type=Whole().parse,
        default=500,
        metavar="N",
        help="characters to generate (default: %(default)s)",
    )
    add("--prompt", default="", metavar="TEXT", help="text that the model reads first")
    add(
        "--temperature",
        type=Number().parse,
        default=1.0,
        metavar="X",
        help="below 1: more likely text; above 1: more varied text; 0: always the most likely "
        "character (default: %(default)s)",
    )
    add("--seed", type=Whole().parse, metavar="N", help="the same seed gives the same text")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL")
    _add_texts(parser)
    encoding = TrainingOptions.declared()["encoding"]
    parser.add_argument(
        "--encoding", default=encoding.default, help=f"{encoding.help} (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")
