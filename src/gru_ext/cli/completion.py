# SPDX-License-Identifier: MIT
"""The command ``gru-ext completion``."""

from __future__ import annotations

import argparse
import importlib.util

from gru_ext.arguments.kinds import OneOf

_FILES = ("FILE", "MODEL", "TEXT", "METRICS")


def run(arguments: argparse.Namespace) -> None:
    """Print a script that completes commands in a shell."""
    if importlib.util.find_spec("shtab") is None:
        raise ImportError(
            "completion in a shell needs shtab, which is not installed: "
            'python -m pip install "gru-ext[completion]"'
        )
    import shtab

    from gru_ext.cli.parser import build_parser

    parser = build_parser()
    for command in parser.commands():
        for action in command._actions:
            kind = getattr(action, "kind", None)
            if isinstance(kind, OneOf):
                action.choices = kind.names
            elif action.metavar in _FILES:  # shtab reads an attribute that argparse has not
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.metavar == "FOLDER":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    print(shtab.complete(parser, arguments.shell))
