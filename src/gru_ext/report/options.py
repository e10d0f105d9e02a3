# SPDX-License-Identifier: MIT
"""The options of a report, each declared once."""

from __future__ import annotations

from gru_ext.arguments.kinds import FilePath, Flag, String, Whole
from gru_ext.arguments.option import Option, Options

REPORT = "report"


class _Name(String):
    metavar = "NAME"


class ReportOptions(Options):
    """What a report shows, beside a model and a text."""

    metrics: Option[str | None] = Option(
        FilePath(), "file that train --metrics wrote, for the learning curve", REPORT
    )
    encoding: Option[str] = Option(_Name(), "encoding of the text", REPORT, default="utf-8")
    characters: Option[int] = Option(
        Whole(2),
        "characters to analyse at most, from the start of the text, or of its validation part if "
        "the model was trained on it",
        REPORT,
        default=1_000_000,
    )
    seed: Option[int] = Option(Whole(0), "seed of the samples", REPORT, default=0)
    quiet: Option[bool] = Option(Flag(), "show no progress", REPORT, default=False)
