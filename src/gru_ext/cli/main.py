# SPDX-License-Identifier: MIT
"""The command ``gru-ext``: which command runs, and how it ends."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from gru_ext.cli.messages import described, log_on_stderr, refuse
from gru_ext.cli.parser import build_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status.

    0: done; 2: bad input, one line on standard error; 130: interrupted by Ctrl-C; 143: terminated.
    """
    arguments = argparse.Namespace()
    try:
        _open_missing_streams()
        arguments = build_parser().parse_args(argv)
        with log_on_stderr(vars(arguments)):
            importlib.import_module(f"gru_ext.cli.{arguments.command}").run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        return 128 + (getattr(interrupt, "signal", None) or signal.SIGINT)
    except BrokenPipeError:
        _drop_pending_output()
        return 0  # the reader, such as `head`, has had enough
    except OSError as error:
        _drop_pending_output()
        return refuse(described(error), vars(arguments))
    except MemoryError as error:
        return refuse(f"not enough memory: {error}")
    except (ValueError, TypeError, ImportError) as error:
        return refuse(error, vars(arguments))
    return 0


def _drop_pending_output() -> None:
    """Drop output that standard output does not take: it would fail again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_missing_streams() -> None:
    """Open standard output and error where the process was started without them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (open as long as the process)
    # a character that the terminal's encoding lacks is shown escaped instead of ending the command
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
