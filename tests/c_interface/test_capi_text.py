# SPDX-License-Identifier: MIT
"""Handles of model files: UTF-8 text to symbols and back, and the document separator."""

import ctypes

import capi as c
import numpy as np
import pytest
from training_runs import DOCUMENTS, TEXT

import gru_ext
from gru_ext.text.documents import document_starts

CHARS, BYTES = 1, 2


def encode(model, text, size=None):
    """The status, and the symbols of UTF-8 text."""
    count, data = ctypes.c_ssize_t(-9), bytes(text)
    out = np.full((len(data) if size is None else size) + 1, -7, np.int32)
    status = c.encode(model, data, len(data), out.ctypes.data, out.size - 1, ctypes.byref(count))
    if status:
        assert count.value == -9
        assert (out == -7).all()
        return status, None
    assert (out[count.value :] == -7).all()
    counted = ctypes.c_ssize_t()
    assert c.encode(model, data, len(data), None, 0, ctypes.byref(counted)) == c.OK
    assert counted.value == count.value
    return status, out[: count.value]


def decode(model, symbols, size=None):
    """The status, and the UTF-8 text of symbols."""
    count, symbols = ctypes.c_ssize_t(-9), np.ascontiguousarray(symbols, np.int32)
    out = np.full((4 * len(symbols) if size is None else size) + 1, 7, np.uint8)
    arguments = (symbols.ctypes.data, len(symbols), out.ctypes.data, out.size - 1)
    status = c.decode(model, *arguments, ctypes.byref(count))
    if status:
        assert count.value == -9
        assert (out == 7).all()
        return status, None
    return status, out[: count.value].tobytes()


VOCABULARIES = [
    gru_ext.Vocabulary("\nabcß€\U0001f600"),
    gru_ext.Vocabulary("ba\0"),
    gru_ext.Vocabulary("ab\ufffd", unknown=True),
    gru_ext.Vocabulary.from_text("any", "bytes"),
]


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=repr)
def test_encoding_and_decoding(vocabulary, tmp_path):
    gru_ext.Model.create(vocabulary, 9).save(tmp_path / "m.npz")
    handle = c.open_model(tmp_path / "m.npz")
    assert c.get(handle, c.UNITS) == (BYTES if vocabulary.units == "bytes" else CHARS)
    points = c.at(c.characters_of(handle), np.uint32, len(vocabulary))
    assert "".join(map(chr, points)) == vocabulary.characters
    for text in ("", "ab", "a\ufffdb", vocabulary.characters[:7] * 3, "ß\U0001f600\u20ac"):
        try:
            want = vocabulary.encode(text)
        except ValueError:
            assert encode(handle, text.encode()) == (c.BAD_SYMBOL, None)
            continue
        status, symbols = encode(handle, text.encode())
        assert status == c.OK
        assert symbols.tolist() == want.tolist()
        status, back = decode(handle, symbols)
        assert status == c.OK
        assert back == (
            vocabulary.to_bytes(want)
            if vocabulary.units == "bytes"
            else vocabulary.decode(want).encode()
        )
        if len(symbols):
            assert encode(handle, text.encode(), len(symbols) - 1)[0] == c.TOO_SMALL
            assert decode(handle, symbols, len(back) - 1)[0] == c.TOO_SMALL
        assert encode(handle, text.encode(), len(symbols))[0] == c.OK
        assert decode(handle, symbols, len(back))[0] == c.OK
    for symbol in (-1, len(vocabulary), 2**31 - 1, -(2**31)):
        assert decode(handle, [0, symbol])[0] == c.BAD_SYMBOL
    c.free(handle)


def test_utf8_is_that_of_python(tmp_path):
    """Every code point, and every two and some three bytes."""
    gru_ext.Model.create(gru_ext.Vocabulary("a\ufffd", unknown=True), 9).save(tmp_path / "m.npz")
    handle, random = c.open_model(tmp_path / "m.npz"), np.random.default_rng(0)
    edges = (0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF)
    texts = [chr(point).encode() for point in edges]
    texts += [bytes(pair) for pair in np.ndindex(256, 256)]
    starts = (0xC0, 0xC1, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF)
    ends = random.choice([0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0], (4000, 3))
    texts += [bytes([starts[i % len(starts)], *end]) for i, end in enumerate(ends.tolist())]
    texts += [text[:-1] for text in texts[-1000:]]
    for text in texts:
        count = ctypes.c_ssize_t()
        status = c.encode(handle, text, len(text), None, 0, ctypes.byref(count))
        try:
            want = (c.OK, len(text.decode()))
        except UnicodeDecodeError:
            want = (c.BAD_TEXT, 0)
        assert (status, count.value) == want, text
    c.free(handle)


def test_text_refusals(draw_parameters):
    count = ctypes.byref(ctypes.c_ssize_t())
    handle = c.borrow(draw_parameters(3, 2, np.float32)[0])
    assert c.encode(handle, b"a", 1, None, 0, count) == c.NO_VOCABULARY
    assert c.decode(handle, None, 0, None, 0, count) == c.NO_VOCABULARY
    assert (c.get(handle, c.UNITS), c.characters_of(handle)) == (0, None)
    assert c.separator_of(handle) is c.separator_of(None) is c.characters_of(None) is None
    c.free(handle)
    handle = c.borrow(gru_ext.Model.create(gru_ext.Vocabulary("abc"), 2))
    for model, data, n, to in ((None, b"a", 1, count), (handle, None, 1, count)):
        assert c.encode(model, data, n, None, 0, to) == c.NULL
    assert c.encode(handle, b"a", 1, None, 0, None) == c.NULL
    assert c.encode(handle, b"a", -1, None, 0, count) == c.BAD_SIZE
    assert c.decode(handle, None, 1, None, 0, count) == c.NULL
    assert c.decode(handle, None, 0, None, 0, None) == c.NULL
    assert c.decode(None, None, 0, None, 0, count) == c.NULL
    assert c.decode(handle, None, -1, None, 0, count) == c.NULL
    c.free(handle)


@pytest.mark.parametrize("separator", ["<|end|>", "\n", "aa"])
def test_separators(separator):
    text = DOCUMENTS + "aaaa\n\naa" if separator != "\n" else TEXT
    model = gru_ext.Model.create(gru_ext.Vocabulary.from_text(text), 3)
    model.about["document_separator"] = separator
    handle, symbols = c.borrow(model), model.vocabulary.encode(text).astype(np.int32)
    k, want = len(separator), document_starts(symbols, model.separator)
    assert c.get(handle, c.SEPARATOR_SIZE) == k
    assert c.at(c.separator_of(handle), np.int32, k).tolist() == model.separator.tolist()
    recent, resets = np.full((1, k), -1, np.int32), np.full(len(symbols), 9, np.uint8)
    for start, stop in ((0, 1), (1, 100), (100, len(symbols))):
        part = (symbols[start:].ctypes.data, recent.ctypes.data, resets[start:].ctypes.data)
        assert c.mark_resets(handle, 1, stop - start, *part) == c.OK
    assert resets.tolist() == want.tolist()
    B, T = 3, len(symbols) // 3
    streams = np.ascontiguousarray(symbols[: B * T].reshape(B, T).T)
    recent, resets = np.full((B, k), -1, np.int32), np.zeros((T, B), np.uint8)
    arrays = [a.ctypes.data for a in (streams, recent, resets)]
    assert c.mark_resets(handle, B, T, *arrays) == c.OK
    for b in range(B):
        assert resets[:, b].tolist() == document_starts(streams[:, b], model.separator).tolist()
    for i in range(3):
        assert c.mark_resets(handle, B, T, *arrays[:i], None, *arrays[i + 1 :]) == c.NULL
    assert c.mark_resets(None, B, T, *arrays) == c.NULL
    assert (
        c.mark_resets(handle, 0, T, *arrays) == c.mark_resets(handle, B, 0, *arrays) == c.BAD_SIZE
    )
    c.free(handle)
