# SPDX-License-Identifier: MIT
"""From raw rates to medians, ratios, shares of the peak, and goals reached or missed."""

import statistics

from bench.workload import sampling_flops, training_flops

PEAKS = ("sgemm", "sgemm-avx2")
LOSS_TOLERANCE = 1e-4


def good(result):
    """Whether it has rates to speak of."""
    return bool(result.rates) and not result.error


def rate(result):
    """Units a second, the median of the rounds."""
    return statistics.median(result.rates)


def flops_per_unit(row, result):
    """Floating-point operations of one unit, or None where they are not the point."""
    if "flops" in result.info:
        return result.info["flops"]
    V, H = result.config["V"], result.config["H"]
    return {"train": training_flops(V, H), "sample": sampling_flops(V, H)}.get(row.work)


def gflops(row, result):
    """GFLOP/s, one a round."""
    work = flops_per_unit(row, result)
    return None if work is None else [r * work * 1e-9 for r in result.rates]


def spread(values):
    """Median, least, largest."""
    return statistics.median(values), min(values), max(values)


def ratio(ours, other):
    """How many times the other's figure ours is, round by round."""
    return spread([a / b for a, b in zip(ours, other, strict=False)])


def peak_of(results, dtype):
    """The matrix product's result in this row for a dtype, or None."""
    for result in results:
        if result.implementation in PEAKS and result.config["dtype"] == dtype and good(result):
            return result
    return None


def best(results, labels):
    """The fastest of those named, or None."""
    able = [r for r in results if r.label in labels and good(r)]
    return max(able, key=rate, default=None)


def judge(row, goal, results):
    """(reached or None, the figure with its spread, who it was measured against)."""
    ours, other = best(results, (goal.ours,)), best(results, goal.others)
    if ours is None or other is None:
        return None, None, None
    if goal.by == "flops":
        figure = ratio(gflops(row, ours), gflops(row, other))
    elif goal.by == "time":
        figure = ratio(other.rates, ours.rates)
    elif goal.by == "more":
        pairs = zip(ours.rates, other.rates, strict=False)
        figure = spread([1000 / a - 1000 / b for a, b in pairs])
    else:
        figure = ratio(ours.rates, other.rates)
    at_most = goal.by in ("time", "more")
    reached = figure[0] <= goal.bound if at_most else figure[0] >= goal.bound
    return reached, figure, other.label


def disagreements(results):
    """Sentences on implementations that did not compute what the first one of their sizes did."""
    first, said = {}, []
    for result in filter(good, results):
        info, sizes = result.info, tuple(result.config[k] for k in ("H", "B", "T"))
        for what in ("losses", "drawn", "printed"):
            if what not in info:
                continue
            mine, theirs = info[what], first.setdefault((what, sizes), info[what])
            if what == "losses":
                pairs = zip(mine, theirs, strict=False)
                same = all(abs(a - b) <= LOSS_TOLERANCE * abs(b) for a, b in pairs)
                detail = f"first losses {mine}, not {theirs}"
            else:
                same, detail = mine == theirs, f"other characters {what}"
            if not same:
                said.append(f"{result.label} computed something else: {detail}.")
    return said
