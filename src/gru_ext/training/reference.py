# SPDX-License-Identifier: MIT
"""The reference page of the options, in Markdown.

``python -m gru_ext.training.reference > docs/reference/options.md`` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gru_ext.arguments.keywords import sentence
from gru_ext.arguments.option import Option, Options
from gru_ext.training.options import TrainingOptions

_HEADING = """# Options of a training run

Each option is a keyword argument of `gru_ext.train` and a flag of `gru-ext train`: `hidden_size`
and `--hidden-size`. A "recorded" option is kept in the model file, and a resumed run uses the
recorded value. A resumed run can change it, unless it is "fixed".

This page is generated from the declarations in `training/options.py`.
"""


def options_page(options: type[Options] = TrainingOptions) -> str:
    """The page: a table for each group, with a row for each option."""
    groups: dict[str, list[Option[Any]]] = {}
    for option in options.declared().values():
        groups.setdefault(option.group, []).append(option)
    return _HEADING + "".join(_section(name, group) for name, group in groups.items())


def _section(name: str, group: Iterable[Option[Any]]) -> str:
    rows = "".join(map(_row, group))
    head = "| option | value | default | meaning | model file |\n|---|---|---|---|---|\n"
    return f"\n## {name.capitalize()}\n\n{head}{rows}"


def _row(option: Option[Any]) -> str:
    meaning = f"{sentence(option.help)} {option.details}".strip()
    if not option.on_command_line:
        meaning += " Only in Python."
    record = ("recorded, fixed" if option.fixed else "recorded") if option.saved else ""
    cells = (f"`{option.name}`", option.kind.describe(), option.default_text, meaning, record)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    print(options_page(), end="")
