# SPDX-License-Identifier: MIT
"""The rows: each a question, the implementations that answer it, and the goals."""

from dataclasses import dataclass

SCAN, BY_HAND = ("jax-fused", "jax-split"), ("jax-manual", "jax-manual-fused")
JAX = (*SCAN, *BY_HAND)
TORCH = ("torch-loop", "torch-gru")
SCANS = ("jax-cumsum", "jax-triangle", "jax-gumbel")
PEERS = ("numpy", *JAX, *TORCH)
AS_THEY_ARE = ("numpy", *SCAN, *TORCH)


@dataclass(frozen=True)
class Goal:
    """``ours`` against the best of ``others``: by rate, flops, time, or milliseconds more."""

    text: str
    others: tuple[str, ...]
    bound: float
    ours: str = "gru_ext"
    by: str = "rate"


@dataclass(frozen=True)
class Case:
    """Entries are (label, implementation, what differs from the row's config); the first is ours."""

    id: str
    title: str
    config: dict
    entries: tuple
    goals: tuple[Goal, ...] = ()
    unit: str = "char"
    per: int = 1  # units of the implementations in one unit of the table
    work: str = "train"  # or sample or none: flops of a character


def config(H, B, T, threads=1, dtype="float32", text=None):
    return {"H": H, "B": B, "T": T, "threads": threads, "dtype": dtype, "text": text}


def plain(*names):
    return tuple((name, name, {}) for name in names)


def training(id, H, B, T, threads, goals):
    cores = "one core" if threads == 1 else f"{threads} cores"
    return Case(
        id,
        f"Training, H = {H}, B = {B}, T = {T}, float32, {cores}",
        config(H, B, T, threads),
        plain("gru_ext", *PEERS, "sgemm"),
        goals,
    )


def of_peak(share):
    return Goal(f"{share} of sgemm's rate on as many cores", ("sgemm",), share, by="flops")


def sampling(id, H, B, bound):
    streams = "one stream" if B == 1 else f"{B} streams at once"
    peers = ("numpy", *SCANS, *(("onnx", "torch") if B == 1 else ()))
    goal = Goal(f"{bound} × JAX's scan", SCANS, bound) if bound else None
    return Case(
        id,
        f"Sampling, H = {H}, {streams}, float32, one core",
        config(H, B, 1),
        tuple((name, f"sample-{name}", {}) for name in ("gru_ext", *peers)),
        (goal,) if goal else (),
        work="sample",
    )


def generic(id, H, B, T):
    return Case(
        id,
        f"The generic path, H = {H}, B = {B}, T = {T}, float32, one core",
        config(H, B, T),
        plain("gru_ext-generic", "gru_ext-generic-blas", "numpy-baseline", "numpy"),
        (
            Goal(
                "faster than NumPy with the same instructions",
                ("numpy-baseline",),
                1,
                ours="gru_ext-generic",
            ),
        ),
    )


NOTEBOOK = config(7, 1, 5, dtype="float64", text="pattern")

CASES = (
    training(
        "stream",
        128,
        1,
        25,
        1,
        (
            Goal("3 × JAX's compiled scan", SCAN, 3),
            Goal("3 × JAX with a backward pass written by hand", BY_HAND, 3),
        ),
    ),
    training("medium-1", 256, 32, 64, 1, ()),
    training("medium-2", 256, 32, 64, 2, (of_peak(0.85),)),
    training("large-1", 512, 64, 64, 1, ()),
    training(
        "large-2",
        512,
        64,
        64,
        2,
        (
            of_peak(0.9),
            Goal("1.65 × the best peer", AS_THEY_ARE, 1.65),
            Goal("1.65 × JAX with a backward pass written by hand", BY_HAND, 1.65),
        ),
    ),
    Case(
        "scaling",
        "Two threads against one, H = 256, B = 64, T = 64, float32",
        config(256, 64, 64),
        (("two threads", "gru_ext", {"threads": 2}), ("one thread", "gru_ext", {})),
        (Goal("1.85 × one thread", ("one thread",), 1.85, ours="two threads"),),
    ),
    Case(
        "float64",
        "float64 against float32, H = 256, B = 32, T = 64, one core",
        config(256, 32, 64),
        (
            ("float64", "gru_ext", {"dtype": "float64"}),
            ("float32", "gru_ext", {}),
            ("dgemm", "sgemm", {"dtype": "float64"}),
            ("sgemm", "sgemm", {}),
        ),
        (Goal("within 2.2 × of float32's time", ("float32",), 2.2, ours="float64", by="time"),),
    ),
    Case(
        "avx2",
        "AVX2 forced, H = 512, B = 64, T = 64, float32, one core",
        config(512, 64, 64),
        plain("gru_ext-avx2", "sgemm-avx2"),
        (Goal("0.85 of AVX2 sgemm", ("sgemm-avx2",), 0.85, ours="gru_ext-avx2", by="flops"),),
    ),
    generic("generic-stream", 128, 1, 25),
    generic("generic-medium", 256, 32, 64),
    sampling("sample-128", 128, 1, 2),
    sampling("sample-512", 512, 1, 1.3),
    sampling("sample-many", 512, 64, None),
    Case(
        "notebook",
        "The notebook's own iteration, H = V = 7, T = 5, float64, one core",
        NOTEBOOK,
        (
            ("fast path", "iterate", {}),
            ("--classic", "iterate-classic", {}),
            ("notebook's NumPy", "iterate-notebook", {}),
        ),
        (Goal("200 × the notebook's", ("notebook's NumPy",), 200, ours="fast path"),),
        unit="iteration",
        per=5,
        work="none",
    ),
    Case(
        "classic",
        "The notebook's whole run as a command, start-up included, one core",
        NOTEBOOK,
        (
            ("gru-ext --classic", "command", {}),
            ("notebook's NumPy", "command-numpy", {}),
            ("the notebook", "command-notebook", {}),
        ),
        (
            Goal(
                "20 × the notebook's", ("notebook's NumPy", "the notebook"), 20, "gru-ext --classic"
            ),
        ),
        unit="run",
        work="none",
    ),
    Case(
        "import",
        "Importing, in a fresh process, one core",
        NOTEBOOK,
        plain("import-gru_ext", "import-cli", "import-model", "import-numpy"),
        (
            Goal("30 ms more than NumPy", ("import-numpy",), 30, "import-gru_ext", "more"),
            Goal("30 ms more, with the command line", ("import-numpy",), 30, "import-cli", "more"),
            Goal("30 ms more, with NumPy and core", ("import-numpy",), 30, "import-model", "more"),
        ),
        unit="run",
        work="none",
    ),
)
MEMORY = "memory"
IDS = (*(row.id for row in CASES), MEMORY)
