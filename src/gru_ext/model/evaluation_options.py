# SPDX-License-Identifier: MIT
"""The options of evaluation, each declared once."""

from __future__ import annotations

from gru_ext.arguments.kinds import Flag, Whole
from gru_ext.arguments.messages import either
from gru_ext.arguments.option import Option
from gru_ext.model.adaptation_options import ADAPTATION, AdaptationOptions
from gru_ext.model.weights_options import WeightsOptions
from gru_ext.text.unknown import UNKNOWN_CHOICES, UNKNOWN_KIND, UnknownChoice

EVALUATION = "evaluation"
UNKNOWN_HELP = "characters that the model does not know are " + either(
    f"{meaning} ({name})" for name, meaning in UNKNOWN_CHOICES.items()
)


class _ReadingOptions(WeightsOptions):
    """How a text is read."""

    windows: Option[int | None] = Option(
        Whole(1),
        "cut the text into windows of N characters, and read each from a zero state",
        EVALUATION,
        automatic="none: the state is carried through the whole text",
        details="This is the protocol of models with a context of that length. Document separators "
        "count as any other characters.",
    )
    unknown: Option[UnknownChoice] = Option(UNKNOWN_KIND, UNKNOWN_HELP, EVALUATION, default="error")
    adapt: Option[bool] = Option(
        Flag(),
        "dynamic evaluation: a copy of the model learns from the text while it reads",
        ADAPTATION,
        default=False,
        details="Each character is predicted before the copy learns from it.",
    )


class EvaluationOptions(AdaptationOptions, _ReadingOptions):
    """How a model is evaluated on a text.

    Raises
    ------
    TypeError, ValueError
        An option has a value that is not allowed, or two cannot be combined.
    """

    def __post_init__(self) -> None:
        if self.adapts and self.windows is not None:
            raise ValueError("`windows` are independent of each other: they cannot `adapt`")
        if self.adapts and self.weights is not None:
            raise ValueError("`adapt` changes the weights of the model: it has no other `weights`")

    @property
    def adapts(self) -> bool:
        """Whether the evaluation is dynamic: an option of dynamic evaluation is enough."""
        return self.adapt or not AdaptationOptions.declared().keys().isdisjoint(self.given())
