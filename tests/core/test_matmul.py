# SPDX-License-Identifier: MIT
"""Matrix products by the BLAS in SciPy, against the kernels; and errors without SciPy."""

import subprocess
import sys

import numpy as np
import pytest

from gru_ext.core import matmul
from gru_ext.core.sampler import Sampler
from gru_ext.core.sampling_loop import sample_symbols
from gru_ext.core.stream import SymbolStream
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace, backward_window, forward_window


@pytest.fixture
def blas():
    """A function that creates a workspace with the matrix products of that name."""
    pytest.importorskip("scipy")
    pytest.importorskip("threadpoolctl")

    def make(name, *sizes, kind=Workspace, **options):
        matmul.use_matmul(name)
        try:
            assert matmul.active_matmul() == name
            return kind(*sizes, **options)
        finally:
            matmul.use_matmul("native")

    return make


@pytest.mark.parametrize(("V", "H", "B", "T"), [(5, 7, 1, 5), (9, 33, 3, 4), (65, 40, 6, 70)])
def test_window(V, H, B, T, blas, dtype, draw_parameters, draw_symbols, padding_of, assert_close):
    parameters, _ = draw_parameters(V, H, dtype)
    inputs, targets = draw_symbols(V, B, T)
    results = {}
    for name in ("native", "blas"):
        workspace = blas(name, V, H, B, T, dtype)
        gradients = np.zeros_like(parameters.flat)
        loss = forward_window(parameters.flat, inputs, targets, workspace)
        backward_window(parameters.flat, gradients, workspace, 1 / B)
        results[name] = loss / (T * B), workspace.hidden.copy(), gradients
        assert not gradients[padding_of(V, H, dtype)].any()
    for got, want in zip(results["blas"], results["native"], strict=True):
        assert_close(got, want)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("optimizer", "clip_norm"), [("adagrad", np.inf), ("adam", 0.5)])
def test_training(threads, optimizer, clip_norm, blas, draw_parameters):
    V, H, B, T = 9, 17, 5, 6
    symbols = np.random.default_rng(0).integers(0, V, B * 40).astype(np.uint8)
    trained = {}
    for name in ("native", "blas"):
        parameters, _ = draw_parameters(V, H, np.float64)
        memory, mean = np.zeros((2, parameters.flat.size))
        workspace = blas(name, V, H, B, T, np.float64, threads=threads)
        means = {"mean": mean} if optimizer == "adam" else {}
        loop = TrainingLoop(
            parameters.flat, memory, workspace, symbols, optimizer=optimizer, **means
        )
        loop.steps(9, 0.1, threads=threads, eps=1e-6, clip_norm=clip_norm)
        trained[name] = np.stack([parameters.flat, memory, mean])
    np.testing.assert_allclose(trained["blas"], trained["native"], 1e-8, 1e-10)


@pytest.mark.parametrize("B", [1, 5])
def test_streams(B, blas, draw_parameters):
    V, H = 9, 17
    parameters, _ = draw_parameters(V, H, np.float64)
    uniforms = np.random.default_rng(1).random((40, B))
    sampled, predicted = [], []
    for name in ("native", "blas"):
        stream = blas(name, parameters, B, kind=SymbolStream)
        stream.read(np.full((1, B), 3))
        stream.read(np.full((1, B), 2))
        sampled.append(sample_symbols(stream, Sampler(V, B, np.float64), uniforms))
        predicted.append(stream.log_probabilities())
    np.testing.assert_array_equal(*sampled)
    np.testing.assert_allclose(*predicted, rtol=1e-12)


def test_the_number_of_blas_threads_is_restored(blas, draw_parameters, draw_symbols):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    V, H, B, T = 5, 9, 4, 3
    parameters, _ = draw_parameters(V, H, np.float32)
    workspace = blas("blas", V, H, B, T, training=False)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threadpoolctl.threadpool_info()
        forward_window(parameters.flat, draw_symbols(V, B, T)[0], None, workspace)
        assert threadpoolctl.threadpool_info() == before


def test_another_name():
    with pytest.raises(ValueError, match="matmul must be 'native' or 'blas', not 'mkl'"):
        matmul.use_matmul("mkl")
    assert matmul.active_matmul() == "native"


@pytest.mark.parametrize("missing", ["scipy", "threadpoolctl"])
def test_missing(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "scipy.linalg", raising=False)
    with pytest.raises(ImportError, match=r'pip install "gru-ext\[blas\]"'):
        matmul.use_matmul("blas")
    assert matmul.active_matmul() == "native"


def run_with(matmul_variable, code):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"GRU_EXT_MATMUL": matmul_variable, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_variable():
    pytest.importorskip("scipy")
    pytest.importorskip("threadpoolctl")
    done = run_with("blas", "from gru_ext.core import matmul; print(matmul.active_matmul())")
    assert done.stdout == "blas\n"


@pytest.mark.parametrize(
    ("value", "hide", "message"),
    [("mkl", "", "matmul must be"), ("blas", "sys.modules['scipy'] = None;", "gru-ext[blas]")],
)
def test_variable_on_the_command_line(value, hide, message):
    code = f"import sys; {hide} sys.argv = ['gru-ext', 'info'];"
    done = run_with(value, code + "from gru_ext.__main__ import main; sys.exit(main())")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
