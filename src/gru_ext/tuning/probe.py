# SPDX-License-Identifier: MIT
"""A few steps of the default run: what a search must know of a text before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gru_ext.reporting.progress import Progress
from gru_ext.text.given import Text
from gru_ext.training.train import train

_STEPS = 10  # those from which a run reports its speed


@dataclass(frozen=True)
class Probe:
    """What the default run of a text is like.

    Attributes
    ----------
    steps, steps_per_epoch, characters_per_step : int
        The steps of the whole run, those of an epoch, and the characters of each.
    vocabulary_size, hidden_size, layers : int
    options : dict
        The run's recorded options, among them the batch size and the sequence length.
    characters_per_second : float or None
        The speed of its first steps; None where these are too few.
    """

    steps: int
    steps_per_epoch: int
    characters_per_step: int
    vocabulary_size: int
    hidden_size: int
    layers: int
    options: dict[str, Any]
    characters_per_second: float | None

    @property
    def characters(self) -> int:
        """The characters of an epoch."""
        return self.steps_per_epoch * self.characters_per_step


def probe(text: Text, given: Mapping[str, Any]) -> Probe:
    """Begin the run that the given options make.

    Raises
    ------
    TypeError, ValueError, OSError
        As by :func:`gru_ext.train`; and where there is no validation part.
    """
    reports: list[Progress] = []

    def end(progress: Progress) -> bool:
        reports.append(progress)
        return True

    own = {"callback": end, "quiet": True, "log_every": _STEPS, "eval_every": _STEPS}
    try:
        model = train(text, **{**given, **own})
    except ValueError as error:
        if "needs a validation part" not in str(error):
            raise
        raise ValueError(
            "a search compares models on a validation part: give a `val_fraction`, such as 0.1, "
            "or a longer text"
        ) from None
    first = reports[0]
    return Probe(
        steps=first.steps,
        steps_per_epoch=round(first.step / first.epoch),
        characters_per_step=first.characters // first.step,
        vocabulary_size=len(model.vocabulary),
        hidden_size=model.hidden_size,
        layers=model.layers,
        options=model.about["options"],
        characters_per_second=first.characters_per_second,
    )
