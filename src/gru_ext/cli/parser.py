# SPDX-License-Identifier: MIT
"""The parser of the command ``gru-ext``."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from gru_ext._version import __version__
from gru_ext.arguments.escapes import unescaped
from gru_ext.arguments.kinds import Flag, Kind, String
from gru_ext.arguments.option import Option, Options
from gru_ext.cli.messages import BAD_INPUT, one_line
from gru_ext.cli.options import OUTPUT, TEXT, SampleOptions, ScoreOptions
from gru_ext.model.evaluation_options import EvaluationOptions
from gru_ext.model.sampling_options import BEAM, SamplingOptions
from gru_ext.report.options import ReportOptions
from gru_ext.serve.options import ServeOptions
from gru_ext.training.options import TrainingOptions

if TYPE_CHECKING:
    from pathlib import Path


class _RefusedError(Exception):
    """What is wrong with the words of the command line, and which parser found it."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line.

    Attributes
    ----------
    late : callable, optional
        It adds the arguments when they are needed. So other commands need not import what they
        are made of.
    """

    late: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = sys.argv[1:] if args is None else list(args)
        try:
            return super().parse_args(words, namespace)
        except _RefusedError as refused:
            prog, message = refused.args
            self.exit(BAD_INPUT, f"{prog}: {one_line(message + _hint(message, words))}\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self.late is not None:
            add, self.late = self.late, None
            add(self)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        raise _RefusedError(self.prog, message)

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


def _parsed(kind: Kind[Any]) -> Callable[[str], object]:
    """The kind's parser; its errors keep their words, which argparse would replace."""

    def parse(word: str) -> object:
        try:
            return kind.parse(word)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line."""
    parser = _Parser(prog="gru-ext", description="A character-level GRU on the CPU.")
    parser.add_argument("--version", action="version", version=f"gru-ext {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    train = commands.add_parser("train", help="train a model on texts")
    _add_texts(train)
    add_options(train, TrainingOptions)
    tune = commands.add_parser("tune", help="search for the sizes that suit texts")
    tune.late = _add_tune
    _add_sample(commands.add_parser("sample", help="print text that a model generates"))
    _add_score(commands.add_parser("score", help="print how surprising each line of a text is"))
    _add_evaluate(commands.add_parser("evaluate", help="evaluate models on texts"))
    _add_plot(commands.add_parser("plot", help="draw losses, learning rate and speed of runs"))
    _add_report(commands.add_parser("report", help="write a page that shows a model"))
    _add_serve(commands.add_parser("serve", help="write with a model, on a page in the browser"))
    export = commands.add_parser("export", help="write a model for another program")
    export.late = _add_export
    _add_import(commands.add_parser("import", help="make a model file from another program's"))
    info = commands.add_parser("info", help="describe a model file, or this installation")
    info.add_argument("model", metavar="MODEL", nargs="?", help="default: this installation")
    info.add_argument("--json", action="store_true", help="print a JSON object")
    return parser


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
        action: Any = argparse.BooleanOptionalAction if option.saved else "store_true"
        group.add_argument(*names, action=action, default=None, help=help)
    else:
        parse, metavar = _parsed(option.kind), option.kind.metavar
        action = "append" if option.kind.repeated else "store"
        group.add_argument(*names, type=parse, metavar=metavar, action=action, help=help)


def _add_texts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "texts",
        metavar="TEXT",
        nargs="+",
        type=_text_path,
        help="text files, read in order; - is standard input",
    )


def _text_path(word: str) -> str | Path:
    """A text that is named on the command line: always a path, or standard input."""
    from pathlib import Path  # not above: --help does without

    if not word:
        raise argparse.ArgumentTypeError("the path of a text must not be empty")
    return word if word == "-" else Path(word)


def _add_tune(parser: argparse.ArgumentParser) -> None:
    from gru_ext.tuning.options import TuneOptions

    parser.description = (
        "Train many small models on texts, stop the bad ones early, and print the command that "
        "trains the best one. Hidden size, layers, dropout, learning rate and epochs are searched, "
        "except for those that are given; each other option of train holds for every model. Needs "
        "gru-ext[tune]."
    )
    parser.epilog = "Example: gru-ext tune input.txt --minutes 5 --layers 1"
    _add_texts(parser)
    add_options(parser, TuneOptions)


def _add_plot(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("metrics", metavar="METRICS", nargs="+", help="files that train --metrics wrote")
    add(
        "-o", "--output", metavar="FILE", required=True, help="picture to write, .png, .svg or .pdf"
    )
    add("--force", action="store_true", help="replace the picture if it exists")


def _add_export(parser: argparse.ArgumentParser) -> None:
    from gru_ext.export.formats import FORMATS, OPTIONS

    add = parser.add_argument
    add("model", metavar="MODEL")
    add("-o", "--output", metavar="FILE", required=True, help="file or folder to write")
    formats = "; ".join(f"{name}: {each.text}" for name, each in FORMATS.items())
    add("--to", choices=FORMATS, help=f"the format (default: the suffix says it). {formats}")
    add("--whole", action="store_true", help="onnx: read a whole sequence, not one time step")
    add("--stateful", action="store_true", help="keras: the model keeps its hidden states")
    dtypes = OPTIONS["dtype"].describe()
    add("--dtype", metavar="NAME", help=f"npz: dtype of the weights, {dtypes}")
    weights = OPTIONS["weights"].describe()
    add("--weights", metavar="NAME", help=f"c: {weights} weights (default: float32)")
    add("--name", metavar="NAME", help="c: the prefix of all names (default: model)")
    add(
        "--text",
        metavar="FILE",
        type=_text_path,
        help="text with which the file is checked; - is standard input (default: a sample of the "
        "model)",
    )
    encoding = TrainingOptions.declared()["encoding"]
    add("--encoding", default=encoding.default, metavar="NAME", help="encoding of the text")
    add("--force", action="store_true", help="replace what exists")


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="import_model")  # import is a word of Python
    add = parser.add_argument
    add("file", metavar="FILE", help="file of safetensors, Keras, ONNX or PyTorch")
    add("-o", "--output", metavar="MODEL", required=True, help="model file to write")
    add(
        "--vocabulary",
        metavar="FILE",
        type=_vocabulary_path,
        help="the characters of the model in the order of their symbols, for a file that has none; "
        "or bytes: all 256 bytes",
    )
    encoding = TrainingOptions.declared()["encoding"]
    add("--encoding", default=encoding.default, metavar="NAME", help="encoding of the characters")
    add("--force", action="store_true", help="replace the model file if it exists")


def _vocabulary_path(word: str) -> str | Path:
    return word if word == "bytes" else _text_path(word)


def _add_report(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL")
    add(
        "text",
        metavar="TEXT",
        nargs="?",
        type=_text_path,
        help="text to analyse the model on; - is standard input (default: a sample of the model)",
    )
    add("-o", "--output", metavar="FILE", required=True, help="HTML file to write")
    add("--force", action="store_true", help="replace the file if it exists")
    add_options(parser, ReportOptions)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Serve a page to this machine's browsers alone. As you type it shows which characters the "
        "model expects next, how surprising each typed character is, and three continuations. The "
        "address has a random token, without which nothing is answered. Ctrl-C ends."
    )
    parser.add_argument("model", metavar="MODEL")
    add_options(parser, ServeOptions)


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", metavar="MODEL", nargs="?", default="model.npz", help="default: %(default)s"
    )
    prompts = parser.add_argument_group("prompt").add_mutually_exclusive_group()
    prompts.add_argument(
        "--prompt",
        type=_parsed(String(unescaped)),
        default="",
        metavar="TEXT",
        help="text that the model reads first, with escapes such as \\n (default: none: a sample "
        "starts as a document or a line does)",
    )
    prompts.add_argument(
        "--prompt-file",
        metavar="FILE",
        type=_text_path,
        help="file that the model reads first, as it is; - is standard input",
    )
    add_options(parser, SampleOptions, [TEXT])
    add_options(parser, SamplingOptions)
    add_options(parser, SampleOptions, [BEAM, OUTPUT])


def _add_score(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print how many bits per character each line of a text costs: a surprising line costs "
        "many. The model reads a file as gru-ext evaluate does, so that the lines' bits sum to "
        "what evaluate says of the file. A line's break is one of its characters."
    )
    parser.epilog = "Example: tail -f x.log | gru-ext score model.npz - --threshold 3.5"
    parser.add_argument("model", metavar="MODEL", help="model file")
    parser.add_argument(
        "texts",
        metavar="TEXT",
        nargs="+",
        type=_text_path,
        help="text files, each read from a zero state; - is standard input, of which each line is "
        "printed as soon as it is there",
    )
    add_options(parser, ScoreOptions)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print how many bits per character texts cost under models, beside what they cost without "
        "one: where each character of the model is as likely, by the frequencies of the text's own "
        "characters, and compressed by xz."
    )
    parser.usage = "%(prog)s [options] MODEL [MODEL ...] TEXT [TEXT ...]"
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="model files: the first file, and those after it that are model files too",
    )
    parser.add_argument(
        "texts",
        metavar="TEXT",
        nargs="+",
        type=_text_path,
        help="text files, each of which is evaluated by itself; - is standard input",
    )
    encoding, join = (TrainingOptions.declared()[name] for name in ("encoding", "join"))
    parser.add_argument(
        "--encoding",
        default=encoding.default,
        metavar=encoding.kind.metavar,
        help=f"{encoding.help} (default: %(default)s)",
    )
    parser.add_argument(
        "--join",
        type=_parsed(join.kind),
        metavar=join.kind.metavar,
        help="evaluate the files as one text, with TEXT between them; --join '' has nothing "
        "between them (default: each file by itself)",
    )
    add_options(parser, EvaluationOptions)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON object, or a list of them where there are several models or texts",
    )
