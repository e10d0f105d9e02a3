# SPDX-License-Identifier: MIT
"""Sampling and predicting with ONNX Runtime: its GRU operator, one step per call."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from bench import workload
from bench.implementations.numpy_sample import draw

CHUNK = 100


def _graph(config):
    # Inputs x (1, B), h (1, B, H); outputs p (B, V) and the next h. The gate order is z, r, h; the
    # reset gate comes before the matrix product.
    V, H, B = config.V, config.H, config.B
    p = workload.initial_weights(V, H, config.dtype)

    def gates(kind):
        return np.concatenate([p[kind + g] for g in workload.GATES])[None]

    constants = {
        "eye": np.eye(V, dtype=config.dtype),
        "W": gates("W"),
        "R": gates("U"),
        "Wy": np.ascontiguousarray(p["Wy"].T),
        "by": p["by"][:, 0],
        "rows": np.array([B, H]),
    }
    nodes = [
        helper.make_node("Gather", ["eye", "x"], ["one_hot"]),
        helper.make_node(
            "GRU",
            ["one_hot", "W", "R", "", "", "h"],
            ["", "next"],
            hidden_size=H,
            linear_before_reset=0,
        ),
        helper.make_node("Reshape", ["next", "rows"], ["state"]),
        helper.make_node("Gemm", ["state", "Wy", "by"], ["y"]),
        helper.make_node("Softmax", ["y"], ["p"], axis=-1),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "step",
        [value("x", TensorProto.INT64, [1, B]), value("h", TensorProto.FLOAT, [1, B, H])],
        [value("p", TensorProto.FLOAT, [B, V]), value("next", TensorProto.FLOAT, [1, B, H])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def predictor(config):
    """A function that reads symbols (1, B), and returns probabilities (B, V)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = config.threads
    session = onnxruntime.InferenceSession(
        _graph(config), options, providers=["CPUExecutionProvider"]
    )
    h = np.zeros((1, config.B, config.H), config.dtype)

    def predict(x):
        nonlocal h
        p, h = session.run(["p", "next"], {"x": x, "h": h})
        return p

    return predict


def sample(config):
    """One unit is CHUNK characters for each of B streams; NumPy draws the symbols."""
    predict = predictor(config)
    uniforms = workload.uniforms(CHUNK, config.B).astype(config.dtype)
    x = np.zeros((1, config.B), np.int64)

    def step(u):
        x[0] = draw(predict(x), u)
        return x[0, 0]

    def run(n):
        for _ in range(n):
            for u in uniforms:
                step(u)

    sampled = [int(step(u)) for u in uniforms[:32]]
    return run, {"units": CHUNK * config.B, "sampled": sampled}


def step(config):
    """One unit is a symbol that one stream reads, and the probabilities of the next one."""
    predict = predictor(config)
    return workload.steps(lambda symbol: predict(np.array([[symbol]]))[0], config.V)
