# SPDX-License-Identifier: MIT
"""The drawing of the cell: ``python website/cell_drawing.py docs/pictures/cell.svg`` writes it."""

import sys
from collections.abc import Sequence
from pathlib import Path

WIDTH, HEIGHT = 760, 400
_STYLE = """
  text { font: 15px sans-serif; fill: #202020; text-anchor: middle; dominant-baseline: central }
  .math { font: italic 18px serif }
  .note { font-size: 13px; fill: #505050 }
  rect.box { fill: #e8eaf6; stroke: #3f51b5; stroke-width: 1.5 }
  rect.frame { fill: #fafafa; stroke: #b0b0b0 }
  circle { fill: #ffffff; stroke: #3f51b5; stroke-width: 1.5 }
  path { fill: none; stroke: #404040; stroke-width: 1.5 }
  path.gate { stroke: #c2185b }
  path.head { fill: #404040; stroke: none }
  path.head.gate { fill: #c2185b }
  rect.page { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #dfe1e6 }
    .note { fill: #b4b8c0 }
    rect.box { fill: #2b3358; stroke: #8c9eff }
    rect.frame { fill: #262a34; stroke: #5a606c }
    circle { fill: #1e2129; stroke: #8c9eff }
    path { stroke: #c3c7ce }
    path.gate { stroke: #f06292 }
    path.head { fill: #c3c7ce }
    path.head.gate { fill: #f06292 }
    rect.page { fill: #1e2129 }
  }
"""
Point = tuple[float, float]


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{words}</text>'


def _box(x: float, y: float, words: str, note: str) -> str:
    """A box around a point, its symbol and what it is called."""
    frame = f'<rect class="box" x="{x - 62}" y="{y - 26}" width="124" height="52" rx="6"/>'
    return frame + _text(x, y - 9, words, "math") + _text(x, y + 12, note, "note")


def _operation(x: float, y: float, sign: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="15"/>' + _text(x, y, sign)


def _arrow(points: Sequence[Point], kind: str = "") -> str:
    """A line through the points, with a head at its end."""
    line = "M" + " L".join(f"{x} {y}" for x, y in points)
    (x0, y0), (x, y) = points[-2:]
    dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
    back = x - 9 * dx, y - 9 * dy
    sides = [(back[0] + s * 5 * dy, back[1] + s * 5 * dx) for s in (1, -1)]
    head = f"M{x} {y} L" + " L".join(f"{a} {b}" for a, b in sides) + " Z"
    return f'<path class="{kind}" d="{line}"/><path class="head {kind}" d="{head}"/>'


def drawing() -> str:
    """The picture as SVG: the old state runs along the top, the character enters below."""
    state, gates, below = 70, 240, 330
    parts = [
        f'<rect class="frame" x="90" y="20" width="580" height="{below - 30}" rx="12"/>',
        # the old state, through the mixture to the new one
        _arrow([(40, state), (515, state)]),
        _arrow([(545, state), (585, state)]),
        _arrow([(615, state), (720, state)]),
        _text(25, state, "h\N{PRIME}", "math"),
        _text(738, state, "h", "math"),
        _text(48, state + 26, "old state", "note"),
        _text(712, state + 26, "new state", "note"),
        # the reset gate, and what it lets through to the candidate
        _arrow([(120, state), (120, gates - 13), (133, gates - 13)]),
        _arrow([(195, gates - 26), (195, 165)], "gate"),
        _arrow([(195, state), (195, 135)]),
        _arrow([(210, 150), (340, 150), (340, gates - 26)]),
        _text(278, 136, "r ⊙ h\N{PRIME}", "math"),
        # the update gate
        _arrow([(440, state), (440, gates - 13), (453, gates - 13)]),
        _arrow([(530, gates - 26), (530, state + 15)], "gate"),
        _arrow([(530, 150), (585, 150)], "gate"),
        _text(560, 135, "1 \N{MINUS SIGN} z", "math"),
        _text(512, 120, "z", "math"),
        # the candidate, into the mixture
        _arrow([(340, gates + 26), (340, gates + 46), (600, gates + 46), (600, 165)]),
        _arrow([(600, 135), (600, state + 15)]),
        # the character
        _arrow([(380, below + 30), (380, below - 2), (165, below - 2), (165, gates + 26)]),
        _arrow([(380, below - 2), (485, below - 2), (485, gates + 26)]),
        _arrow([(380, below - 2), (380, gates + 26)]),
        _text(380, below + 45, "x", "math"),
        _text(470, below + 45, "the character (one-hot)", "note"),
    ]
    parts += [
        _box(195, gates, "r", "reset gate"),
        _box(340, gates, "ĥ", "candidate"),
        _box(515, gates, "z", "update gate"),
        _operation(195, 150, "×"),
        _operation(530, state, "×"),
        _operation(600, 150, "×"),
        _operation(600, state, "+"),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img">'
    )
    title = "<title>A gated recurrent unit</title>"
    background = f'<rect width="{WIDTH}" height="{HEIGHT}" class="page"/>'
    body = "\n".join(parts)
    return f"{head}\n{title}\n<style>{_STYLE}</style>\n{background}\n{body}\n</svg>\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(drawing(), encoding="utf-8", newline="\n")
