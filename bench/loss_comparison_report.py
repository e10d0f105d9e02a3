# SPDX-License-Identifier: MIT
"""The section of bench.same_loss in Markdown: a table for each case, and the goals."""

import math
import shlex
import statistics

from bench.analysis import fastest, is_measured, median_and_range, median_rate, ratio
from bench.report import (
    described_label,
    format_range,
    format_rate,
    machine_lines,
    markdown_table,
)

LOSS_TOLERANCE = 0.02
SPEEDUP_GOAL = 2
LIBRARIES = {"JAX": ("jax", "jax-manual"), "PyTorch": ("torch", "torch-loop", "torch-manual")}
HEADING = "## Training time compared with JAX and PyTorch at the same validation loss"

METHOD = f"""\
All libraries make the same run: the last tenth of the text is the validation part; windows, batch
size, initial weights (seed 0 in the first round, 1 in the second, ...), number of steps, Adam
(beta1, beta2, eps), warm-up, cosine schedule and clipping by value to ±5 are the same. The hidden
state is carried from window to window and reset to zero at the start of an epoch. All runs are in
float32. The loss is summed over a window and averaged over the batch. The models in JAX and PyTorch
have the equations of gru_ext, except `nn.GRU`: its reset gate comes after the matrix product, and
it has two biases per gate. `--check` compares the losses of the implementations with the same
equations, window by window, in float64.

Each run has its own process, which is pinned to the number of cores of the case. The runs follow
one another, and their order is rotated from round to round. Seconds are the time of the training
steps only. They do not include evaluation, reading of the text, or compilation and warm-up, whose
seconds are in the last column. JAX makes the whole run in one compiled call. PyTorch first tries
each number of threads up to the number of cores, and uses the fastest. After training, each library
computes its own validation loss, with batch size 1 and a zero initial state. A figure is the median
over the rounds, with the minimum and the maximum in brackets; ratios and differences are computed
in each round. The goal is a validation loss at most {LOSS_TOLERANCE} nats above that of
the library's fastest implementation, in at most half of its time."""


def case_title(name, config):
    """Name and sizes of a case."""
    layers = "one layer" if config["layers"] == 1 else f"{config['layers']} layers"
    dropout = f", dropout {config['dropout']:g}" if config["dropout"] else ""
    cores = "one core" if config["threads"] == 1 else f"{config['threads']} cores"
    sizes = f"H = {config['H']}, {layers}{dropout}, B = {config['B']}, T = {config['T']}"
    return f"### {name}: {sizes}, {cores}"


def case_table(results):
    """A table with a line for each implementation."""
    head = [
        "",
        "s",
        "char/s",
        "validation loss, bits",
        f"speedup of {results[0].label}",
        "compilation and warm-up, s",
    ]
    return markdown_table(head, [_cells(runs, results[0]) for runs in results])


def _cells(runs, ours):
    name = described_label(runs)
    if not is_measured(runs):
        return [name, runs.error or "not measured", "", "", "", ""]
    threads = sorted({info["threads"] for info in runs.infos if "threads" in info})
    if threads:
        name += f" (threads: {', '.join(map(str, threads))})"
    speedup = ratio(ours.rates, runs.rates) if is_measured(ours) and runs is not ours else None
    bits = [nats / math.log(2) for nats in runs.validation_nats]
    return [
        name,
        format_range(median_and_range(runs.seconds), 1),
        format_rate(median_rate(runs)),
        format_range(median_and_range(bits), 3),
        format_range(speedup) if speedup else "",
        f"{statistics.median(info['warm_up'] for info in runs.infos):.1f}",
    ]


def goal_line(library, labels, results):
    """Whether the goal is reached, missed or not measured for a library."""
    goal = f"Goal: the validation loss of {library} in at most half of its time"
    ours, other = results[0], fastest(results, labels)
    if other is None or not is_measured(ours):
        return f"{goal}: not measured."
    speedup = ratio(ours.rates, other.rates)
    pairs = zip(ours.validation_nats, other.validation_nats, strict=True)
    difference = median_and_range([round(a - b, 4) + 0.0 for a, b in pairs])  # no -0
    reached = speedup[0] >= SPEEDUP_GOAL and difference[0] <= LOSS_TOLERANCE
    return (
        f"{goal}: **{'reached' if reached else 'missed'}**, speedup {format_range(speedup)} over "
        f"{other.label}, difference of the validation loss {format_range(difference, 4)} nats."
    )


def case_section(name, results):
    """Heading, number of steps, table and goals of a case."""
    info = next((runs.info for runs in results if is_measured(runs)), None)
    steps = f"{info['steps']:,} steps." if info else "Nothing was measured."
    goals = [goal_line(library, labels, results) for library, labels in LIBRARIES.items()]
    return "\n\n".join([case_title(name, results[0].config), steps, case_table(results), *goals])


def comparison_section(about, measured):
    """The section with all cases; measured is a dict from case name to results."""
    command = shlex.join(["python", "-m", "bench.same_loss", *about["words"]])
    rounds = "1 round" if about["rounds"] == 1 else f"{about['rounds']} rounds"
    lines = [*machine_lines(about), f"- {rounds}, {about['date']}"]
    sections = [case_section(name, results) for name, results in measured.items()]
    return "\n\n".join([HEADING, f"Written by `{command}`.", "\n".join(lines), METHOD, *sections])
