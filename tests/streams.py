# SPDX-License-Identifier: MIT
"""Sampling from parameters in one call."""

import numpy as np

from gru_ext.core.sampler import Sampler
from gru_ext.core.sampling_loop import sample_symbols
from gru_ext.core.stream import SymbolStream


def sample_streams(parameters, first, uniforms, hidden=None, temperature=1.0):
    """Sample (n, B) symbols after each of `first` (B,), from `hidden` (layers, B, H) or zero.

    Returns the symbols and the stream, which has read them.
    """
    B = len(first)
    stream = SymbolStream(parameters, B)
    if hidden is not None:
        stream.state = hidden
    stream.read(np.asarray(first).reshape(1, B))
    sampler = Sampler(parameters.vocabulary_size, B, parameters.dtype, temperature=temperature)
    return sample_symbols(stream, sampler, uniforms), stream
