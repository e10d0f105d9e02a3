# SPDX-License-Identifier: MIT
"""Runs on a busy machine: one thread where several wait for each other."""

from itertools import pairwise

from gru_ext.core.helper_threads import Contention


def used(contention, calls, together, alone, waited, windows=1000, each_step=False):
    """Threads and windows of each part of so many calls that ask for 4 threads.

    A window takes `together` or `alone` seconds.
    """
    parts = []
    for _ in range(calls):
        left = windows
        while left:
            threads, n = contention.plan(4, left)
            parts.append((threads, n))
            left -= n
            one = threads == 1
            contention.note(
                4, alone if one else together, 0.0 if one else waited, each_step and not one
            )
    return parts


def test_an_idle_machine():
    assert used(Contention(3e-4), 100, 1e-4, 3e-4, waited=0.01) == [(4, 1000)] * 100


def test_a_busy_machine_is_tried_again_less_and_less_often():
    parts = used(Contention(3e-4), 300, 5e-3, 3e-4, waited=0.5)
    assert parts[:3] == [(4, 1000), (1, 62), (1, 938)]
    several = [i for i, (threads, _) in enumerate(parts) if threads == 4]
    gaps = [b - a for a, b in pairwise(several)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == gaps[-2] > 30


def test_waits_that_cost_less_than_one_thread_would():
    """A trial has few windows: a sixteenth of a call, which then takes a quarter longer."""
    parts = used(Contention(3e-4), 300, 1e-4, 3e-4, waited=0.5)
    alone = [n for threads, n in parts if threads == 1]
    assert 4 <= len(alone) <= 20
    assert set(alone) == {62}


def test_few_windows_and_one_thread_are_left_alone():
    """A trial of one long window would take too long; not where several threads are slower."""
    assert used(Contention(0.5), 50, 0.3, 0.6, waited=1.0, windows=15) == [(4, 15)] * 50
    parts = used(Contention(0.1), 50, 0.3, 0.1, waited=1.0, windows=15)
    assert parts[:3] == [(4, 15), (1, 1), (1, 14)]
    contention = Contention(3e-4)
    contention.note(1, 1e-4, 1.0, False)
    assert contention.plan(4, 9) == (4, 9)


def test_a_machine_that_is_idle_again():
    contention = Contention(3e-4)
    used(contention, 200, 1e-3, 3e-4, waited=0.5)
    parts = used(contention, 60, 1e-4, 3e-4, waited=0.0)
    assert parts[-20:] == [(4, 1000)] * 20


def test_threads_that_meet_in_each_step_are_compared_with_one():
    parts = used(Contention(3e-4), 100, 1e-4, 2e-4, waited=0.0, each_step=True)
    assert parts[:3] == [(4, 1000), (1, 62), (4, 938)]
    assert sum(n for threads, n in parts if threads == 1) < 1000
    parts = used(Contention(3e-4), 100, 3e-4, 2e-4, waited=0.0, each_step=True)
    assert sum(n for threads, n in parts if threads == 4) < 10_000
