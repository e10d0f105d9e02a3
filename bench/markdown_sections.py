# SPDX-License-Identifier: MIT
"""Markdown pages whose sections are written by different benchmarks."""

import re
from pathlib import Path

# A section begins with a heading of the first or second level.
_HEADING = re.compile(r"(?m)^(?=##? )")


def write_section(path, text):
    """Replace the section with the same heading, or append it; keep the other sections."""
    path = Path(path)
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    sections = {_heading(section): section for section in filter(str.strip, _HEADING.split(page))}
    sections[_heading(text)] = text
    new_page = "\n\n".join(section.strip() for section in sections.values())
    path.write_text(new_page + "\n", encoding="utf-8")


def _heading(section):
    return section.lstrip().partition("\n")[0]
