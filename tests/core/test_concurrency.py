# SPDX-License-Identifier: MIT
"""Concurrent threads, processes and interpreters: each gets the same result as alone."""

import os
import subprocess
import sys
import sysconfig
import threading

import numpy as np
import pytest
from training_runs import TEXT

import gru_ext
from gru_ext import Model, Trainer, Vocabulary
from gru_ext.core.windows import Workspace, backward_window, forward_window
from gru_ext.model.parameters import Parameters

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
CALLERS = 4


def at_once(work):
    """The results of work(n) for each n, called in threads that start together."""
    results, barrier = [None] * CALLERS, threading.Barrier(CALLERS)

    def run(n):
        barrier.wait()
        results[n] = work(n)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture
def same_alone():
    """A function that checks that work(n) returns the same concurrently and alone."""
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # with a GIL: threads switch often

    def check(work):
        assert at_once(work) == [work(n) for n in range(CALLERS)]

    yield check
    sys.setswitchinterval(switch)


@pytest.fixture(scope="module")
def model():
    return gru_ext.train(TEXT, hidden_size=17, max_steps=30, quiet=True)


def trained(seed, threads=1, steps=40):
    vocabulary = Vocabulary.from_text(TEXT)
    model = Model.create(vocabulary, 33, "float32", seed=seed)
    options = {"seq_length": 9, "batch_size": 5, "learning_rate": 0.1, "threads": threads}
    trainer = Trainer(model, vocabulary.encode(TEXT), **options)
    losses = np.concatenate([trainer.advance(4) for _ in range(steps // 4)])
    return losses.tobytes() + model.parameters.flat.tobytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_separate_models_are_trained(threads, same_alone):
    same_alone(lambda n: trained(n, threads))


def test_whole_runs(tmp_path, same_alone):
    def work(n):
        path = tmp_path / f"{n}.npz"
        options = {"hidden_size": 9, "max_steps": 40, "force": True, "quiet": True}
        gru_ext.train(TEXT, seed=n, output=path, **options)
        return gru_ext.load(path).parameters.flat.tobytes()

    same_alone(work)


def test_one_model_is_sampled(model, same_alone):
    def work(n):
        return [model.sample(60, "The ", temperature, seed=n) for temperature in (0.0, 0.5, 1.0)]

    same_alone(work)


def test_one_model_is_evaluated(model, same_alone):
    same_alone(lambda n: model.evaluate(TEXT[n:]).nats_per_char)


def test_one_model_is_saved_and_loaded(model, tmp_path, same_alone):
    def work(n):
        model.save(tmp_path / f"{n}.npz")
        return gru_ext.load(tmp_path / f"{n}.npz").parameters.flat.tobytes()

    same_alone(work)


def test_windows_on_shared_parameters(draw_parameters, draw_symbols, same_alone):
    V, H, B, T = 7, 33, 3, 11
    parameters, _ = draw_parameters(V, H, np.float64)
    windows = [draw_symbols(V, B, T, seed) for seed in range(CALLERS)]

    def work(n):
        workspace, gradients = Workspace(V, H, B, T, np.float64), Parameters(V, H, np.float64)
        for _ in range(20):
            loss = forward_window(parameters.flat, *windows[n], workspace)
            backward_window(parameters.flat, gradients.flat, workspace, 1.0)
        return loss, gradients.flat.tobytes()

    same_alone(work)


def process(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


SETUP = f"""
import os, sys
import gru_ext
TEXT = {TEXT!r}
def train():
    options = dict(hidden_size=17, batch_size=8, seq_length=8, max_steps=60, quiet=True)
    model = gru_ext.train(TEXT, threads=2, **options)
    return model.parameters.flat.tobytes() + model.sample(50, seed=1).encode()
"""


RACES = {
    "forward_window": """
x = np.zeros((64, 512), np.int32)
def call():
    forward_window(p.flat, x, x, workspace)
""",
    "SymbolStream": """
x = np.zeros((4, 512), np.int32)
stream = SymbolStream(p, 512)
def call():
    stream.read(x)
""",
    "TrainingLoop": """
x = np.zeros(64 * 512 * 2, np.int32)
loop = TrainingLoop(p.flat, p.like().flat, workspace, x)
def call():
    loop.steps(4, 0.1)
""",
    "iterate": """
x = np.zeros(4000, np.int32)
shapes = (3, H, V), (3, H, H), (3, H), (V, H), V
arrays = [np.zeros(shape) for shape in (*shapes, *shapes, H)]
def call():
    iterate(*arrays, x, 0, 50, 0.1, 5.0, np.zeros(60))
""",
}


@pytest.mark.parametrize("name", RACES)
def test_symbols_that_another_thread_changes_are_never_out_of_range(name):
    """A symbol of 2**30 is refused or not seen; as an index it would be a segmentation fault."""
    program = f"""
import sys, threading
import numpy as np
from gru_ext.core.classic import iterate
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.stream import SymbolStream
from gru_ext.core.windows import Workspace, forward_window
from gru_ext.model.parameters import Parameters
V, H = 3, 2
p, workspace, done, refused = Parameters(V, H), Workspace(V, H, 512, 64), [], []
{RACES[name]}
def write():
    while not done:
        x.fill(2**30)
        x.fill(0)
sys.setswitchinterval(1e-6)
writer = threading.Thread(target=write, daemon=True)
writer.start()
for _ in range(200):
    try:
        call()
    except ValueError as error:
        assert "must be from 0 to 2, not 1073741824" in str(error), error
done.append(True)
writer.join()
"""
    process(program)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_child_forked_after_threads_were_used_trains_and_samples():
    program = """
want = train()
child = os.fork()
if child == 0:
    os._exit(0 if train() == want else 1)
assert os.waitpid(child, 0)[1] == 0
assert train() == want
"""
    process(SETUP + program)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_pool_of_forked_processes():
    program = """
import multiprocessing
want = train()
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.starmap(train, [()] * 4) == [want] * 4
"""
    process(SETUP + program)


@pytest.mark.skipif(not FREE_THREADED, reason="needs a free-threaded Python")
def test_no_module_enables_the_gil():
    program = """
import importlib, pkgutil
for module in pkgutil.iter_modules(gru_ext.__path__):
    importlib.import_module(f"gru_ext.{module.name}")
    assert not sys._is_gil_enabled(), module.name
"""
    process(SETUP + program)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="needs isolated interpreters")
def test_subinterpreters_are_refused_and_the_main_one_still_works():
    """Like NumPy, which loads in one interpreter per process."""
    program = """
import _interpreters
want = train()
other = _interpreters.create()
failure = _interpreters.exec(other, "import gru_ext.core.kernels")
assert failure is not None and failure.type.__name__ == "ImportError", failure
assert "subinterpreters" in failure.msg, failure.msg
_interpreters.destroy(other)
assert train() == want
"""
    process(SETUP + program)
