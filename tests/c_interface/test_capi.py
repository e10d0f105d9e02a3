# SPDX-License-Identifier: MIT
"""The C-level functions are bit-identical to the Python functions of gru_ext.core."""

import ctypes
import os
import re
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import capi as c
import numpy as np
import pytest

import gru_ext
from gru_ext.core import kernels
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace, backward_window, forward_window

SIZES = [(5, 7, 1), (65, 33, 1), (2, 1, 1), (5, 7, 2), (65, 33, 3), (2, 1, 16)]


def snapshot():
    lines = Path(__file__).with_name("capi_snapshot.txt").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def test_the_snapshot_has_not_changed():
    now = {name: c.signature(name) for name in c.capi.__pyx_capi__}
    public = Path(gru_ext.__file__).with_name("capi.pxd").read_text()
    now |= dict(re.findall(r"^    (GRU_\w+) = (-?\d+)", public, re.MULTILINE))
    want = snapshot()
    assert {name: now.get(name) for name in want} == want
    assert c.api_version() == int(now["GRU_API_VERSION"])
    assert {f"GRU_{name}": str(value) for name, value in c.CONSTANTS.items()}.items() <= now.items()


def test_table_for_c():
    header = (Path(gru_ext.get_include()) / "gru_ext.h").read_text()
    names = re.findall(r"\(\*(\w+)\)\(", header)
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    at = pointer(c.capi._API, b"gru_ext.capi._API")
    version, count = (ctypes.c_int64 * 2).from_address(at)
    table = list((ctypes.c_void_p * count).from_address(at + 16))
    assert table == [c.address(f"gru_{name}") for name in names]
    assert [f"gru_{name}" in snapshot() for name in names] == [True] * count
    public = Path(gru_ext.__file__).with_name("capi.pxd").read_text()
    constants = re.findall(r"^    (GRU_\w+) = (-?\d+)", public, re.MULTILINE)
    in_header = re.findall(r"^    (GRU_\w+) = (-?\d+)", header, re.MULTILINE)
    assert [("GRU_API_VERSION", str(version)), *in_header] == constants


def test_constants_in_python():
    public = Path(gru_ext.__file__).with_name("capi.pxd").read_text()
    constants = dict(re.findall(r"^    (GRU_\w+) = (-?\d+)", public, re.MULTILINE))
    assert {name: getattr(c.capi, name) for name in constants} == {
        name: int(value) for name, value in constants.items()
    }
    typed = Path(gru_ext.__file__).with_name("capi.pyi").read_text()
    assert re.findall(r"^(GRU_\w+): int", typed, re.MULTILINE) == list(constants)
    assert not [name for name in c.capi.__dict__ if "GRU_" in name and name not in constants]


def test_every_pair_has_one_name():
    one_name = Path(gru_ext.__file__).with_name("capi_fused.pxd").read_text()
    pairs = {name[:-4] for name in c.capi.__pyx_capi__ if name.endswith("_f32")}
    assert set(re.findall(r"^cdef inline (?:int |gru_model \*)(\w+)\(", one_name, re.M)) == pairs
    for name in pairs:
        assert one_name.count(f" {name}_f32(") == one_name.count(f" {name}_f64(") == 1


def test_names_of_status_codes():
    for name, value in c.CONSTANTS.items():
        assert c.status_name(value) == f"GRU_{name}".encode()
    for value in (1, min(c.CONSTANTS.values()) - 1, 2**31 - 1, -(2**31)):
        assert c.status_name(value) is None


def test_public_declarations_stand_alone():
    public = Path(gru_ext.__file__).with_name("capi.pxd").read_text()
    imports = re.findall(r"^.*\bcimport\b.*$", public, re.MULTILINE)
    assert [line for line in imports if not line.startswith("from libc.")] == [imports[0]]
    assert "extern" not in public
    assert "class" not in public


@pytest.mark.parametrize(("V", "H", "layers"), SIZES)
def test_sizes(V, H, layers, dtype, draw_parameters):
    parameters, _ = draw_parameters(V, H, dtype, layers=layers)
    stream = c.Stream(parameters)
    layout = kernels.layout(V, H, np.dtype(dtype).itemsize, layers)
    Hp, Vp = layout["Hp"], layout["Vp"]
    want = [V, H, np.dtype(dtype).itemsize, layers * Hp, Vp, layout["size"]]
    assert [c.get(stream.model, what) for what in range(6)] == want
    offsets = [layout[name] for name in ("w", "b", "uzr", "uh", "wy", "by")]
    assert [c.get(stream.model, what) for what in range(7, 13)] == offsets
    above = [layers, layout["above"], layout["layer_size"], 0]
    assert [c.get(stream.model, what) for what in range(13, 17)] == above
    if layers == 1:
        assert c.get(stream.model, c.SCRATCH_SIZE) == 4 * Hp + 2 * Vp
    assert c.get(stream.model, 99) == c.get(stream.model, -1) == c.BAD_NUMBER
    assert c.flat_size(V, H, layers, parameters.flat.itemsize) == parameters.flat.size
    assert c.get(None, 0) == c.NULL
    assert c.isa_of(stream.model).decode() == kernels.active_isa()
    assert c.isa_of(None) is None


@pytest.mark.parametrize(("V", "H", "layers"), SIZES)
def test_one_stream(V, H, layers, isa, dtype, draw_parameters, draw_symbols, assert_close):
    parameters, _ = draw_parameters(V, H, dtype, layers=layers)
    inputs, targets = draw_symbols(V, 1, 9)
    workspace = Workspace(V, H, 1, 9, dtype, layers=layers)
    forward_window(parameters.flat, inputs, targets, workspace)
    stream = c.Stream(parameters)
    logits, logs = np.zeros((2, V), dtype)
    for t in range(9):
        assert stream.step(inputs[t, 0]) == c.OK
        states = stream.state.reshape(layers, -1)
        assert states[-1, :H].tobytes() == workspace.states[t + 1, 0].tobytes()
        assert not states[:, H:].any()
        assert_close(stream.cost(targets[t, 0]), workspace.losses[t, 0] / np.log(2))
        assert stream.call("logits", stream.state, logits) == c.OK
        want = parameters["Wy"] @ workspace.states[t + 1, 0] + parameters["by"].ravel()
        assert_close(logits, want)
        for temperature in (1.0, 0.3):
            assert stream.call("log_probabilities", stream.state, temperature, logs) == c.OK
            scaled = (want / temperature).astype(np.float64)
            scaled -= scaled.max()
            assert_close(logs, scaled - np.log(np.exp(scaled).sum()))
    assert stream.guarded()


def test_sampling(dtype, draw_parameters):
    V, H = 9, 17
    parameters, _ = draw_parameters(V, H, dtype)
    stream, symbol = c.Stream(parameters), np.zeros(1, np.int32)
    logs = np.zeros(V, dtype)
    for x in (1, 4, 2, 2, 7):
        assert stream.step(x) == c.OK
    stream.call("log_probabilities", stream.state, 0.7, logs)
    edges = np.cumsum(np.exp(logs.astype(np.float64)))
    for uniform in np.random.default_rng(0).random(100):
        assert stream.call("draw", stream.state, 0.7, uniform, symbol) == c.OK
        assert symbol[0] == np.searchsorted(edges / edges[-1], uniform, side="right")
    assert stream.call("draw", stream.state, 0.0, 0.999, symbol) == c.OK
    assert symbol[0] == logs.argmax()


@pytest.mark.parametrize("B", [1, 3, 5])
@pytest.mark.parametrize("T", [6, 70])
@pytest.mark.parametrize("layers", [1, 2])
def test_windows(B, T, layers, isa, dtype, draw_parameters, draw_symbols):
    V, H = 9, 33
    parameters, _ = draw_parameters(V, H, dtype, layers=layers)
    workspace = Workspace(V, H, B, T, dtype, layers=layers)
    windows = c.Windows(parameters, B, T)
    wanted, got = np.zeros((2, parameters.flat.size), dtype)
    for seed, steps in ((0, T), (1, T - 2)):
        inputs, targets = draw_symbols(V, B, steps, seed)
        loss = np.zeros(1)
        want = forward_window(parameters.flat, inputs, targets, workspace)
        backward_window(parameters.flat, wanted, workspace, 0.5)
        assert windows.call("forward", inputs, targets, steps, loss) == c.OK
        assert windows.call("backward", inputs, targets, 0.5, got) == c.OK
        assert loss[0] == want
        assert got.tobytes() == wanted.tobytes()
        assert windows.state[..., :H].tobytes() == workspace.hidden.tobytes()
        assert windows.call("backward", inputs, targets, 0.5, got) == c.OUT_OF_ORDER
    assert windows.guarded()


@pytest.mark.parametrize("B", [1, 3, 5])
@pytest.mark.parametrize("T", [6, 70])
@pytest.mark.parametrize("shift", [1, 63])
def test_forward_without_training(B, T, shift, isa, dtype, draw_parameters, draw_symbols):
    V, H = 9, 33
    parameters, _ = draw_parameters(V, H, dtype)
    workspace = Workspace(V, H, B, T, dtype)
    windows = c.Windows(parameters, B, T, training=False, shift=shift)
    inputs, targets = draw_symbols(V, B, T)
    loss = np.zeros(1)
    want = forward_window(parameters.flat, inputs, targets, workspace)
    assert windows.call("forward", inputs, targets, T, loss) == c.OK
    assert loss[0] == want
    assert windows.state[:, :H].tobytes() == workspace.hidden.tobytes()
    assert windows.call("forward", inputs, None, T, loss) == c.OK
    assert loss[0] == 0
    assert windows.guarded()


@pytest.mark.parametrize("B", [1, 5])
@pytest.mark.parametrize("T", [6, 70])
@pytest.mark.parametrize("tied", [False, True])
def test_training(B, T, tied, isa, dtype, draw_parameters):
    V, H, steps = 9, 33, 3
    symbols = np.random.default_rng(0).integers(0, V, (B, T * steps + 2)).astype(np.uint8)
    text = np.concatenate([symbols[:, :-1].ravel(), symbols[-1, -1:]])
    parameters, _ = draw_parameters(V, H, dtype)
    ours, _ = draw_parameters(V, H, dtype)
    if tied:
        for drawn in (parameters, ours):
            drawn["Wy"][...] = drawn["Wh"].T
    memory, sums = np.zeros((2, parameters.flat.size), dtype)
    loop = TrainingLoop(ours.flat, sums, Workspace(V, H, B, T, dtype), text, tied=tied)
    want = loop.steps(steps, 0.1, 0.5)
    windows, loss = c.Windows(c.model_of(parameters, tied), B, T), np.zeros(1)
    streams = np.stack([text[s * (T * steps + 1) :][: T * steps + 1] for s in range(B)], 1)
    for n in range(steps):
        window = np.ascontiguousarray(streams[n * T : (n + 1) * T + 1], np.int32)
        inputs, targets = window[:-1].copy(), window[1:].copy()
        done = windows.call("train_step", memory, inputs, targets, T, 0.1, 0.5, 1e-8, loss)
        assert (done, loss[0]) == (c.OK, want[n])
    assert parameters.flat.tobytes() == ours.flat.tobytes()
    assert memory.tobytes() == sums.tobytes()
    assert windows.guarded()


def test_adagrad(dtype, draw_parameters):
    parameters, _ = draw_parameters(5, 7, dtype)
    other, _ = draw_parameters(5, 7, dtype)
    random = np.random.default_rng(0)
    gradients, memory = random.random((2, parameters.flat.size)).astype(dtype)
    sums, stream = memory.copy(), c.Stream(parameters)
    arguments = (stream.model, memory, gradients, 0.1, 0.3, 1e-8)
    assert c.call("adagrad", dtype, *arguments) == c.OK
    kernels.adagrad_update(other.flat, sums, gradients, 0.1, 0.3, 1e-8)
    assert parameters.flat.tobytes() == other.flat.tobytes()
    assert memory.tobytes() == sums.tobytes()


@pytest.mark.parametrize("H", [3, 7, 64, 77])
def test_adagrad_keeps_tied_weights(H, dtype, draw_parameters):
    parameters, _ = draw_parameters(5, H, dtype)
    parameters["Wy"][...] = parameters["Wh"].T
    want = parameters.copy()
    gradients, memory = parameters.like(), parameters.like()
    random = np.random.default_rng(0)
    for values in (gradients, memory):
        for view in values.values():
            view[...] = random.random(view.shape)
    memory["Wy"][...] = 0
    added, sums, before = gradients.copy(), memory.copy(), gradients.flat.tobytes()
    added["Wh"][...] += added["Wy"].T
    added["Wy"][...] = 0
    handle = c.borrow(c.model_of(parameters, tied=True))
    arguments = (handle, memory.flat, gradients.flat, 0.1, 0.3, 1e-8)
    assert c.call("adagrad", dtype, *arguments) == c.OK
    c.free(handle)
    kernels.adagrad_update(want.flat, sums.flat, added.flat, 0.1, 0.3, 1e-8)
    want["Wy"][...] = want["Wh"].T
    assert parameters.flat.tobytes() == want.flat.tobytes()
    assert memory.flat.tobytes() == sums.flat.tobytes()
    assert gradients.flat.tobytes() == before


@pytest.mark.parametrize("options", [None, "tied", {}, {"tied": 1}, {"tied": False}])
def test_options_that_do_not_tie(options, draw_parameters):
    parameters, _ = draw_parameters(5, 7, np.float32)
    model, g = c.model_of(parameters, tied=False), np.ones_like(parameters.flat)
    model.about["options"] = options
    handle = c.borrow(model)
    assert c.call("adagrad", np.float32, handle, g * 0, g, 0.1, 0.3, 1e-8) == c.OK
    c.free(handle)
    assert (parameters["Wy"] != parameters["Wh"].T).any()


def test_wrapped_flat_buffer(dtype, draw_parameters):
    parameters, _ = draw_parameters(5, 7, dtype)
    size = np.dtype(dtype).itemsize
    model = c.wrap[size](parameters.flat.ctypes.data, 5, 7)
    assert c.get(model, c.FLAT_SIZE) == parameters.flat.size
    c.free(model)
    c.free(None)
    for V, H in ((0, 7), (5, 0), (1 << 25, 7), (5, 1 << 25), (-1, 7)):
        assert c.wrap[size](parameters.flat.ctypes.data, V, H) is None
    assert c.wrap[size](None, 5, 7) is None
    with pytest.raises(TypeError, match=r"gru_ext\.Model or Parameters, not list"):
        c.borrow([])


def test_wrapped_layers(dtype, draw_parameters):
    parameters, _ = draw_parameters(5, 7, dtype, layers=3)
    size = np.dtype(dtype).itemsize
    model = c.wrap_layers[size](parameters.flat.ctypes.data, 5, 7, 3)
    assert c.get(model, c.FLAT_SIZE) == parameters.flat.size
    c.free(model)
    for layers in (0, -1, 17):
        assert c.wrap_layers[size](parameters.flat.ctypes.data, 5, 7, layers) is None
        assert c.flat_size(5, 7, layers, size) == c.BAD_SIZE
    assert c.flat_size(0, 7, 1, 4) == c.flat_size(5, 7, 1, 2) == c.BAD_SIZE


def test_a_handle_keeps_the_weights(dtype):
    vocabulary = gru_ext.Vocabulary("abc")
    stream = c.Stream(gru_ext.Model.create(vocabulary, 300, dtype).parameters)
    flat = weakref.ref(stream.parameters.flat)
    stream.step(1)
    want, stream.parameters = stream.state.tobytes(), None
    stream.state[:] = 0
    assert stream.step(1) == c.OK
    assert stream.state.tobytes() == want
    assert flat() is not None
    del stream
    assert flat() is None


def test_two_threads_read_one_model(draw_parameters):
    parameters, _ = draw_parameters(9, 65, np.float64)
    symbols = np.random.default_rng(0).integers(0, 9, (2, 3000))
    read = {}

    def run(n, store):
        stream = c.Stream(parameters)
        for symbol in symbols[n]:
            stream.step(int(symbol))
        store[n] = stream.state.tobytes()

    threads = [threading.Thread(target=run, args=(n, read)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = {}
    for n in range(2):
        run(n, alone)
    assert read == alone


def test_symbols_that_another_thread_changes_are_never_out_of_range():
    """As an index the symbol 2**30 would be a segmentation fault."""
    program = """
import sys, threading
import capi as c, numpy as np
from gru_ext.model.parameters import Parameters
p, done = Parameters(3, 2), []
windows, memory = c.Windows(p, 64, 64), np.zeros_like(p.flat)
x = np.zeros((64, 64), np.int32)
def write():
    while not done:
        x[::2] = 2**30
        x.fill(0)
sys.setswitchinterval(1e-6)
threading.Thread(target=write, daemon=True).start()
for _ in range(1000):
    assert windows.call("train_step", memory, x, x, 64, 0.1, 5.0, 1e-8, None) in (0, -3)
done.append(True)
"""
    path = os.pathsep.join([str(Path(c.__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_borrowed_arrays_are_checked(dtype, draw_parameters):
    parameters, _ = draw_parameters(5, 7, dtype)
    parameters.flat.flags.writeable = False
    stream, g = c.Stream(parameters), np.zeros(parameters.flat.size, dtype)
    assert stream.step(1) == c.OK
    assert c.call("adagrad", dtype, stream.model, g, g, 0.1, 5.0, 1e-8) == c.READ_ONLY
    x = np.zeros((2, 1), np.int32)
    windows = c.Windows(parameters, 1, 2)
    assert windows.call("train_step", g, x, x, 2, 0.1, 5.0, 1e-8, None) == c.READ_ONLY
    for flat in (np.zeros(3, dtype), np.zeros(2 * g.size, dtype)[::2]):
        parameters._flat = flat
        with pytest.raises(ValueError, match="contiguous with"):
            c.borrow(parameters)
    parameters._flat = np.zeros(g.nbytes + 1, np.uint8)[1:].view(dtype)
    with pytest.raises(ValueError, match=f"aligned to {g.itemsize} bytes"):
        c.borrow(parameters)
    parameters._flat = np.zeros(g.size, np.int32)
    with pytest.raises(TypeError, match="float32 or float64, not int32"):
        c.borrow(parameters)
