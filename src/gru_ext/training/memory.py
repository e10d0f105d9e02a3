# SPDX-License-Identifier: MIT
"""The memory that a run will need, known before it begins.

docs/explanation/design/memory-layout.md has the reasons.
"""

from __future__ import annotations

import logging

import numpy as np

from gru_ext.arguments.messages import as_size
from gru_ext.core.kernels import layout
from gru_ext.core.memory import process_memory
from gru_ext.training.optimizers import OPTIMIZERS
from gru_ext.training.options import TrainingOptions

_logger = logging.getLogger("gru_ext")


def memory_of_run(
    options: TrainingOptions,
    vocabulary_size: int,
    resetting: bool,
    keeping: bool = False,
    held: int = 1,
) -> int:
    """The bytes that a run holds at its peak, beside the text.

    Parameters
    ----------
    options : TrainingOptions
        None of those that depend on the text is open.
    vocabulary_size : int
    resetting : bool
        Whether the model has a document separator.
    keeping : bool
        Whether the best weights are kept.
    held : int
        The workers that this process holds.
    """
    sizes = vocabulary_size, options.hidden_size
    itemsize = np.dtype(options.weights_dtype).itemsize
    parameters = layout(*sizes, itemsize, options.layers)["size"] * itemsize
    # the weights and the optimiser's moments: in use, in the last good state, and, while a file is
    # written, both once more
    state = 3 if OPTIMIZERS[options.optimizer].has_mean else 2
    state += options.average_over > 0
    workers = options.workers or 1
    copies = 2 * state * held + (0 if options.output is None else 2 * state * workers)
    copies += held  # the gradients
    copies += held * (options.weight_dropout > 0)  # the weights with some of them dropped
    copies += keeping
    if workers > 1:  # the changes of the weights, those of all for a slice, momentum and mean
        copies += held + 6
    return copies * parameters + held * _activations(options, sizes, resetting)


def _activations(options: TrainingOptions, sizes: tuple[int, int], resetting: bool) -> int:
    # imported here: the original script, which also checks its memory, does without
    from gru_ext.core.threads import default_threads, most_threads
    from gru_ext.core.windows import Workspace

    (V, H), B, T = sizes, options.batch_size, options.seq_length
    threads = options.threads or default_threads(B, H, np.dtype(options.weights_dtype).itemsize)
    try:  # memory that is allocated and never written to takes no room: the workspace says its size
        return Workspace(
            V,
            H,
            B,
            T,
            options.weights_dtype,
            threads=min(threads, most_threads(B, H)),
            resetting=resetting,
            layers=options.layers,
            dropping=options.dropout > 0,
            products=options.products,
        ).nbytes
    except MemoryError:  # too much even for that: the hidden states and the probabilities alone
        return B * T * (options.layers * H + V) * np.dtype(options.weights_dtype).itemsize


def memory_of_classic(options: TrainingOptions, vocabulary_size: int) -> int:
    """The bytes of the original script's arrays: initial weights, weights, memory, gradients."""
    sizes, itemsize = (vocabulary_size, options.hidden_size), np.dtype(options.dtype).itemsize
    return layout(*sizes, 8, 1)["size"] * 8 + 3 * layout(*sizes, itemsize, 1)["size"] * itemsize


def check_memory(needed: int, shuffled: int = 0) -> None:
    """Refuse a run that needs more memory than there is; warn where it may not be free.

    ``shuffled`` bytes of what is needed are a copy of the text.

    Raises
    ------
    ValueError
        The message has both numbers.
    """
    memory = process_memory()
    if memory is None:
        return
    if needed > memory.limit:
        raise ValueError(
            f"the run needs about {as_size(needed)} of memory, and this process may use "
            f"{as_size(memory.limit)}: choose a smaller `hidden_size`, `batch_size`, `seq_length` "
            f"or vocabulary (`min_count`)"
            + (f", or save {as_size(shuffled)} without `shuffle`" if shuffled else "")
        )
    if needed > memory.available:
        _logger.warning(
            "the run needs about %s of memory, and only %s are free",
            as_size(needed),
            as_size(memory.available),
        )
