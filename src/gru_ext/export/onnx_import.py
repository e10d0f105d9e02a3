# SPDX-License-Identifier: MIT
"""Weights from a file of ONNX: those of its nodes GRU, and of MatMul or Gemm after them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from gru_ext.arguments.messages import brief, shown
from gru_ext.core.kernels import MOST_LAYERS
from gru_ext.export.gates import Gates, named
from gru_ext.export.onnx_file import DOMAIN
from gru_ext.model.checkpoint import CheckpointError

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

_LARGEST = 1 << 31
# What changes only shapes, names or types; and the softmax, which a model of gru_ext has anyway.
_PASSED = (
    *("Identity", "Squeeze", "Unsqueeze", "Reshape", "Transpose", "Flatten", "Cast", "Gather"),
    *("Slice", "Softmax", "LogSoftmax", "Dropout", "Shape", "Concat", "Split"),
)
_GRU: dict[str, Any] = {
    "direction": ("forward",),
    "activations": (["Sigmoid", "Tanh"], ["sigmoid", "tanh"]),
    "layout": (0, 1),
    "hidden_size": None,
    "linear_before_reset": (0,),
}


def read(file: IO[bytes]) -> tuple[dict[str, NDArray[Any]], object]:
    """The parameters by their names, and the metadata, from an open file.

    Raises
    ------
    CheckpointError
        It is not a model that can be converted, or is damaged.
    """
    size = os.fstat(file.fileno()).st_size
    if size >= _LARGEST:
        raise CheckpointError(f"has {size} bytes, more than a file of ONNX can have")
    try:
        model = onnx.ModelProto.FromString(file.read(size))
    except (DecodeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"is not a model file, or is damaged: {brief(error)}") from None
    texts = {entry.key: entry.value for entry in model.metadata_props}
    try:
        return _Reader(model.graph).weights(), texts
    except CheckpointError:
        raise
    except (ValueError, TypeError, LookupError) as error:  # of onnx.helper and onnx.numpy_helper
        raise CheckpointError(f"is a damaged file of ONNX: {brief(error)}") from None


class _Reader:
    """The graph of a file."""

    def __init__(self, graph: GraphProto) -> None:
        self.nodes = list(graph.node)
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}
        for node in self.nodes:
            if node.op_type == "Constant" and len(node.output) == 1:
                tensors = [a.t for a in node.attribute if a.name == "value" and a.HasField("t")]
                self.tensors |= dict.fromkeys(node.output, *tensors) if tensors else {}

    def weights(self) -> dict[str, NDArray[Any]]:
        """The parameters by their names."""
        grus = [node for node in self.nodes if node.op_type == "GRU"]
        if not grus:
            raise CheckpointError("is not a model file: it has no node GRU")
        if len(grus) > MOST_LAYERS:
            raise CheckpointError(f"has {len(grus)} layers: at most {MOST_LAYERS} are possible")
        gates: list[Gates] = []
        reached: set[str] = set()
        for node in grus:
            if gates and not reached.intersection(node.input[:1]):
                raise CheckpointError(
                    "has nodes GRU that do not read each other's states in the order of the file"
                )
            gates.append(self._gates(node))
            reached = self._reached({name for name in node.output if name})
        return named(gates, *self._output_layer(reached, gates[-1]))

    def _reached(self, names: set[str]) -> set[str]:
        """These names, and what is only another shape of them."""
        for node in self.nodes:
            if node.op_type in _PASSED and names.intersection(node.input[:1]):
                names |= set(node.output)
        return names

    def _gates(self, node: NodeProto) -> Gates:
        """The parameters of a node GRU, in whose arrays the first dimension is the direction."""
        if node.domain not in ("", "ai.onnx", DOMAIN):
            raise CheckpointError(f"has a node GRU of the domain {shown(node.domain)}")
        for attribute in node.attribute:
            self._check(attribute)
        inputs = [*node.input, "", "", ""]
        R = self._array(inputs[2], 3)
        directions, _, H = R.shape
        if R.shape != (1, 3 * H, H):
            raise CheckpointError(f"has R of shape {R.shape}: it must be {(directions, 3 * H, H)}")
        W = self._array(inputs[1], 3)
        if W.shape[:2] != (1, 3 * H):
            raise CheckpointError(f"has W of shape {W.shape}: it must be (1, {3 * H}, inputs)")
        b = np.zeros((1, 6 * H), W.dtype) if not inputs[3] else self._array(inputs[3], 2)
        if b.shape != (1, 6 * H):
            raise CheckpointError(f"has B of shape {b.shape}: it must be {(1, 6 * H)}")
        with np.errstate(over="ignore"):
            return Gates(W[0], R[0], b[0, : 3 * H] + b[0, 3 * H :])

    def _check(self, attribute: Any) -> None:
        """Raise a CheckpointError where a node GRU is another cell."""
        value = helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if isinstance(value, list):
            value = [v.decode("latin-1") if isinstance(v, bytes) else v for v in value]
        name = attribute.name
        if name == "linear_before_reset" and value != 0:
            raise CheckpointError(
                "has a node GRU with linear_before_reset=1: its reset gate comes after the "
                "recurrent product, and that of gru_ext before it, so its weights cannot be "
                "converted"
            )
        if name not in _GRU or (_GRU[name] is not None and value not in _GRU[name]):
            raise CheckpointError(
                f"has a node GRU with {brief(name)}={shown(value)}, which gru_ext does not have"
            )

    def _output_layer(self, reached: set[str], last: Gates) -> tuple[NDArray[Any], NDArray[Any]]:
        """Wy (V, H) and by (V,): a MatMul or Gemm of the last states, and an Add after it."""
        Wy = by = None
        for node in self._readers(reached):
            if node.op_type in ("MatMul", "Gemm") and Wy is None:
                Wy, by = self._product(node)
            elif node.op_type == "Add" and Wy is not None and by is None:
                by = self._array(next(filter(self.tensors.__contains__, node.input), ""), 1)
            else:
                raise CheckpointError(
                    f"has a node {shown(node.op_type)} after the last GRU: there must be one "
                    f"MatMul or Gemm, and one Add of its bias"
                )
        if Wy is None:
            raise CheckpointError("has no MatMul or Gemm after the last GRU")
        H = last.U.shape[1]
        if Wy.shape[1] != H or (by is not None and by.shape != Wy.shape[:1]):
            raise CheckpointError(f"has an output layer of shape {Wy.shape}: it must be (V, {H})")
        return Wy, np.zeros(len(Wy), Wy.dtype) if by is None else by

    def _readers(self, reached: set[str]) -> Iterator[NodeProto]:
        """The nodes that compute with these names, or with what was computed of them."""
        for node in self.nodes:
            if reached.intersection(node.input) and node.op_type not in _PASSED:
                yield node
                reached |= self._reached(set(node.output))

    def _product(self, node: NodeProto) -> tuple[NDArray[Any], NDArray[Any] | None]:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        array = self._array(node.input[1] if len(node.input) > 1 else "", 2)
        if node.op_type == "MatMul":
            return array.T, None
        if attributes.get("transA", 0) or {attributes.get(k, 1.0) for k in ("alpha", "beta")} != {
            1
        }:
            raise CheckpointError("has a Gemm with transA, alpha or beta")
        bias = self._array(node.input[2], 1) if len(node.input) > 2 else np.zeros(0)
        Wy = array if attributes.get("transB", 0) else array.T
        return Wy, bias if len(bias) else np.zeros(len(Wy), Wy.dtype)

    def _array(self, name: str, dimensions: int) -> NDArray[Any]:
        """A constant of floats."""
        tensor = self.tensors.get(name)
        if tensor is None:
            raise CheckpointError(f"has weights {shown(name)} that are not a constant of the graph")
        return _as_array(name, tensor, dimensions)


def _as_array(name: str, tensor: TensorProto, dimensions: int) -> NDArray[Any]:
    kinds = {onnx.TensorProto.FLOAT: 4, onnx.TensorProto.DOUBLE: 8, onnx.TensorProto.FLOAT16: 2}
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise CheckpointError(f"has {shown(name)} in another file: save it as one file")
    if tensor.data_type not in kinds or tensor.HasField("segment"):
        raise CheckpointError(f"has {shown(name)} that is not of float32 or float64")
    shape = tuple(tensor.dims)
    if len(shape) != dimensions or min(shape) < 1:
        raise CheckpointError(f"has {shown(name)} of the impossible shape {shape}")
    size = kinds[tensor.data_type]
    values = {4: tensor.float_data, 8: tensor.double_data, 2: tensor.int32_data}[size]
    held = len(tensor.raw_data) if tensor.HasField("raw_data") else len(values) * size
    if held != math.prod(shape) * size:
        raise CheckpointError(f"has {shown(name)} of shape {shape} with {held} bytes")
    found: NDArray[Any] = numpy_helper.to_array(tensor)
    return found
