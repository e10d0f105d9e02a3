# SPDX-License-Identifier: MIT
"""The output files of a run, checked before it begins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from gru_ext.files import StrPath
from gru_ext.files.atomic import check_writable
from gru_ext.files.lock import locked
from gru_ext.training.options import TrainingOptions
from gru_ext.training.state_files import (
    model_path,
    previous_hint,
    previous_path,
    state_file,
    state_path,
)


def check_outputs(options: TrainingOptions) -> None:
    """Refuse what would fail, or would lose a file, at the end of a long run.

    Raises
    ------
    ValueError, ImportError, OSError
        Options contradict each other, a library is missing, or a file exists or cannot be written.
    """
    _check_combination(options)
    written = [*_model_files(options), *_given(options, "metrics", "plot")]
    outputs = [*written, *_given(options, "tensorboard")]
    if len({os.path.realpath(path) for path, _ in outputs}) < len(outputs):
        raise ValueError("the output files of a run must have different names")
    _refuse_existing(options)
    for path, _ in written:
        check_writable(path)
    if options.plot is not None:
        from gru_ext.reporting.plot import check_plot

        check_plot(options.plot)
    if options.tensorboard is not None:
        from gru_ext.reporting.tensorboard import check_tensorboard

        check_tensorboard(options.tensorboard, fresh=not (options.resume or options.force))


@contextmanager
def locked_outputs(options: TrainingOptions) -> Iterator[None]:
    """Hold the locks of the files that a run writes, against other runs.

    Raises
    ------
    OSError
        Another run writes one of the files, or has made one since they were checked.
    """
    with ExitStack() as locks:
        # who holds the lock of a state writes the one before too
        for path, _ in [*_model_files(options)[:2], *_given(options, "metrics")]:
            locks.enter_context(locked(path))
        _refuse_existing(options)
        yield


def _refuse_existing(options: TrainingOptions) -> None:
    if options.resume or options.force or options.classic:
        return
    for path, name in [*_model_files(options), *_given(options, "metrics", "plot")]:
        if os.path.exists(path):
            raise FileExistsError(
                f"{path} exists: continue its run with `resume`, replace it with `force`, or name "
                f"another file with `{name}`"
            )


def _given(options: TrainingOptions, *names: str) -> list[tuple[StrPath, str]]:
    """The paths of these options that are given, with the options' names."""
    return [(path, name) for name in names if (path := getattr(options, name)) is not None]


def _model_files(options: TrainingOptions) -> list[tuple[StrPath, str]]:
    """The model files that the run may write, with the option that names them."""
    if options.output is None:
        return []
    paths: list[StrPath] = [options.output]
    if not options.classic:
        paths += [state_path(options.output), previous_path(options.output)]
    return [(path, "output") for path in paths]


def _check_combination(options: TrainingOptions) -> None:
    if options.resume and options.classic:
        raise ValueError(
            "`resume` and `classic` cannot be combined: `classic` reads the weights in its output "
            "by itself, as the original script does"
        )
    if options.resume and options.init_from is not None:
        raise ValueError(
            "`resume` and `init_from` cannot be combined: one continues a run, the other starts one"
        )
    if options.resume and "preset" in options.given():
        raise ValueError(
            "`resume` and `preset` cannot be combined: a resumed run has the sizes and the length "
            "that it began with; for a longer run give `epochs`"
        )
    if options.resume and options.output is None:
        raise ValueError("`resume` needs `output`, the model file of the run to continue")
    if options.output is None:
        for name in ("checkpoint_every", "checkpoint_minutes"):
            if getattr(options, name):
                raise ValueError(f"`{name}` needs an `output` to write to")
    elif options.resume:
        _check_resumable(options.output)


def _check_resumable(output: StrPath) -> None:
    state, model = state_path(output), model_path(output)
    if model is not None and not state.exists():
        raise ValueError(
            f"{output} has the name of a training state: to resume its run, `output` must be its "
            f"model file, {model}"
        )
    if not state_file(output).exists():
        raise FileNotFoundError(
            f"{state} does not exist: there is no run to resume{previous_hint(output)}"
        )
