# SPDX-License-Identifier: MIT
"""Training with the factors of matrix products rounded to bfloat16."""

import numpy as np
import pytest
import reference

from gru_ext.core import kernels
from gru_ext.core.bfloat16 import product_times
from gru_ext.core.matmul import active_matmul, use_matmul
from gru_ext.core.windows import Workspace, backward_window, forward_window
from gru_ext.model.parameters import Parameters


class Rounded(np.ndarray):
    """An array whose matrix products round both factors to bfloat16."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        plain = [np.asarray(x) for x in inputs]
        if ufunc is np.matmul:
            plain = [rounded(x) for x in plain]
        if out is not None:
            options["out"] = tuple(np.asarray(x) for x in out)
        result = getattr(ufunc, method)(*plain, **options)
        return result.view(Rounded) if isinstance(result, np.ndarray) else result


def rounded(x):
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)


def test_rounded():
    x = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -3.14159274, 0])
    want = [1, 1, 1 + 2**-6, 1 + 2**-7, -3.140625, 0]
    np.testing.assert_array_equal(rounded(x), want)


def window_of(
    parameters, V, H, B, T, layers, products, inputs, targets, resets, dropout, scale=1.0
):
    workspace = Workspace(
        V, H, B, T, layers=layers, resetting=True, dropping=True, products=products
    )
    hidden = np.random.default_rng(1).uniform(-1, 1, (layers, B, H))
    workspace.hidden[...] = hidden if layers > 1 else hidden[0]
    forward_window(parameters.flat, inputs, targets, workspace, resets, dropout, 3, 1)
    losses, gradients = workspace.losses.copy(), parameters.like()
    backward_window(parameters.flat, gradients.flat, workspace, scale)
    return losses, gradients, hidden


@pytest.mark.parametrize(
    ("V", "H", "B", "T", "layers", "dropout"),
    [
        (9, 16, 1, 5, 1, 0.0),
        (65, 33, 2, 9, 2, 0.2),
        (7, 130, 3, 7, 1, 0.0),
        (70, 48, 5, 30, 3, 0.1),
        (11, 25, 80, 3, 2, 0.0),
    ],
)
def test_window_against_the_oracle(
    V, H, B, T, layers, dropout, isa, draw_parameters, draw_symbols, padding_of
):
    """It is much closer to the equations with rounded factors than to those without."""
    parameters, values = draw_parameters(V, H, np.float32, layers=layers, scale=0.3)
    inputs, targets = draw_symbols(V, B, T)
    resets = np.random.default_rng(2).random((T, B)) < 0.1
    asked = inputs, targets, resets, dropout
    losses, gradients, hidden = window_of(parameters, V, H, B, T, layers, "bfloat16", *asked)
    factors = reference.stack_dropout(layers, T, B, H, dropout, 3, 1)
    distances = []
    for kind in (Rounded, np.ndarray):
        p = {name: np.asarray(value).view(kind) for name, value in values.items()}
        a = reference.forward(p, inputs, targets, hidden, resets, factors)
        g = reference.backward(p, inputs, targets, a)
        rest = [losses - a["loss"], *(gradients[name] - g[name] for name in g)]
        distances.append(np.concatenate([np.abs(x).ravel() for x in rest]).mean())
    assert distances[0] < distances[1] / 4
    assert not gradients.flat[padding_of(V, H, np.float32, layers)].any()


@pytest.mark.parametrize(("B", "T"), [(1, 1), (3, 1), (4, 3), (73, 2), (9, 61)])
@pytest.mark.parametrize(("H", "scale"), [(1, 1.0), (15, 1.0), (32, 1.0), (15, 1e-37)])
def test_kinds_of_products_give_the_same_bits(B, T, H, scale, draw_parameters, draw_symbols):
    """The instruction for pairs, where there is one, and fused multiply-adds.

    A small scale makes subnormal gradients, which are zero.
    """
    parameters, _ = draw_parameters(6, H, np.float32, layers=2)
    inputs, targets = draw_symbols(6, B, T)
    found = {}
    before = kernels.active_isa()
    try:
        for isa in kernels.available_isas():
            if isa == "generic":  # without fused multiply-add on x86-64
                continue
            for name in (isa, isa + "-plain"):
                kernels.use_isa(name)
                found[name] = window_of(
                    parameters, 6, H, B, T, 2, "bfloat16", inputs, targets, None, 0.0, scale
                )
    finally:
        kernels.use_isa(before)
    results = [(x.tobytes(), y.flat.tobytes()) for x, y, _ in found.values()]
    assert results[1:] == results[:-1]


def test_not_a_number_stays_one(draw_symbols):
    parameters = Parameters(5, 16, np.float32)
    parameters["Uz"][3, 4] = np.nan
    inputs, targets = draw_symbols(5, 4, 3)
    losses, _, _ = window_of(parameters, 5, 16, 4, 3, 1, "bfloat16", inputs, targets, None, 0.0)
    assert np.isnan(losses).all()


def test_times_of_products(isa):
    times = product_times()
    assert (
        {"float32", "fused multiply-adds"}
        <= set(times)
        <= {
            "float32",
            "fused multiply-adds",
            "vdpbf16ps",
        }
    )
    assert all(0 < time < 1e9 for time in times.values())
    assert product_times() == times  # measured once


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"products": "float16"}, "`products` must be 'bfloat16' or None, not 'float16'"),
        ({"products": "bfloat16", "training": False}, "are for training in float32"),
        ({"products": "bfloat16", "dtype": np.float64}, "are for training in float32"),
    ],
)
def test_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Workspace(5, 4, 2, 3, **options)


def test_refused_with_a_blas():
    pytest.importorskip("scipy")
    pytest.importorskip("threadpoolctl")
    before = active_matmul()
    try:
        use_matmul("blas")
        with pytest.raises(ValueError, match="need matmul 'native', not 'blas'"):
            Workspace(5, 4, 2, 3, products="bfloat16")
    finally:
        use_matmul(before)
