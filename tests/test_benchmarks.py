# SPDX-License-Identifier: MIT
"""The tables of the benchmarks, and the loop of the FMA peak."""

import shutil

import pytest

report = pytest.importorskip("bench.report", reason="the benchmarks are not here")
cases = pytest.importorskip("bench.cases")
timing = pytest.importorskip("bench.timing")

SIZES = {"H": 10, "B": 1, "T": 1, "V": 5, "threads": 1, "dtype": "float32"}


def result(label, rates, flops=None, **changes):
    info = {"units": 1} | ({} if flops is None else {"flops": flops})
    return timing.Result(label, label.partition("/")[0], SIZES | changes, "", rates, info)


def cells(results):
    case = cases.Case("x", "X", SIZES, ())
    lines = report.case_table(case, results).splitlines()
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def test_fractions_of_both_peaks():
    """Of the same dtype, round by round: medians with their range."""
    ours = 18 * 10 * 10 + 6 * 5 * 10  # floating-point operations of a character
    results = [
        result("gru_ext", [1e6, 2e6, 3e6]),
        result("numpy", [1e5, 1e5, 1e5]),
        result("sgemm/f64", [1, 1, 1], ours * 1e3, dtype="float64"),
        result("sgemm", [2, 4, 2], ours * 1e6),
        result("fma/f64", [1, 1, 1], ours, dtype="float64"),
        result("fma", [10, 10, 10], ours * 1e6),
    ]
    found = cells(results)
    assert found["gru_ext"]["of sgemm"] == "0.50 (0.50 to 1.50)"
    assert found["gru_ext"]["of FMA peak"] == "0.20 (0.10 to 0.30)"
    assert found["numpy"]["of FMA peak"] == "0.01 (0.01 to 0.01)"
    assert found["numpy"]["speedup of gru_ext"] == "20 (10.00 to 30)"
    assert found["sgemm"]["of FMA peak"] == "0.20 (0.20 to 0.40)"
    assert found["sgemm/f64"]["of FMA peak"] == "1000 (1000 to 1000)"
    assert found["fma"]["rate"] == found["fma"]["speedup of gru_ext"] == ""


def test_a_case_without_peaks_has_no_such_columns():
    (row,) = cells([result("gru_ext", [1e6])]).values()
    assert set(row) == {"", "rate", "GFLOP/s"}


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loop_of_the_peak(dtype):
    """A unit has the operations of a run on each thread, and its time is one that was measured."""
    from types import SimpleNamespace

    fma = pytest.importorskip("bench.implementations.fma")
    run, info = fma.multiply_add(SimpleNamespace(threads=2, dtype=dtype))
    assert info["flops"] % (2 * 2 * 12) == 0
    assert 0 < run(3) < 60
