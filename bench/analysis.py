# SPDX-License-Identifier: MIT
"""Medians, ratios, goals, and checks that implementations computed the same."""

import statistics

from bench.workload import sampling_flops, training_flops

PRODUCTS, LOOPS = ("sgemm", "sgemm-avx2"), ("fma", "fma-avx2")
PEAKS = PRODUCTS + LOOPS
LOSS_TOLERANCE = 1e-4
# Computed values in a result's info, and what a message calls them.
COMPARED_VALUES = {"losses": "losses", "sampled": "characters", "output": "output"}


def is_measured(result):
    """Whether the result has rates and no error."""
    return bool(result.rates) and not result.error


def median_rate(result):
    """Units per second, the median over the rounds."""
    return statistics.median(result.rates)


def flops_per_unit(case, result):
    """Floating-point operations of one unit, or None for a case that does not count them."""
    if "flops" in result.info:
        return result.info["flops"]
    V, H = result.config["V"], result.config["H"]
    counts = {"training": training_flops(V, H), "sampling": sampling_flops(V, H)}
    return counts.get(case.work)


def gflops(case, result):
    """GFLOP/s of each round."""
    flops = flops_per_unit(case, result)
    return None if flops is None else [rate * flops * 1e-9 for rate in result.rates]


def median_and_range(values):
    """Median, minimum, maximum."""
    return statistics.median(values), min(values), max(values)


def ratio(ours, other):
    """Median and range of ours / other, computed round by round."""
    return median_and_range([a / b for a, b in zip(ours, other, strict=False)])


def peak_result(results, dtype, peaks):
    """The result of one of these implementations in this case for a dtype, or None."""
    for result in results:
        is_peak = result.implementation in peaks and result.config["dtype"] == dtype
        if is_peak and is_measured(result):
            return result
    return None


def fastest(results, labels):
    """The fastest result with one of these labels, or None."""
    measured = [r for r in results if r.label in labels and is_measured(r)]
    return max(measured, key=median_rate, default=None)


def evaluate_goal(case, goal, results):
    """(reached, median and range, label of the compared result), or three times None."""
    ours, other = fastest(results, (goal.ours,)), fastest(results, goal.others)
    if ours is None or other is None:
        return None, None, None
    if goal.metric == "flops":
        figure = ratio(gflops(case, ours), gflops(case, other))
    elif goal.metric == "time":
        figure = ratio(other.rates, ours.rates)
    elif goal.metric == "added_ms":
        pairs = zip(ours.rates, other.rates, strict=False)
        figure = median_and_range([1000 / a - 1000 / b for a, b in pairs])
    else:
        figure = ratio(ours.rates, other.rates)
    at_most = goal.metric in ("time", "added_ms")
    reached = figure[0] <= goal.bound if at_most else figure[0] >= goal.bound
    return reached, figure, other.label


def mismatches(results):
    """A sentence for each computed value that differs from the first result of the same sizes."""
    references, sentences = {}, []
    for result in filter(is_measured, results):
        sizes = tuple(result.config[key] for key in ("H", "B", "T"))
        for key, name in COMPARED_VALUES.items():
            if key not in result.info:
                continue
            value = result.info[key]
            reference = references.setdefault((key, sizes), value)
            if key == "losses":
                pairs = zip(value, reference, strict=False)
                equal = all(abs(a - b) <= LOSS_TOLERANCE * abs(b) for a, b in pairs)
            else:
                equal = value == reference
            if not equal:
                sentences.append(
                    f"{result.label} computed different {name}: {value} instead of {reference}."
                )
    return sentences
