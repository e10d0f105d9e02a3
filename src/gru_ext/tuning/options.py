# SPDX-License-Identifier: MIT
"""The options of a search, each declared once."""

from __future__ import annotations

import functools
from typing import Any

from gru_ext.arguments.kinds import FilePath, Flag, Number, Whole
from gru_ext.arguments.option import Option
from gru_ext.files import StrPath
from gru_ext.training.options import MOST_SEED, OPTIMISATION, OUTPUT, TrainingOptions

SEARCH = "search"


class TuneOptions(TrainingOptions):
    """The options of a search: the keyword arguments of :func:`gru_ext.tune`.

    Those of a training run that are given hold for every model, and are not searched.

    Raises
    ------
    TypeError, ValueError
        An option has a value that is not allowed, or two options contradict each other.
    """

    trials: Option[int] = Option(Whole(1, 100_000), "models to train at most", SEARCH, default=30)
    minutes: Option[float] = Option(
        Number(above=0, infinite=True),
        "minutes after which the search ends; inf for no limit",
        SEARCH,
        default=10.0,
        details="What is being trained then counts as not finished. A model that would take more "
        "than a quarter of this time is not begun.",
    )
    jobs: Option[int | None] = Option(
        Whole(1, 1024),
        "models to train at the same time",
        SEARCH,
        automatic="as many as processors, or GRU_EXT_NUM_THREADS, allow for their threads",
        details="With 1 job and no limit of time, the same seed makes the same search.",
    )
    seed: Option[int] = Option(
        Whole(0, MOST_SEED),
        "seed of the search, and of each model's initial weights and dropout",
        OPTIMISATION,
        default=0,
    )
    threads: Option[int] = Option(
        Whole(1), "number of threads with which each model is trained", OPTIMISATION, default=1
    )
    output: Option[StrPath | None] = Option(
        FilePath(), "file to which the trials are written, as a JSON object", OUTPUT, letter="o"
    )
    force: Option[bool] = Option(
        Flag(), "replace the output file if it exists", OUTPUT, default=False
    )
    quiet: Option[bool] = Option(Flag(), "print no progress", OUTPUT, default=False)

    @classmethod
    @functools.cache
    def declared(cls) -> dict[str, Option[Any]]:
        """Those of the search first; of a run's, those of its output and ``classic`` are no part.

        The original script has sizes of its own.
        """
        every = {
            name: option
            for name, option in super().declared().items()
            if name in vars(TuneOptions) or (option.group != OUTPUT and name != "classic")
        }
        return dict(sorted(every.items(), key=lambda pair: pair[1].group != SEARCH))

    @property
    def of_runs(self) -> dict[str, Any]:
        """The given options of the training runs."""
        own = vars(TuneOptions).keys() - {"seed"}
        return {name: value for name, value in self.given().items() if name not in own}
