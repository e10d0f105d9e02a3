# SPDX-License-Identifier: MIT
"""The command ``gru-ext``."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from gru_ext._version import __version__
from gru_ext.optimizers import OPTIMIZERS
from gru_ext.options import DTYPES, SCHEDULES, UNITS

if TYPE_CHECKING:
    from gru_ext.vocabulary import Vocabulary

_BAD_INPUT = 2


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(_BAD_INPUT, f"{self.prog}: {_one_line(message)}\n")


def _one_line(message: object) -> str:
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
    parser.set_defaults(run=_train)


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
    parser.set_defaults(run=_plot)


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
    parser.set_defaults(run=_sample)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL")
    _add_texts(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.set_defaults(run=_evaluate)


def _train(arguments: argparse.Namespace) -> None:
    from gru_ext.saving import best_path
    from gru_ext.training import train

    options = vars(arguments).copy()
    for name in ("command", "run"):
        del options[name]
    if options["output"] is None:
        options["output"] = "gru_weights.data" if arguments.classic else "model.npz"
    model = train(options.pop("texts"), **options)
    if not arguments.quiet and not arguments.classic:
        beside = ""
        if "validation" in model.about:
            beside = f", and the best weights, of step {model.about['step']:,}, to "
            beside += str(best_path(options["output"]))
        print(f"wrote {options['output']}{beside}")


def _sample(arguments: argparse.Namespace) -> None:
    from gru_ext.model import load
    from gru_ext.sampling import sample_chunks

    model = load(arguments.model)
    chunks = sample_chunks(
        model.parameters,
        model.vocabulary,
        arguments.length,
        arguments.prompt,
        arguments.temperature,
        arguments.seed,
        separator=model.separator,
    )
    first = next(chunks, "")  # what is wrong with the prompt shows before anything is printed
    print(arguments.prompt + first, end="", flush=True)
    for chunk in chunks:
        print(chunk, end="", flush=True)
    print()


def _evaluate(arguments: argparse.Namespace) -> None:
    import json
    import math

    from gru_ext.model import load

    result = load(arguments.model).evaluate(arguments.texts, arguments.encoding)
    figures = {
        name: getattr(result, name)
        for name in ("nats_per_char", "bits_per_char", "perplexity", "characters")
    }
    if arguments.json:
        finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        print(json.dumps(finite))
    else:
        for name, value in figures.items():
            print(name, f"{value:.6g}" if isinstance(value, float) else value)


def _plot(arguments: argparse.Namespace) -> None:
    from gru_ext.plot import plot_files

    if os.path.exists(arguments.output) and not arguments.force:
        raise FileExistsError(
            f"{arguments.output} exists: replace it by --force, or name another with --output"
        )
    plot_files(arguments.metrics, arguments.output)


def _info(arguments: argparse.Namespace) -> None:
    if arguments.model is None:
        from gru_ext.config import show_config

        show_config()
        return

    from gru_ext.checkpoint import read
    from gru_ext.parameters import shapes

    data = read(arguments.model)
    V, H = data.vocabulary_size, data.hidden_size
    about = data.metadata
    options = about.get("options")
    tied = V * H if isinstance(options, dict) and options.get("tied") is True else 0
    written_by = f"gru-ext {about.get('version')}" if about else "the notebook, or numpy.savez"
    lines = {
        "file": arguments.model,
        "written by": written_by,
        "format": about.get("format", "none"),
        "hidden size": H,
        "layers": data.layers,
        "dtype": data.weights["Wz"].dtype,
        "parameters": sum(rows * columns for rows, columns in shapes(V, H, data.layers).values())
        - tied,
        "vocabulary": _told_vocabulary(data.vocabulary) or f"{V} characters, not named in the file",
        "steps": about.get("step", "unknown"),
    }
    if about.get("document_separator") is not None:
        lines["document separator"] = repr(about["document_separator"])
    if isinstance(options, dict):
        lines["optimizer"] = options.get("optimizer", "unknown")
        lines["options"] = ", ".join(
            f"{name} {value}"
            for name, value in options.items()
            if name not in ("optimizer", "hidden_size", "layers", "dtype")
        )
    validation = about.get("validation")
    if isinstance(validation, dict):
        lines["held out"] = f"{validation.get('nats_per_char')} nats per character"
    lines["can be resumed"] = "yes" if data.memory is not None else "no"
    for name, value in lines.items():
        print(f"{name}: {_printable(value)}")


def _told_vocabulary(vocabulary: Vocabulary | None) -> str:
    if vocabulary is None:
        return ""
    if vocabulary.units == "bytes":
        return f"{len(vocabulary)} bytes"
    unknown = "; U+FFFD stands for every other" if vocabulary.unknown else ""
    return f"{len(vocabulary)} characters: {vocabulary.characters!r}{unknown}"


def _printable(value: object) -> str:
    """The value as text without line breaks or control characters: files may be hostile."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status.

    0: done; 2: bad input, one line on standard error; 130: interrupted by Ctrl-C; 143: terminated.
    """
    try:
        _open_missing_streams()
        arguments = build_parser().parse_args(argv)
        getattr(arguments, "run", _info)(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        return 128 + (getattr(interrupt, "signal", None) or signal.SIGINT)
    except BrokenPipeError:
        _drop_what_cannot_be_written()
        return 0  # the reader, such as `head`, has had enough
    except OSError as error:
        _drop_what_cannot_be_written()
        return _refuse(_told(error))
    except MemoryError as error:
        return _refuse(f"not enough memory: {error}")
    except (ValueError, TypeError, ImportError) as error:
        return _refuse(error)
    return 0


def _drop_what_cannot_be_written() -> None:
    """Output that standard output does not take would fail once more at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _told(error: OSError) -> str:
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if error.errno is not None:  # raised by the system, and not for a file that has a name
        return f"standard input or output: {error.strerror}"
    return str(error)


def _open_missing_streams() -> None:
    """A process may be started with standard output or error closed, or in a narrow encoding."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (open as long as the process)
    # A character that the terminal's encoding lacks is shown escaped instead of ending a run.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def _refuse(told: object) -> int:
    print(f"gru-ext: {_one_line(told)}", file=sys.stderr)
    return _BAD_INPUT
