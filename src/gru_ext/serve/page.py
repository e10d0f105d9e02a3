# SPDX-License-Identifier: MIT
"""The page, in one piece: it loads nothing, and asks its own server alone."""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path

from gru_ext._version import __version__
from gru_ext.arguments.messages import brief, counted
from gru_ext.model.model import Model
from gru_ext.model.sampling_options import FilterOptions
from gru_ext.report import page as report
from gru_ext.reporting.visible import visible_text
from gru_ext.serve.questions import LONGEST_CONTINUATION, LONGEST_TEXT

_FOLDER = Path(__file__).parent / "page"
SHARED = ("numbers.js", "elements.js", "shading.js")
"""The parts of the script that a report has too."""
SCRIPTS = ("ask.js", "editor.js", "expectation.js", "continuations.js", "start.js")
"""The other parts, in the order in which they are put together."""


@dataclass(frozen=True)
class Page:
    """The page, and the Content Security Policy that belongs to it."""

    body: bytes
    policy: str


def page_of(model: Model, name: str) -> Page:
    """The page of a model.

    Parameters
    ----------
    model : Model
    name : str
        What the page calls it.
    """
    paths = [report.FOLDER / part for part in SHARED] + [_FOLDER / part for part in SCRIPTS]
    script = report.script(paths)
    style = "".join(p.read_text(encoding="utf-8") for p in (report.STYLE, _FOLDER / "serve.css"))
    template = string.Template((_FOLDER / "serve.html").read_text(encoding="utf-8"))
    data = report.as_json(_data(model, name))
    page = template.substitute(script=script, style=style, data=data)
    rules = {
        "default-src": "'none'",
        "script-src": f"'{report.content_hash(script)}'",
        "style-src": f"'{report.content_hash(style)}'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return Page(page.encode(), "; ".join(f"{rule} {value}" for rule, value in rules.items()))


def _data(model: Model, name: str) -> dict[str, object]:
    """What the script reads."""
    sampling = FilterOptions.declared()
    return {
        "name": visible_text(brief(name, 120)),
        "version": __version__,
        "model": _described(model),
        "longest": LONGEST_TEXT,
        "sliders": {
            "temperature": {"most": 2, "value": sampling["temperature"].default},
            "top_p": {"most": 1, "value": sampling["top_p"].default},
            "length": {"most": LONGEST_CONTINUATION, "value": 120},
        },
        "carriageReturn": "\r" in model.vocabulary,
    }


def _described(model: Model) -> str:
    vocabulary = model.vocabulary
    what = "byte" if vocabulary.units == "bytes" else "character"
    return (
        f"{counted(model.layers, 'layer')} of {counted(model.hidden_size, 'unit')}, "
        f"{counted(model.parameters.count, 'parameter')}, "
        f"{counted(len(vocabulary), what)} in its vocabulary"
    )
