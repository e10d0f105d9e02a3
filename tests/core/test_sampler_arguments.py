# SPDX-License-Identifier: MIT
"""The sampler's arguments, its state, and its use from several threads."""

import threading

import numpy as np
import pytest
from sampling_reference import regex_tables, stop_tables

from gru_ext.core.sampler import Sampler

V, B = 5, 2
NAN, INF = float("nan"), float("inf")
NEXT, ACCEPTING, TO_ACCEPT = regex_tables({0: {0: 1}, 1: {1: 2}, 2: {}}, [2], V)
REGEX = (NEXT, ACCEPTING, TO_ACCEPT)
STOP = stop_tables([(0, 1), (2,)], V)
EVERYTHING = {
    "temperature": 0.9,
    "top_k": 4,
    "top_p": 0.95,
    "min_p": 0.01,
    "typical_p": 0.95,
    "bias": np.linspace(-1, 1, V),
    "dry": 0.5,
    "dry_base": 1.2,
    "dry_length": 2,
    "dry_range": 20,
    "dry_breakers": [3],
    "regex": regex_tables({0: dict.fromkeys(range(V), 0)}, [0], V),
    "stop": stop_tables([(0, 1, 0), (3, 3)], V),
    "length": 50,
}


def changed(table, at, value):
    table = np.array(table)
    table[at] = value
    return table


REFUSED = [
    ("vocabulary_size", [0, -1, 2**24 + 1], [1.5, "5", None, True]),
    ("batch_size", [0, -1, 2**20 + 1], [1.5, "5", None, True]),
    ("dtype", [], [np.float16, np.int32, "no type"]),
    ("temperature", [-1e-9, NAN, INF, 10**400], ["1", None, True, 1j]),
    ("top_k", [-1, 2**24 + 1], [1.0, None, True]),
    ("top_p", [0, -1, 1.01, NAN, INF], ["1", None, True]),
    ("min_p", [-0.01, 1.01, NAN, INF], ["1", None, True]),
    ("typical_p", [0, -1, 1.01, NAN, INF], ["1", None, True]),
    ("surprise", [0, -1, 1e7, NAN, INF], ["1", True]),
    ("surprise_rate", [0, -1, 1.01, NAN, INF], ["1", None, True]),
    (
        "bias",
        [np.zeros(V + 1), np.zeros((1, V)), 0, [0, 0, 0, 0, NAN], [0, 0, 0, 0, INF], [-INF] * V,
         [0, 0, 0, 0, 1e7], [0, 0, 0, 0, -1e7]],
        [["a"] * V, [1j] * V],
    ),
    ("dry", [-0.1, NAN, INF, 1e7], ["1", None, True]),
    ("dry_base", [0.99, NAN, INF, 1e7], ["2", None, True]),
    ("dry_length", [0, -1, 2**24 + 1], [1.0, None, True]),
    ("dry_range", [1, -1, 2**24 + 1], [1.0, None, True]),
    ("dry_breakers", [[V], [-1], [2**40], [[0]], 0], [[0.5], ["a"]]),
    ("length", [0, -1, 1, 2**53 + 1], [1.0, "5", True]),
    (
        "regex",
        [
            (NEXT[:, :-1], ACCEPTING, TO_ACCEPT),
            (NEXT[0], ACCEPTING, TO_ACCEPT),
            (NEXT[:0], ACCEPTING[:0], TO_ACCEPT[:0]),
            (changed(NEXT, (1, 2), 3), ACCEPTING, TO_ACCEPT),
            (changed(NEXT, (1, 2), -2), ACCEPTING, TO_ACCEPT),
            (NEXT, ACCEPTING[:-1], TO_ACCEPT),
            (NEXT, ACCEPTING.astype(int), TO_ACCEPT),
            (NEXT, ACCEPTING, TO_ACCEPT[:-1]),
            (NEXT, ACCEPTING, TO_ACCEPT[:, None]),
            (NEXT, ACCEPTING, changed(TO_ACCEPT, 0, 0)),
            (NEXT, ACCEPTING, changed(TO_ACCEPT, 2, 1)),
            (NEXT, ACCEPTING, changed(TO_ACCEPT, 1, -1)),
            (NEXT, ACCEPTING, TO_ACCEPT.astype(np.int64) + 2**32),
            (NEXT, ACCEPTING, changed(TO_ACCEPT, 0, 10)),
            (np.broadcast_to(NEXT[0], (2**26, V)), ACCEPTING, TO_ACCEPT),
        ],
        [
            REGEX[:2],
            "abc",
            5,
            (NEXT.astype(float), ACCEPTING, TO_ACCEPT),
            (NEXT, ACCEPTING, TO_ACCEPT.astype(float)),
        ],
    ),
    (
        "stop",
        [
            (STOP[0][:, :-1], STOP[1]),
            (changed(STOP[0], (1, 2), -1), STOP[1]),
            (changed(STOP[0], (1, 2), len(STOP[0])), STOP[1]),
            (STOP[0], changed(STOP[1], 0, True)),
            (STOP[0], STOP[1][:-1]),
            (STOP[0], STOP[1].astype(float)),
        ],
        [REGEX, "ab", (STOP[0].astype(float), STOP[1])],
    ),
]  # fmt: skip


def settings_for(name):
    # a length that the regex fits in; a DRY penalty, so that its other settings matter
    settings = {"vocabulary_size": V, "batch_size": B, "dtype": np.float32}
    if name in ("regex", "length"):
        settings |= {"regex": REGEX, "length": 9}
    if name.startswith("dry"):
        settings |= {"dry": 1.0}
    return settings


@pytest.mark.parametrize(
    ("name", "values", "types"), REFUSED, ids=lambda x: x if isinstance(x, str) else ""
)
def test_arguments_are_refused(name, values, types):
    settings = settings_for(name)
    Sampler(**settings)
    for error, refused in ((ValueError, values), (TypeError, types)):
        for value in refused:
            with pytest.raises(error, match=None if name == "dtype" else f"`{name}"):
                Sampler(**settings | {name: value})


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"surprise": 1.0, "top_k": 3}, "top_k"),
        ({"surprise": 1.0, "top_p": 0.5}, "top_p"),
        ({"surprise": 1.0, "min_p": 0.5}, "min_p"),
        ({"surprise": 1.0, "typical_p": 0.5}, "typical_p"),
        ({"regex": REGEX}, "length"),
        ({"dry": 1.0, "dry_length": 1024}, "dry_range"),
        ({"dry": 1.0, "dry_range": 2**24, "batch_size": 17}, "dry_range"),
    ],
    ids=str,
)
def test_combinations_are_refused(settings, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        Sampler(**{"vocabulary_size": V, "batch_size": B, "dtype": np.float32} | settings)


def test_all_arguments_are_tested():
    tested = {name for name, _, _ in REFUSED} - {"vocabulary_size", "batch_size", "dtype"}
    assert tested == EVERYTHING.keys() | {"surprise", "surprise_rate"}


def logits_and_uniforms(n, dtype=np.float32):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, B, V)).astype(dtype), rng.random((n, B))


def test_arguments_of_choose_are_refused(dtype):
    logits, uniforms = logits_and_uniforms(4, dtype)
    other = np.float64 if dtype == np.float32 else np.float32
    sampler = Sampler(V, B, dtype)
    for wrong, error in (
        ((logits.astype(other), uniforms), TypeError),
        ((logits[:, :1], uniforms), ValueError),
        ((logits[:, :, :-1], uniforms), ValueError),
        ((logits[0], uniforms), ValueError),
        ((logits, uniforms[:-1]), ValueError),
        ((logits, uniforms[:, :1]), ValueError),
        ((logits, uniforms + 1), ValueError),
        ((logits, uniforms - 1), ValueError),
        ((logits, np.full_like(uniforms, np.nan)), ValueError),
        ((logits, np.full((4, B), "a")), TypeError),
        ((None, uniforms), TypeError),
    ):
        with pytest.raises(error, match=r"`(logits|uniforms)`"):
            sampler.choose(*wrong)
    assert sampler.choose(logits, uniforms)[0].shape == (4, B)
    assert sampler.choose(logits[:0], uniforms[:0])[0].shape == (0, B)


def test_arguments_of_read_are_refused():
    sampler = Sampler(V, B, np.float32, dry=1.0)
    for symbols, error in (
        ([[0, V]], ValueError),
        ([[0, -1]], ValueError),
        ([[0]], ValueError),
        ([0, 0], ValueError),
        ([[0.0, 0.0]], TypeError),
    ):
        with pytest.raises(error, match="`symbols`"):
            sampler.read(symbols)
    sampler.read(np.zeros((0, B), np.int64))


def test_properties(dtype):
    sampler = Sampler(V, B, dtype)
    assert (sampler.vocabulary_size, sampler.batch_size, sampler.dtype) == (V, B, dtype)
    assert sampler.ended.tolist() == [0, 0]


@pytest.mark.parametrize("more", [{}, {"top_k": 0, "top_p": 1, "min_p": 0, "typical_p": 1,
                                       "surprise": 1.0}], ids=["filters", "surprise"])  # fmt: skip
def test_state(more, dtype):
    """choose continues where it stopped; copies are independent; reset begins again."""
    logits, uniforms = logits_and_uniforms(60, dtype)
    sampler = Sampler(V, B, dtype, **EVERYTHING | more)
    want, ended = sampler.choose(logits, uniforms)
    assert 0 < (want >= 0).sum() < want.size
    for n in (0, 3, 20):
        sampler.reset()
        start, _ = sampler.choose(logits[:n], uniforms[:n])
        twin = sampler.copy()
        for each in (sampler, twin):
            rest, why = each.choose(logits[n:], uniforms[n:])
            np.testing.assert_array_equal(np.concatenate([start, rest]), want)
            np.testing.assert_array_equal(why, ended)
    assert ended.all()
    assert (sampler.choose(logits, uniforms)[0] == -1).all()


def test_a_copy_outlives_its_original(dtype):
    logits, uniforms = logits_and_uniforms(60, dtype)
    sampler = Sampler(V, B, dtype, **EVERYTHING)
    twin = sampler.copy()
    want = sampler.choose(logits, uniforms)
    del sampler
    np.testing.assert_array_equal(twin.choose(logits, uniforms)[0], want[0])


def test_arrays_are_copied(dtype):
    """What a caller writes later into its arrays changes nothing."""
    logits, uniforms = logits_and_uniforms(60, dtype)
    want, _ = Sampler(V, B, dtype, **EVERYTHING).choose(logits, uniforms)
    mine = dict(EVERYTHING)
    mine["bias"] = np.array(mine["bias"])
    for name in ("regex", "stop"):
        mine[name] = tuple(np.array(table) for table in mine[name])
    sampler = Sampler(V, B, dtype, **mine)
    mine["bias"][...] = 1e6
    for table in mine["regex"] + mine["stop"]:
        table[...] = 99
    np.testing.assert_array_equal(sampler.choose(logits, uniforms)[0], want)


def test_streams_are_independent(dtype):
    logits, uniforms = logits_and_uniforms(60, dtype)
    settings = EVERYTHING | {"regex": None}
    together, ended = Sampler(V, B, dtype, **settings).choose(logits, uniforms)
    for b in range(B):
        alone, why = Sampler(V, 1, dtype, **settings).choose(
            logits[:, b : b + 1], uniforms[:, b : b + 1]
        )
        np.testing.assert_array_equal(alone[:, 0], together[:, b])
        assert why[0] == ended[b]


def test_one_thread_at_a_time():
    """A second thread gets an error, or its symbols."""
    sampler = Sampler(300, 4, np.float32, top_p=0.9, dry=1.0)
    logits = np.random.default_rng(0).standard_normal((1000, 4, 300)).astype(np.float32)
    uniforms = np.full((1000, 4), 0.5)
    results = []

    def choose():
        try:
            results.append(sampler.choose(logits, uniforms)[0].min() >= 0)
        except RuntimeError as error:
            results.append("in use by another thread" in str(error))

    threads = [threading.Thread(target=choose) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4
