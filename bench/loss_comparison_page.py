# SPDX-License-Identifier: MIT
"""What bench.same_loss found, in Markdown: a table a row, and whether the goal is reached."""

import math
import shlex
import statistics

from bench.analysis import best, good, rate, ratio, spread
from bench.report import facts, short, times

LOSS_TOLERANCE = 0.02
FASTER = 2
LIBRARIES = {"JAX": ("jax", "jax-manual"), "PyTorch": ("torch", "torch-loop", "torch-manual")}
HEADING = "## The same loss in JAX and PyTorch"

HOW = f"""\
The same run in each library: the text's last tenth held out, the same streams, windows, first
weights (of seed 0 in the first round, 1 in the second, ...), number of updates, Adam (beta1, beta2,
eps), warm-up and cosine, clipping to ±5; the hidden state carried on, and zero at the start of a
pass. All are float32. The gradient is that of the loss summed over a window and averaged over the
streams. JAX's models, and PyTorch's but for `nn.GRU`, are that of gru_ext; `nn.GRU` has its reset
gate after the product, and two biases a gate. `--check` holds the losses of those with the same
equations beside one another, window by window in float64.

Each run is a process of its own, on the row's cores, one after the other, the first place going
round. Seconds are those of the updates alone: no evaluation, no reading of the text, no
compilation and no warm-up (its seconds stand beside them, and count against nobody). JAX makes the
whole run in one compiled call; PyTorch tries its first updates with each number of threads up to
the row's and takes the fastest. Afterwards each library reads the held-out part itself, as one
stream from a zero state. A figure is the median over the rounds, with the least and the largest in
brackets; ratios are taken round by round. The goal is a held-out loss at most {LOSS_TOLERANCE} nats
above the peer's, in at most half the time of the library's fastest."""


def title(name, config):
    """A row's sizes."""
    layers = "one layer" if config["layers"] == 1 else f"{config['layers']} layers"
    dropout = f", dropout {config['dropout']:g}" if config["dropout"] else ""
    threads = "one core" if config["threads"] == 1 else f"{config['threads']} cores"
    sizes = f"H = {config['H']}, {layers}{dropout}, B = {config['B']}, T = {config['T']}"
    return f"### {name}: {sizes}, {threads}"


def table(results):
    """A line a implementation."""
    ours = results[0].label
    head = ["", "s", "char/s", "held out, bits", f"{ours} is … × as fast", "compiling, warm-up, s"]
    lines = [head, *(_cells(runs, results[0]) for runs in results)]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    text.insert(1, "|---|" + "---:|" * (len(head) - 1))
    return "\n".join(text)


def _cells(runs, ours):
    name = f"{runs.label}: {runs.note}" if runs.note else runs.label
    if not good(runs):
        return [name, runs.error or "no rounds", "", "", "", ""]
    threads = sorted({info["threads"] for info in runs.infos if "threads" in info})
    if threads:
        name += f" (threads: {', '.join(map(str, threads))})"
    faster = ratio(ours.rates, runs.rates) if good(ours) and runs is not ours else None
    bits = [nats / math.log(2) for nats in runs.nats]
    return [
        name,
        times(spread(runs.seconds), 1),
        short(rate(runs)),
        times(spread(bits), 3),
        times(faster) if faster else "",
        f"{statistics.median(info['warm_up'] for info in runs.infos):.1f}",
    ]


def goal_line(library, labels, results):
    """Reached, missed or not measured, against a library's fastest."""
    goal = f"Goal: the loss of {library} in at most half its time"
    ours, other = results[0], best(results, labels)
    if other is None or not good(ours):
        return f"{goal}: not measured."
    faster = ratio(ours.rates, other.rates)
    pairs = zip(ours.nats, other.nats, strict=True)
    above = spread([round(a - b, 4) + 0.0 for a, b in pairs])  # no -0
    reached = faster[0] >= FASTER and above[0] <= LOSS_TOLERANCE
    return (
        f"{goal}: **{'reached' if reached else 'missed'}**, {times(faster)} × as fast as "
        f"{other.label}, with {times(above, 4)} nats more."
    )


def section(name, results):
    """Title, table and goals of a row."""
    config, info = results[0].config, next((r.info for r in results if good(r)), None)
    made = f"{info['updates']:,} updates." if info else "Nothing was measured."
    goals = [goal_line(library, labels, results) for library, labels in LIBRARIES.items()]
    return "\n\n".join([title(name, config), made, table(results), *goals])


def part(about, measured):
    """The part of the page."""
    command = shlex.join(["python", "-m", "bench.same_loss", *about["words"]])
    told = [*facts(about), f"- {about['rounds']} rounds, {about['date']}"]
    sections = [section(name, results) for name, results in measured.items()]
    return "\n\n".join([HEADING, f"Written by `{command}`.", "\n".join(told), HOW, *sections])
