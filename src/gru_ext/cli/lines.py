# SPDX-License-Identifier: MIT
"""Lines that a person types: with an editor where there is a terminal, or else from a pipe."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from typing import Any

PROMPT = "> "

Reader = Callable[[], str | None]


def line_reader(commands: Sequence[str], status: Callable[[], str]) -> Reader:
    """A function that returns the next line without its end, or None where the input ends.

    On a terminal the line can be edited, by prompt_toolkit where that is installed, or else by
    readline; Ctrl-C drops it, and Ctrl-D ends the input.

    Parameters
    ----------
    commands : sequence of str
        Words that prompt_toolkit completes.
    status : callable
        What prompt_toolkit shows in the last line of the terminal.
    """
    if sys.stdin is None:
        raise OSError("standard input is closed")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _next_line
    if importlib.util.find_spec("prompt_toolkit") is not None:
        return _on_terminal(_toolkit_reader(commands, status))
    if importlib.util.find_spec("readline") is not None:
        importlib.import_module("readline")  # input() has its keys from now on
    return _on_terminal(lambda: input(PROMPT))


def _next_line() -> str | None:
    line = sys.stdin.readline()
    return line.rstrip("\r\n") if line else None


def _on_terminal(ask: Callable[[], str]) -> Reader:
    def read() -> str | None:
        while True:
            try:
                return ask()
            except KeyboardInterrupt:
                print()
            except EOFError:
                print()
                return None

    return read


def _toolkit_reader(commands: Sequence[str], status: Callable[[], str]) -> Callable[[], str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    def bind(key: str, command: str) -> None:
        def leave(event: Any) -> None:
            event.app.exit(result=command)

        keys.add(key)(leave)

    bind("c-r", "/retry")
    bind("c-z", "/undo")
    session: PromptSession[str] = PromptSession(
        PROMPT,
        completer=WordCompleter(list(commands), sentence=True),
        complete_while_typing=False,
        bottom_toolbar=status,
        key_bindings=keys,
    )
    read: Callable[[], str] = session.prompt
    return read
