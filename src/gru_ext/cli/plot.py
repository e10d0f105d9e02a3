# SPDX-License-Identifier: MIT
"""The command ``gru-ext plot``."""

from __future__ import annotations

import argparse
import os

from gru_ext.arguments.messages import printable


def run(arguments: argparse.Namespace) -> None:
    """Draw the runs of metrics files into one picture."""
    from gru_ext.reporting.plot import plot

    if os.path.exists(arguments.output) and not arguments.force:
        raise FileExistsError(
            f"{arguments.output} exists: replace it with `force`, or name another with `output`"
        )
    plot(arguments.metrics, arguments.output)
    print(printable(f"wrote {arguments.output}"))
