# SPDX-License-Identifier: MIT
"""Pages of several parts, each written by a benchmark of its own."""

import re
from pathlib import Path

# A heading of the first or second level begins a part.
_HEADING = re.compile(r"(?m)^(?=##? )")


def write_section(path, text):
    """Put a part where the page has one of the same heading, or at its end; the rest stays."""
    path = Path(path)
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    parts = {_heading(part): part for part in filter(str.strip, _HEADING.split(page))}
    parts[_heading(text)] = text
    whole = "\n\n".join(part.strip() for part in parts.values())
    path.write_text(whole + "\n", encoding="utf-8")


def _heading(part):
    return part.lstrip().partition("\n")[0]
