# SPDX-License-Identifier: MIT
"""What is shown, called and written beside training; none of it changes a bit of the model."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gru_ext.files import StrPath
from gru_ext.files.atomic import check_writable
from gru_ext.training.checkpoints import best_path, previous_path, told_previous
from gru_ext.training.options import TrainingOptions, check_whole, keeps_best

if TYPE_CHECKING:
    from gru_ext.reporting.progress import Progress

Callback = Callable[["Progress"], object]


@dataclass(frozen=True)
class Watching:
    """See :func:`gru_ext.train`; None stands for a default.

    Attributes
    ----------
    output, metrics, plot, tensorboard : path-like, optional
    callback : callable, optional
    checkpoint_every : int, optional
    checkpoint_minutes : float, optional
    sample_every, sample_length, log_every : int, optional
    quiet : bool
    """

    output: StrPath | None = None
    metrics: StrPath | None = None
    plot: StrPath | None = None
    tensorboard: StrPath | None = None
    callback: Callback | None = None
    checkpoint_every: int | None = None
    checkpoint_minutes: float | None = None
    sample_every: int | None = None
    sample_length: int | None = None
    log_every: int | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        for name in ("checkpoint_every", "sample_every", "sample_length", "log_every"):
            check_whole(name.replace("_", " "), getattr(self, name), 0)
        minutes = self.checkpoint_minutes
        if minutes is not None and not isinstance(minutes, numbers.Real):
            raise TypeError(f"checkpoint minutes must be a number, not {minutes!r}")
        if minutes is not None and not 0 <= minutes < math.inf:
            raise ValueError(f"checkpoint minutes must be 0 or more, not {minutes}")
        if self.callback is not None and not callable(self.callback):
            raise TypeError(f"callback must be callable, not {self.callback!r}")

    def check(
        self,
        given: TrainingOptions,
        *,
        resume: bool,
        init_from: object,
        classic: bool,
        force: bool,
    ) -> None:
        """Refuse before a long run what contradicts, or would fail or lose something at its end."""
        if classic:
            self._check_classic(given)
        if resume and classic:
            raise ValueError(
                "--resume and --classic contradict: --classic reads the weights it finds "
                "at its output by itself, as the notebook does"
            )
        if resume and init_from is not None:
            raise ValueError(
                "--resume and --init-from contradict: one goes on, the other starts anew"
            )
        if resume and self.output is None:
            raise ValueError("to resume, name the model file as output")
        if self.output is None:
            for name in ("checkpoint_every", "checkpoint_minutes"):
                if getattr(self, name):
                    raise ValueError(f"{name.replace('_', ' ')} needs an output to write to")
        elif resume and not os.path.exists(self.output):
            raise FileNotFoundError(
                f"{self.output} does not exist: there is nothing to resume"
                f"{told_previous(self.output)}"
            )
        written: list[StrPath | None] = [self.output, self.metrics, self.plot]
        if self.output is not None and keeps_best(given):
            written.append(best_path(self.output))
        if self.output is not None and not classic:
            written.append(previous_path(self.output))
        outputs = (*written, self.tensorboard)
        paths = [os.path.realpath(path) for path in outputs if path is not None]
        if len(set(paths)) < len(paths):
            raise ValueError("the outputs of a run must have different names")
        for path in written:
            if path is None:
                continue
            if os.path.exists(path) and not (resume or force or classic):
                raise FileExistsError(
                    f"{path} exists: go on with it by --resume, replace it by --force, "
                    f"or name another with {self._option(path)}"
                )
            check_writable(path)
        if self.plot is not None:
            from gru_ext.reporting.plot import check_plot

            check_plot(self.plot)
        if self.tensorboard is not None:
            from gru_ext.reporting.tensorboard import check_tensorboard

            check_tensorboard(self.tensorboard, fresh=not (resume or force))

    def _option(self, path: StrPath) -> str:
        return {self.metrics: "--metrics", self.plot: "--plot"}.get(path, "--output")

    def _check_classic(self, given: TrainingOptions) -> None:
        names = ("metrics", "plot", "tensorboard", "callback")
        more = {name: getattr(self, name) for name in names}
        more |= {name: getattr(self, name) for name in ("checkpoint_every", "checkpoint_minutes")}
        more |= {name: getattr(given, name) for name in ("eval_every", "patience", "keep")}
        for name, value in more.items():
            if value is not None:
                raise ValueError(
                    f"--classic prints and writes what the notebook does and no more: leave out "
                    f"{name.replace('_', ' ')}, or --classic"
                )
