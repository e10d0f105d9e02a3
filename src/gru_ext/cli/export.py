# SPDX-License-Identifier: MIT
"""The command ``gru-ext export``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from gru_ext.arguments.messages import printable
from gru_ext.cli.messages import one_line

if TYPE_CHECKING:
    from gru_ext.export.comparison import Check
    from gru_ext.export.formats import Format
    from gru_ext.text.units import Units

FAILED = 1


def check_output(path: str, source: str, force: bool) -> None:
    """Raise a FileExistsError where something is at the output, and may not be replaced.

    What is read is never replaced.
    """
    if not os.path.exists(path):
        return
    if os.path.exists(source) and os.path.samefile(path, source):
        raise FileExistsError(f"{path} is the file that is read: name another with `output`")
    if not force:
        raise FileExistsError(
            f"{path} exists: replace it with `force`, or name another with `output`"
        )


def run(arguments: argparse.Namespace) -> None:
    """Write a model in the format of another program, and check what was written.

    The exit status is 1 where its predictions differ by more than rounding.
    """
    from gru_ext.export.formats import FORMATS, OPTIONS, chosen
    from gru_ext.export.saving import save
    from gru_ext.model.model import load

    path = arguments.output
    name = chosen(path, arguments.to)
    check_output(path, arguments.model, arguments.force)
    model = load(arguments.model)
    text = _text(arguments, model.vocabulary.units)
    options = {option: getattr(arguments, option) for option in OPTIONS}
    result = save(model, path, name, text=text, **options)
    print(printable(f"wrote {path}"))
    _report(result, FORMATS[name], path)


def _text(arguments: argparse.Namespace, units: Units) -> str | bytes | None:
    """The start of the text of the check; None where none is named."""
    from gru_ext.export.comparison import STEPS
    from gru_ext.text.reader import TextReader

    if arguments.text is None:
        return None
    text: str | bytes = b"" if units == "bytes" else ""
    for piece in TextReader([arguments.text], units, arguments.encoding).pieces():
        text += piece  # type: ignore[operator]
        if len(text) > STEPS:
            break
    return text


def _report(result: Check | None, form: Format, path: str) -> None:
    if result is None:
        print(f"not checked: {form.unchecked()}")
        return
    runtime = form.runtime()
    found = (
        f"over {result.steps:,} steps, log-probabilities differ by at most "
        f"{result.log_probability:.2g} and bits per character by {result.bits_per_char:.2g}"
    )
    if result.passed:
        print(f"checked with {runtime}: {found}")
        if result.cost:
            print(f"the rounded weights cost {result.cost:.2g} bits per character")
        return
    message = f"{path} does not predict what the model does: with {runtime}, {found}"
    message += f", and rounding explains at most {result.rounding:.2g}; do not use it"
    print(f"gru-ext: {one_line(message)}", file=sys.stderr)
    raise SystemExit(FAILED)
