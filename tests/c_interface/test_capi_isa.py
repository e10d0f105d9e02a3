# SPDX-License-Identifier: MIT
"""The instruction set of one handle, whatever the others use."""

import capi as c
import numpy as np
import pytest

from gru_ext.core import kernels

V, H = 11, 24
AVAILABLE = kernels.available_isas()


def test_the_names_are_those_of_the_package():
    names = [c.isa_name(i).decode() for i in range(len(AVAILABLE))]
    assert names == AVAILABLE
    assert c.isa_name(len(AVAILABLE)) is c.isa_name(-1) is None


@pytest.mark.parametrize("name", AVAILABLE)
def test_a_handle_computes_as_its_instruction_set(name, isa, dtype, draw_parameters):
    parameters, _ = draw_parameters(V, H, dtype)
    stream, other = c.Stream(parameters), c.Stream(parameters)
    kernels.use_isa(name)
    want = c.Stream(parameters)
    kernels.use_isa(isa)
    assert c.use_isa(stream.model, name.encode()) == c.OK
    assert [c.isa_of(each.model).decode() for each in (stream, other)] == [name, isa]
    for symbol in range(V - 1):
        assert stream.step(symbol) == want.step(symbol) == c.OK
        assert stream.cost(symbol + 1) == want.cost(symbol + 1)


@pytest.mark.parametrize("name", AVAILABLE)
def test_a_workspace_keeps_what_it_was_prepared_with(name, dtype, draw_parameters):
    windows = c.Windows(draw_parameters(V, H, dtype)[0], 2, 3)
    symbols = np.arange(8, dtype=np.int32)
    first, second = np.zeros(1), np.zeros(1)
    state = windows.state.copy()
    assert windows.call("forward", symbols, symbols[2:], 3, first) == c.OK
    windows.state[:] = state
    assert c.use_isa(windows.model, name.encode()) == c.OK
    assert windows.call("forward", symbols, symbols[2:], 3, second) == c.OK
    assert first == second


def test_the_best_one_and_those_that_are_not_there(dtype, draw_parameters):
    stream = c.Stream(draw_parameters(V, H, dtype)[0])
    assert c.use_isa(stream.model, b"generic") == c.OK
    for name in (b"", b"avx", b"AVX2", b"sse9000"):
        assert c.use_isa(stream.model, name) == c.NO_ISA
        assert c.isa_of(stream.model) == b"generic"
    assert c.use_isa(stream.model, None) == c.OK
    assert c.isa_of(stream.model).decode() == AVAILABLE[-1]
    assert c.use_isa(None, b"generic") == c.NULL
