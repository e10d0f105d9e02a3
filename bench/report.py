# SPDX-License-Identifier: MIT
"""The Markdown page: how it was measured, a table for each case, and the goals."""

from bench.analysis import (
    LOOPS,
    PEAKS,
    PRODUCTS,
    evaluate_goal,
    fastest,
    flops_per_unit,
    gflops,
    is_measured,
    median_and_range,
    median_rate,
    mismatches,
    peak_result,
    ratio,
)

METHOD = """\
Each implementation runs in its own process, which is pinned to the number of cores of the case. Its
libraries use the same number of threads. Setup and compilation are not timed. The implementations
run one after another in rounds. The order is rotated from round to round, so that other work on the
machine affects all of them alike. A figure is the median over the rounds, with the minimum and the
maximum in brackets. A ratio is computed in each round, so it is not exactly the ratio of the two
medians. The speedup is that of the first implementation over the implementation of the line.

H is the hidden size, B the batch size, T the sequence length, V the vocabulary size. A training
step consists of the forward pass, softmax and cross-entropy, truncated BPTT, clipping by value to
±5, and Adagrad. All implementations have the same initial weights and the same windows, and carry
the hidden state from window to window. Their losses of the first two windows, before and after one
step, must agree to 1e-4. Training takes `18 H² + 6 V H` floating-point operations per character,
sampling `6 H² + 2 V H`. `nn.GRU` computes a different variant: its reset gate comes after the
matrix product. The notebook is the original NumPy script from which gru_ext was developed;
`tests/notebook.py` has the same arithmetic.

Two columns compare the floating-point operations per second with a peak, which is measured in the
same rounds on the same number of cores. "Of sgemm" is the fraction of NumPy's product of two square
matrices (2048 in float32, 1536 in float64). "Of FMA peak" is the fraction of a loop that has fused
multiply-adds alone, of vectors in registers, none of which waits for another: no program with the
same instructions does more. The loop has gru_ext's instruction set and runs on all cores at once;
its rate in a round is that of the best of many runs of a millisecond.

[Where the time goes](speed.md) explains the figures, what was tried, and why a goal is missed."""


def format_rate(x):
    """About three digits, with k and M."""
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if x >= size:
            return f"{x / size:.3g}{letter}" if x < 1000 * size else f"{x / size:,.0f}{letter}"
    return f"{x:.3g}"


def format_duration(seconds):
    """Three digits and a unit: s, ms or µs."""
    for size, unit in ((1, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def format_range(figure, digits=2):
    """A median with minimum and maximum in brackets."""
    median, low, high = (f"{x:.{digits}f}" if abs(x) < 20 else f"{x:.0f}" for x in figure)
    return f"{median} ({low} to {high})"


def markdown_table(head, lines):
    """A table whose first column is aligned to the left and the others to the right."""
    text = ["| " + " | ".join(line) + " |" for line in (head, *lines)]
    text.insert(1, "|---|" + "---:|" * (len(head) - 1))
    return "\n".join(text)


def described_label(result):
    """The label and the note of a result."""
    return f"{result.label}: {result.note}" if result.note else result.label


def _cells(case, result, results):
    name = described_label(result)
    if not is_measured(result):
        return [name, result.error or "not measured", "", "", "", ""]
    is_peak, ours = result.implementation in PEAKS, results[0]
    if is_peak:
        rate = ""
    elif case.unit == "char":
        rate = format_rate(median_rate(result)) + " char/s"
    else:
        rate = f"{format_duration(case.unit_size / median_rate(result))} per {case.unit}"
    cells = [name, rate, "", "", "", ""]
    if flops_per_unit(case, result) is not None:
        own = gflops(case, result)
        cells[2] = f"{median_and_range(own)[0]:.1f}"
        for cell, peaks in (3, PRODUCTS), (4, LOOPS):
            peak = peak_result(results, result.config["dtype"], peaks)
            cells[cell] = format_range(ratio(own, gflops(case, peak))) if peak else ""
    if is_measured(ours) and result is not ours and not is_peak:
        cells[5] = format_range(ratio(ours.rates, result.rates))
    return cells


def case_table(case, results):
    """The table of a case, without its empty columns."""
    head = ["", "rate", "GFLOP/s", "of sgemm", "of FMA peak", f"speedup of {results[0].label}"]
    lines = [_cells(case, result, results) for result in results]
    used = [i for i in range(len(head)) if i == 0 or any(line[i] for line in lines)]
    return markdown_table([head[i] for i in used], [[line[i] for i in used] for line in lines])


def goal_line(case, goal, results):
    """Whether the goal is reached, missed, or not measured."""
    reached, figure, other = evaluate_goal(case, goal, results)
    if reached is None:
        return f"Goal: {goal.text}: not measured."
    unit = " ms" if goal.metric == "added_ms" else ""
    bound = f"{goal.bound:g}{unit}"
    verdict = "**reached**" if reached else f"**missed** ({figure[0]:.3g} of {bound})"
    return f"Goal: {goal.text}: {verdict}, {format_range(figure)}{unit} compared with {other}."


def _fastest_peer_line(case, results):
    peers = [r.label for r in results[1:] if r.implementation not in PEAKS]
    other = fastest(results, peers)
    if case.goals or other is None or not is_measured(results[0]):
        return []
    speedup = format_range(ratio(results[0].rates, other.rates))
    return [f"This case has no goal. Speedup over the fastest peer, {other.label}: {speedup}."]


def case_section(case, results):
    """Heading, table, goals, and mismatches."""
    lines = [goal_line(case, goal, results) for goal in case.goals]
    lines += _fastest_peer_line(case, results) + mismatches(results)
    return f"### {case.id}: {case.title}\n\n{case_table(case, results)}\n\n" + "\n\n".join(lines)


def memory_section(sizes):
    """The section of the memory case."""
    heading = (
        "### memory: Training, H = 512, B = 64, T = 64, float32, text of 50 million characters\n\n"
    )
    if "error" in sizes:
        return heading + sizes["error"]
    lines = ["| | MB |", "|---|---:|"]
    named = {
        "3 × parameters (weights, gradients, Adagrad state)": 3 * sizes["parameters"],
        "activations of a window (`Workspace.nbytes`)": sizes["activations"],
        "text, one byte per character": sizes["text"],
        "formula: the sum of these": sizes["formula"],
        "measured: increase of the resident memory": sizes["increase"],
    }
    lines += [f"| {name} | {size / 1e6:.1f} |" for name, size in named.items()]
    verdict = "**reached**" if sizes["increase"] <= sizes["goal"] else "**missed**"
    goal = (
        f"Goal: at most 3 × parameters + activations + 2 bytes per character, "
        f"{sizes['goal'] / 1e6:.1f} MB: {verdict}."
    )
    return heading + "\n".join(lines) + "\n\n" + goal


def machine_lines(about):
    """Lines that describe the machine, the package and the versions of the libraries."""
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    load = f"; load before the run {about['load'][0]:.2f}" if about["load"] else ""
    return [
        f"- Machine: {about['processor']}, {about['cores']} cores, {about['system']}{load}",
        f"- gru_ext {about['gru_ext']}, instruction set {about['isa']}, {about['compiler']}",
        f"- Python {about['python']}, {packages}",
    ]


def page(about, measured, memory, chart=""):
    """The whole page; measured is a list of (case, results), chart the link of the picture."""
    lines = [
        *machine_lines(about),
        f"- Text: {about['text']}",
        f"- {about['repeats']} rounds, about {about['seconds']:g} s each, {about['date']}",
    ]
    sections = [
        "# Benchmarks",
        f"Written by `{about['command']}`.",
        "\n".join(lines),
        "## Method",
        METHOD,
        "## Results",
        *([chart] if chart else []),
        *(case_section(case, results) for case, results in measured),
        *([memory_section(memory)] if memory else []),
    ]
    return "\n\n".join(sections) + "\n"
