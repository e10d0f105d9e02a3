# SPDX-License-Identifier: MIT
"""Formulas as MathML, which browsers draw without a script.

A formula is LaTeX: a block of code marked ``math``, or $`...`$ within a line.
"""

import html
import re

from latex2mathml.converter import convert

_BLOCK = re.compile(r"^```math\n(.*?)^```$", re.M | re.S)
_WITHIN = re.compile(r"\$`([^`\n]+)`\$")


def rendered(markdown: str) -> str:
    """The page with each formula as MathML, and its LaTeX as what a screen reader says."""
    return _WITHIN.sub(_within, _BLOCK.sub(_block, markdown))


def _block(found: re.Match[str]) -> str:
    lines = [line for line in found[1].split("\n\n") if line.strip()]
    return "\n".join(f'<div class="equation">{_mathml(line, "block")}</div>' for line in lines)


def _within(found: re.Match[str]) -> str:
    # within a span: Markdown would end a paragraph before a line that begins with <math>
    return f"<span>{_mathml(found[1], 'inline')}</span>"


def _mathml(latex: str, display: str) -> str:
    latex = " ".join(latex.split())
    # the converter knows the lines of aligned by another name
    made = convert(latex.replace("{aligned}", "{align*}"), display=display)
    return made.replace("<math ", f'<math alttext="{html.escape(latex)}" ', 1).replace("\n", "")
