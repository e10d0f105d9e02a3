# SPDX-License-Identifier: MIT
"""Products with weights in int8 and bfloat16: the same numbers on every instruction set."""

import narrow_reference
import numpy as np
import pytest

from gru_ext.core import kernels, narrow, packing

KINDS = [isa + after for isa in kernels.available_isas() for after in ("", "-plain")]
SIZES = [(1, 1), (16, 3), (17, 4), (40, 16), (80, 17), (128, 33), (129, 64), (300, 130), (512, 5)]


@pytest.fixture(params=KINDS)
def kind(request):
    """Each instruction set, with and without VNNI."""
    before = kernels.active_isa()
    kernels.use_isa(request.param)
    yield request.param
    kernels.use_isa(before)


def draw(M, N, K, seed=0):
    """Activations in padded rows, some past -1 and 1, and weights of different magnitudes."""
    rng = np.random.default_rng(seed)
    a = np.zeros((M, -(-K // 16) * 16), np.float32)
    a[:, :K] = rng.uniform(-1.05, 1.05, (M, K))
    a[0, 0], a[-1, K - 1] = 1, -1
    return a, rng.normal(size=(N, K)) * rng.uniform(0.01, 3, (N, 1))


@pytest.mark.parametrize(("N", "K"), SIZES)
def test_int8(N, K, kind):
    for M in (1, 2, 3, 4, 5, 7, 64, 65, 131):
        a, weights = draw(M, N, K, M)
        values, scales = packing.to_int8(weights)
        found = narrow.matmul(a, packing.pack(values, scales), "int8", K)
        expected = narrow_reference.int8_product(a[:, :K], values, scales)
        np.testing.assert_array_equal(found[:, :N], expected, f"{M} rows")
        assert not found[:, N:].any()


def test_the_largest_sums_of_int8(kind):
    """No sum of two or four products leaves its bits."""
    K = 1000
    for sign in (-1, 1):
        a = np.zeros((4, 1008), np.float32)
        a[:, :K] = sign
        values = np.full((33, K), 127, np.int8)
        values[1] = -127
        scales = np.ones(33, np.float32)
        found = narrow.matmul(a, packing.pack(values, scales), "int8", K)[:, :33]
        expected = narrow_reference.int8_product(a[:, :K], values, scales)
        np.testing.assert_array_equal(found, expected)
        assert abs(found[0, 0]) == 127 * K


def test_activations_are_rounded_to_nearest_even(kind):
    """Each of 127 units counts; past 1 is 1, and so is what is not a number."""
    steps = np.arange(-300, 301, dtype=np.float32) / 254
    odd = np.array([np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-40, -0.0, 0.5 / 127], np.float32)
    numbers = np.concatenate([steps, np.nextafter(steps, 2), np.nextafter(steps, -2), odd])
    a = np.zeros((len(numbers), 16), np.float32)
    a[:, 0] = numbers
    packed = packing.pack(np.ones((1, 1), np.int8), np.full(1, 127, np.float32))
    found = narrow.matmul(a, packed, "int8", 1)[:, 0]
    expected = np.rint(np.clip(numbers * np.float32(127), -127, 127))
    np.testing.assert_array_equal(found, np.where(np.isnan(numbers), 127, expected))


@pytest.mark.parametrize(("N", "K"), SIZES)
def test_bfloat16(N, K, kind):
    """Each sum is that of a single row, in the order of k."""
    for M in (1, 2, 3, 4, 5, 7, 66):
        a, weights = draw(M, N, K, M)
        halves = packing.to_bfloat16(weights)
        found = narrow.matmul(a, packing.pack(halves), "bfloat16", K)
        wide = packing.from_bfloat16(halves).astype(np.float64)
        exact = a[:, :K].astype(np.float64) @ wide.T
        bound = np.abs(a[:, :K]).astype(np.float64) @ np.abs(wide).T
        assert (np.abs(found[:, :N] - exact) <= K * 2.0**-24 * bound + 1e-30).all()
        assert not found[:, N:].any()
        alone = [narrow.matmul(row[None], packing.pack(halves), "bfloat16", K) for row in a]
        np.testing.assert_array_equal(found, np.concatenate(alone))


@pytest.mark.parametrize("weights", ["int8", "bfloat16"])
@pytest.mark.parametrize(("N", "K"), SIZES)
def test_some_columns(N, K, weights, kind):
    """They are those of the whole product, and the others are left alone."""
    a, drawn = draw(5, N, K)
    rows = packing.to_int8(drawn) if weights == "int8" else (packing.to_bfloat16(drawn),)
    packed = packing.pack(*rows)
    whole = narrow.matmul(a, packed, weights, K)
    edges = range(0, whole.shape[1] + 1, 16)
    for n0 in edges[:: max(1, len(edges) // 7)]:
        for n1 in edges[n0 // 16 :: max(1, len(edges) // 5)]:
            expected = np.zeros_like(whole)
            expected[:, n0:n1] = whole[:, n0:n1]
            found = narrow.matmul(a, packed, weights, K, (n0, n1))
            np.testing.assert_array_equal(found, expected, f"{n0} to {n1}")


def test_rounding_to_bfloat16():
    """To nearest; a tie to the number whose last bit is 0."""
    bits = np.array([0x3F800000, 0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF], np.uint32)
    expected = [0x3F80, 0x3F80, 0x3F82, 0x3F81, 0x3F80]
    np.testing.assert_array_equal(packing.to_bfloat16(bits.view(np.float32)), expected)
    numbers = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    near = packing.from_bfloat16(packing.to_bfloat16(numbers))
    assert (np.abs(near - numbers) <= np.abs(numbers) * 2.0**-8).all()


def test_the_layout():
    """Lines of 16 columns, panels of lines, in each lane the weights of a column."""
    values = np.arange(17 * 5).reshape(17, 5).astype(np.int8)
    packed = packing.pack(values, np.ones(17, np.float32))
    rows = packed.view(np.uint32).reshape(4, 32)
    np.testing.assert_array_equal(rows[0, :17].view(np.float32), np.float32(1 / 127))
    assert not rows[0, 17:].any()
    sums = rows[1].view(np.int32)
    np.testing.assert_array_equal(sums[:17], -128 * values.sum(axis=1, dtype=int))
    np.testing.assert_array_equal(rows[2, :17].copy().view(np.int8).reshape(17, 4), values[:, :4])
    np.testing.assert_array_equal(rows[3, :17].copy().view(np.int8)[::4], values[:, 4])
    wide = packing.pack(np.ones((16 * 9, 2), np.uint16))
    assert wide.size == 16 * 9  # panels of 4 and 5 lines, of one row each


def test_arguments_are_checked():
    a, packed = np.zeros((2, 16), np.float32), np.zeros(16 * 3, np.float32)
    assert narrow.matmul(a, packed, "int8", 4).shape == (2, 16)
    for K in (0, 17, 1 << 17):
        with pytest.raises(ValueError, match="`a` must have"):
            narrow.matmul(a, packed, "int8", K)
    for wrong in (packed[:0], packed[:40], packed[:46]):
        with pytest.raises(ValueError, match="`packed` must have 3 elements"):
            narrow.matmul(a, wrong, "int8", 4)
    with pytest.raises(ValueError, match="`packed` must have"):
        narrow.matmul(a[:0], packed, "int8", 4)
    for columns in ((8, 16), (0, 8), (16, 0), (-16, 0), (0, 32)):
        with pytest.raises(ValueError, match="`columns` must be multiples of 16 from 0 to 16"):
            narrow.matmul(a, packed, "int8", 4, columns)
    with pytest.raises(TypeError, match="`a` must be an array of float32"):
        narrow.matmul(a.astype(np.float64), packed, "int8", 4)


def test_sizes_of_the_buffer():
    layout = kernels.layout
    full, small = layout(65, 512, 4, 2), layout(65, 512, 4, 2, "int8")
    matrices = 512 * (3 * 512 + 80 + 6 * 512)
    assert full["size"] - small["size"] == matrices - (2 + 128) * (9 * 512 + 80)
    assert layout(65, 512, 4, 2, "bfloat16")["size"] == full["size"] - matrices // 2
    assert layout(3, 1 << 16, 4, 1, "int8")["H"] == 1 << 16
    with pytest.raises(ValueError, match="hidden size must be at most 65536 with int8"):
        layout(3, (1 << 16) + 1, 4, 1, "int8")


def test_unknown_kinds_of_instructions():
    for name in ("generic-vnni", "-plain", "avx", "generic-plain-", "generi"):
        with pytest.raises(ValueError, match="is not available here"):
            kernels.use_isa(name)
