# SPDX-License-Identifier: MIT
"""The contestants: where each one's code is, what it needs, what the table says of it.

A target is a module of bench.contestants and a function ``setup(job)`` that returns ``run(n)`` and
what the parent should know: ``units`` of the row in one of the n, and what it computed.
"""

import importlib.util
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Contestant:
    """One way to do a row's job."""

    target: str
    needs: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def missing(self):
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

CONTESTANTS = {
    "gru_ext": Contestant("native:train"),
    "gru_ext-avx2": Contestant("native:train", environment=AVX2, note="AVX2 forced"),
    "gru_ext-generic": Contestant("native:train", environment=GENERIC, note="generic path forced"),
    "gru_ext-generic-blas": Contestant(
        "native:train",
        ("scipy", "threadpoolctl"),
        GENERIC | {"GRU_EXT_MATMUL": "blas"},
        "generic path forced, products by SciPy's BLAS",
    ),
    "numpy": Contestant("numpy_train:train", note="batched"),
    "numpy-baseline": Contestant(
        "numpy_train:train", environment=BASELINE, note="batched, without AVX2 as the generic path"
    ),
    "jax-fused": Contestant("jax_train:fused", JAX, note=f"Uz and Ur in one product, {AUTODIFF}"),
    "jax-split": Contestant("jax_train:split", JAX, note=f"a product a gate, {AUTODIFF}"),
    "jax-manual": Contestant("jax_manual:split", JAX, note=f"a product a gate, {BY_HAND}"),
    "jax-manual-fused": Contestant(
        "jax_manual:fused", JAX, note=f"Uz and Ur in one product forward, {BY_HAND}"
    ),
    "torch-loop": Contestant("torch_train:loop", TORCH, note="the cell in a Python loop"),
    "torch-gru": Contestant("torch_train:module", TORCH, note=f"nn.GRU, {AFTER}"),
    "sgemm": Contestant("gemm:multiply", note="NumPy's matrix product: the peak"),
    "sgemm-avx2": Contestant(
        "gemm:multiply", environment=HASWELL, note="OpenBLAS made to use AVX2"
    ),
    "sample-gru_ext": Contestant("native:sample", note="sample_streams, 1000 a call"),
    "sample-numpy": Contestant("numpy_sample:sample"),
    "sample-onnx": Contestant("onnx_sample:sample", ONNX, note="GRU operator, a step a call"),
    "sample-torch": Contestant("torch_sample:sample", TORCH, note="the cell in a Python loop"),
    "sample-jax-cumsum": Contestant(
        "jax_sample:cumsum", JAX, note="scan, draws by jnp.cumsum, 1000 a call"
    ),
    "sample-jax-triangle": Contestant(
        "jax_sample:triangle", JAX, note="scan, cumulative sum as a product, 1000 a call"
    ),
    "sample-jax-gumbel": Contestant(
        "jax_sample:gumbel", JAX, note="scan, argmax with Gumbel noise, 1000 a call"
    ),
    "iterate": Contestant("native:train", note="TrainingLoop"),
    "iterate-classic": Contestant("notebook:classic", note="the same bits as the notebook"),
    "iterate-notebook": Contestant("notebook:numpy", note="tests/notebook.py"),
    "command": Contestant("commands:ours", note="gru-ext train --classic"),
    "command-numpy": Contestant("commands:numpy", note="tests/notebook.py as a process"),
    "command-notebook": Contestant("commands:original", note="the script of --notebook"),
    "whole-gru_ext": Contestant("whole_native:train"),
    "whole-jax": Contestant("whole_jax:autodiff", JAX, note=AUTODIFF),
    "whole-jax-manual": Contestant("whole_jax:by_hand", JAX, note=BY_HAND),
    "whole-torch": Contestant("whole_torch:module", TORCH, note=f"nn.GRU, {AFTER}"),
    "whole-torch-loop": Contestant("whole_torch:loop", TORCH, note=f"a Python loop, {AUTODIFF}"),
    "whole-torch-manual": Contestant(
        "whole_torch:by_hand", TORCH, note=f"a Python loop, {BY_HAND}"
    ),
    "import-numpy": Contestant("commands:import_numpy", note="import numpy"),
    "import-gru_ext": Contestant("commands:import_package", note="import gru_ext"),
    "import-cli": Contestant("commands:import_cli", note="import gru_ext, gru_ext.cli.main"),
    "import-model": Contestant("commands:import_model", note="from gru_ext import Model, Trainer"),
}
