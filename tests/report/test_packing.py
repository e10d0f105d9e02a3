# SPDX-License-Identifier: MIT
"""What a page keeps, and how arrays are packed."""

import base64

import numpy as np
import pytest

from gru_ext.report.packing import (
    LARGEST_PAGE,
    NOT_PREDICTED,
    activation_codes,
    bit_codes,
    is_small,
    packed,
    plan,
    probability_codes,
    rank_codes,
    separation_codes,
    symbol_dtype,
)


@pytest.mark.parametrize("n", [2, 100, 5_000, 1_000_000, 10**8])
@pytest.mark.parametrize("V", [1, 65, 256, 257, 20_000, 20_001, 65_536, 65_537, 1_114_112])
@pytest.mark.parametrize(("layers", "H"), [(1, 1), (1, 128), (2, 512), (16, 4096)])
def test_every_plan_fits(n, V, layers, H):
    p = plan(n, V, layers, H)
    size = symbol_dtype(V).itemsize
    assert 2 <= p.text <= n
    assert 1 <= p.alternatives <= p.text
    assert 2 <= p.window <= min(p.text, p.studied)
    assert p.studied <= min(n, 20_000)
    assert 1 <= p.units <= layers * H
    codes = p.text * (size + 2) + p.alternatives * 5 * (size + 2) + 3 * p.units * p.window
    entries = V if is_small(V) else p.text + 5 * p.alternatives
    # beside them there are the script, the style, the figures and what is said of 10,000 units
    assert codes * 4 / 3 + 12 * min(V, entries) < LARGEST_PAGE - 300_000
    # the numbers that are held in memory
    assert 3 * p.studied * layers * H <= 24_000_000 or p.studied <= 2_000


def test_small_texts_and_models_are_kept_as_a_whole():
    p = plan(4_000, 65, 1, 128)
    assert (p.text, p.alternatives, p.studied, p.window, p.units) == (*[4_000] * 4, 128)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.uint32, ">u2"])
def test_arrays_are_little_endian(dtype):
    array = np.array([[0, 1], [100, 127]], dtype)
    found = packed(array)
    data = np.frombuffer(base64.b64decode(found["base64"]), "<" + found["type"])
    assert data.tolist() == [0, 1, 100, 127]


def test_codes():
    assert bit_codes(np.array([np.nan, 0, 0.04, 0.06, 25.3, 25.4, 99, np.inf])).tolist() == [
        *(NOT_PREDICTED, 0, 0, 1, 253),
        *(254, 254, 254),
    ]
    assert rank_codes(np.array([0, 1, 255, 256, 10**6])).tolist() == [0, 1, 255, 255, 255]
    assert probability_codes(np.array([0, 0.5, 1], np.float32)).tolist() == [0, 32768, 65535]
    assert activation_codes(np.array([-1.0, 0, 1]), -1.0).tolist() == [0, 127, 254]
    assert activation_codes(np.array([0.0, 0.5, 1]), 0.0).tolist() == [0, 127, 254]
    assert separation_codes(np.array([-1, -0.004, 0.126, 1])).tolist() == [-100, 0, 13, 100]
