# SPDX-License-Identifier: MIT
"""Every way out of a run: signals, handlers of the application, exceptions, closed streams."""

import asyncio
import errno
import io
import os
import signal
import subprocess
import sys
import tempfile
from unittest import mock

import pytest
from command import POSIX
from training_runs import TEXT, interrupt_after, run_files, same, step_of

import gru_ext
from gru_ext.core import classic
from gru_ext.files import atomic
from gru_ext.reporting.console import Console
from gru_ext.training import interrupts
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.recovery import Recovery
from gru_ext.training.state_files import state_path

OPTIONS = {
    "hidden_size": 6,
    "seq_length": 5,
    "max_steps": 40,
    "val_fraction": 0.1,
    "log_every": 5,
    "eval_every": 5,
    "quiet": True,
}


class Mine(BaseException):
    """What an application raises; not even an Exception."""


def fail(*_):
    raise Mine("enough")


def at(step, act):
    return lambda progress: act() if progress.step == step else None


@pytest.fixture
def handled():
    """A function that sets a handler of the application, until the test ends."""
    before = {}

    def handle(number, handler):
        before[number] = signal.signal(number, handler)

    yield handle
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def resumed_equals_whole(tmp_path):
    """After the test, a resume of the output leads to the bytes of a run that nothing stopped."""
    path, whole = tmp_path / "model.npz", tmp_path / "whole.npz"
    gru_ext.train(TEXT, **OPTIONS, output=whole)
    yield path
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert run_files(path) == run_files(whole)


ENDED = """if True:
    import os, signal, sys
    import gru_ext
    number = getattr(signal, sys.argv[1])
    act = lambda progress: progress.step == 10 and os.kill(os.getpid(), number)
    options = {"hidden_size": 4, "max_steps": 40, "log_every": 5, "quiet": True}
    try:
        gru_ext.train(sys.argv[2], output="model.npz", callback=act, **options)
    except gru_ext.TrainingInterrupted as end:
        assert end.signal == number
        assert signal.getsignal(number) == signal.SIG_DFL
        print(end.model.about["step"])
"""


@POSIX
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU"])
def test_a_signal_that_would_end_the_process(tmp_path, name):
    command = [sys.executable, "-c", ENDED, name, TEXT]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "10\n", "")
    assert step_of(tmp_path / "model.npz") == 10


@POSIX
def test_an_ignored_signal_stays_ignored(handled):
    """As nohup has it."""
    handled(signal.SIGHUP, signal.SIG_IGN)
    act = at(10, lambda: signal.raise_signal(signal.SIGHUP))
    assert gru_ext.train(TEXT, **OPTIONS, callback=act).about["step"] <= 40


@POSIX
def test_ctrl_c_under_asyncio(resumed_equals_whole):
    async def main():
        act = at(10, lambda: signal.raise_signal(signal.SIGINT))
        gru_ext.train(TEXT, **OPTIONS, output=resumed_equals_whole, callback=act)

    with pytest.raises(gru_ext.TrainingInterrupted):
        asyncio.run(main())
    assert step_of(resumed_equals_whole) == 10


@POSIX
def test_ctrl_c_twice_under_asyncio(resumed_equals_whole):
    """The second time its handler raises."""

    async def main():
        act = at(10, lambda: [signal.raise_signal(signal.SIGINT) for _ in range(2)])
        gru_ext.train(TEXT, **OPTIONS, output=resumed_equals_whole, callback=act)

    with pytest.raises(gru_ext.TrainingInterrupted) as end:
        asyncio.run(main())
    assert end.value.model.about["step"] == 10


@POSIX
def test_a_handler_that_takes_note(handled, tmp_path):
    calls = []
    for number in (signal.SIGTERM, signal.SIGUSR1):
        handled(number, lambda number, frame: calls.append(number))
    act = at(10, lambda: signal.raise_signal(signal.SIGUSR1))
    plain = OPTIONS | {"keep": "last"}
    assert gru_ext.train(TEXT, **plain, callback=act).about["step"] == 40
    act = at(10, lambda: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(gru_ext.TrainingInterrupted) as end:
        gru_ext.train(TEXT, **plain, callback=act)
    assert (end.value.signal, end.value.model.about["step"]) == (signal.SIGTERM, 10)
    assert calls == [signal.SIGUSR1, signal.SIGTERM]


@POSIX
def test_a_handler_is_called_although_another_one_ends_the_run(handled, monkeypatch):
    calls, advance = [], gru_ext.Trainer.advance
    handled(signal.SIGUSR1, fail)
    handled(signal.SIGUSR2, lambda *_: calls.append("called") or fail())

    def signalled(trainer, steps):
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR2)
        return advance(trainer, steps)

    monkeypatch.setattr(gru_ext.Trainer, "advance", signalled)
    with pytest.raises(Mine) as error:
        gru_ext.train(TEXT, **OPTIONS)
    assert calls == ["called"]
    assert error.value.model.about["step"] > 0


@POSIX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2, signal.SIGALRM])
def test_a_handler_that_raises_in_the_middle_of_a_step(handled, resumed_equals_whole, number):
    handled(number, fail)
    before = signal.getsignal(number)
    to_step = interrupt_after(23)
    with to_step, mock.patch.object(signal, "SIGINT", number), pytest.raises(Mine) as error:
        gru_ext.train(TEXT, **OPTIONS, output=resumed_equals_whole)
    assert signal.getsignal(number) is before
    assert step_of(resumed_equals_whole) == 23
    path = state_path(resumed_equals_whole)
    assert error.value.__notes__ == [f"the state of step 23 is in {path}"]


@POSIX
def test_a_handler_that_raises_in_an_evaluation(handled, resumed_equals_whole):
    handled(signal.SIGUSR2, fail)
    evaluate = gru_ext.training.validation.evaluate_symbols

    def signalled(*arguments, **named):
        signal.raise_signal(signal.SIGUSR2)
        return evaluate(*arguments, **named)

    with (
        mock.patch.object(gru_ext.training.validation, "evaluate_symbols", signalled),
        pytest.raises(Mine),
    ):
        gru_ext.train(TEXT, **OPTIONS, output=resumed_equals_whole)
    assert step_of(resumed_equals_whole) == 5


@POSIX
def test_a_handler_that_raises_while_classic_trains(handled, tmp_path):
    handled(signal.SIGUSR2, fail)
    iterate, calls = classic.iterate, []

    def signalled(*arguments):
        calls.append(signal.raise_signal(signal.SIGUSR2) if len(calls) == 2 else None)
        return iterate(*arguments)

    options = {"classic": True, "quiet": True, "log_every": 1, "output": tmp_path / "w.data"}
    with (
        mock.patch.object(classic, "iterate", signalled),
        pytest.raises(Mine) as error,
    ):
        gru_ext.train(TEXT, **options, max_steps=40)
    found = gru_ext.load(tmp_path / "w.data")
    assert same(found, error.value.model)
    assert found.about["step"] == 3
    options["output"] = None
    assert same(found, gru_ext.train(TEXT, **options, max_steps=3))


@pytest.mark.parametrize("error", [RuntimeError("mine"), SystemExit(3), Mine()])
def test_an_exception_of_a_callback(resumed_equals_whole, error, caplog):
    def act():
        raise error

    with pytest.raises(type(error)) as end:
        gru_ext.train(TEXT, **OPTIONS, output=resumed_equals_whole, callback=at(20, act))
    assert end.value is error
    where = f"the state of step 20 is in {state_path(resumed_equals_whole)}"
    assert error.__notes__ == [where]
    assert caplog.messages == [f"training was ended by {type(error).__name__}; {where}"]
    assert same(error.model, gru_ext.load(resumed_equals_whole))


def test_an_exception_where_the_disk_is_full(tmp_path, monkeypatch):
    away, folder = tmp_path / "away", tmp_path / "full"
    away.mkdir()
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(away))
    replace = os.replace

    def full(source, target):
        if os.path.dirname(target) == str(folder):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", full)
    with pytest.raises(Mine) as error:
        gru_ext.train(TEXT, **OPTIONS, output=folder / "model.npz", callback=at(20, fail))
    (copy,) = away.glob("*/model.npz")
    for path in (copy, state_path(copy)):
        assert f"it is in {path} instead" in error.value.__notes__[0]
    assert same(gru_ext.load(copy), error.value.model)
    assert step_of(copy) == 20


def test_an_exception_in_the_middle_of_a_step(tmp_path, monkeypatch):
    """The arrays may belong to another step than the numbers: the last good state is written."""
    monkeypatch.setattr(Recovery, "every", 10)
    advance, whole = gru_ext.Trainer.advance, tmp_path / "whole.npz"
    gru_ext.train(TEXT, **OPTIONS, output=whole)

    def advance_until(trainer, steps):
        losses = advance(trainer, steps)
        if trainer.steps_done >= 23:
            raise MemoryError
        return losses

    monkeypatch.setattr(gru_ext.Trainer, "advance", advance_until)
    with pytest.raises(MemoryError):
        gru_ext.train(TEXT, **OPTIONS, output=tmp_path / "model.npz")
    monkeypatch.setattr(gru_ext.Trainer, "advance", advance)
    assert step_of(tmp_path / "model.npz") == 20
    gru_ext.train(TEXT, output=tmp_path / "model.npz", resume=True, quiet=True)
    assert run_files(tmp_path / "model.npz") == run_files(whole)


def test_an_exception_before_the_first_step_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("gru_ext.training.run.heading", fail)
    with pytest.raises(Mine) as error:
        gru_ext.train(TEXT, **OPTIONS, output=tmp_path / "model.npz")
    assert error.value.model.about["step"] == 0
    assert not (tmp_path / "model.npz").exists()


@pytest.mark.parametrize(
    ("later", "number", "at_once"),
    [
        (0.05, "SIGINT", False),
        (0.9, "SIGTERM", False),
        (1.1, "SIGINT", True),
        (1.1, "SIGTERM", True),
        (9.0, "SIGUSR1", False),
        (9.0, "SIGXCPU", False),
    ],
)
def test_when_a_second_signal_ends_at_once(monkeypatch, later, number, at_once):
    if not hasattr(signal, number):
        pytest.skip("a signal of POSIX")
    now = [100.0]
    monkeypatch.setattr(interrupts.time, "monotonic", lambda: now[0])
    stop = StopRequest()
    stop.ask(int(getattr(signal, number)))
    now[0] += later
    stop.ask(int(getattr(signal, number)))
    assert stop.signal == getattr(signal, number)
    assert stop.at_once == at_once


def test_two_signals_at_once_are_one_request(tmp_path):
    """As some tools send them; there is no first file yet."""
    act = at(10, lambda: [signal.raise_signal(signal.SIGINT) for _ in range(2)])
    with pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(TEXT, **OPTIONS, output=tmp_path / "model.npz", callback=act)
    assert step_of(tmp_path / "model.npz") == 10


@POSIX
def test_a_signal_breaks_off_a_sample(monkeypatch, tmp_path, capsys):
    def endless(*_, **__):
        for part in range(10):
            if part == 3:
                signal.raise_signal(signal.SIGTERM)
            assert part < 4
            yield "sampled"

    monkeypatch.setattr("gru_ext.training.run.iter_sample", endless)
    options = OPTIONS | {"quiet": False, "sample_every": 10}
    with pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(TEXT, **options, output=tmp_path / "model.npz")
    assert step_of(tmp_path / "model.npz") == 10
    assert "sampled" not in capsys.readouterr().out


@pytest.mark.parametrize("how", ["quiet", "closed", "missing"])
@pytest.mark.parametrize("as_script", [False, True])
def test_samples_that_nobody_sees_are_not_drawn(monkeypatch, how, as_script):
    monkeypatch.setattr("gru_ext.training.run.iter_sample", fail)
    monkeypatch.setattr(classic, "sample", fail)
    options = {"max_steps": 8, "sample_every": 2, "quiet": how == "quiet", "classic": as_script}
    if how != "quiet":
        stream = io.StringIO() if how == "closed" else None
        monkeypatch.setattr(sys, "stdout", stream)
        if stream is not None:
            stream.close()
    assert gru_ext.train(TEXT, **options).about["step"] == 8


class Gone(io.StringIO):
    """A terminal that is closed after a while."""

    gone = False

    def isatty(self):
        return super().isatty() or True  # an error where it is closed

    def fileno(self):
        raise OSError(errno.EBADF, "no descriptor")

    def write(self, text):
        if self.gone:
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        return super().write(text)


def test_a_terminal_that_is_gone_ends_no_run(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Gone())
    with Console(10) as console:
        console.advance(5, 1.0)
        sys.stderr.gone = True
        console.print("line")
        console.advance(5, 1.0)
    sys.stderr.close()
    with Console(10) as console:
        console.advance(10, 1.0)


def test_a_picture_that_fails_is_no_failure_of_the_training(tmp_path, monkeypatch, caplog):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("gru_ext.reporting.plot.plot", mock.Mock(side_effect=MemoryError))
    model = gru_ext.train(TEXT, **OPTIONS, plot=tmp_path / "p.png")
    assert model.about["step"] <= 40
    assert caplog.messages == ["MemoryError"]
