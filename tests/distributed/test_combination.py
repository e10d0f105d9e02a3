# SPDX-License-Identifier: MIT
"""The mean of the workers' arrays, and how it changes the weights."""

import numpy as np
import pytest
from threaded_ranks import on_ranks

from gru_ext.distributed.combination import mean_of_workers, workers_of
from gru_ext.distributed.communicator import Alone, Communicator
from gru_ext.distributed.outer import outer_update


@pytest.mark.parametrize(("workers", "size"), [(1, 1), (8, 3), (3, 3), (1000, 7)])
def test_each_worker_is_on_one_rank(workers, size):
    ranks = [workers_of(rank, size, workers) for rank in range(size)]
    assert [worker for rank in ranks for worker in rank] == list(range(workers))
    assert max(map(len, ranks)) - min(map(len, ranks)) <= 1


def arrays_of(workers, n, dtype):
    """Numbers of very different sizes: their sum depends on its order."""
    draws = np.random.default_rng(0)
    return [(draws.normal(size=n) * 10.0 ** draws.integers(-6, 6, n)).astype(dtype)
            for _ in range(workers)]  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 1001])
def test_the_mean_is_the_sum_in_order_on_any_number_of_ranks(dtype, n):
    arrays = arrays_of(5, n, dtype)
    expected = arrays[0].copy()
    for array in arrays[1:]:
        expected += array
    expected /= 5

    def run(communicator):
        own = workers_of(communicator.rank, communicator.size, 5)
        return mean_of_workers(communicator, [arrays[worker] for worker in own], 5)

    for size in (1, 2, 3, 5):
        for found in on_ranks(size, run):
            assert found.dtype == dtype
            assert found.tobytes() == expected.tobytes()
    assert all(array.tobytes() == a.tobytes() for array, a in zip(arrays, arrays_of(5, n, dtype),
                                                                  strict=True))  # fmt: skip


def test_the_outer_optimizers_are_those_of_the_equations():
    draws = np.random.default_rng(1)
    weights, momentum = draws.normal(size=9), np.zeros(9)
    expected, v = weights.copy(), np.zeros(9)
    for _ in range(3):
        change = draws.normal(size=9)
        v = 0.9 * v + change
        expected += 0.7 * (change + 0.9 * v)
        outer_update(weights, change.copy(), momentum, 0.7, 0.9)
        np.testing.assert_allclose(weights, expected, rtol=1e-14)
        np.testing.assert_allclose(momentum, v, rtol=1e-14)
    outer_update(weights, change.copy(), None, 1.0, 0.9)
    np.testing.assert_allclose(weights, expected + change, rtol=1e-14)


def test_a_process_alone_has_what_it_sends():
    alone, data = Alone(), np.arange(3, dtype=np.uint8)
    assert isinstance(alone, Communicator)
    assert alone.broadcast(data) is data
    assert alone.allgather(data)[0] is data
    assert alone.exchange([data])[0] is data
    with pytest.raises(RuntimeError, match="a message"):
        alone.abort("a message")
