# SPDX-License-Identifier: MIT
"""The speed of two ranks of MPI, the cost of combining them, and a model of more machines."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import fill

from bench import machine

SIZES = (256, 512)
SYNC_EVERY = (1, 16, 128, 512)
OPTIONS = {
    "seq_length": 64,
    "batch_size": 16,
    "dropout": 0,
    "weight_dropout": 0,
    "val_fraction": 0,
    "sample_every": 0,
    "quiet": True,
}
STEPS = 256
REPEATS = 2
"""Each run is repeated so often, and all runs in turns; the fastest counts."""
# The assumed network of the model: bytes in a second, and seconds for a message.
BANDWIDTH, LATENCY = 1.0e9, 25e-6
MACHINES = (2, 8, 64, 1000)


def cases(hidden_size):
    """The runs of a size: their names, processes, and options."""
    sized = {"hidden_size": hidden_size}
    yield "one process, 1 thread", 1, sized | {"threads": 1}
    yield "one process, 2 threads", 1, sized | {"threads": 2}
    for sync_every in SYNC_EVERY:
        together = {"threads": 1, "workers": 2, "sync_every": sync_every}
        yield f"2 ranks, combined every {sync_every}", 2, sized | together


def measure(processes, options, steps=STEPS):
    """The rate and the fraction of communication of one run."""
    every = max(options.get("sync_every", 1), steps // 2)
    options = OPTIONS | options | {"max_steps": steps + every, "log_every": every}
    command = [sys.executable, "-m", "bench.distributed_worker", json.dumps(options)]
    if processes > 1:
        beside = shutil.which("mpiexec", path=Path(sys.executable).parent)
        mpiexec = beside or shutil.which("mpiexec")
        if mpiexec is None:
            sys.exit("the speeds need an mpiexec: pip install mpi4py mpich")
        command = [mpiexec, "-n", str(processes), *command]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(found)


def results():
    """The fastest of the runs of each case."""
    todo = [(size, *case) for size in SIZES for case in cases(size)]
    best = {}
    for repeat in range(REPEATS):
        shift = repeat * len(todo) // REPEATS
        for size, name, processes, options in todo[shift:] + todo[:shift]:
            found = measure(processes, options)
            before = best.get((size, name))
            if before is None or found["rate"] > before["rate"]:
                best[size, name] = found
    return best


def weight_bytes(hidden_size, vocabulary_size=64):
    """The bytes of the weights of one layer in float32."""
    H, V = hidden_size, vocabulary_size
    return 4 * (3 * H * (V + H + 1) + V * (H + 1))


def efficiency(step_seconds, sync_every, machines, size):
    """The fraction of the time in which so many machines compute, by the model."""
    computed = sync_every * step_seconds
    moved = 2 * size * (machines - 1) / machines / BANDWIDTH
    return computed / (computed + moved + 2 * (machines - 1) * LATENCY)


def speed_section():
    """The section with both tables."""
    best = results()
    lines = [
        "## Speed of two ranks",
        "",
        fill(
            f"Measured by `python -m bench.distributed --speed` on {machine.processor()}, "
            f"{len(machine.allowed_cpus())} CPUs: one layer, {OPTIONS['batch_size']} streams for "
            f"each worker, windows of {OPTIONS['seq_length']} characters, a text of 64 different "
            f"characters; the fastest of {REPEATS} runs. Communication is the time in which rank 0 "
            f"sends, receives or waits for the other rank.",
            110,
        ),
        "",
        "| H | run | thousand characters/s | against 1 thread | communication |",
        "|---|---|---|---|---|",
    ]
    for size in SIZES:
        one = best[size, "one process, 1 thread"]["rate"]
        for name, processes, _ in cases(size):
            found = best[size, name]
            told = f"{found['communication']:.1%}" if processes > 1 else ""
            ratio = found["rate"] / one
            lines.append(f"| {size} | {name} | {found['rate'] / 1000:.0f} | {ratio:.2f} | {told} |")
    lines += ["", "## Expected efficiency on more machines", "", fill(_assumptions(), 110), ""]
    lines += [
        "| H | combined every | " + " | ".join(f"{n} machines" for n in MACHINES) + " |",
        "|---|---|" + "---|" * len(MACHINES),
    ]
    for size in SIZES:
        per_step = OPTIONS["seq_length"] * OPTIONS["batch_size"]
        seconds = per_step / best[size, "one process, 1 thread"]["rate"]
        for sync_every in SYNC_EVERY:
            row = (
                f"{efficiency(seconds, sync_every, n, weight_bytes(size)):.1%}" for n in MACHINES
            )
            lines.append(f"| {size} | {sync_every} | {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _assumptions():
    return (
        f"The fraction of the time in which machines compute, by the formula above: one worker of "
        f"one thread for each machine with the speed of the table, {BANDWIDTH / 1e9:g} GB/s and "
        f"{LATENCY * 1e6:.0f} µs for a message, as on 10-gigabit Ethernet. It assumes that all "
        f"machines are equally fast, that the network carries all messages at the same time, and "
        f"it leaves out the validation and the checkpoints."
    )
