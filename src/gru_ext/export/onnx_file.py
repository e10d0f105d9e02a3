# SPDX-License-Identifier: MIT
"""ONNX: a graph of one time step or of whole sequences, of the operator GRU.

ONNX Runtime has no GRU for float64. So the graph of a model in float64 has a function of the same
name, inputs and outputs, in the domain ``gru_ext``, which is made of simpler operators.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gru_ext._version import __version__
from gru_ext.arguments.messages import as_size
from gru_ext.export.comparison import Logits
from gru_ext.export.gates import Gates, stacked
from gru_ext.files import StrPath
from gru_ext.model.described import described

if TYPE_CHECKING:
    from onnx import FunctionProto, NodeProto

    from gru_ext.model.model import Model

DOMAIN = "gru_ext"
_OPSET, _IR_VERSION = 18, 8
# Protocol buffers are smaller than 2 GiB; a mebibyte is more than the graph takes.
_LARGEST = (1 << 31) - (1 << 20)


def contents(model: Model, whole: bool = False) -> bytes:
    """The bytes of the file.

    Parameters
    ----------
    model : Model
    whole : bool
        Whether ``symbols`` has shape (T, N) and ``logits`` (T, N, V), instead of (N,) and (N, V).
        The inputs ``symbols`` (int64) and ``states``, (layers, N, H), give the outputs ``logits``
        and ``new_states``.

    Raises
    ------
    ValueError
        The model is too large for a file of ONNX.
    """
    from onnx import helper

    texts = described(model)
    size = model.parameters.count * model.dtype.itemsize
    if size + sum(map(len, texts.values())) * 4 > _LARGEST:
        raise ValueError(
            f"a file of ONNX must be smaller than 2 GiB: the weights are {as_size(size)}"
        )
    double = model.dtype == np.float64
    graph = _Graph(model, DOMAIN if double else "")
    proto = helper.make_model(
        graph.build(whole),
        producer_name="gru_ext",
        producer_version=__version__,
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET)] + [helper.make_opsetid(DOMAIN, 1)] * double,
        functions=[_gru_function()] * double,
    )
    helper.set_model_props(proto, texts)
    found: bytes = proto.SerializeToString()
    return found


class _Graph:
    """The graph of a model; ``domain`` is that of the operator GRU."""

    def __init__(self, model: Model, domain: str) -> None:
        from onnx import helper

        self.model, self.domain = model, domain
        self.type = helper.np_dtype_to_tensor_dtype(model.dtype)
        self.initializers: list[Any] = []
        self.nodes: list[NodeProto] = []

    def build(self, whole: bool) -> Any:
        """Make the graph."""
        from onnx import TensorProto, helper

        V, H, layers = len(self.model.vocabulary), self.model.hidden_size, self.model.layers
        steps = ["T", "N"] if whole else ["N"]
        symbols = "symbols" if whole else self.add("Unsqueeze", "symbols", self.axis(0))
        column = self.add("Unsqueeze", symbols, self.axis(-1))
        same = self.add("Equal", column, self.constant("every_symbol", np.arange(V)))
        x = self.add("Cast", same, to=self.type)  # one-hot, (T, N, V)
        parts = [f"state_{layer}" for layer in range(1, layers + 1)]
        self.add("Split", "states", outputs=parts, axis=0, num_outputs=layers)
        last = []
        for layer, gates in enumerate(stacked(self.model.parameters), 1):
            every, h = self.add_layer(layer, gates, x)  # (T, 1, N, H) and (1, N, H)
            last.append(h)
            x = self.add("Squeeze", every, self.axis(1))
        self.add("Concat", *last, outputs=["new_states"], axis=0)
        Wy, by = (self.model.parameters[name] for name in ("Wy", "by"))
        y = self.add("MatMul", x, self.constant("Wy", Wy.T))
        if not whole:
            y = self.add("Squeeze", y, self.axis(0))
        self.add("Add", y, self.constant("by", by[:, 0]), outputs=["logits"])
        states = [layers, "N", H]
        value = helper.make_tensor_value_info
        return helper.make_graph(
            self.nodes,
            "gru_ext",
            [value("symbols", TensorProto.INT64, steps), value("states", self.type, states)],
            [value("logits", self.type, [*steps, V]), value("new_states", self.type, states)],
            self.initializers,
        )

    def add_layer(self, layer: int, gates: Gates, x: str) -> tuple[str, str]:
        """Add a layer; the names of its states at every time step, and of the last ones."""
        weights = [
            self.constant(f"{kind}_{layer}", array[None])
            for kind, array in (
                ("W", gates.W),
                ("R", gates.U),
                ("B", np.concatenate([gates.b, np.zeros_like(gates.b)])),
            )
        ]
        outputs = [f"every_{layer}", f"last_{layer}"]
        self.add(
            "GRU",
            x,
            *weights,
            "",
            f"state_{layer}",
            outputs=outputs,
            domain=self.domain,
            hidden_size=self.model.hidden_size,
            linear_before_reset=0,
        )
        return outputs[0], outputs[1]

    def add(self, operator: str, *inputs: str, outputs: Any = None, **attributes: Any) -> str:
        """Add a node; the name of its first output."""
        from onnx import helper

        outputs = outputs or [f"{operator.lower()}_{len(self.nodes)}"]
        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        name: str = outputs[0]
        return name

    def axis(self, axis: int) -> str:
        """The name of a constant with an axis."""
        return self.constant(f"axis_{axis}".replace("-", "minus_"), np.array([axis]))

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Add a constant, unless there is one of this name; its name."""
        from onnx import numpy_helper

        if all(other.name != name for other in self.initializers):
            tensor = numpy_helper.from_array(np.ascontiguousarray(array), name)
            self.initializers.append(tensor)
        return name


def _gru_function() -> FunctionProto:
    """The operator GRU of one direction as a function, with the same inputs, outputs and names."""
    from onnx import helper, numpy_helper

    node = helper.make_node

    def constant(name: str, value: int) -> NodeProto:
        return node("Constant", [], [name], value=numpy_helper.from_array(np.array([value]), name))

    empty = helper.make_empty_tensor_value_info
    step = helper.make_graph(
        [
            node("Split", ["a"], ["az", "ar", "ac"], axis=1, num_outputs=3),
            node("Concat", ["az", "ar"], ["azr"], axis=1),
            node("MatMul", ["h", "UzrT"], ["uzr"]),
            node("Add", ["azr", "uzr"], ["szr"]),
            node("Sigmoid", ["szr"], ["zr"]),
            node("Split", ["zr"], ["z", "r"], axis=1, num_outputs=2),
            node("Mul", ["r", "h"], ["rh"]),
            node("MatMul", ["rh", "UhT"], ["uh"]),
            node("Add", ["ac", "uh"], ["sc"]),
            node("Tanh", ["sc"], ["c"]),
            node("Sub", ["h", "c"], ["d"]),
            node("Mul", ["z", "d"], ["zd"]),
            node("Add", ["c", "zd"], ["next"]),  # z h + (1 - z) c
            node("Identity", ["next"], ["y"]),
        ],
        "step",
        [empty("h"), empty("a")],
        [empty("next"), empty("y")],
    )
    nodes = [
        constant("zero", 0),
        constant("one", 1),
        node("Squeeze", ["W", "zero"], ["W0"]),
        node("Squeeze", ["R", "zero"], ["R0"]),
        node("Squeeze", ["B", "zero"], ["B0"]),
        node("Squeeze", ["initial_h", "zero"], ["h0"]),
        node("Split", ["B0"], ["Wb", "Rb"], axis=0, num_outputs=2),
        node("Add", ["Wb", "Rb"], ["b"]),
        node("Transpose", ["W0"], ["WT"], perm=[1, 0]),
        node("MatMul", ["X", "WT"], ["wx"]),
        node("Add", ["wx", "b"], ["every_a"]),
        node("Split", ["R0"], ["Uz", "Ur", "Uh"], axis=0, num_outputs=3),
        node("Concat", ["Uz", "Ur"], ["Uzr"], axis=0),
        node("Transpose", ["Uzr"], ["UzrT"], perm=[1, 0]),
        node("Transpose", ["Uh"], ["UhT"], perm=[1, 0]),
        node("Scan", ["h0", "every_a"], ["hT", "every_h"], num_scan_inputs=1, body=step),
        node("Unsqueeze", ["every_h", "one"], ["Y"]),
        node("Unsqueeze", ["hT", "zero"], ["Y_h"]),
    ]
    return helper.make_function(
        DOMAIN,
        "GRU",
        ["X", "W", "R", "B", "sequence_lens", "initial_h"],
        ["Y", "Y_h"],
        nodes,
        [helper.make_opsetid("", _OPSET)],
        ["hidden_size", "linear_before_reset"],
    )


def open_logits(path: StrPath, model: Model) -> Logits:
    """Load the file with ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
    whole = len(session.get_inputs()[0].shape) == 2
    zeros = np.zeros((model.layers, 1, model.hidden_size), model.dtype)

    def logits(symbols: NDArray[np.int32]) -> NDArray[np.floating]:
        states, found = zeros, []
        for part in symbols[None, :, None] if whole else symbols[:, None]:
            feed = {"symbols": part.astype(np.int64), "states": states}
            y, states = session.run(["logits", "new_states"], feed)
            found.append(y.reshape(-1, y.shape[-1]))
        return np.concatenate(found)

    return logits
