# SPDX-License-Identifier: MIT
"""The implementations: where each one's code is, what it needs, what the table says of it.

A target is a module of bench.implementations and a function ``setup(config)`` that returns ``run(n)`` and
what the parent should know: ``units`` of the row in one of the n, and what it computed.
"""

import importlib.util
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Implementation:
    """One way to do a row's config."""

    target: str
    needs: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def missing_packages(self):
        """Packages that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


AVX2 = {"GRU_EXT_ISA": "avx2"}
GENERIC = {"GRU_EXT_ISA": "generic"}
HASWELL = {"OPENBLAS_CORETYPE": "Haswell"}
# NumPy and its OpenBLAS as on a processor without AVX2; other machines ignore it.
BASELINE = {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"}
JAX, TORCH, ONNX = ("jax",), ("torch",), ("onnx", "onnxruntime")
AFTER = "another GRU: reset gate after the product"
AUTODIFF = "autodiff"
BY_HAND = "backward by hand"

IMPLEMENTATIONS = {
    "gru_ext": Implementation("gru_ext_core:train"),
    "gru_ext-avx2": Implementation("gru_ext_core:train", environment=AVX2, note="AVX2 forced"),
    "gru_ext-generic": Implementation(
        "gru_ext_core:train", environment=GENERIC, note="generic path forced"
    ),
    "gru_ext-generic-blas": Implementation(
        "gru_ext_core:train",
        ("scipy", "threadpoolctl"),
        GENERIC | {"GRU_EXT_MATMUL": "blas"},
        "generic path forced, products by SciPy's BLAS",
    ),
    "numpy": Implementation("numpy_train:train", note="batched"),
    "numpy-baseline": Implementation(
        "numpy_train:train", environment=BASELINE, note="batched, without AVX2 as the generic path"
    ),
    "jax-fused": Implementation(
        "jax_train:fused", JAX, note=f"Uz and Ur in one product, {AUTODIFF}"
    ),
    "jax-split": Implementation("jax_train:split", JAX, note=f"a product a gate, {AUTODIFF}"),
    "jax-manual": Implementation("jax_manual:split", JAX, note=f"a product a gate, {BY_HAND}"),
    "jax-manual-fused": Implementation(
        "jax_manual:fused", JAX, note=f"Uz and Ur in one product forward, {BY_HAND}"
    ),
    "torch-loop": Implementation("torch_train:loop", TORCH, note="the cell in a Python loop"),
    "torch-gru": Implementation("torch_train:module", TORCH, note=f"nn.GRU, {AFTER}"),
    "sgemm": Implementation("gemm:multiply", note="NumPy's matrix product: the peak"),
    "sgemm-avx2": Implementation(
        "gemm:multiply", environment=HASWELL, note="OpenBLAS made to use AVX2"
    ),
    "sample-gru_ext": Implementation("gru_ext_core:sample", note="sample_streams, 1000 a call"),
    "sample-numpy": Implementation("numpy_sample:sample"),
    "sample-onnx": Implementation("onnx_sample:sample", ONNX, note="GRU operator, a step a call"),
    "sample-torch": Implementation("torch_sample:sample", TORCH, note="the cell in a Python loop"),
    "sample-jax-cumsum": Implementation(
        "jax_sample:cumsum", JAX, note="scan, draws by jnp.cumsum, 1000 a call"
    ),
    "sample-jax-triangle": Implementation(
        "jax_sample:triangle", JAX, note="scan, cumulative sum as a product, 1000 a call"
    ),
    "sample-jax-gumbel": Implementation(
        "jax_sample:gumbel", JAX, note="scan, argmax with Gumbel noise, 1000 a call"
    ),
    "iterate": Implementation("gru_ext_core:train", note="TrainingLoop"),
    "iterate-classic": Implementation("notebook:classic", note="the same bits as the notebook"),
    "iterate-notebook": Implementation("notebook:numpy", note="tests/notebook.py"),
    "command": Implementation("commands:ours", note="gru-ext train --classic"),
    "command-numpy": Implementation("commands:numpy", note="tests/notebook.py as a process"),
    "command-notebook": Implementation("commands:original", note="the script of --notebook"),
    "run-gru_ext": Implementation("gru_ext_run:train"),
    "run-jax": Implementation("jax_run:autodiff", JAX, note=AUTODIFF),
    "run-jax-manual": Implementation("jax_run:by_hand", JAX, note=BY_HAND),
    "run-torch": Implementation("torch_run:module", TORCH, note=f"nn.GRU, {AFTER}"),
    "run-torch-loop": Implementation("torch_run:loop", TORCH, note=f"a Python loop, {AUTODIFF}"),
    "run-torch-manual": Implementation(
        "torch_run:by_hand", TORCH, note=f"a Python loop, {BY_HAND}"
    ),
    "import-numpy": Implementation("commands:import_numpy", note="import numpy"),
    "import-gru_ext": Implementation("commands:import_package", note="import gru_ext"),
    "import-cli": Implementation("commands:import_cli", note="import gru_ext, gru_ext.cli.main"),
    "import-model": Implementation(
        "commands:import_model", note="from gru_ext import Model, Trainer"
    ),
}
