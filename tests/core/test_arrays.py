# SPDX-License-Identifier: MIT
"""Every function of the core refuses arrays that its kernels could not read."""

import array

import numpy as np
import pytest

from gru_ext.core import classic, kernels
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace, backward_window, forward_window
from gru_ext.model.parameters import Parameters

V, H, B, T = 5, 3, 2, 4
OTHER = {np.float32: np.float64, np.float64: np.float32}


def calls(dtype):
    """For each function of the core: itself, all its arguments, and the names of the real ones."""
    flat = Parameters(V, H, dtype).flat
    workspace = Workspace(V, H, B, T, dtype)
    x = np.ones(8, dtype)
    update = {"parameters": x, "memory": x.copy(), "gradients": x.copy(), "learning_rate": 0.1}
    shapes = (3, H, V), (3, H, H), (3, H), (V, H), (V,)
    names = "W", "U", "b", "Wy", "by"
    weights = {name: np.zeros(s, dtype) for name, s in zip(names, shapes, strict=True)}
    states = {f"m{name}": w.copy() for name, w in weights.items()}
    hidden = np.zeros(H, dtype)
    text = {"symbols": np.zeros(20, np.int32), "position": 0, "T": 4}
    rates = {"learning_rate": 0.1, "clip": 5.0, "losses": np.zeros(2)}
    window = {"workspace": workspace, "inputs": np.zeros((T, B), int), "targets": None}
    unary = {
        name: (getattr(kernels, name), {"x": x, "out": x.copy()}, "x out")
        for name in ("exp", "log", "tanh", "sigmoid")
    }
    return unary | {
        "clip": (kernels.clip, {"gradients": x, "limit": 1.0}, "gradients"),
        "dropout": (
            kernels.dropout,
            {"x": x[None], "out": x[None].copy(), "dropout": 0.5, "seed": 0, "update": 1},
            "x out",
        ),
        "adagrad_update": (kernels.adagrad_update, update, "parameters memory gradients"),
        "rmsprop_update": (kernels.rmsprop_update, update, "parameters memory gradients"),
        "adam_update": (
            kernels.adam_update,
            update | {"mean": x.copy(), "step": 1},
            "parameters memory mean gradients",
        ),
        "forward_window": (forward_window, {"parameters": flat} | window, "parameters"),
        "backward_window": (
            backward_window,
            {"parameters": flat, "gradients": flat.copy(), "workspace": workspace},
            "parameters gradients",
        ),
        "TrainingLoop": (
            TrainingLoop,
            {
                "parameters": flat,
                "memory": flat.copy(),
                "mean": flat.copy(),
                "workspace": workspace,
                "symbols": np.zeros(20, np.uint16),
                "optimizer": "adam",
            },
            "parameters memory mean symbols",
        ),
        "Parameters": (
            Parameters,
            {"vocabulary_size": V, "hidden_size": H, "dtype": dtype, "flat": flat},
            "flat",
        ),
        "iterate": (
            classic.iterate,
            weights | states | {"hidden": hidden} | text | rates,
            " ".join([*weights, *states, "hidden symbols losses"]),
        ),
        "sample": (
            classic.sample,
            weights | {"hidden": hidden, "first": 0, "uniforms": np.zeros(3)},
            " ".join([*weights, "hidden uniforms"]),
        ),
    }


CASES = [
    (name, what) for name, (_, _, arrays) in calls(np.float32).items() for what in arrays.split()
]
cases = pytest.mark.parametrize(("name", "what"), CASES)


def misaligned(a):
    memory = np.zeros(a.nbytes + 1, np.uint8)
    shifted = memory[1:].view(a.dtype).reshape(a.shape)
    shifted[...] = a
    return shifted


def prepared(name, dtype):
    function, arguments, _ = calls(dtype)[name]
    if name == "backward_window":
        symbols = np.zeros((T, B), np.uint8)
        forward_window(arguments["parameters"], symbols, symbols, arguments["workspace"])
    return function, arguments


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _ in CASES))
def test_right_arrays(name, dtype):
    function, arguments = prepared(name, dtype)
    function(**arguments)


@cases
def test_misaligned(name, what, dtype):
    function, arguments = prepared(name, dtype)
    wrong = misaligned(arguments[what])
    assert not wrong.flags.aligned
    with pytest.raises(ValueError, match=f"`{what}` must be aligned"):
        function(**arguments | {what: wrong})


@cases
def test_wrong_dtype(name, what, dtype):
    function, arguments = prepared(name, dtype)
    for other in (np.int64, np.float16, ">f4", OTHER[dtype], np.complex128):
        if arguments[what].dtype == other or (name == "clip" and other is OTHER[dtype]):
            continue
        # if the first array has the other dtype, it is another one that does not fit
        named = r"\w+" if other is OTHER[dtype] else what
        told = rf"`?{named}`? must be .*not (int64|float\d\d|>f4|complex128)$"
        with pytest.raises(TypeError, match=told):
            function(**arguments | {what: arguments[what].astype(other)})


@cases
def test_other_objects(name, what, dtype):
    function, arguments = prepared(name, dtype)
    for wrong in ("a", 1, arguments[what].tolist(), object()):
        with pytest.raises(TypeError, match=f"`{what}` must be an array of .*not "):
            function(**arguments | {what: wrong})


@cases
def test_strides_and_dimensions(name, what, dtype):
    function, arguments = prepared(name, dtype)
    right = arguments[what]
    with pytest.raises(ValueError, match=f"`{what}` must be C-contiguous"):
        function(**arguments | {what: np.repeat(right, 2, axis=-1)[..., ::2]})
    with pytest.raises(ValueError, match=rf"`{what}` must have {right.ndim} dimension"):
        function(**arguments | {what: right[None]})


@pytest.mark.parametrize(
    ("name", "what"),
    [
        (name, what)
        for name, what in CASES
        if what in ("parameters", "memory", "mean", "out", "losses", "mW", "mby", "hidden")
        and name not in ("forward_window", "backward_window", "sample")
    ]
    + [("backward_window", "gradients"), ("clip", "gradients")],
)
def test_read_only(name, what, dtype):
    function, arguments = prepared(name, dtype)
    wrong = arguments[what].copy()
    wrong.flags.writeable = False
    with pytest.raises(ValueError, match=f"`{what}` must be writable, not read-only"):
        function(**arguments | {what: wrong})


def test_wrong_dtype_in_our_words():
    p, g = np.ones(4, np.float32), np.ones(4, np.int64)
    with pytest.raises(
        TypeError, match=r"^`gradients` must be float32 as `parameters`, not int64$"
    ):
        kernels.adagrad_update(p, p.copy(), g, 0.1)
    with pytest.raises(
        TypeError, match=r"^`parameters` must be an array of float32 or float64, not int64$"
    ):
        kernels.adagrad_update(g, g, g, 0.1)


def test_any_object_with_a_buffer():
    p, m, g = (array.array("d", [1.0, 2.0]) for _ in range(3))
    kernels.adagrad_update(p, m, memoryview(g), 0.1)
    assert p[0] < 1


def test_a_missing_argument():
    with pytest.raises(TypeError, match="argument"):
        kernels.adagrad_update(np.ones(3))


@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("name", ["adagrad_update", "rmsprop_update", "adam_update", "iterate"])
def test_learning_rates(name, rate):
    function, arguments, arrays = calls(np.float32)[name]
    before = [arguments[what].tobytes() for what in arrays.split()]
    with pytest.raises(ValueError, match="`learning_rate` must be a positive finite number, not"):
        function(**arguments | {"learning_rate": rate})
    assert [arguments[what].tobytes() for what in arrays.split()] == before


def test_clip_of_classic():
    function, arguments, _ = calls(np.float32)["iterate"]
    for clip in (0, -1, np.nan):
        with pytest.raises(ValueError, match="`clip` must be a positive number"):
            function(**arguments | {"clip": clip})
