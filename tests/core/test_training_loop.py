# SPDX-License-Identifier: MIT
"""TrainingLoop against the reference; bit-identical for any threads, pieces and symbol type."""

import threading

import numpy as np
import pytest
import reference
from loops import assert_guarded, make_loop, state_of

from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace, backward_window, forward_window
from gru_ext.model.parameters import Parameters


@pytest.mark.parametrize("B", [1, 3, 5])
@pytest.mark.parametrize(("n", "T", "windows"), [(101, 4, 60), (106, 5, 45), (361, 70, 9)])
@pytest.mark.parametrize("clip", [5.0, 0.02])
def test_against_the_oracle(n, B, T, windows, clip, isa, draw_parameters, padding_of):
    V, H, n = 7, 9, (n - 1) * B + 1 + B // 2
    symbols = np.random.default_rng(n).integers(0, V, n).astype(np.uint8)
    parameters, values = draw_parameters(V, H, np.float64)
    loop = make_loop(parameters, B, T, symbols)
    got = loop.steps(windows, 0.1, clip)
    losses, memory, hidden, position = reference.train(values, symbols, B, T, windows, 0.1, clip)
    np.testing.assert_allclose(got, losses, rtol=1e-9)
    trained = Parameters(V, H, np.float64, loop.parameters)
    summed = Parameters(V, H, np.float64, loop.memory)
    for name in reference.NAMES:
        np.testing.assert_allclose(trained[name], values[name], 1e-8, 1e-10, err_msg=name)
        np.testing.assert_allclose(summed[name], memory[name], 1e-8, 1e-12, err_msg=name)
    np.testing.assert_allclose(loop.workspace.hidden, hidden, 1e-8, 1e-10)
    assert (loop.position, loop.windows_done) == (position, windows)
    for flat in (loop.parameters, loop.memory):
        assert not flat[padding_of(V, H, np.float64)].any()
    assert_guarded(loop)


@pytest.mark.parametrize("B", [1, 3, 7])
def test_same_bits_for_any_number_of_threads(B, isa, dtype, draw_parameters):
    V, H, T = 17, 33, 12
    symbols = np.random.default_rng(0).integers(0, V, B * 60).astype(np.uint8)
    parameters, _ = draw_parameters(V, H, dtype)
    results = []
    for threads in (1, 2, 3, 4, 7):
        loop = make_loop(parameters, B, T, symbols, threads)
        losses = loop.steps(11, 0.1, threads=threads)
        results.append(losses.tobytes() + state_of(loop))
        assert_guarded(loop)
    assert len(set(results)) == 1


def test_same_bits_for_any_steps_and_symbol_type(isa, dtype, draw_parameters):
    V, H, B, T, windows = 9, 17, 3, 5, 17
    symbols = np.random.default_rng(0).integers(0, V, B * 40)
    parameters, _ = draw_parameters(V, H, dtype)
    results = []
    for kind, sizes in (
        (np.uint8, [windows]),
        (np.uint16, [windows]),
        (np.int32, [windows]),
        (np.uint8, [1] * windows),
        (np.uint8, [4, 1, 12]),
    ):
        loop = make_loop(parameters, B, T, symbols.astype(kind), threads=2)
        losses = np.concatenate([loop.steps(n, 0.1, threads=1 + n % 2) for n in sizes])
        assert loop.windows_done == windows
        results.append(losses.tobytes() + state_of(loop))
    assert len(set(results)) == 1


def test_position_and_state_resume_a_run(dtype, draw_parameters):
    V, H, B, T = 7, 5, 2, 4
    symbols = np.random.default_rng(0).integers(0, V, B * 50).astype(np.uint8)
    parameters, _ = draw_parameters(V, H, dtype)
    first, second = (make_loop(parameters, B, T, symbols) for _ in range(2))
    first.steps(5, 0.1)
    second.parameters[:], second.memory[:] = first.parameters, first.memory
    # a shorter window in between
    forward_window(second.parameters, *np.zeros((2, 1, B), np.int32), second.workspace)
    second.workspace.hidden[...], second.position = first.workspace.hidden, first.position
    assert first.steps(30, 0.1).tobytes() == second.steps(30, 0.1).tobytes()
    assert state_of(first) == state_of(second)


@pytest.mark.parametrize(("n", "windows"), [(9, 1), (17, 1), (18, 2), (25, 2), (26, 3)])
def test_windows_per_epoch(n, windows, draw_parameters):  # T = 8, one stream
    parameters, _ = draw_parameters(3, 2, np.float32)
    loop = make_loop(parameters, 1, 8, np.zeros(n, np.uint8))
    positions = [(loop.steps(1, 0.1), loop.position)[1] for _ in range(8)]
    assert loop.windows_per_epoch == windows == max(positions) // 8


def test_symbols_that_are_not_inputs_keep_their_rows(isa, dtype, draw_parameters):
    V, H, B, T = 9, 7, 2, 5
    symbols = np.tile([0, 4, 4], 20).astype(np.uint8)
    symbols[-1] = 8  # past the last target
    parameters, _ = draw_parameters(V, H, dtype)
    loop = make_loop(parameters, B, T, symbols)
    loop.steps(20, 0.1)
    trained = Parameters(V, H, dtype, loop.parameters)
    memory = Parameters(V, H, dtype, loop.memory)
    for name in ("Wz", "Wr", "Wh"):
        changed = (trained[name] != parameters[name]).any(axis=0)
        np.testing.assert_array_equal(np.flatnonzero(changed), [0, 4])
        np.testing.assert_array_equal(np.flatnonzero(memory[name].any(axis=0)), [0, 4])


@pytest.mark.parametrize(
    ("kind", "bad"),
    [(np.uint8, 7), (np.uint8, 255), (np.uint16, 65535), (np.int32, -1), (np.int32, 2**31 - 1)],
)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("at", [0, 4, 25, 29])
def test_symbols_out_of_range(kind, bad, threads, at, dtype, draw_parameters):
    """T = 4, two streams of 26: the bad symbol is among those of the first window."""
    V = 7
    symbols = np.random.default_rng(0).integers(0, V, 51).astype(kind)
    symbols[at] = bad
    parameters, _ = draw_parameters(V, 5, dtype)
    loop = make_loop(parameters, 2, 4, symbols, threads)
    before = state_of(loop)
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"from 0 to 6, not {bad} at position {at}\b"):
            loop.steps(3, 0.1, threads=threads)
    assert state_of(loop) == before
    assert_guarded(loop)
    symbols[at] = 0
    assert np.all(loop.steps(3, 0.1, threads=threads) > 0)


class Helpers:
    """Threads of which the one with this number fails in one of its steps."""

    def __init__(self, failing, where):
        self.started, self.failing, self.where = [], failing, where

    def __call__(self, **arguments):
        fails = len(self.started) == self.failing
        helper = {"create": None, "start": NotStarted, "run": Dies}[self.where] if fails else Slow
        if helper is None:
            raise MemoryError("no memory for a thread")
        self.started.append(helper(**arguments))
        return self.started[-1]


class Slow(threading.Thread):
    def run(self):
        threading.Event().wait(0.1)
        super().run()


class NotStarted(threading.Thread):
    def start(self):
        raise RuntimeError("can't start new thread")


class Dies(threading.Thread):
    """As with threading.settrace and a function that raises."""

    def run(self):
        pass


@pytest.mark.parametrize("where", ["create", "start", "run"])
@pytest.mark.parametrize("failing", [0, 1])
def test_helpers_that_do_not_run_are_done_without(
    where, failing, dtype, draw_parameters, monkeypatch, caplog, calm
):
    """Also in the middle of a run: the bits are the same for any number of threads."""
    parameters, _ = draw_parameters(7, 5, dtype)
    symbols = np.random.default_rng(0).integers(0, 7, 200).astype(np.uint8)
    want = make_loop(parameters, 3, 4, symbols)
    want.steps(9, 0.1)
    loop = make_loop(parameters, 3, 4, symbols, threads=3)
    loop.steps(3, 0.1, threads=3)
    helpers = Helpers(failing, where)
    monkeypatch.setattr(threading, "Thread", helpers)
    for _ in range(3):
        loop.steps(2, 0.1, threads=3)
        helpers.failing += len(helpers.started)
    assert state_of(loop) == state_of(want)
    assert not any(helper.is_alive() for helper in helpers.started)
    told = [record.getMessage() for record in caplog.records]
    if where == "run":
        assert told == []
    else:
        assert len(told) == 1
        assert f"only {1 + failing} of 3 threads could be started" in told[0]


@pytest.mark.parametrize("where", ["start", "wait"])
def test_an_interrupt_before_the_threads_begin_leaves_the_run_as_it_was(
    where, draw_parameters, monkeypatch
):
    """A helper that starts after the interrupt does nothing."""
    parameters, _ = draw_parameters(7, 5, np.float64)
    loop = make_loop(parameters, 3, 4, np.zeros(50, np.uint8), threads=3)
    before, helpers, gate = state_of(loop), [], threading.Event()

    class Interrupted(threading.Thread):
        def start(self):
            helpers.append(self)
            super().start()
            if len(helpers) == 2 and where == "start":
                raise KeyboardInterrupt

        def is_alive(self):
            if where == "wait" and not gate.is_set():
                gate.set()
                raise KeyboardInterrupt
            return super().is_alive()

        def run(self):
            if where == "wait":
                gate.wait()
            super().run()

    monkeypatch.setattr(threading, "Thread", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop.steps(1, 0.1, threads=3)
    for helper in helpers:
        helper.join()
    monkeypatch.undo()
    assert state_of(loop) == before
    loop.steps(1, 0.1, threads=3)
    assert loop.windows_done == 1


def test_arguments_are_checked(dtype, draw_parameters):
    V, H, B, T = 7, 5, 2, 4
    parameters, _ = draw_parameters(V, H, dtype)
    workspace = Workspace(V, H, B, T, dtype)
    good = {
        "parameters": parameters.flat,
        "memory": np.zeros_like(parameters.flat),
        "workspace": workspace,
        "symbols": np.zeros(B * T + 1, np.uint8),
    }
    other = np.float64 if dtype == np.float32 else np.float32
    flat, readonly = parameters.flat, parameters.flat.copy()
    readonly.flags.writeable = False
    for what, wrong in (
        *(
            (what, wrong)
            for what in ("parameters", "memory")
            for wrong in (
                flat[:-1],
                np.append(flat, 0).astype(dtype),
                np.repeat(flat, 2)[::2],
                flat.astype(other),
                flat[None],
                readonly,
                flat.tolist(),
                None,
            )
        ),
        *(
            ("symbols", wrong)
            for wrong in (
                np.zeros(B * T, np.uint8),
                np.zeros(0, np.uint8),
                np.zeros(99, np.int64),
                np.zeros(99, np.int8),
                np.zeros(99, ">u2"),
                np.zeros((99, 1), np.uint8),
                np.zeros(99, np.uint8)[::2],
                [0] * 99,
            )
        ),
        ("workspace", None),
        ("workspace", Workspace(V, H, B, T, dtype, training=False)),
    ):
        with pytest.raises((TypeError, ValueError)):
            TrainingLoop(**(good | {what: wrong}))
    loop = TrainingLoop(**good)
    for arguments in (
        {"windows": 0},
        {"windows": -1},
        {"windows": 2**31},
        {"threads": 0},
        {"threads": 2},
        {"clip": 0},
        {"clip": -1},
        {"clip": np.nan},
        *({"learning_rate": rate} for rate in (0, -1, np.nan, np.inf)),
        *({"learning_rate": [0.1, rate], "windows": 2} for rate in (-1, np.nan, np.inf)),
        {"learning_rate": 1e39 if dtype == np.float32 else np.inf},
    ):
        with pytest.raises(ValueError, match="must be"):
            loop.steps(**({"windows": 1, "learning_rate": 0.1} | arguments))
    for position in (-1, B * T):
        with pytest.raises(ValueError, match="position"):
            loop.position = position
    loop.steps(1, 0.1)
    with pytest.raises(ValueError, match="forward_window"):
        backward_window(parameters.flat, good["memory"], workspace)


def test_one_call_at_a_time(draw_parameters):
    parameters, _ = draw_parameters(7, 5, np.float64)
    loop = make_loop(parameters, 1, 4, np.zeros(50, np.uint8))
    refused = []
    long_run = threading.Thread(target=loop.steps, args=(200_000, 0.1))
    long_run.start()
    while not loop.windows_done:
        pass
    while long_run.is_alive():
        for call in (lambda: loop.steps(1, 0.1), lambda: setattr(loop, "position", 48)):
            try:
                call()
            except RuntimeError as error:
                refused.append(str(error))
    assert all("in use by another thread" in message for message in refused)
    assert len(refused) >= 2
    assert loop.windows_done >= 200_000


@pytest.mark.parametrize("eps", [0.0, -1.0, float("nan"), float("inf")])
def test_eps_is_checked(draw_parameters, eps):
    parameters, _ = draw_parameters(7, 5, np.float64)
    loop = make_loop(parameters, 1, 4, np.zeros(50, np.uint8))
    with pytest.raises(ValueError, match="eps must be a positive number"):
        loop.steps(1, 0.1, eps=eps)


def test_a_learning_rate_for_each_window(draw_parameters):
    runs = []
    for rates in ([0.1, 0.05, 0.025], None):
        parameters, _ = draw_parameters(7, 5, np.float64)
        loop = make_loop(parameters, 1, 4, np.arange(50, dtype=np.uint8) % 7)
        if rates is not None:
            loop.steps(3, np.array(rates))
        else:
            for rate in (0.1, 0.05, 0.025):
                loop.steps(1, rate)
        runs.append(loop.parameters.tobytes())
    assert runs[0] == runs[1]
