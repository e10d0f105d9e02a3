# SPDX-License-Identifier: MIT
"""Progress lines as a table: which columns, how wide, when the heading comes again."""

import math

import pytest

from gru_ext import Progress
from gru_ext.reporting.table import SCREEN, Table, as_amount, as_clock

TABLE = """\
 step  epoch      train   validation  learning   speed     time
              bits/char  bits/char        rate  char/s     left
  980   1.00      2.500      2.659 *  8.80e-08    714k     0:12"""


def progress(step=980, steps=9800, bits=2.5, val=2.659, speed=714_321.0):
    """A progress line with losses in bits."""
    nats = None if val is None else val * math.log(2)
    return Progress(
        step, steps, step / 980, 64 * step, bits * math.log(2), nats, 8.8e-8, speed, 1.0
    )


def test_the_table():
    assert Table().lines(progress(), True, 12.3, 80) == TABLE


@pytest.mark.parametrize("steps", [1, 980, 10**6, 10**9, 2**53])
@pytest.mark.parametrize("unit", ["character", "byte"])
@pytest.mark.parametrize("columns", [80, 60, 40])
def test_no_line_is_wider_than_the_terminal(steps, unit, columns):
    if steps == 2**53 and columns == 40:
        columns = 45  # the step alone takes 21
    table = Table(unit)
    for step, val, left in ((1, None, None), (steps, 99.9, 999_999.0)):
        text = table.lines(progress(step, steps, 15.0, val, 999e6), True, left, columns)
        assert max(map(len, text.split("\n"))) <= columns
        assert text.split("\n")[-1].lstrip().startswith(f"{step:,}  ")


@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        (80, "step epoch train validation learning speed time"),
        (60, "step epoch train validation speed time"),
        (50, "step train validation speed time"),
        (40, "step train validation time"),
        (32, "step train validation"),
        (1, "step train validation"),
    ],
)
def test_a_narrow_terminal_gets_fewer_columns(columns, titles):
    assert Table().lines(progress(), False, 12.3, columns).split("\n")[0].split() == titles.split()


def test_a_run_without_a_validation_part_has_no_such_column():
    text = Table(validates=False).lines(progress(val=None), False, 1.0, 80)
    assert text.split("\n")[0].split() == ["step", "epoch", "train", "learning", "speed", "time"]
    assert "*" not in text


def test_columns_stay_where_numbers_are_missing():
    table = Table()
    table.lines(progress(), True, 12.3, 80)
    whole = table.lines(progress(), True, 12.3, 80)
    bare = table.lines(progress(val=None, speed=None), False, 12.3, 80)
    nan = table.lines(progress(val=math.nan, speed=None), False, 12.3, 80)
    assert bare == nan
    assert len(bare) == len(whole)
    assert all(b in (" ", w) for b, w in zip(bare, whole, strict=True))


def test_the_heading_comes_again_where_it_has_left_the_screen():
    table = Table()
    heads = [table.lines(progress(), False, 1.0, 80, n).count("\n") for n in range(3 * SCREEN)]
    assert [i for i, count in enumerate(heads) if count] == [0, SCREEN, 2 * SCREEN]
    assert heads[0] == 2
    assert table.lines(progress(), False, 1.0, 40, 3 * SCREEN - 1).count("\n") == 3  # resized


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (0.5, "0.500"),
        (7, "7"),
        (99.96, "100"),
        (999.4, "999"),
        (999.6, "1.00k"),
        (9999, "10.0k"),
        (812_345, "812k"),
        (999_500, "1.00M"),
        (1.2e6, "1.20M"),
        (5e15, "5000T"),
    ],
)
def test_amounts_have_three_digits(number, text):
    assert as_amount(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.6, "1:00"), (3599.4, "59:59"), (3600, "1:00:00"), (360_000, "100:00:00")],
)
def test_durations(seconds, text):
    assert as_clock(seconds) == text
