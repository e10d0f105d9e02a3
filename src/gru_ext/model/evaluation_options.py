# SPDX-License-Identifier: MIT
"""The options of evaluation, each declared once."""

from __future__ import annotations

from dataclasses import dataclass

from gru_ext.arguments.kinds import Whole
from gru_ext.arguments.option import Option, Options
from gru_ext.text.unknown import UNKNOWN_CHOICES, UNKNOWN_KIND

EVALUATION = "evaluation"
UNKNOWN_HELP = "characters that the model does not know are " + ", ".join(
    f"{meaning} ({name})" for name, meaning in UNKNOWN_CHOICES.items()
)


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions(Options):
    """How a model is evaluated on a text."""

    windows: Option[int | None] = Option(
        Whole(1),
        "cut the text into windows of N characters, and read each from a zero state",
        EVALUATION,
        automatic="none: the state is carried through the whole text",
        details="This is the protocol of models with a context of that length. Document separators "
        "count as any other characters.",
    )
    unknown: Option[str] = Option(UNKNOWN_KIND, UNKNOWN_HELP, EVALUATION, default="error")
