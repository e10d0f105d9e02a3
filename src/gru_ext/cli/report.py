# SPDX-License-Identifier: MIT
"""The command ``gru-ext report``."""

from __future__ import annotations

import argparse
import os

from gru_ext.arguments.messages import printable


def run(arguments: argparse.Namespace) -> None:
    """Write a page that shows a trained model."""
    from gru_ext.report.options import ReportOptions
    from gru_ext.report.write import write_report

    if os.path.exists(arguments.output) and not arguments.force:
        raise FileExistsError(
            f"{arguments.output} exists: replace it with `force`, or name another with `output`"
        )
    write_report(
        arguments.model,
        arguments.text,
        arguments.output,
        ReportOptions(**{name: getattr(arguments, name) for name in ReportOptions.declared()}),
    )
    if not arguments.quiet:
        print(printable(f"wrote {arguments.output}: open it in a browser"))
