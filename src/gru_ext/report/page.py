# SPDX-License-Identifier: MIT
"""The page: a template, its style and its script become one HTML file without any other."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gru_ext.report.packing import LARGEST_PAGE

FOLDER = Path(__file__).parent / "page"
STYLE = FOLDER / "report.css"
_TEMPLATE = "report.html.jinja"
SCRIPTS = (
    "data.js",
    "numbers.js",
    "elements.js",
    "charts.js",
    "textview.js",
    "shading.js",
    "surprise.js",
    "moments.js",
    "units.js",
    "figures.js",
    "start.js",
)
"""The parts of the script, in the order in which they are put together."""

# In JSON these stand in strings alone. Escaped, they cannot end the element or begin another.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def check_jinja2() -> None:
    """Raise an ImportError that says what to install where jinja2 is missing."""
    if importlib.util.find_spec("jinja2") is None:
        raise ImportError(
            'reports need jinja2, which is not installed: python -m pip install "gru-ext[report]"'
        )


def as_json(data: object) -> str:
    """JSON for a script element: in ASCII, without any character that HTML knows."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def script(parts: Iterable[Path]) -> str:
    """The script of a page: its parts within one function, in strict mode."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in parts)
    return f'(() => {{\n"use strict";\n{code}\n}})();\n'


def content_hash(text: str) -> str:
    """The source expression of a Content Security Policy that allows this inline text alone."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def render(data: object, **values: Any) -> bytes:
    """Put the page together.

    Parameters
    ----------
    data : object
        What the script reads.
    **values
        What the template shows. All of it is escaped.

    Returns
    -------
    bytes
        The HTML file. The same arguments give the same bytes.

    Raises
    ------
    ImportError
        jinja2 is missing.
    ValueError
        The page would be larger than 5 MB.
    """
    check_jinja2()
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(FOLDER, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    code = script(FOLDER / name for name in SCRIPTS)
    style = STYLE.read_text(encoding="utf-8")
    page = environment.get_template(_TEMPLATE).render(
        values,
        data=Markup(as_json(data)),
        script=Markup(code),
        style=Markup(style),
        script_hash=content_hash(code),
        style_hash=content_hash(style),
    )
    written: bytes = page.encode()
    if len(written) >= LARGEST_PAGE:
        raise ValueError(f"the page has {len(written):,} bytes: it must have less than 5 MB")
    return written
