# SPDX-License-Identifier: MIT
"""The arguments of the command ``gru-ext``."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from gru_ext._version import __version__
from gru_ext.text.units import UNITS
from gru_ext.training.optimizers import OPTIMIZERS
from gru_ext.training.options import DTYPES, SCHEDULES

BAD_INPUT = 2


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {one_line(message)}\n")


def one_line(message: object) -> str:
    """The message without line breaks."""
    return " ".join(str(message).split())


def _count(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from None


def _unescaped(text: str) -> str:
    return re.sub(r"\\([nt\\])", lambda found: {"n": "\n", "t": "\t"}.get(found[1], "\\"), text)


def build_parser() -> argparse.ArgumentParser:
    """The command line's parser."""
    parser = _Parser(prog="gru-ext", description="A character-level GRU on the CPU.")
    parser.add_argument("--version", action="version", version=f"gru-ext {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_train(commands.add_parser("train", help="train a model on texts"))
    _add_sample(commands.add_parser("sample", help="print text drawn from a model"))
    _add_evaluate(commands.add_parser("evaluate", help="measure a model on texts"))
    _add_plot(commands.add_parser("plot", help="draw loss and speed of training runs"))
    info = commands.add_parser("info", help="tell what a model file holds, or the installation")
    info.add_argument("model", metavar="MODEL", nargs="?", help="without it: the installation")
    return parser


def _add_texts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "texts", metavar="TEXT", nargs="+", help="text files, read in order; - is standard input"
    )
    parser.add_argument("--encoding", default="utf-8", help="of the texts (default: %(default)s)")


def _add_train(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    add = parser.add_argument
    add(
        "-o",
        "--output",
        metavar="MODEL",
        help="file to write (default: model.npz; with --classic gru_weights.data)",
    )
    add("--units", choices=UNITS, help="what the model reads and writes (default: chars)")
    add(
        "--min-count",
        type=_count,
        metavar="N",
        help="characters seen less often become one unknown, shown as U+FFFD",
    )
    add(
        "--document-separator",
        type=_unescaped,
        metavar="TEXT",
        help="forget what was read where this stands in the texts; \\n and \\t as in Python",
    )
    add("--hidden-size", type=_count, metavar="H")
    add("--seq-length", type=_count, metavar="T", help="characters of a window")
    add("--batch-size", type=_count, metavar="B", help="streams the text is cut into")
    add("--layers", type=_count, metavar="N", help="GRU layers (default: 1)")
    add(
        "--dropout",
        type=_number,
        metavar="P",
        help="share of each layer's outputs that is dropped while training (default: 0)",
    )
    add(
        "--tied",
        action=argparse.BooleanOptionalAction,
        help="take the first layer's candidate input weights for the output's too",
    )
    add("--dtype", choices=DTYPES)
    add("--optimizer", choices=OPTIMIZERS)
    add("--learning-rate", type=_number, metavar="X", help="the largest")
    add(
        "--schedule",
        choices=SCHEDULES,
        help="of the learning rate; a cosine falls to 0, a plateau of the held-out loss halves it",
    )
    add("--warmup", type=_count, metavar="N", help="updates in which the learning rate rises")
    add("--weight-decay", type=_number, metavar="X", help="of adamw, for all but the biases")
    add("--clip", type=_number, metavar="X", help="bound of each gradient; inf for none")
    add("--clip-norm", type=_number, metavar="X", help="bound of the whole gradient's norm")
    add("--max-steps", type=_count, metavar="N", help="updates in all")
    add("--epochs", type=_number, metavar="X", help="passes over the text in all")
    add(
        "--val-fraction",
        type=_number,
        metavar="X",
        help="share of the text, at its end, that is measured instead of trained on",
    )
    add("--seed", type=_count, metavar="N")
    add("--threads", type=_count, metavar="N", help="default: as many as help")
    add("--sample-every", type=_count, metavar="N", help="updates between samples; 0 for none")
    add("--sample-length", type=_count, metavar="N")
    add("--log-every", type=_count, metavar="N", help="updates between lines; 0 for none")
    _add_watching(parser)
    add("--quiet", action="store_true", help="print nothing but errors")
    add("--resume", action="store_true", help="go on with the run whose state is in the output")
    add(
        "--init-from",
        metavar="MODEL",
        help="start from this model's weights; new characters get new ones",
    )
    add("--classic", action="store_true", help="do exactly what the notebook does")
    add("--force", action="store_true", help="replace the output where it exists")


def _add_watching(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--eval-every",
        type=_count,
        metavar="N",
        help="updates between evaluations of the held-out part; 0: at the end alone",
    )
    add(
        "--patience",
        type=_count,
        metavar="N",
        help="end after N evaluations without a better loss; keeps the best",
    )
    add(
        "--keep",
        metavar="WHICH",
        help="last, or best,last: the best weights in model.best.npz beside model.npz",
    )
    add("--checkpoint-every", type=_count, metavar="N", help="updates between checkpoints")
    add(
        "--checkpoint-minutes",
        type=_number,
        metavar="X",
        help="minutes between checkpoints (default: 10; 0 for none)",
    )
    add("--metrics", metavar="FILE", help="append the numbers to it, a JSON object a line")
    add("--plot", metavar="FILE", help="picture of loss and speed, .png or .svg")
    add("--tensorboard", metavar="FOLDER", help="write the numbers to it as TensorBoard reads them")


def _add_plot(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("metrics", metavar="METRICS", nargs="+", help="files that train --metrics wrote")
    add("-o", "--output", metavar="FILE", required=True, help="picture to write, .png or .svg")
    add("--force", action="store_true", help="replace the output where it exists")


def _add_sample(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL")
    add(
        "--length",
        type=_count,
        default=500,
        metavar="N",
        help="characters to draw (default: %(default)s)",
    )
    add("--prompt", default="", metavar="TEXT", help="what the model reads first")
    add(
        "--temperature",
        type=_number,
        default=1.0,
        metavar="X",
        help="below 1 likelier text, above 1 bolder; 0 the likeliest (default: %(default)s)",
    )
    add("--seed", type=_count, metavar="N", help="the same seed gives the same text")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL")
    _add_texts(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object")
