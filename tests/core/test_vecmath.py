# SPDX-License-Identifier: MIT
"""exp, sigmoid, tanh and log of the kernels: errors in ulp, special values, all lengths."""

import numpy as np
import pytest

from gru_ext.core import kernels

FUNCTIONS = ("exp", "sigmoid", "tanh", "log")

# Largest error in ulp of the correctly rounded result, with and without fused multiply-add.
# f32: measured over every float with a normal result; f64: over 6e7 random numbers.
BOUNDS = {
    ("exp", "f32"): {"fma": 1.08, "baseline": 1.08},
    ("exp", "f64"): {"fma": 0.66, "baseline": 0.68},
    ("sigmoid", "f32"): {"fma": 1.53, "baseline": 1.96},
    ("sigmoid", "f64"): {"fma": 0.65, "baseline": 1.33},
    ("tanh", "f32"): {"fma": 1.10, "baseline": 1.12},
    ("tanh", "f64"): {"fma": 0.80, "baseline": 1.05},
    ("log", "f32"): {"fma": 1.97, "baseline": 1.97},
    ("log", "f64"): {"fma": 2.00, "baseline": 2.00},
}


def code(dtype):
    return f"f{8 * np.dtype(dtype).itemsize}"


def apply(name, x):
    y = np.full_like(x, -7)
    getattr(kernels, name)(x, y)
    return y


def exact(name, x):
    """The function, computed in a type with at least ten more bits than x."""
    wide = np.float64 if x.dtype == np.float32 else np.longdouble
    if np.finfo(wide).nmant < np.finfo(x.dtype).nmant + 10:
        pytest.skip("np.longdouble is no wider than float64 on this platform")
    x = x.astype(wide)
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x)) if name == "sigmoid" else getattr(np, name)(x)


def samples(name, dtype, n=200_000):
    """Arguments with a normal result: the whole range, and ranges with large errors."""
    rng = np.random.default_rng(2024)
    info = np.finfo(dtype)
    top, bottom = np.log(info.max), np.log(info.smallest_normal)  # of exp
    ranges = {
        "exp": [(bottom, top), (-1, 1), (-20, 20)],
        "sigmoid": [(-top, 40), (-20, 20), (-5, 5), (-1, 1)],
        "tanh": [(-20, 20), (-1, 1), (0.5, 3), (0.56, 0.57)],
        "log": [(0.5, 2), (0.7, 0.72), (0.9, 1.1), (0.999, 1.001)],
    }[name]
    parts = [rng.uniform(low, high, n) for low, high in ranges]
    if name in ("tanh", "log"):
        exponents = (bottom, np.log(20)) if name == "tanh" else (bottom, top)
        parts.append(np.exp(rng.uniform(*exponents, n)))
    x = np.concatenate(parts).astype(dtype)
    inside = {
        "exp": (x > bottom) & (x < top),
        "sigmoid": x > -top,
        "tanh": np.abs(x) >= info.smallest_normal,
        "log": x >= info.smallest_normal,
    }
    return x[inside[name]]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_in_ulp(name, isa, dtype):
    x = samples(name, dtype)
    want = exact(name, x)
    ulp = np.spacing(np.abs(want).astype(dtype)).astype(want.dtype)
    error = np.abs(apply(name, x) - want) / ulp
    worst = int(error.argmax())
    bound = BOUNDS[name, code(dtype)]["baseline" if isa == "generic" else "fma"]
    assert error[worst] <= bound, f"{name}({x[worst]!r}) is off by {error[worst]} ulp"


def test_exp_special_values(isa, dtype):
    info = np.finfo(dtype)
    x = np.array([0, -0.0, np.inf, info.max, -np.inf, -info.max, info.smallest_subnormal], dtype)
    y = apply("exp", x)
    np.testing.assert_array_equal(y[[0, 1, 4, 5, 6]], [1, 1, 0, 0, 1])
    assert np.all(np.isfinite(y[2:4]))
    np.testing.assert_allclose(y[2:4], info.max, rtol=1e-5)


def test_exp_stays_in_range_at_both_ends(isa, dtype):
    info = np.finfo(dtype)
    top, bottom = np.log(dtype(info.max)), np.log(info.smallest_normal)
    steps = np.arange(-100, 101)
    high = apply("exp", top + steps.astype(dtype) * np.spacing(top))
    assert np.all(np.isfinite(high))
    assert np.all(high > 0.999 * info.max)
    low = apply("exp", bottom + steps.astype(dtype) * np.spacing(np.abs(bottom)))
    # no subnormal results: about the smallest normal number, or 0
    assert np.all((low == 0) | (low > 0.999 * info.smallest_normal))
    assert np.all(low < 1.001 * info.smallest_normal)
    assert np.any(low == 0)
    assert np.any(low > 0)


def test_sigmoid_special_values(isa, dtype):
    info = np.finfo(dtype)
    x = np.array([0, -0.0, info.smallest_subnormal, np.inf, info.max, -np.inf, -info.max], dtype)
    y = apply("sigmoid", x)
    np.testing.assert_array_equal(y[:5], [0.5, 0.5, 0.5, 1, 1])
    assert np.all((y[5:] >= 0) & (y[5:] < info.smallest_normal))


def test_sigmoid_of_subnormal_result(isa, dtype):
    info = np.finfo(dtype)
    x = np.linspace(-np.log(info.max), np.log(info.smallest_normal), 100, dtype=dtype)[1:-1]
    y = apply("sigmoid", x)
    assert np.all((y > 0) & (y < info.smallest_normal))
    error = np.abs(y - exact("sigmoid", x)) / info.smallest_normal
    assert error.max() < 4 * info.eps


def test_tanh_special_values(isa, dtype):
    info = np.finfo(dtype)
    tiny = [0, info.smallest_subnormal, info.smallest_normal / 2, info.smallest_normal]
    x = np.array([*tiny, 20, 100, info.max, np.inf], dtype)
    want = np.array([*tiny, 1, 1, 1, 1], dtype)
    np.testing.assert_array_equal(apply("tanh", x), want)
    y = apply("tanh", -x)
    np.testing.assert_array_equal(y, -want)
    assert np.all(np.signbit(y))
    assert not np.any(np.signbit(apply("tanh", x)))


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_range(name, isa, dtype):
    y = apply(name, np.linspace(-1000, 1000, 100_001, dtype=dtype))
    assert y.min() >= (-1 if name == "tanh" else 0)
    assert y.max() == 1


def test_log_special_values(isa, dtype):
    info = np.finfo(dtype)
    x = np.array([1, 2, 0.5, info.max, info.smallest_normal], dtype)
    y = apply("log", x)
    assert y[0] == 0
    np.testing.assert_allclose(y, np.log(x), rtol=2 * info.eps)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_propagates(name, isa, dtype):
    """Also NaN with a payload: exp adds the low bits of a number to the exponent."""
    bits = np.dtype(f"u{np.dtype(dtype).itemsize}").type
    payload = np.array([0, 1, 0x7A2, 0x3FF], bits)
    nans = (np.array(np.nan, dtype).view(bits) | payload).view(dtype)
    x = np.concatenate([nans, -nans, [1, 0.5, 2]]).astype(dtype)
    assert np.array_equal(x[:4].view(bits), nans.view(bits))
    np.testing.assert_array_equal(np.isnan(apply(name, x)), np.isnan(x))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 16, 17, 33])
def test_any_length(name, n, isa, dtype):
    x = np.random.default_rng(n).uniform(0.1, 4, 64).astype(dtype)
    many = apply(name, x)
    out = np.full(n + 8, 77, dtype)
    getattr(kernels, name)(x[:n].copy(), out[:n])
    np.testing.assert_array_equal(out[:n], many[:n])
    np.testing.assert_array_equal(out[n:], 77)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_are_checked(name, dtype):
    f = getattr(kernels, name)
    x = np.ones(8, dtype)
    other = np.float64 if dtype == np.float32 else np.float32
    with pytest.raises(ValueError, match="must be the same"):
        f(x, np.ones(7, dtype))
    for wrong in (other, np.int32, np.float16, np.complex128):
        with pytest.raises((TypeError, ValueError)):
            f(x, np.ones(8, wrong))
    for wrong in (np.int64, np.float16):
        with pytest.raises(TypeError):
            f(np.ones(8, wrong), np.ones(8, wrong))
    with pytest.raises((TypeError, ValueError)):
        f(np.ones(16, dtype)[::2], x)
    with pytest.raises((TypeError, ValueError)):
        f(np.ones((8, 1), dtype), x)
    readonly = np.ones(8, dtype)
    readonly.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        f(x, readonly)
    f(readonly, x)
