# SPDX-License-Identifier: MIT
"""The forward and backward pass of a window against the reference; argument checks."""

import numpy as np
import pytest
import reference

from gru_ext import Vocabulary
from gru_ext.core import kernels
from gru_ext.core.windows import Workspace, backward_window, forward_window
from gru_ext.model.parameters import Parameters

# (V, H, B, T). Weights are packed if B >= 4; matmul_t packs if T * B > 64 and has chunks if > 256.
SIZES = [
    (1, 1, 1, 1),
    (1, 7, 2, 5),
    (7, 1, 3, 2),
    (7, 9, 1, 70),
    (8, 8, 2, 5),
    (8, 17, 9, 70),
    (9, 7, 3, 5),
    (9, 16, 4, 5),
    (16, 16, 1, 5),
    (16, 33, 5, 70),
    (17, 8, 9, 5),
    (17, 17, 2, 70),
    (17, 33, 4, 2),
    (33, 9, 5, 1),
    (33, 17, 3, 70),
    (33, 33, 1, 2),
    (1, 8, 4, 70),
    (9, 1, 5, 5),
]


@pytest.mark.parametrize(("V", "H", "B", "T"), SIZES)
def test_forward_and_backward(
    V, H, B, T, isa, dtype, draw_parameters, draw_symbols, padding_of, assert_close
):
    parameters, values = draw_parameters(V, H, dtype)
    inputs, targets = draw_symbols(V, B, T)
    hidden = np.random.default_rng(1).uniform(-1, 1, (B, H)).astype(dtype)
    workspace = Workspace(V, H, B, T, dtype)
    workspace.hidden[...] = hidden

    loss = forward_window(parameters.flat, inputs, targets, workspace)
    a = reference.forward(values, inputs, targets, hidden)
    assert workspace.states.shape == (T + 1, B, H)
    assert_close(workspace.states, np.swapaxes(a["h"], 1, 2), "states")
    assert_close(workspace.probabilities, np.swapaxes(a["p"], 1, 2), "probabilities")
    assert_close(workspace.losses, a["loss"], "losses")
    assert_close(loss, a["loss"].sum(), "loss")
    np.testing.assert_array_equal(workspace.hidden, workspace.states[-1])

    gradients = Parameters(V, H, dtype)
    scale = 0.37
    backward_window(parameters.flat, gradients.flat, workspace, scale)
    want = reference.backward(values, inputs, targets, a, scale)
    for name in reference.NAMES:
        assert_close(gradients[name], want[name], name)
    assert not gradients.flat[padding_of(V, H, dtype)].any()


@pytest.mark.parametrize("B", [1, 3, 4, 9])
def test_one_long_window_is_two_short_ones(B, isa, dtype, draw_parameters, draw_symbols):
    V, H, T = 9, 17, 6
    parameters, _ = draw_parameters(V, H, dtype)
    inputs, targets = draw_symbols(V, B, 2 * T)
    long, short = (Workspace(V, H, B, length, dtype) for length in (2 * T, T))
    long.hidden[...] = short.hidden[...] = 0.25
    forward_window(parameters.flat, inputs, targets, long)
    for half in (slice(0, T), slice(T, 2 * T)):
        forward_window(parameters.flat, inputs[half], targets[half], short)
        assert short.losses.tobytes() == long.losses[half].tobytes()
        assert short.states[1:].tobytes() == long.states[1:][half].tobytes()
    assert short.hidden.tobytes() == long.hidden.tobytes()


@pytest.mark.parametrize("B", [1, 5])
def test_window_shorter_than_the_workspace(B, isa, dtype, draw_parameters, draw_symbols):
    V, H, T = 8, 9, 3
    parameters, _ = draw_parameters(V, H, dtype)
    exact, large = Workspace(V, H, B, T, dtype), Workspace(V, H, B, 70, dtype)
    forward_window(parameters.flat, *draw_symbols(V, B, 70, seed=3), large)  # fills the buffers
    results = []
    for workspace in (exact, large):
        workspace.hidden[...] = 0.5
        gradients = Parameters(V, H, dtype)
        loss = forward_window(parameters.flat, *draw_symbols(V, B, T), workspace)
        assert workspace.losses.shape == (T, B)
        assert workspace.probabilities.shape == (T, B, V)
        states = workspace.states.tobytes()
        backward_window(parameters.flat, gradients.flat, workspace)
        results.append((loss, states, gradients.flat.tobytes()))
    assert results[0] == results[1]


def test_without_targets(isa, dtype, draw_parameters, draw_symbols):
    V, H, B, T = 9, 7, 4, 5
    parameters, _ = draw_parameters(V, H, dtype)
    inputs, targets = draw_symbols(V, B, T)
    training = Workspace(V, H, B, T, dtype)
    scoring = Workspace(V, H, B, T, dtype, training=False)
    assert forward_window(parameters.flat, inputs, targets, training) > 0
    assert forward_window(parameters.flat, inputs, None, scoring) == 0
    assert training.probabilities.tobytes() == scoring.probabilities.tobytes()
    assert training.hidden.tobytes() == scoring.hidden.tobytes()


@pytest.mark.parametrize("size", [1e3, 1e30])
@pytest.mark.parametrize("shift", [0, -3, 3])
def test_large_logits_do_not_overflow(size, shift, isa, dtype):
    """softmax(shift + (0, size, -size)) is (0, 1, 0); the loss is the largest logit minus y."""
    parameters = Parameters(3, 2, dtype)
    parameters["by"][:, 0] = np.multiply(size, [shift, shift + 1, shift - 1])
    workspace = Workspace(3, 2, 3, 1, dtype)
    symbols = np.array([[0, 1, 2]], np.int32)
    forward_window(parameters.flat, symbols, symbols, workspace)
    np.testing.assert_array_equal(workspace.probabilities, [[[0, 1, 0]] * 3])
    np.testing.assert_allclose(workspace.losses, [[size, 0, 2 * size]], rtol=1e-6)


@pytest.mark.parametrize("V", [5, 16, 17])
@pytest.mark.parametrize("where", [0, 3])
def test_loss_of_nan_probabilities_is_nan(V, where, isa, dtype, draw_parameters):
    parameters, _ = draw_parameters(V, 2, dtype)
    parameters["by"][where] = np.nan
    workspace = Workspace(V, 2, 1, 1, dtype)
    loss = forward_window(parameters.flat, *np.ones((2, 1, 1), np.int32), workspace)
    assert np.all(np.isnan(workspace.probabilities))
    assert np.isnan(loss)


def test_workspace_keeps_its_isa(isa, dtype, draw_parameters, draw_symbols):
    V, H, B, T = 9, 17, 5, 20
    parameters, _ = draw_parameters(V, H, dtype)
    results = []
    for other in (isa, *kernels.available_isas()):
        kernels.use_isa(isa)
        workspace = Workspace(V, H, B, T, dtype)
        kernels.use_isa(other)
        forward_window(parameters.flat, *draw_symbols(V, B, T), workspace)
        results.append(workspace.states.tobytes())
    assert len(set(results)) == 1


class TestArguments:
    """Each wrong argument must raise an error: the C-level functions check nothing."""

    V, H, B, T = 7, 5, 2, 4
    ERRORS = (TypeError, ValueError)

    @pytest.fixture(autouse=True)
    def _setup(self, dtype, draw_parameters):
        self.parameters, _ = draw_parameters(self.V, self.H, dtype)
        self.workspace = Workspace(self.V, self.H, self.B, self.T, dtype)
        self.good = np.zeros((self.T, self.B), np.int32)

    def forward(self, **other):
        arguments = {"parameters": self.parameters.flat, "inputs": self.good, "targets": self.good}
        return forward_window(**(arguments | other), workspace=self.workspace)

    def backward(self, **other):
        flat = self.parameters.flat
        backward_window(
            **({"parameters": flat, "gradients": np.zeros_like(flat)} | other),
            workspace=self.workspace,
        )

    def test_flat_buffers(self, dtype):
        flat = self.parameters.flat
        other = np.float64 if dtype == np.float32 else np.float32
        for wrong in (
            flat[:-1],
            np.append(flat, flat[:1]),
            flat[:0],
            np.repeat(flat, 2)[::2],
            flat[None],
            None,
            *(flat.astype(d) for d in (other, np.float16, np.int32)),
        ):
            with pytest.raises(self.ERRORS):
                self.forward(parameters=wrong)
            self.forward()
            for what in ("parameters", "gradients"):
                with pytest.raises(self.ERRORS):
                    self.backward(**{what: wrong})

    @pytest.mark.parametrize("what", ["inputs", "targets"])
    def test_symbols(self, what):
        good = self.good
        for dtype in (np.float32, np.bool_, object):
            with pytest.raises(TypeError, match=f"`{what}` must be an array of integers, not"):
                self.forward(**{what: good.astype(dtype)})
        for wrong in (good[:, :1], good[:, [0, 0, 0]], good[0], good[None]):
            with pytest.raises(ValueError, match=f"`{what}` must have shape"):
                self.forward(**{what: wrong})
        for length in (0, self.T + 1, 100):
            with pytest.raises(ValueError, match="sequence length"):
                self.forward(**{what: np.zeros((length, self.B), np.int32)})
        for symbol in (-1, self.V, 2**31 - 1, -(2**31)):
            for at in ((0, 0), (-1, -1)):
                wrong = good.copy()
                wrong[at] = symbol
                t, s = at[0] % self.T, at[1] % self.B
                told = f"`{what}` must be from 0 to 6, not {symbol} in time step {t} of stream {s}"
                with pytest.raises(ValueError, match=told):
                    self.forward(**{what: wrong})
        with pytest.raises(ValueError, match="the same shape"):
            self.forward(**{what: good[:-1]})

    @pytest.mark.parametrize("dtype_", ["u1", "i1", "<u2", ">u2", ">i4", "u4", "i8", "u8"])
    def test_symbols_of_any_integer_dtype(self, dtype_):
        good = np.random.default_rng(0).integers(0, self.V, (self.T, self.B)).astype(np.int32)
        want = self.forward(inputs=good, targets=good)
        self.workspace.hidden[...] = 0
        other = good.astype(dtype_)
        assert self.forward(inputs=other, targets=other) == want
        for wrong in {2**32, np.iinfo(dtype_).max}:  # as int32 the first would be 0
            if wrong <= np.iinfo(dtype_).max:
                other[0, 1] = wrong
                with pytest.raises(ValueError, match=f"not {wrong} in time step 0 of stream 1"):
                    self.forward(inputs=other)

    def test_symbols_of_a_vocabulary(self):
        vocabulary = Vocabulary("abcdefg")
        symbols = vocabulary.encode("abcdefgg").reshape(self.T, self.B)
        assert self.forward(inputs=symbols, targets=symbols) > 0

    @pytest.mark.parametrize("scale", [np.nan, np.inf])
    def test_scale(self, scale):
        self.forward()
        with pytest.raises(ValueError, match="`scale` must be a finite number, not"):
            self.backward(scale=scale)

    def test_strided_symbols(self):
        wide = np.random.default_rng(0).integers(0, self.V, (self.T, 2 * self.B)).astype(np.int32)
        loss = self.forward(inputs=wide[:, ::2], targets=wide[::-1, ::2])
        self.workspace.hidden[...] = 0
        assert loss == self.forward(inputs=wide[:, ::2].copy(), targets=wide[::-1, ::2].copy())

    def test_workspace(self, dtype):
        for sizes in (
            (0, 1, 1, 1),
            (1, 0, 1, 1),
            (1, 1, 0, 1),
            (1, 1, 1, 0),
            (-1, 1, 1, 1),
            (2**24 + 1, 1, 1, 1),
            (1, 2**40, 1, 1),
            (1, 1, 2**21, 1),
            (1, 1, 1, 2**25),
        ):
            with pytest.raises(ValueError, match="must be from 1"):
                Workspace(*sizes, dtype)
        for wrong in (np.float16, np.int32, ">f4", np.complex128):
            with pytest.raises(TypeError):
                Workspace(self.V, self.H, self.B, self.T, wrong)
        with pytest.raises(TypeError):
            forward_window(self.parameters.flat, self.good, self.good, None)
