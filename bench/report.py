# SPDX-License-Identifier: MIT
"""The page in Markdown: how it was made, the goals, a table for each row."""

from bench.analysis import (
    PEAKS,
    best,
    disagreements,
    flops_per_unit,
    gflops,
    good,
    judge,
    peak_of,
    rate,
    ratio,
    spread,
)

HOW = """\
Every implementation is a process of its own, kept on the row's number of cores, with its libraries told
to use as many threads. It sets up and compiles before the clock starts; then the implementations take
turns in rounds, the first place going round, so that whatever else the machine does disturbs all
alike. A figure is the median over the rounds, with the least and the largest in brackets; a ratio
is taken round by round, so it is not exactly the ratio of two medians.

A training step is forward, softmax and cross-entropy, truncated BPTT, clipping to ±5 and Adagrad,
from the same first weights on the same windows, the state carried on; the losses of the first two
windows, before and after an update, have to agree to 1e-4. It counts `18 H² + 6 V H` floating-point
operations a character, a drawn character `6 H² + 2 V H`. The peak is NumPy's product of two square
matrices (2048 in float32, 1536 in float64), in the same rounds on as many cores. `nn.GRU` computes
another variant, with the reset gate after the product.

[speed.md](speed.md) says where the time goes, what was tried, and why a goal is missed."""


def short(x):
    """Three figures or so, with k and M."""
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if x >= size:
            return f"{x / size:.3g}{letter}" if x < 1000 * size else f"{x / size:,.0f}{letter}"
    return f"{x:.3g}"


def duration(seconds):
    """With a unit that fits."""
    for size, unit in ((1, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def times(figure, digits=2):
    """A median with its spread."""
    middle, low, high = (f"{x:.{digits}f}" if abs(x) < 20 else f"{x:.0f}" for x in figure)
    return f"{middle} ({low} to {high})"


def _cells(row, result, results):
    name = f"{result.label}: {result.note}" if result.note else result.label
    if not good(result):
        return [name, result.error or "no rounds", "", "", ""]
    if result.implementation in PEAKS:
        rate_cell = ""
    elif row.unit == "char":
        rate_cell = short(rate(result)) + " char/s"
    else:
        rate_cell = f"{duration(row.per / rate(result))} an {row.unit}".replace("an r", "a r")
    ours = results[0]
    comparable = good(ours) and result is not ours and result.implementation not in PEAKS
    cells = [name, rate_cell]
    if flops_per_unit(row, result) is None:
        cells += ["", ""]
    else:
        own, peak = gflops(row, result), peak_of(results, result.config["dtype"])
        cells.append(f"{spread(own)[0]:.1f}")
        cells.append(times(ratio(own, gflops(row, peak))) if peak else "")
    cells.append(times(ratio(ours.rates, result.rates)) if comparable else "")
    return cells


def table(row, results):
    """A row's table; columns that nobody has anything for are left out."""
    head = ["", "rate", "GFLOP/s", "of the peak", f"{results[0].label} is … × as fast"]
    lines = [head, *(_cells(row, result, results) for result in results)]
    used = [i for i in range(len(head)) if i == 0 or any(line[i] for line in lines[1:])]
    text = ["| " + " | ".join(line[i] for i in used) + " |" for line in lines]
    text.insert(1, "|---|" + "---:|" * (len(used) - 1))
    return "\n".join(text)


def goal_line(row, goal, results):
    """Reached, missed, or not measured."""
    reached, figure, other = judge(row, goal, results)
    if reached is None:
        return f"Goal: {goal.text}: not measured."
    unit = " ms" if goal.by == "more" else ""
    bound = f"{goal.bound:g}{unit}"
    verdict = "**reached**" if reached else f"**missed** ({figure[0]:.3g} of {bound})"
    return f"Goal: {goal.text}: {verdict}, {times(figure)}{unit} against {other}."


def _best_peer(row, results):
    peers = [r.label for r in results[1:] if r.implementation not in PEAKS]
    other = best(results, peers)
    if row.goals or other is None or not good(results[0]):
        return []
    figure = times(ratio(results[0].rates, other.rates))
    return [f"No goal of its own. Against the best peer, {other.label}: {figure} ×."]


def section(row, results):
    """Title, table, goals, and what disagreed."""
    said = [goal_line(row, goal, results) for goal in row.goals]
    said += _best_peer(row, results) + disagreements(results)
    return f"### {row.id}: {row.title}\n\n{table(row, results)}\n\n" + "\n\n".join(said)


def memory_section(sizes):
    """The memory row."""
    title = "### memory: training H = 512, B = 64, T = 64, float32, on 50 million characters\n\n"
    if "error" in sizes:
        return title + sizes["error"]
    lines = ["| | MB |", "|---|---:|"]
    named = {
        "3 × parameters (weights, gradients, Adagrad)": 3 * sizes["parameters"],
        "activations of a window (`Workspace.nbytes`)": sizes["activations"],
        "text, a byte a character": sizes["text"],
        "the formula: the sum of these": sizes["formula"],
        "measured: resident memory, after less before": sizes["grown"],
    }
    lines += [f"| {name} | {size / 1e6:.1f} |" for name, size in named.items()]
    verdict = "**reached**" if sizes["grown"] <= sizes["goal"] else "**missed**"
    goal = (
        f"Goal: at most 3 × parameters + activations + 2 bytes a character, "
        f"{sizes['goal'] / 1e6:.1f} MB: {verdict}."
    )
    return title + "\n".join(lines) + "\n\n" + goal


def facts(about):
    """Lines that place the numbers: machine, package, versions."""
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    load = f"; load before the run {about['load'][0]:.2f}" if about["load"] else ""
    return [
        f"- Machine: {about['processor']}, {about['cores']} cores, {about['system']}{load}",
        f"- gru_ext {about['gru_ext']}, instruction set {about['isa']}, {about['compiler']}",
        f"- Python {about['python']}, {packages}",
    ]


def page(about, measured, memory):
    """The whole page; measured is a list of (row, results)."""
    told = [
        *facts(about),
        f"- Text: {about['text']}",
        f"- {about['repeats']} rounds of about {about['seconds']:g} s each, {about['date']}",
    ]
    parts = [
        "# Benchmarks",
        f"Written by `{about['command']}`.",
        "\n".join(told),
        "## How it is measured",
        HOW,
        "## Results",
        *(section(row, results) for row, results in measured),
        *([memory_section(memory)] if memory else []),
    ]
    return "\n\n".join(parts) + "\n"
