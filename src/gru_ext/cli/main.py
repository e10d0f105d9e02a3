# SPDX-License-Identifier: MIT
"""The command ``gru-ext``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gru_ext.cli.parser import BAD_INPUT, build_parser, one_line

if TYPE_CHECKING:
    from gru_ext.text.vocabulary import Vocabulary


def _train(arguments: argparse.Namespace) -> None:
    from gru_ext.training.checkpoints import best_path
    from gru_ext.training.train import train

    options = vars(arguments).copy()
    del options["command"]
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
    from gru_ext.model.model import load
    from gru_ext.model.sampling import sample_chunks

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

    from gru_ext.model.model import load

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
    from gru_ext.reporting.plot import plot_files

    if os.path.exists(arguments.output) and not arguments.force:
        raise FileExistsError(
            f"{arguments.output} exists: replace it by --force, or name another with --output"
        )
    plot_files(arguments.metrics, arguments.output)


def _info(arguments: argparse.Namespace) -> None:
    if arguments.model is None:
        from gru_ext.core.config import show_config

        show_config()
        return

    from gru_ext.model.checkpoint import read
    from gru_ext.model.parameters import shapes

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


_COMMANDS = {
    "train": _train,
    "sample": _sample,
    "evaluate": _evaluate,
    "plot": _plot,
    "info": _info,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status.

    0: done; 2: bad input, one line on standard error; 130: interrupted by Ctrl-C; 143: terminated.
    """
    try:
        _open_missing_streams()
        arguments = build_parser().parse_args(argv)
        _COMMANDS[arguments.command](arguments)
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
    print(f"gru-ext: {one_line(told)}", file=sys.stderr)
    return BAD_INPUT
