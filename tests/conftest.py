# SPDX-License-Identifier: MIT
"""Fixtures that several files share."""

import os
import signal

import numpy as np
import pytest
import reference
from model_files import members_of, trained
from training_runs import TEXT

import gru_ext
from gru_ext.core import kernels
from gru_ext.core.helper_threads import HelperThreads
from gru_ext.model import checkpoint
from gru_ext.model.parameters import Parameters
from gru_ext.training.snapshot import Snapshot

# Users' output is buffered.
os.environ.pop("PYTHONUNBUFFERED", None)
# A shell that runs the tests in the background has them, and what they start, ignore Ctrl-C; nohup
# has them ignore the end of the terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class _Calm:
    """As if no other program needed the processors."""

    def __init__(self, estimate):
        pass

    def plan(self, asked, windows):
        return asked, windows

    def note(self, asked, seconds, waited, each_step):
        pass


@pytest.fixture
def calm(monkeypatch):
    """Loops use as many threads as they are asked for, however busy the machine is."""
    for loop in "training_loop", "stream_reader":
        monkeypatch.setattr(f"gru_ext.core.{loop}.Contention", _Calm)


@pytest.fixture
def gathered(monkeypatch):
    """The numbers of helper threads that calls ask for, in order."""
    gather, numbers = HelperThreads.gather, []

    def counted(self, count):
        numbers.append(count)
        return gather(self, count)

    monkeypatch.setattr(HelperThreads, "gather", counted)
    return numbers


@pytest.fixture(params=kernels.available_isas())
def isa(request):
    """Each instruction set in turn; a Workspace keeps the one in use when it was made."""
    before = kernels.active_isa()
    kernels.use_isa(request.param)
    yield request.param
    kernels.use_isa(before)


@pytest.fixture(params=[np.float32, np.float64], ids=["f32", "f64"])
def dtype(request):
    return request.param


@pytest.fixture
def draw_parameters():
    """A function that draws Parameters, and the same values in float64 for the oracle."""

    def draw(V, H, dtype, seed=0, scale=0.5, layers=1):
        parameters = Parameters(V, H, dtype, layers=layers)
        parameters.assign(reference.random_parameters(V, H, seed, scale, layers))
        return parameters, {name: view.astype(np.float64) for name, view in parameters.items()}

    return draw


@pytest.fixture
def padding_of():
    """A function that gives the mask of the flat buffer's padding."""

    def mask(V, H, dtype, layers=1):
        named = Parameters(V, H, dtype, layers=layers)
        for view in named.values():
            view[...] = 1
        return named.flat == 0

    return mask


@pytest.fixture
def draw_symbols():
    """A function that draws inputs and targets, both (T, B)."""

    def draw(V, B, T, seed=0):
        return np.random.default_rng(seed).integers(0, V, (2, T, B)).astype(np.int32)

    return draw


@pytest.fixture
def assert_close(dtype):
    """A function that compares, to within 40 eps of the largest element, or of 1."""
    tolerance = 40 * np.finfo(dtype).eps

    def check(actual, want, what=""):
        largest = max(1.0, float(np.abs(want).max()))
        np.testing.assert_allclose(actual, want, rtol=0, atol=tolerance * largest, err_msg=what)

    return check


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a text and a model in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text(TEXT)
    gru_ext.train(TEXT, hidden_size=8, max_steps=30, quiet=True).save("m.npz")
    return tmp_path


@pytest.fixture(scope="session")
def valid(tmp_path_factory):
    """The bytes of a model file with its training state."""
    path = tmp_path_factory.mktemp("valid") / "model.npz"
    checkpoint.write(path, trained(optimizer="adam").checkpoint())
    return path.read_bytes()


@pytest.fixture(scope="session")
def members(valid):
    return members_of(valid)


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """The members of a file of two layers, whose last good state is another."""
    path = tmp_path_factory.mktemp("stack") / "model.npz"
    trainer = trained(layers=2, optimizer="adam", dropout=0.2, average_over=0.1)
    data = trainer.checkpoint()
    data.good = Snapshot(trainer).checkpoint()
    checkpoint.write(path, data)
    return members_of(path.read_bytes())
