# SPDX-License-Identifier: MIT
"""Signals that ask a run to stop, and handlers of the application that wait for a whole state."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gru_ext.model.model import Model

GRACE_SECONDS = 1.0
"""A second signal within this time is the same request: some tools send each signal twice."""

# Signals that end a process unless it handles them, and that it can still react to.
_ENDING = ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")
# Signals that ask to stop even where the application handles them: its handler may only take note,
# as that of asyncio.run does, and expect its own code to run soon.
_STOPPING = ("SIGINT", "SIGTERM", "SIGBREAK")

Handler = Callable[[int, FrameType | None], Any]


def _numbers(names: tuple[str, ...]) -> set[int]:
    return {int(getattr(signal, name)) for name in names if hasattr(signal, name)}


class TrainingInterrupted(KeyboardInterrupt):
    """A signal stopped training cleanly. The model so far is in ``model``, and was written.

    ``signal`` is the signal's number: that of Ctrl-C, SIGINT, or SIGTERM, or another one that would
    have ended the process. ``step`` is the step at which training has stopped, and ``steps`` are
    those of the whole run; each may be None.

    Examples
    --------
    >>> try:                                                         # doctest: +SKIP
    ...     model = gru_ext.train(text)
    ... except gru_ext.TrainingInterrupted as error:
    ...     model = error.model

    After a notebook's cell was interrupted without that:

    >>> model = sys.last_value.model                                 # doctest: +SKIP
    """

    def __init__(
        self,
        model: Model,
        signal: int | None = None,
        step: int | None = None,
        steps: int | None = None,
    ) -> None:
        of = "" if steps is None else f" of {steps:,}"
        at = "" if step is None else f" at step {step:,}{of}"
        self._what = f"training was interrupted{at}"
        super().__init__(
            f"{self._what}: the model so far is the attribute `model` of this exception "
            f"(sys.last_value.model in a notebook or another interactive session)"
        )
        self.model, self.signal, self.step, self.steps = model, signal, step, steps

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in the place of a traceback, which would say nothing about a stop."""
        return [
            f"{type(self).__name__}: {self._what}",
            "The model so far: import sys; model = sys.last_value.model",
        ]


class StopRequest:
    """Whether a signal has asked the run to stop, and which one.

    Attributes
    ----------
    signal : int or None
        The first signal that asked the run to stop.
    at_once : bool
        Whether a later one asked it to end without writing anything more.
    step, steps : int or None
        The step that the run has reached, and those of the whole run; the run sets them.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.at_once = False
        self.step: int | None = None
        self.steps: int | None = None
        self._since = 0.0
        self._postponing = False
        self._postponed: list[tuple[Handler, int]] = []

    def __bool__(self) -> bool:
        return self.signal is not None

    def interrupted(self, model: Model) -> TrainingInterrupted:
        """The exception that ends the call of a run which was stopped."""
        return TrainingInterrupted(model, self.signal, self.step, self.steps)

    def ask(self, number: int) -> None:
        """Note a signal; the second one of Ctrl-C or SIGTERM ends the process at once."""
        now = time.monotonic()
        if not self:
            self.signal, self._since = number, now
        elif number in _numbers(_STOPPING) and now - self._since >= GRACE_SECONDS:
            self.at_once = True

    def call(self, handler: Handler, number: int, frame: FrameType | None) -> None:
        """Call the application's handler, or postpone it while the state is not whole."""
        if self._postponing and not self.at_once:
            self._postponed.append((handler, number))
        else:
            handler(number, frame)

    def deliver(self) -> None:
        """Call the handlers that were postponed. What they raise passes through."""
        while self._postponed:
            handler, number = self._postponed.pop(0)
            handler(number, None)

    def deliver_rest(self) -> None:
        """Call the rest of them where an exception already ends the run: theirs adds nothing."""
        while self._postponed:
            with suppress(BaseException):
                self.deliver()

    @contextmanager
    def postponed(self, postponing: bool = True) -> Iterator[None]:
        """Postpone the application's handlers, or call them as they come for a while."""
        before, self._postponing = self._postponing, postponing
        try:
            yield
        finally:
            self._postponing = before


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn a signal into a request to stop cleanly; a second Ctrl-C or SIGTERM ends at once.

    Signals whose action is still the default ask the run to stop. The application's own handlers
    are called, but not in the middle of a step; Ctrl-C and SIGTERM ask to stop beside that. Ignored
    signals stay ignored, and only the main thread gets any.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before: dict[int, Any] = {}
    own: dict[int, Any] = {}
    try:
        for number in map(int, signal.valid_signals()):
            handler = signal.getsignal(number)
            ours = _handler(request, number, handler)
            if ours is not None:
                before[number], own[number] = handler, ours
                signal.signal(number, ours)
        yield request
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is own[number]:  # else somebody has set another since
                signal.signal(number, handler)


def _handler(request: StopRequest, number: int, usual: Any) -> Handler | None:
    """What handles a signal during a run, where ``usual`` did before; None to leave it so."""
    default = usual is signal.SIG_DFL or usual is signal.default_int_handler
    if default and number not in _numbers(_ENDING):
        return None
    if not default and not callable(usual):  # it is ignored, or its handler is not Python code
        return None
    asks = default or number in _numbers(_STOPPING)

    def handle(number: int, frame: FrameType | None) -> None:
        if asks:
            request.ask(number)
        if not default:
            request.call(usual, number, frame)
        if request.at_once and number in _numbers(_STOPPING):
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            raise SystemExit(128 + number)

    return handle
