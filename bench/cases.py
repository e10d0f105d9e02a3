# SPDX-License-Identifier: MIT
"""The cases: sizes, compared implementations, and goals."""

from dataclasses import dataclass

JAX_AUTODIFF = ("jax-fused", "jax-split")
JAX_MANUAL = ("jax-manual", "jax-manual-fused")
JAX_SAMPLING = ("jax-cumsum", "jax-triangle", "jax-gumbel")
NARROW = ("gru_ext-bfloat16", "gru_ext-int8")
BFLOAT16 = "gru_ext-products-bfloat16"
TORCH = ("torch-loop", "torch-gru")
PEERS = ("numpy", *JAX_AUTODIFF, *JAX_MANUAL, *TORCH)
PEERS_EXCEPT_JAX_MANUAL = ("numpy", *JAX_AUTODIFF, *TORCH)


@dataclass(frozen=True)
class Goal:
    """A bound on ``ours`` compared with the fastest of ``others`` (labels of entries).

    ``metric`` is what is compared: "rate" and "flops" are ratios that must reach the bound; "time"
    is a ratio and "added_ms" a difference in milliseconds, which must not exceed it.
    """

    text: str
    others: tuple[str, ...]
    bound: float
    ours: str = "gru_ext"
    metric: str = "rate"


@dataclass(frozen=True)
class Case:
    """A computation and the implementations that are compared.

    Attributes
    ----------
    entries : tuple of (label, implementation, changes)
        ``changes`` are the entry's differences from ``config``. The first entry is gru_ext.
    unit : str
        The unit of the table: rates are shown per ``unit``.
    unit_size : int
        Units of the implementations (characters, runs) in one unit of the table.
    work : str
        "training", "sampling" or "none": how many floating-point operations a character takes.
    """

    id: str
    title: str
    config: dict
    entries: tuple
    goals: tuple[Goal, ...] = ()
    unit: str = "char"
    unit_size: int = 1
    work: str = "training"


def config(H, B, T, threads=1, dtype="float32", text=None):
    return {"H": H, "B": B, "T": T, "threads": threads, "dtype": dtype, "text": text}


def entries(*names):
    """Entries labelled by the implementation's name, without changes of the configuration."""
    return tuple((name, name, {}) for name in names)


def training(id, H, B, T, threads, goals):
    cores = "one core" if threads == 1 else f"{threads} cores"
    return Case(
        id,
        f"Training, H = {H}, B = {B}, T = {T}, float32, {cores}",
        config(H, B, T, threads),
        entries("gru_ext", BFLOAT16, *PEERS, "sgemm", "fma"),
        goals,
    )


def in_bfloat16(rate):
    return Goal(f"{rate} × the rate of float32, in bfloat16", ("gru_ext",), rate, BFLOAT16)


def fraction_of_sgemm(fraction):
    text = f"{fraction} of sgemm's rate on the same number of cores"
    return Goal(text, ("sgemm",), fraction, metric="flops")


def fraction_of_fma(fraction):
    return Goal(f"{fraction} of the FMA peak", ("fma",), fraction, metric="flops")


def sampling(id, H, B, bound, int8_bound=None):
    narrow = NARROW if B == 1 else ()
    peers = (*narrow, "numpy", *JAX_SAMPLING, *(("onnx", "torch") if B == 1 else ()))
    text = "{} × the rate of JAX's scan"
    goals = []
    if bound:
        goals.append(Goal(text.format(bound), JAX_SAMPLING, bound))
    if int8_bound:
        text += ", with int8 weights"
        goals.append(Goal(text.format(int8_bound), JAX_SAMPLING, int8_bound, "gru_ext-int8"))
    return Case(
        id,
        f"Sampling, H = {H}, B = {B}, float32, one core",
        config(H, B, 1),
        tuple((name, f"sample-{name}", {}) for name in ("gru_ext", *peers)),
        tuple(goals),
        work="sampling",
    )


def step_calls(id, H, bound):
    peers = "numpy", "onnx", "torch"
    return Case(
        id,
        f"Calls from Python that read one symbol and return probabilities, H = {H}, float32, one "
        "core",
        config(H, 1, 1),
        tuple((name, f"step-{name}", {}) for name in ("gru_ext", *peers)),
        (Goal(f"{bound} × the rate of the fastest peer", peers, bound),) if bound else (),
        unit="call",
        work="sampling",
    )


def generic(id, H, B, T):
    return Case(
        id,
        f"Training on the generic path, H = {H}, B = {B}, T = {T}, float32, one core",
        config(H, B, T),
        entries("gru_ext-generic", "gru_ext-generic-blas", "numpy-baseline", "numpy"),
        (
            Goal(
                "faster than NumPy with the same instruction set",
                ("numpy-baseline",),
                1,
                ours="gru_ext-generic",
            ),
        ),
    )


def import_time(text, ours):
    return Goal(text, ("import-numpy",), 30, ours, "added_ms")


# The original NumPy script ("notebook") trains on this text with these sizes.
NOTEBOOK = config(7, 1, 5, dtype="float64", text="pattern")

CASES = (
    training(
        "stream",
        128,
        1,
        25,
        1,
        (
            Goal("3 × the rate of JAX's compiled scan", JAX_AUTODIFF, 3),
            Goal("3 × the rate of JAX with a manual backward pass", JAX_MANUAL, 3),
            Goal("4 × the rate of JAX's compiled scan, in bfloat16", JAX_AUTODIFF, 4, BFLOAT16),
        ),
    ),
    training("medium-1", 256, 32, 64, 1, (in_bfloat16(1.6),)),
    training("medium-2", 256, 32, 64, 2, (fraction_of_sgemm(0.85),)),
    training("large-1", 512, 64, 64, 1, (fraction_of_fma(0.85), in_bfloat16(1.6))),
    training(
        "large-2",
        512,
        64,
        64,
        2,
        (
            fraction_of_sgemm(0.9),
            Goal(
                "1.65 × the rate of the fastest peer except JAX with a manual backward pass",
                PEERS_EXCEPT_JAX_MANUAL,
                1.65,
            ),
            Goal("1.65 × the rate of JAX with a manual backward pass", JAX_MANUAL, 1.65),
        ),
    ),
    Case(
        "scaling",
        "Training with two threads and with one, H = 256, B = 64, T = 64, float32",
        config(256, 64, 64),
        (("two threads", "gru_ext", {"threads": 2}), ("one thread", "gru_ext", {})),
        (Goal("1.85 × the rate of one thread", ("one thread",), 1.85, ours="two threads"),),
    ),
    Case(
        "float64",
        "Training in float64 and in float32, H = 256, B = 32, T = 64, one core",
        config(256, 32, 64),
        (
            ("float64", "gru_ext", {"dtype": "float64"}),
            ("float32", "gru_ext", {}),
            ("dgemm", "sgemm", {"dtype": "float64"}),
            ("sgemm", "sgemm", {}),
            ("fma-f64", "fma", {"dtype": "float64"}),
            ("fma", "fma", {}),
        ),
        (Goal("at most 2.2 × the time of float32", ("float32",), 2.2, "float64", "time"),),
    ),
    Case(
        "avx2",
        "Training with AVX2 forced, H = 512, B = 64, T = 64, float32, one core",
        config(512, 64, 64),
        entries("gru_ext-avx2", "sgemm-avx2", "fma-avx2"),
        (
            Goal(
                "0.85 of the rate of sgemm with AVX2",
                ("sgemm-avx2",),
                0.85,
                "gru_ext-avx2",
                "flops",
            ),
        ),
    ),
    generic("generic-stream", 128, 1, 25),
    generic("generic-medium", 256, 32, 64),
    sampling("sample-128", 128, 1, 2, 3),
    sampling("sample-512", 512, 1, 1.3, 4),
    sampling("sample-many", 512, 64, None),
    step_calls("step-32", 32, None),
    step_calls("step-128", 128, 5),
    step_calls("step-512", 512, None),
    Case(
        "notebook",
        "One training iteration of the notebook, H = V = 7, T = 5, float64, one core",
        NOTEBOOK,
        (
            ("fast path", "iterate", {}),
            ("--classic", "iterate-classic", {}),
            ("notebook arithmetic", "iterate-notebook", {}),
        ),
        (Goal("200 × the rate of the notebook", ("notebook arithmetic",), 200, ours="fast path"),),
        unit="iteration",
        unit_size=5,
        work="none",
    ),
    Case(
        "classic",
        "The complete run of the notebook as a command, including start-up, one core",
        NOTEBOOK,
        (
            ("gru-ext --classic", "command", {}),
            ("notebook arithmetic", "command-numpy", {}),
            ("notebook", "command-notebook", {}),
        ),
        (
            Goal(
                "20 × the rate of the notebook",
                ("notebook arithmetic", "notebook"),
                20,
                "gru-ext --classic",
            ),
        ),
        unit="run",
        work="none",
    ),
    Case(
        "import",
        "Import time in a new process, one core",
        NOTEBOOK,
        entries("import-gru_ext", "import-cli", "import-model", "import-numpy"),
        (
            import_time("at most 30 ms more than NumPy", "import-gru_ext"),
            import_time("at most 30 ms more than NumPy, with the command line", "import-cli"),
            import_time("at most 30 ms more than NumPy, with Model and Trainer", "import-model"),
        ),
        unit="run",
        work="none",
    ),
)
MEMORY = "memory"
IDS = (*(case.id for case in CASES), MEMORY)
