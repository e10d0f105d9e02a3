# SPDX-License-Identifier: MIT
"""Pictures of a terminal: a command runs in a pseudo-terminal, and its screen becomes an SVG."""

import os
import pty
import re
import select
import shlex
import signal
import sys
import termios
import textwrap
import time
from dataclasses import dataclass
from html import escape

import pyte

QUIET = 1.5
"""Seconds without output after which a program is taken to wait for a key."""
LIMIT = 600
"""Seconds after which a program that has not ended is stopped."""

# of a screen with a dark background, which is readable on a light and on a dark page
_BACKGROUND, _FOREGROUND, _BORDER, _PROMPT = "#16191f", "#d6d9de", "#3b4048", "green"
_COLORS = {
    "default": _FOREGROUND,
    "black": "#5c6370",
    "red": "#f0717a",
    "green": "#8fd18a",
    "brown": "#e5c07b",
    "blue": "#6fb3f2",
    "magenta": "#d191e8",
    "cyan": "#5cc7d0",
    "white": "#f2f3f5",
    "brightblack": "#868d99",
}
_CELL, _LINE, _MARGIN, _SIZE = 8, 18, 12, 13  # pixels; a monospaced letter is 0.6 of its size wide
_BLOCKS = "▏▎▍▌▋▊▉█"  # one eighth of a cell to eight


@dataclass(frozen=True)
class Piece:
    """Characters of one colour and weight in a line of the screen."""

    column: int
    text: str
    color: str = "default"
    bold: bool = False


class _Screen(pyte.Screen):
    """A screen that answers where its cursor is to the program that asks."""

    def __init__(self, columns, rows, terminal):
        super().__init__(columns, rows)
        self._terminal = terminal

    def write_process_input(self, data):
        os.write(self._terminal, data.encode())


def module(command):
    """The words that run a command of gru-ext with this Python."""
    return [sys.executable, "-m", "gru_ext", *shlex.split(command)[1:]]


def record(command, columns, folder, keys=(), moment=None, rows=200):
    """Run a command of gru-ext in a terminal of so many columns until it ends.

    The keys are typed one after the other, each as soon as the program waits. Returns the screen
    at the end, and the one where the last line first matched the pattern `moment`. A screen is a
    list of lines, and a line a list of pieces.
    """
    process, terminal = pty.fork()
    if not process:
        termios.tcsetwinsize(0, (rows, columns))
        os.chdir(folder)
        unset = ("COLUMNS", "LINES", "NO_COLOR")
        environment = {k: v for k, v in os.environ.items() if k not in unset}
        environment |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        os.execve(sys.executable, module(command), environment)
    screen = _Screen(columns, rows, terminal)
    stream, then = pyte.ByteStream(screen), None
    waiting, begun = list(keys), time.monotonic()
    try:
        while True:
            if time.monotonic() - begun > LIMIT:
                os.kill(process, signal.SIGKILL)
                raise TimeoutError(f"{command} has not ended")
            ready = select.select([terminal], [], [], QUIET)[0]
            try:
                data = os.read(terminal, 1 << 16) if ready else None
            except OSError:  # Linux says so that the program has ended
                break
            if data == b"":
                break
            if data:
                stream.feed(data)
                if moment and not then and re.search(moment, last_line(screen.display)):
                    then = pieces(screen)
            elif waiting and any(map(str.strip, screen.display)):
                os.write(terminal, waiting.pop(0).encode())
    finally:
        os.close(terminal)
        status = os.waitpid(process, 0)[1]
    if status:
        raise OSError(f"{command} has failed:\n" + "\n".join(screen.display))
    return pieces(screen), then


def last_line(lines):
    """The last line that is not empty."""
    return next((line for line in reversed(lines) if line.strip()), "")


def pieces(screen):
    """The lines of a screen as pieces, without the empty ones at its end."""
    lines = []
    for row in range(screen.lines):
        line = []
        for column in range(screen.columns):
            cell = screen.buffer[row][column]
            style = cell.fg, cell.bold
            if line and (line[-1].color, line[-1].bold) == style:
                line[-1] = Piece(line[-1].column, line[-1].text + cell.data, *style)
            else:
                line.append(Piece(column, cell.data, *style))
        lines.append([piece for piece in line if piece.text.strip()])
    while lines and not lines[-1]:
        del lines[-1]
    return lines


def tail(lines, number):
    """The last lines, after a line that stands for those before them."""
    return lines if len(lines) <= number else [[Piece(0, "⋮", "brightblack")], *lines[-number:]]


def typed(command, columns):
    """The lines in which a command was typed; one that is too long is continued after a word."""
    words = textwrap.wrap(command, columns - 4)
    words[:-1] = [f"{line} \\" for line in words[:-1]]
    lines = [[Piece(2, line, "white", True)] for line in words]
    lines[0].insert(0, Piece(0, "$", _PROMPT, True))
    return lines


def svg(lines, columns, title):
    """The picture of lines, as an SVG image with a line of text for each of them."""
    width, height = 2 * _MARGIN + _CELL * columns, 2 * _MARGIN + _LINE * len(lines)
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6"'
        f' fill="{_BACKGROUND}" stroke="{_BORDER}"/>',
        f'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono,'
        f' Liberation Mono, monospace" font-size="{_SIZE}">',
    ]
    for row, line in enumerate(lines):
        for piece in line:
            body += _drawn(piece, _MARGIN + _LINE * row)
    return "\n".join([*body, "</g>", "</svg>", ""])


def _drawn(piece, top):
    """The elements of a piece. Blocks of a progress bar are drawn, since fonts leave gaps."""
    color = _COLORS.get(piece.color, f"#{piece.color}")
    elements = []
    for found in re.finditer(f"[{_BLOCKS}]+", piece.text):
        eighths = sum(_BLOCKS.index(block) + 1 for block in found[0])
        elements.append(
            f'<rect x="{_MARGIN + _CELL * (piece.column + found.start())}" y="{top + 3}"'
            f' width="{_CELL * eighths / 8:g}" height="{_LINE - 4}" fill="{color}"/>'
        )
    for found in re.finditer(rf"[^\s{_BLOCKS}]+(?: [^\s{_BLOCKS}]+)*", piece.text):
        weight = ' font-weight="bold"' if piece.bold else ""
        elements.append(
            f'<text x="{_MARGIN + _CELL * (piece.column + found.start())}" y="{top + 14}"'
            f' textLength="{_CELL * len(found[0])}" fill="{color}"{weight}>'
            f"{escape(found[0])}</text>"
        )
    return elements
