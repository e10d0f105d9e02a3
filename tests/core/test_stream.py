# SPDX-License-Identifier: MIT
"""Streams of symbols: against the reference, in any parts, copies, resets, errors."""

import copy
import threading

import numpy as np
import pytest
import reference

from gru_ext.core.stream import SymbolStream
from gru_ext.core.windows import Workspace, forward_window
from gru_ext.model.parameters import Parameters, draw_uniform
from gru_ext.text.documents import document_starts


def make(V, H, dtype, layers=1, seed=1, scale=1.0):
    parameters = Parameters(V, H, dtype, layers=layers)
    draw_uniform(parameters, np.random.default_rng(seed), scale)
    for name in parameters:
        if name[0] == "b":
            parameters[name][...] = np.random.default_rng(seed + 1).uniform(-1, 1)
    return parameters


def symbols_of(V, n, B, seed=0):
    return np.random.default_rng(seed).integers(0, V, (n, B)).astype(np.int32)


@pytest.mark.parametrize(("V", "H", "B"), [(9, 17, 1), (33, 16, 4), (7, 33, 9), (1, 3, 2)])
def test_losses_and_states(V, H, B, isa, dtype, draw_parameters, assert_close):
    """The loss of each symbol but the first, the states, and what is predicted next."""
    parameters, values = draw_parameters(V, H, dtype)
    read = symbols_of(V, 40, B)
    stream = SymbolStream(parameters, B)
    states = np.empty((40, B, 1, H), dtype)
    nats = stream.read(read, states=states)
    expected = reference.forward(values, read[:-1], read[1:], np.zeros((B, H)))
    assert np.all(nats[0] == 0)
    p = [reference.softmax(values["Wy"] @ h + values["by"]).T for h in expected["h"][1:]]
    chosen = np.take_along_axis(np.array(p), read[1:, :, None].astype(int), 2)[..., 0]
    assert_close(nats[1:], -np.log(chosen), "nats")
    assert_close(states[:-1, :, 0].transpose(0, 2, 1), np.array(expected["h"][1:]), "states")
    np.testing.assert_array_equal(stream.state, states[-1].transpose(1, 0, 2))


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("B", [1, 3, 5])
def test_predictions(layers, B, isa, dtype):
    parameters = make(17, 9, dtype, layers)
    stream = SymbolStream(parameters, B)
    stream.read(symbols_of(17, 30, B))
    top = stream.state[-1].astype(np.float64)
    logits = top @ parameters["Wy"].T.astype(np.float64) + parameters["by"][:, 0]
    eps = 200 * np.finfo(dtype).eps
    rows = (lambda x: x) if B > 1 else (lambda x: np.asarray(x)[None])
    np.testing.assert_allclose(rows(stream.logits()), logits, atol=eps, rtol=eps)
    for temperature in (1.0, 0.3, 4.0):
        scaled = logits / temperature
        log_p = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        found = rows(stream.log_probabilities(temperature))
        np.testing.assert_allclose(found, log_p, atol=eps, rtol=eps)
        p = rows(stream.probabilities(temperature))
        np.testing.assert_allclose(p, np.exp(log_p), atol=eps, rtol=20 * eps)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rows(stream.entropy()), -(p * np.log2(p)).sum(1), rtol=20 * eps)
    assert isinstance(stream.entropy(), float) == (B == 1)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("B", [1, 2, 7])
def test_any_parts_give_the_same_bits(layers, B, isa, dtype):
    """One call, symbol by symbol with and without predictions between, longer than a window."""
    V, n = 11, 700
    parameters = make(V, 13, dtype, layers)
    read = symbols_of(V, n, B)
    whole = SymbolStream(parameters, B)
    nats = whole.read(read)
    parts, start = [], 0
    apart = SymbolStream(parameters, B)
    rng = np.random.default_rng(5)
    while start < n:
        size = int(rng.choice([1, 1, 2, 17, 300]))
        if start and rng.random() < 0.5:
            apart.probabilities()
        parts.append(apart.read(read[start : start + size]))
        start += size
    np.testing.assert_array_equal(np.concatenate(parts), nats)
    assert apart.state.tobytes() == whole.state.tobytes()
    np.testing.assert_array_equal(apart.logits(), whole.logits())


@pytest.mark.parametrize("B", [2, 6])
def test_streams_of_a_batch_do_not_depend_on_each_other(B, isa, dtype):
    parameters = make(11, 13, dtype, 2)
    read = symbols_of(11, 50, B)
    batch = SymbolStream(parameters, B)
    nats = batch.read(read)
    for b in range(B):
        one = SymbolStream(parameters)
        np.testing.assert_array_equal(one.read(read[:, b : b + 1])[:, 0], nats[:, b])
        assert one.state[:, 0].tobytes() == batch.state[:, b].tobytes()
        np.testing.assert_array_equal(one.log_probabilities(), batch.log_probabilities()[b])


@pytest.mark.parametrize("separator", [[2], [1, 1], [0, 1, 0]])
def test_separators_as_in_training(separator, isa, dtype):
    """States are reset where training resets them, in any parts."""
    V, n, B = 3, 400, 2
    separator = np.array(separator, np.uint8)
    parameters = make(V, 8, dtype)
    read = symbols_of(V, n, B)
    resets = np.stack([document_starts(read[:, b], separator) for b in range(B)], axis=1)
    assert resets.any()
    workspace = Workspace(V, 8, B, n, dtype, training=False, resetting=True)
    forward_window(parameters.flat, read[:-1], read[1:], workspace, resets[:-1])
    expected = workspace.losses.copy()
    for step in (n, 7, 1):
        stream = SymbolStream(parameters, B, separator)
        nats = np.concatenate([stream.read(read[i : i + step]) for i in range(0, n, step)])
        np.testing.assert_array_equal(nats[1:], expected)


def test_starts_and_resets(isa, dtype):
    """At a start another text begins; at a reset the state before still predicts the symbol."""
    V, B = 9, 3
    parameters = make(V, 8, dtype)
    read = symbols_of(V, 30, B)
    mark = np.zeros(read.shape, bool)
    mark[11, 1] = mark[11, 2] = True
    fresh = SymbolStream(parameters).read(read[11:, 1:2])[:, 0]
    plain = SymbolStream(parameters, B).read(read)
    started = SymbolStream(parameters, B).read(read, starts=mark)
    was_reset = SymbolStream(parameters, B).read(read, resets=mark)
    np.testing.assert_array_equal(started[:, 0], plain[:, 0])
    np.testing.assert_array_equal(started[11:, 1], fresh)
    assert started[11, 1] == 0
    np.testing.assert_array_equal(was_reset[:12], plain[:12])
    np.testing.assert_array_equal(was_reset[12:, 1], fresh[1:])


def test_a_start_forgets_half_of_a_separator(dtype):
    parameters = make(3, 4, dtype)
    separator = np.array([1, 2])
    starts = np.array([[True], [True], [False]])
    read = np.array([[1], [2], [0]], np.int32)
    with_start = SymbolStream(parameters, separator=separator)
    with_start.read(read, starts=starts)
    alone = SymbolStream(parameters)
    alone.read(read[1:])
    assert with_start.state.tobytes() == alone.state.tobytes()


def test_copy_rewind_reset_and_state(isa, dtype):
    parameters = make(9, 8, dtype, 2)
    stream = SymbolStream(parameters, 2, np.array([1, 2]))
    stream.read(symbols_of(9, 20, 2))
    stream.read(np.array([[1, 1]]))  # half of a separator
    saved, twin = stream.copy(), copy.deepcopy(stream)
    later = stream.read(np.array([[2, 2], [5, 5]]))
    np.testing.assert_array_equal(saved.read(np.array([[2, 2], [5, 5]])), later)
    stream.rewind(twin)
    np.testing.assert_array_equal(stream.read(np.array([[2, 2], [5, 5]])), later)

    other = SymbolStream(parameters, 2, np.array([1, 2]))
    other.state = stream.state
    np.testing.assert_array_equal(other.probabilities(), stream.probabilities())
    before = other.state
    before[...] = 7
    assert not np.array_equal(other.state, before)

    stream.reset()
    assert not stream.started
    assert np.all(stream.state == 0)
    with pytest.raises(ValueError, match="read nothing yet"):
        stream.probabilities()
    with pytest.raises(ValueError, match="same model"):
        stream.rewind(SymbolStream(parameters, 1))
    with pytest.raises(ValueError, match="same model"):
        stream.rewind(SymbolStream(make(9, 8, dtype, 2), 2))


def test_changed_parameters_are_used(dtype):
    parameters = make(9, 8, dtype)
    stream = SymbolStream(parameters)
    stream.read(symbols_of(9, 5, 1))
    for name in parameters:
        parameters[name][...] *= 0.5
    fresh = SymbolStream(parameters)
    fresh.state = stream.state
    np.testing.assert_array_equal(
        stream.read(symbols_of(9, 20, 1)), fresh.read(symbols_of(9, 20, 1))
    )


def test_infinite_biases(isa, dtype):
    """A symbol that can never come costs infinity, and has no part in the entropy."""
    parameters = make(4, 5, dtype)
    parameters["by"][2] = -np.inf
    stream = SymbolStream(parameters)
    assert stream.read(np.array([[0], [2], [1]]))[1, 0] == np.inf
    assert stream.probabilities()[2] == 0
    assert stream.log_probabilities()[2] == -np.inf
    assert np.isfinite(stream.entropy())


def test_nothing_to_read(dtype):
    stream = SymbolStream(make(4, 5, dtype), 2)
    assert stream.read(np.empty((0, 2), np.int32)).shape == (0, 2)
    assert not stream.started
    assert SymbolStream(make(4, 5, dtype)).feed([]).shape == (0,)


def test_what_feed_takes_without_a_vocabulary(dtype):
    one, batch = SymbolStream(make(4, 5, dtype)), SymbolStream(make(4, 5, dtype), 2)
    assert one.feed(3).shape == (1,)
    assert one.feed([3, 1]).shape == one.feed(np.array([[3], [1]], np.uint8)).shape == (2,)
    assert batch.feed([[3, 1]]).shape == (1, 2)
    for stream, wrong in (
        (one, 4),
        (one, -1),
        (one, 0.5),
        (one, None),
        (one, "a"),
        (one, [[1, 2]]),
        (one, np.uint64(2**63)),
        (batch, 1),
        (batch, [1, 2]),
        (batch, [[1, 2, 3]]),
        (batch, [[1, 4]]),
    ):
        with pytest.raises((TypeError, ValueError)):
            stream.feed(wrong)
    assert batch.feed([[3, 1]]).shape == (1, 2)


def test_arguments_are_checked(dtype):
    parameters = make(4, 5, dtype)
    read = np.zeros((3, 2), np.int32)
    for wrong in (0, -1, 2**21):
        with pytest.raises(ValueError, match="batch_size"):
            SymbolStream(parameters, wrong)
    for separator in ([4], [-1], [[1]], ["a"]):
        with pytest.raises((TypeError, ValueError), match="separator"):
            SymbolStream(parameters, 1, np.array(separator))
    stream = SymbolStream(parameters, 2)
    for mask in (np.zeros((3, 1), bool), np.zeros((3, 2), np.uint8), [[True, False]]):
        for name in ("starts", "resets"):
            with pytest.raises(ValueError, match=name):
                stream.read(read, **{name: mask})
    for state in (
        np.zeros((1, 2, 4)),
        np.zeros((2, 5)),
        np.full((1, 2, 5), np.nan),
        np.full((1, 2, 5), 1e60) if dtype == np.float32 else np.full((1, 2, 5), np.inf),
        np.zeros((1, 2, 5), complex),
        "state",
    ):
        with pytest.raises((TypeError, ValueError), match="state"):
            stream.state = state
    stream.read(read)
    for temperature in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="temperature"):
            stream.probabilities(temperature)
    with pytest.raises(AttributeError):
        SymbolStream(None)
    with pytest.raises(TypeError):
        SymbolStream(parameters).rewind(None)


def test_copies_in_several_threads(dtype):
    """Copies share their buffers; each thread still gets its own result."""
    parameters = make(9, 33, dtype)
    read = symbols_of(9, 3000, 1)
    first = SymbolStream(parameters)
    expected = first.copy().read(read)
    found = {}

    def run(i, stream):
        found[i] = stream.read(read)

    threads = [threading.Thread(target=run, args=(i, first.copy())) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        np.testing.assert_array_equal(found[i], expected)


def test_assign_takes_rows_of_other_streams(isa, dtype):
    """States, last logits and what is known of a separator that has begun."""
    parameters = make(9, 8, dtype, 2)
    separator = np.array([1, 2])
    one, three = (SymbolStream(parameters, B, separator) for B in (1, 3))
    one.read(symbols_of(9, 12, 1))
    three.read(symbols_of(9, 15, 3))
    three.read(np.array([[1, 5, 1]]))
    apart = [three.copy() for _ in range(2)]
    for predicted in (False, True):
        if predicted:
            one.logits(), three.logits()
        batch = SymbolStream(parameters, 4, separator)
        batch.assign([three, one, three, three], [2, 0, 1, 2])
        expected = np.stack([three.logits()[2], one.logits(), *three.logits()[[1, 2]]])
        np.testing.assert_array_equal(batch.logits(), expected)
        read = np.array([[2, 2, 2, 2], [4, 4, 4, 4]])
        nats = batch.read(read)
        apart[predicted].read(read[:, :3])
        assert batch.state[:, 0].tobytes() == apart[predicted].state[:, 2].tobytes()
        assert batch.state[:, 2].tobytes() == apart[predicted].state[:, 1].tobytes()
        np.testing.assert_array_equal(nats[:, 0], nats[:, 3])
    for streams, rows in (
        ([one], [0]),
        ([one] * 4, [0, 0, 0, 1]),
        ([one] * 4, [0, 0, 0, -1]),
        ([batch] * 4, [0] * 4),
        ([SymbolStream(make(9, 8, dtype, 2), 1, separator)] * 4, [0] * 4),
        ([SymbolStream(parameters)] * 4, [0] * 4),
    ):
        with pytest.raises(ValueError, match=r"`(streams|rows)`"):
            batch.assign(streams, rows)
    with pytest.raises(TypeError):
        batch.assign([None] * 4, [0] * 4)
    unread = SymbolStream(parameters, 2, separator)
    unread.assign([one, SymbolStream(parameters, 1, separator)], [0, 0])
    assert not unread.started
