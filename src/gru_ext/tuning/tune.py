# SPDX-License-Identifier: MIT
"""A search for good sizes of a model, from a text to its result."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gru_ext.arguments.keywords import keywords_of
from gru_ext.core.threads import usable_threads
from gru_ext.files.atomic import check_writable, write_atomically
from gru_ext.text.given import Text
from gru_ext.training.interrupts import stop_on_signals
from gru_ext.tuning.options import TuneOptions
from gru_ext.tuning.probe import probe
from gru_ext.tuning.search import Search, check_optuna
from gru_ext.tuning.space import Space
from gru_ext.tuning.trial import TuneResult, names_of


class TuneInterrupted(KeyboardInterrupt):
    """A signal stopped a search. What it has found so far is in ``result``, a :class:`TuneResult`.

    ``signal`` is the signal's number: that of Ctrl-C, SIGINT, or SIGTERM, or another one that would
    have ended the process.
    """

    def __init__(self, result: TuneResult, signal: int | None = None) -> None:
        super().__init__(
            "the search was interrupted: what it has found is the attribute `result` of this "
            "exception"
        )
        self.result, self.signal = result, signal


@keywords_of(TuneOptions)
def tune(text: Text, options: TuneOptions) -> TuneResult:
    """Search for the sizes, dropout, learning rate and epochs that suit a text.

    Many small models are trained at once, each in a process of its own and on one thread. The first
    has the default values. The others have values that Optuna chooses: hidden sizes from 32 to 512,
    but small ones for short texts; one or two layers; dropout up to 0.6; 0.3 to 3 times the default
    learning rate; a quarter of the default run's steps to twice as many. After a quarter and after
    a half of its schedule, a model continues only if it is in the better half of those that have
    come so far. The first one is always trained to its end.

    The search chooses by the validation loss. So the loss of the best of many trials is a little
    optimistic: for an honest figure, evaluate the final model on a text that no trial has seen.

    Parameters
    ----------
    text : str, bytes, path-like, or list of paths
        As in :func:`gru_ext.train`.
    {options}

    Returns
    -------
    TuneResult

    Raises
    ------
    ImportError
        Optuna is not installed: ``pip install "gru-ext[tune]"``.
    TypeError, ValueError, OSError
        An option, the text or a file is not as described, there is no validation part, or no trial
        was finished.
    TuneInterrupted
        A KeyboardInterrupt: a signal stopped the search. The exception holds the result so far.

    Examples
    --------
    >>> result = gru_ext.tune(text, minutes=5)                        # doctest: +SKIP
    >>> model = gru_ext.train(text, **result.best)                    # doctest: +SKIP
    """
    check_optuna()
    _check_output(options)
    if isinstance(text, bytes):
        options = options.over({"units": "bytes"})
    ends = time.monotonic() + 60 * options.minutes
    text = _kept(text)
    given = options.of_runs | {"threads": options.threads}
    with _read_again(text) as kept:
        found = probe(kept, given)
        space = Space(options.of_runs, found)
        jobs = options.jobs or max(1, usable_threads() // options.threads)
        search = Search(space, options, ends, found.characters_per_second)
        with stop_on_signals() as stop:
            search.run(kept, jobs, stop)
    result = TuneResult(tuple(search.trials), names_of(text))
    if options.output is not None:
        data = json.dumps(result.record(), indent=1).encode() + b"\n"
        write_atomically(options.output, lambda file: file.write(data))
    if stop:
        raise TuneInterrupted(result, stop.signal)
    if not result.finished:
        raise ValueError(_nothing_finished(result, options))
    return result


def _check_output(options: TuneOptions) -> None:
    if options.output is None:
        return
    if os.path.exists(options.output) and not options.force:
        raise FileExistsError(
            f"{options.output} exists: replace it with `force`, or name another file with `output`"
        )
    check_writable(options.output)


def _kept(text: Any) -> Text:
    """The text, which is read several times; what can be iterated once becomes a list."""
    return list(text) if isinstance(text, Iterator) else text


@contextmanager
def _read_again(text: Text) -> Iterator[Text]:
    """The text in a form that several processes can read: standard input becomes a file."""
    names = names_of(text)
    if "-" not in names:
        yield text
        return
    if sys.stdin is None:
        raise OSError("standard input is closed")
    with tempfile.TemporaryDirectory(prefix="gru-ext-") as folder:
        path = Path(folder, "standard-input")
        with open(path, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield [path if name == "-" else Path(name) for name in names]


def _nothing_finished(result: TuneResult, options: TuneOptions) -> str:
    failed = [trial for trial in result.trials if trial.state == "failed"]
    if failed and len(failed) == len(result.trials):
        which = "the only trial" if len(failed) == 1 else f"all {len(failed)} trials"
        return f"{which} failed: {failed[0].error}"
    if failed:
        return f"no trial was finished, and {len(failed)} failed: {failed[0].error}"
    return (
        f"no trial was finished in {options.minutes:g} minutes: give more `minutes`, or fewer "
        f"`epochs`"
    )
