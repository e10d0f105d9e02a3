# SPDX-License-Identifier: MIT
"""All implementations: their setup function, required packages, environment and table note.

A target names a module of bench.implementations and a function ``setup(config)``. The function
returns ``run(n)``, which runs n units, and a dict ``info``. ``info["units"]`` is the number of
characters (or iterations, or processes) in one unit. Other keys hold computed values, by which
bench.analysis checks that the implementations compute the same.
"""

import importlib.util
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Implementation:
    """One implementation of the computation of a case."""

    target: str
    requires: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def missing_packages(self):
        """Required packages that are not installed."""
        return [name for name in self.requires if importlib.util.find_spec(name) is None]


AVX2 = {"GRU_EXT_ISA": "avx2"}
GENERIC = {"GRU_EXT_ISA": "generic"}
HASWELL = {"OPENBLAS_CORETYPE": "Haswell"}
# NumPy and its OpenBLAS as on a processor without AVX2; ignored on other architectures.
NO_AVX2 = {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"}
JAX, TORCH, ONNX = ("jax",), ("torch",), ("onnx", "onnxruntime")
TORCH_GRU = "nn.GRU, a different variant: reset gate after the matrix product"
AUTODIFF = "autodiff"
MANUAL = "manual backward pass"
FMA = "fused multiply-adds in registers"
CHARACTERS_PER_CALL = "1000 characters per call"

IMPLEMENTATIONS = {
    "gru_ext": Implementation("gru_ext_core:train"),
    "gru_ext-products-bfloat16": Implementation(
        "gru_ext_core:train_bfloat16", note="matrix products in bfloat16"
    ),
    "gru_ext-avx2": Implementation("gru_ext_core:train", environment=AVX2, note="AVX2 forced"),
    "gru_ext-generic": Implementation(
        "gru_ext_core:train", environment=GENERIC, note="generic path forced"
    ),
    "gru_ext-generic-blas": Implementation(
        "gru_ext_core:train",
        ("scipy", "threadpoolctl"),
        GENERIC | {"GRU_EXT_MATMUL": "blas"},
        "generic path forced, matrix products by SciPy's BLAS",
    ),
    "numpy": Implementation("numpy_train:train", note="batched"),
    "numpy-baseline": Implementation(
        "numpy_train:train", environment=NO_AVX2, note="batched, without AVX2"
    ),
    "jax-fused": Implementation(
        "jax_train:fused", JAX, note=f"Uz and Ur in one matrix product, {AUTODIFF}"
    ),
    "jax-split": Implementation(
        "jax_train:split", JAX, note=f"one matrix product per gate, {AUTODIFF}"
    ),
    "jax-manual": Implementation(
        "jax_manual:split", JAX, note=f"one matrix product per gate, {MANUAL}"
    ),
    "jax-manual-fused": Implementation(
        "jax_manual:fused",
        JAX,
        note=f"Uz and Ur in one matrix product in the forward pass, {MANUAL}",
    ),
    "torch-loop": Implementation("torch_train:loop", TORCH, note="GRU cell in a Python loop"),
    "torch-gru": Implementation("torch_train:module", TORCH, note=TORCH_GRU),
    "sgemm": Implementation("gemm:multiply", note="NumPy's matrix product"),
    "sgemm-avx2": Implementation(
        "gemm:multiply", environment=HASWELL, note="OpenBLAS restricted to AVX2"
    ),
    "fma": Implementation("fma:multiply_add", note=FMA),
    "fma-avx2": Implementation("fma:multiply_add", environment=AVX2, note=f"{FMA}, AVX2"),
    "sample-gru_ext": Implementation(
        "gru_ext_core:sample", note=f"sample_symbols, {CHARACTERS_PER_CALL}"
    ),
    "sample-gru_ext-bfloat16": Implementation(
        "gru_ext_core:sample_bfloat16", note="weights in bfloat16"
    ),
    "sample-gru_ext-int8": Implementation("gru_ext_core:sample_int8", note="weights in int8"),
    "sample-numpy": Implementation("numpy_sample:sample"),
    "sample-onnx": Implementation(
        "onnx_sample:sample", ONNX, note="GRU operator, one step per call"
    ),
    "sample-torch": Implementation("torch_sample:sample", TORCH, note="GRU cell in a Python loop"),
    "sample-jax-cumsum": Implementation(
        "jax_sample:cumsum", JAX, note=f"scan, sampling by jnp.cumsum, {CHARACTERS_PER_CALL}"
    ),
    "sample-jax-triangle": Implementation(
        "jax_sample:triangle",
        JAX,
        note=f"scan, cumulative sum as a matrix product, {CHARACTERS_PER_CALL}",
    ),
    "sample-jax-gumbel": Implementation(
        "jax_sample:gumbel", JAX, note=f"scan, argmax with Gumbel noise, {CHARACTERS_PER_CALL}"
    ),
    "step-gru_ext": Implementation("gru_ext_core:step", note="Stream.feed, Stream.probabilities"),
    "step-numpy": Implementation("numpy_sample:step"),
    "step-onnx": Implementation("onnx_sample:step", ONNX, note="GRU operator"),
    "step-torch": Implementation("torch_sample:step", TORCH, note="GRU cell"),
    "iterate": Implementation("gru_ext_core:train", note="TrainingLoop"),
    "iterate-classic": Implementation("notebook:classic", note="bit-identical to the notebook"),
    "iterate-notebook": Implementation("notebook:numpy", note="tests/notebook.py"),
    "command": Implementation("commands:gru_ext", note="gru-ext train --classic"),
    "command-numpy": Implementation("commands:numpy", note="tests/notebook.py in a new process"),
    "command-notebook": Implementation("commands:notebook", note="the script given by --notebook"),
    "run-gru_ext": Implementation("gru_ext_run:train"),
    "run-jax": Implementation("jax_run:autodiff", JAX, note=AUTODIFF),
    "run-jax-manual": Implementation("jax_run:manual", JAX, note=MANUAL),
    "run-torch": Implementation("torch_run:module", TORCH, note=TORCH_GRU),
    "run-torch-loop": Implementation("torch_run:loop", TORCH, note=f"Python loop, {AUTODIFF}"),
    "run-torch-manual": Implementation("torch_run:manual", TORCH, note=f"Python loop, {MANUAL}"),
    "import-numpy": Implementation("commands:import_numpy", note="import numpy"),
    "import-gru_ext": Implementation("commands:import_package", note="import gru_ext"),
    "import-cli": Implementation("commands:import_cli", note="import gru_ext, gru_ext.cli.main"),
    "import-model": Implementation(
        "commands:import_model", note="from gru_ext import Model, Trainer"
    ),
}
