# SPDX-License-Identifier: MIT
"""Hidden states that are reset within a window, at the start of documents."""

import numpy as np
import pytest
import reference
from differences import central_differences
from training_runs import DOCUMENTS, NAMES

import gru_ext
from gru_ext import Parameters, Workspace
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import backward_window, forward_window


@pytest.fixture
def resets():
    """A function that draws resets (T, B), with one in the first and in the last time step."""

    def draw(T, B):
        drawn = np.random.default_rng(3).random((T, B)) < 0.3
        drawn[0, 0] = drawn[-1, -1] = True
        return drawn

    return draw


@pytest.mark.parametrize(("V", "H", "B", "T"), [(9, 17, 1, 7), (17, 9, 3, 40), (7, 33, 5, 70)])
def test_windows_with_resets(
    V, H, B, T, isa, dtype, draw_parameters, draw_symbols, resets, assert_close
):
    parameters, values = draw_parameters(V, H, dtype)
    workspace = Workspace(V, H, B, T, dtype, resetting=True)
    hidden = np.random.default_rng(2).uniform(-1, 1, (B, H))
    inputs, targets = draw_symbols(V, B, T)
    for given in (resets(T, B), None, ~resets(T, B)):  # resets of one call do not affect the next
        workspace.hidden[...] = hidden
        forward_window(parameters.flat, inputs, targets, workspace, given)
        a = reference.forward(values, inputs, targets, hidden, given)
        assert_close(workspace.losses, a["loss"])
        assert_close(workspace.states[1:], np.stack([h.T for h in a["h"][1:]]))
        gradients = Parameters(V, H, dtype)
        backward_window(parameters.flat, gradients.flat, workspace, 0.5)
        for name, g in reference.backward(values, inputs, targets, a, 0.5).items():
            assert_close(gradients[name], g, name)


@pytest.mark.parametrize(("B", "T"), [(1, 6), (3, 5), (5, 4)])
def test_central_differences(B, T, isa, draw_parameters, draw_symbols, resets):
    V, H = 5, 9
    parameters, _ = draw_parameters(V, H, np.float64, seed=V)
    inputs, targets = draw_symbols(V, B, T)
    workspace = Workspace(V, H, B, T, np.float64, resetting=True)

    def loss():
        workspace.hidden[...] = 0.5
        return forward_window(parameters.flat, inputs, targets, workspace, resets(T, B))

    loss()
    gradients = Parameters(V, H, np.float64)
    backward_window(parameters.flat, gradients.flat, workspace)
    for name, view in parameters.items():
        want = central_differences(loss, view)
        np.testing.assert_allclose(gradients[name], want, rtol=1e-6, atol=1e-9, err_msg=name)


def test_resets_are_checked(draw_parameters, draw_symbols):
    parameters, _ = draw_parameters(5, 4, np.float32)
    inputs, targets = draw_symbols(5, 2, 3)
    for workspace, given, message in (
        (Workspace(5, 4, 2, 3), np.zeros((3, 2), bool), "resetting=False"),
        (Workspace(5, 4, 2, 3, resetting=True), np.zeros((2, 3), bool), r"\(3, 2\)"),
        (Workspace(5, 4, 2, 3, resetting=True), np.zeros((3, 2), int), "bool"),
    ):
        with pytest.raises(ValueError, match=message):
            forward_window(parameters.flat, inputs, targets, workspace, given)


@pytest.mark.parametrize("text", [NAMES, DOCUMENTS])
@pytest.mark.parametrize(("B", "T"), [(1, 9), (3, 7), (5, 4)])
def test_training_resets_at_each_document(text, B, T, dtype, draw_parameters, assert_close):
    vocabulary = gru_ext.Vocabulary.from_text(text)
    separator = "\n" if text is NAMES else "<|end|>"
    V, H, windows = len(vocabulary), 9, 25
    parameters, values = draw_parameters(V, H, dtype)
    workspace = Workspace(V, H, B, T, dtype, threads=2, resetting=True)
    symbols = vocabulary.encode(text)
    loop = TrainingLoop(
        parameters.flat,
        np.zeros_like(parameters.flat),
        workspace,
        symbols,
        vocabulary.encode(separator),
    )
    losses = loop.steps(windows, 1e-3, threads=2)
    starts = np.array([text[: i + 1].endswith(separator) for i in range(len(text))])
    memory = {name: np.zeros_like(values[name]) for name in reference.NAMES}
    length = (len(text) - 1) // B + 1
    at = np.arange(length)[:, None] + np.arange(B) * (length - 1)
    position, hidden = 0, np.zeros((B, H))
    for loss in losses:
        if position + T + 1 >= length:
            position, hidden = 0, np.zeros((B, H))
        rows = at[position : position + T]
        a = reference.forward(values, symbols[rows], symbols[rows + 1], hidden, starts[rows])
        np.testing.assert_allclose(loss, a["loss"].sum(), rtol=1e-5)
        gradients = reference.backward(values, symbols[rows], symbols[rows + 1], a, 1 / B)
        reference.adagrad(values, memory, gradients, 1e-3)
        position, hidden = position + T, a["h"][-1].T


def test_the_loop_checks_its_separator():
    parameters = Parameters(4, 3)
    for separator, resetting in (([], True), ([[1]], True), ([1], False)):
        with pytest.raises(ValueError, match=r"separator|resetting"):
            TrainingLoop(
                parameters.flat,
                np.zeros_like(parameters.flat),
                Workspace(4, 3, 1, 2, resetting=resetting),
                np.zeros(9, np.uint8),
                np.array(separator, np.int32),
            )
