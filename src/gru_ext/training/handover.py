# SPDX-License-Identifier: MIT
"""The way out of a run that an exception ends: its state is written, its model handed over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gru_ext.training.checkpoints import NotSavedError
from gru_ext.training.interrupts import StopRequest

if TYPE_CHECKING:
    from gru_ext.model.model import Model

_logger = logging.getLogger("gru_ext")


@contextmanager
def handed_over(stop: StopRequest, rescue: Callable[[], tuple[Model, str]]) -> Iterator[None]:
    """Save a run that an exception ends, whatever it is, and let the exception pass.

    The exception gets the model as its attribute ``model``, and a note of where the state is. One
    with which a handler of the application answered Ctrl-C becomes TrainingInterrupted. Meanwhile
    the application's handlers are postponed; they are called at the end.

    Parameters
    ----------
    stop : StopRequest
    rescue : callable
        Write the last whole state; return the model, and say where the state is, or nothing.
    """
    with stop.postponed():
        try:
            yield
            stop.deliver()
        except NotSavedError:  # it has the model, and another attempt would fail too
            raise
        except BaseException as error:
            if stop.at_once:
                raise
            lost: Exception | None = None
            try:
                model, where = rescue()
            except NotSavedError as failure:
                model, where, lost = failure.model, str(failure), failure
            except Exception as failure:
                _logger.warning("the last state could not be saved: %r", failure)
                raise error from None
            if stop and isinstance(error, KeyboardInterrupt):
                raise (lost or stop.interrupted(model)) from error
            vars(error).setdefault("model", model)
            if where:
                error.add_note(where)
                _logger.warning("training was ended by %s; %s", type(error).__name__, where)
            raise
        finally:
            stop.deliver_rest()
