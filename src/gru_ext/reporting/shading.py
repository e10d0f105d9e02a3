# SPDX-License-Identifier: MIT
"""A text as HTML, each character shaded by the bits that it costs, for a notebook."""

from __future__ import annotations

import html
import math

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import counted
from gru_ext.reporting.visible import visible

LONGEST = 2000
"""Characters, or bytes, that are shown: some 150 kB of HTML."""
STEPS = (0.5, 1, 2, 3, 4, 5, 6, 8, 10)
"""The bits from which on each shade is used; below the first there is none."""

# One colour, more or less transparent: the text is black or white, as the notebook has it, and
# stays legible on every shade: a contrast of 4.5 or more in the usual light and dark themes.
_COLOR = "#d9480f"
_OPACITIES = (0.07, 0.14, 0.21, 0.28, 0.35, 0.42, 0.49, 0.56, 0.63)
_CODE = "font-size:75%;outline:1px solid currentColor;outline-offset:-1px;padding:0 2px;"
_TEXT = (
    "font-family:monospace;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere;"
    "unicode-bidi:plaintext;text-align:start;max-height:30em;overflow:auto;margin:0.5em 0"
)


def shaded_html(title: str, text: str | bytes, bits: NDArray[np.float64]) -> str:
    """The text, or the first 2,000 characters of it, shaded.

    Control characters, marks of direction and what is not UTF-8 are shown as signs and numbers.
    Where the text is bytes, a character has the sum of the bits of its bytes.

    Parameters
    ----------
    title : str
        One line above the text.
    text : str or bytes
        The text, or the start of it that may be shown.
    bits : ndarray, float64, shape (n,)
        The bits of each character, or byte, of the whole text; NaN where there was no prediction.
    """
    shown = text[:LONGEST]
    note = ""
    if len(bits) > len(shown):
        what = "byte" if isinstance(text, bytes) else "character"
        note = f"<div><i>the first {len(shown):,} of {counted(len(bits), what)}</i></div>"
    if isinstance(shown, bytes):
        characters = shown.decode("utf-8", "surrogateescape")
        sizes = [len(c.encode("utf-8", "surrogateescape")) for c in characters]
    else:
        characters, sizes = shown, [1] * len(shown)
    begins = np.cumsum([0, *sizes[:-1]])
    costs = np.add.reduceat(bits[: len(shown)], begins).tolist() if sizes else []
    body = "".join(_span(c, cost) for c, cost in zip(characters, costs, strict=True))
    return (
        f"<div><div>{html.escape(title)}</div>{_legend()}"
        f'<div style="{_TEXT}">{body}</div>{note}</div>'
    )


def _level(bits: float) -> int:
    """How many of the steps a number of bits has reached."""
    return sum(bits >= step for step in STEPS)


def _background(level: int) -> str:
    return f"background:{_COLOR}{round(255 * _OPACITIES[level - 1]):02x}" if level else ""


def _span(c: str, bits: float) -> str:
    """One character, with its bits as a tooltip."""
    byte = "\udc80" <= c <= "\udcff"  # what surrogateescape makes of a byte that is not UTF-8
    sign, kind = visible(chr(ord(c) - 0xDC00), byte=True) if byte else visible(c)
    style = (_CODE if kind == "e" and len(sign) > 1 else "") + _background(_level(bits))
    style = f' style="{style}"' if style else ""
    tip = "not predicted" if math.isnan(bits) else f"{bits:.2f} bits"
    end = "\n" if c == "\n" else ""
    return f'<span title="{tip}"{style}>{html.escape(sign)}</span>{end}'


def _legend() -> str:
    swatches = "".join(
        f'<span style="padding:0 0.5em;{_background(level)}">{step:g}</span>'
        for level, step in enumerate((0, *STEPS))
    )
    return f'<div style="font-size:85%;white-space:nowrap">bits, from {swatches}</div>'
