# SPDX-License-Identifier: MIT
"""Files of ONNX that others have written, and such as cannot be converted."""

import numpy as np
import pytest
from exported import TEXT, VOCABULARIES, drawn, skip_without

from gru_ext import export
from gru_ext.export.gates import stacked
from gru_ext.model.checkpoint import CheckpointError

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

V, H = len(VOCABULARIES["chars"]), 6
CELL = {"hidden_size": H, "linear_before_reset": 0}


def graph_of(model, output="MatMul", bias=True, constants=False, typed=False, **changed):
    """A graph as another program may write it: sequences (T, N, V), no metadata."""
    node, nodes, tensors = helper.make_node, [], []

    def weights(name, array):
        array = np.ascontiguousarray(array)
        if typed:
            tensor = helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.ravel())
        else:
            tensor = numpy_helper.from_array(array, name)
        if constants:
            nodes.append(node("Constant", [], [name], value=tensor))
        else:
            tensors.append(tensor)
        return name

    x = "x"
    for layer, gates in enumerate(stacked(model.parameters), 1):
        inputs = [weights(f"W{layer}", gates.W[None]), weights(f"R{layer}", gates.U[None])]
        if bias:
            halves = np.concatenate([gates.b / 2, gates.b / 2])[None]
            inputs.append(weights(f"B{layer}", halves))
        nodes.append(node("GRU", [x, *inputs], [f"y{layer}"], **CELL | changed))
        nodes.append(node("Squeeze", [f"y{layer}", "one"], [f"h{layer}"]))
        x = f"h{layer}"
    tensors.append(numpy_helper.from_array(np.array([1]), "one"))
    Wy, by = model.parameters["Wy"], model.parameters["by"][:, 0]
    if output == "MatMul":
        nodes.append(node("MatMul", [x, weights("Wy", Wy.T)], ["logits"]))
        if bias:
            nodes.append(node("Add", [weights("by", by), "logits"], ["out"]))
    else:
        nodes.append(node("Reshape", [x, "flat"], ["rows"]))
        tensors.append(numpy_helper.from_array(np.array([-1, H]), "flat"))
        inputs = ["rows", weights("Wy", Wy), *([weights("by", by)] if bias else [])]
        nodes.append(node("Gemm", inputs, ["logits"], transB=1))
        nodes.append(node("Softmax", ["logits"], ["out"]))
    value = helper.make_tensor_value_info
    return helper.make_graph(
        nodes,
        "other",
        [value("x", TensorProto.FLOAT, ["T", "N", V])],
        [value("logits", TensorProto.FLOAT, None)],
        tensors,
    )


def written(path, graph):
    path.write_bytes(helper.make_model(graph).SerializeToString())
    return path


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("constants", [False, True])
@pytest.mark.parametrize("output", ["MatMul", "Gemm"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_graphs_of_others(tmp_path, layers, bias, output, constants, typed):
    model = drawn(layers=layers)
    if not bias:
        for name, view in model.parameters.items():
            view[...] *= name[0] != "b"
    path = written(tmp_path / "a.onnx", graph_of(model, output, bias, constants, typed))
    again = export.load(path, model.vocabulary)
    assert again.parameters == model.parameters
    with pytest.raises(CheckpointError, match=r"a\.onnx holds weights without a vocabulary"):
        export.load_onnx(path)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"linear_before_reset": 1}, "linear_before_reset=1: its reset gate comes after"),
        ({"direction": "reverse"}, "direction='reverse', which"),
        ({"direction": "bidirectional"}, "direction='bidirectional', which"),
        ({"activations": ["Sigmoid", "Relu"]}, "activations="),
        ({"clip": 1.0}, r"clip=1\.0, which"),
        ({"domain": "other"}, "node GRU of the domain 'other'"),
    ],
    ids=str,
)
def test_other_cells_are_refused(tmp_path, changed, error):
    path = written(tmp_path / "a.onnx", graph_of(drawn(), **changed))
    with pytest.raises(CheckpointError, match=rf"a\.onnx has a node GRU.*{error}|{error}"):
        export.load(path, drawn().vocabulary)


def test_the_default_attributes(tmp_path):
    graph = graph_of(drawn(), direction="forward", activations=["Sigmoid", "Tanh"], layout=0)
    again = export.load(written(tmp_path / "a.onnx", graph), drawn().vocabulary)
    assert again.parameters == drawn().parameters


def tensor_of(graph, name):
    return next(tensor for tensor in graph.initializer if tensor.name == name)


def node_of(graph, kind):
    return next(node for node in graph.node if node.op_type == kind)


HARM = {
    "no GRU": (lambda g: g.node.pop(0), "no node GRU"),
    "no output": (lambda g: g.ClearField("node") or g.node.add(op_type="GRU"), "weights ''"),
    "many": (lambda g: [g.node.append(g.node[0]) for _ in range(16)], "has 17 layers: at most 16"),
    "a second without inputs": (
        lambda g: g.node.insert(1, onnx.NodeProto(op_type="GRU")),
        "do not read each other's states",
    ),
    "a damaged attribute": (
        lambda g: g.node[0].attribute.add(name="clip", ref_attr_name="x"),
        "is a damaged file of ONNX",
    ),
    "another operator": (
        lambda g: setattr(node_of(g, "MatMul"), "op_type", "Relu"),
        "node 'Relu' after the last GRU",
    ),
    "two products": (lambda g: g.node.append(node_of(g, "MatMul")), "there must be one MatMul"),
    "an input for weights": (
        lambda g: node_of(g, "GRU").input.__setitem__(1, "x"),
        "'x' that are not a constant",
    ),
    "another file": (
        lambda g: setattr(tensor_of(g, "W1"), "data_location", TensorProto.EXTERNAL),
        "'W1' in another file",
    ),
    "huge": (lambda g: tensor_of(g, "W1").dims.__setitem__(2, 2**40), "with 1512 bytes"),
    "huge and empty": (
        lambda g: (
            tensor_of(g, "R1").ClearField("raw_data")
            or tensor_of(g, "R1").dims.__setitem__(1, 2**62)
        ),
        "with 0 bytes",
    ),
    "negative": (lambda g: tensor_of(g, "R1").dims.__setitem__(2, -6), "impossible shape"),
    "flat": (lambda g: tensor_of(g, "W1").dims.pop(), "impossible shape"),
    "whole numbers": (
        lambda g: setattr(tensor_of(g, "W1"), "data_type", TensorProto.INT32),
        "not of float32",
    ),
    "another shape of R": (
        lambda g: tensor_of(g, "R1").dims.__setitem__(slice(None), [1, 6, 18]),
        "has R of shape",
    ),
    "another shape of Wy": (
        lambda g: tensor_of(g, "Wy").dims.__setitem__(slice(None), [V, H]),
        "has an output layer of shape",
    ),
    "another shape of by": (
        lambda g: tensor_of(g, "by").CopyFrom(numpy_helper.from_array(np.zeros(3, "f4"), "by")),
        "has an output layer of shape",
    ),
}


@pytest.mark.parametrize("name", HARM)
def test_graphs_that_do_harm(tmp_path, name):
    change, error = HARM[name]
    graph = graph_of(drawn())
    change(graph)
    with pytest.raises(CheckpointError, match=f"a.onnx .*{error}"):
        export.load(written(tmp_path / "a.onnx", graph), drawn().vocabulary)


def test_layers_that_do_not_follow_each_other(tmp_path):
    graph = graph_of(drawn(layers=2))
    _, two = [node for node in graph.node if node.op_type == "GRU"]
    two.input[0] = "x"
    with pytest.raises(CheckpointError, match="do not read each other's states"):
        export.load(written(tmp_path / "a.onnx", graph), drawn().vocabulary)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(tmp_path, value):
    model = drawn()
    model.parameters["Ur"][0, 0] = value
    with pytest.raises(CheckpointError, match="has Ur with values that are not finite"):
        export.load(written(tmp_path / "a.onnx", graph_of(model)), model.vocabulary)


@pytest.mark.parametrize(
    ("texts", "error"),
    [
        ({"gru_ext": "1", "vocabulary": "ab"}, "not 21 different characters"),
        ({"gru_ext": "1", "vocabulary": "a" * V}, "not 21 different characters"),
        ({"gru_ext": "99"}, "format 99, from a newer gru_ext"),
        ({"gru_ext": "x"}, "not a JSON text"),
        ({"gru_ext": "[" * 9000}, "not a JSON text"),
        ({"gru_ext": "1", "units": "words"}, "damaged vocabulary: `units`"),
        ({"gru_ext": "1", "options": "{"}, "not a JSON text"),
        ({"gru_ext": "1", "version": "x" * 2_000_000}, "at most"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_metadata_are_checked_as_those_of_a_model_file(tmp_path, texts, error):
    model = helper.make_model(graph_of(drawn()))
    helper.set_model_props(model, texts)
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match=f"a.onnx .*{error}"):
        export.load(tmp_path / "a.onnx")


def test_random_changes(tmp_path):
    skip_without("onnxruntime")
    export.save(drawn(), tmp_path / "a.onnx", text=TEXT)
    good = (tmp_path / "a.onnx").read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(300):
        data = bytearray(good)
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
        (tmp_path / "b.onnx").write_bytes(data[: rng.integers(1, len(data) * 2)])
        try:
            export.load(tmp_path / "b.onnx")
        except CheckpointError:
            refused += 1
    assert refused > 30
