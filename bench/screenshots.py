# SPDX-License-Identifier: MIT
"""Screenshots of parts of a page, as small PNG files."""

import base64
import io
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from browser import Browser

__all__ = ["Browser", "Part", "Shot", "picture", "write_png"]

_GAP = 16  # pixels between parts that stand side by side
_SHADES = 128  # colours of a file: enough for text and a few scales
_MARGIN = 20  # pixels around a part


@dataclass(frozen=True)
class Part:
    """A page's main column from the top of one element to the bottom of another, or of the same.

    Before, the `program` is run, whose promise is awaited, and the pointer is moved to the element
    `pointed`.
    """

    first: str
    last: str | None = None
    width: int = 1280
    height: int | None = None  # at most
    pointed: str | None = None
    program: str | None = None


@dataclass(frozen=True)
class Shot:
    """A picture of one part, or of several ones side by side."""

    name: str
    parts: tuple[Part, ...]


def picture(browser, address, shot, dark):
    """The image of a shot of the page at an address, a path or an URL, in light or dark colours."""
    images = []
    for part in shot.parts:
        browser.resize(part.width, dark=dark)
        browser.open(address)
        if part.program:
            browser.run(part.program)
        if part.pointed:
            browser.move(part.pointed)
        images.append(_captured(browser, part))
    width = sum(image.width for image in images) + _GAP * (len(images) - 1)
    whole = Image.new("RGBA", (width, max(image.height for image in images)))
    left = 0
    for image in images:
        whole.paste(image, (left, 0))
        left += image.width + _GAP
    return whole


def _captured(browser, part):
    def edge(element, name):
        """Where an edge of an element is on the page."""
        return browser.run(
            f"document.querySelector({element!r}).getBoundingClientRect().{name}"
            f" + {'scrollY' if name in ('top', 'bottom') else 'scrollX'}"
        )

    left = max(0, edge("main", "left") - _MARGIN)
    right = min(part.width, edge("main", "right") + _MARGIN)
    top = max(0, edge(part.first, "top") - _MARGIN)
    bottom = edge(part.last or part.first, "bottom") + _MARGIN
    height = min(bottom - top, part.height or bottom)
    clip = {"x": left, "y": top, "width": right - left, "height": height, "scale": 1}
    data = browser.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA")


def write_png(image, path):
    """Write an image with a palette."""
    small = image.quantize(_SHADES, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
