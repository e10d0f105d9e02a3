# SPDX-License-Identifier: MIT
"""The arrays of a training run, and steps on them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.kernels import check_weight_decay
from gru_ext.core.threads import default_threads, most_threads
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace
from gru_ext.model.checkpoint import Checkpoint
from gru_ext.model.model import Model
from gru_ext.model.parameters import Parameters
from gru_ext.text.corpus import release
from gru_ext.training.optimizers import OPTIMIZERS
from gru_ext.training.options import TrainingOptions
from gru_ext.training.shuffle import ShuffledDocuments


class Steps:
    """The weights and states of a run, and steps at given learning rates.

    It is what all workers of a run have. A :class:`Trainer` adds the schedule, and checkpoints.

    Parameters
    ----------
    model : Model
        Its parameters are trained in place.
    symbols : ndarray, uint8, uint16 or int32, shape (n,)
        The text.
    options : TrainingOptions
        Those that a step depends on are all given.
    seed : int
        The seed of the dropout and of the order of documents.

    Raises
    ------
    TypeError, ValueError
        The text is too short for one window of each stream, or options or a parameter are not as
        they must be.
    """

    def __init__(
        self, model: Model, symbols: NDArray[np.integer], options: TrainingOptions, seed: int
    ) -> None:
        self.seed = seed
        parameters = model.parameters
        rule = OPTIMIZERS[options.optimizer]
        parameters.check_finite()
        self.model, self.optimizer = model, options.optimizer
        self.seq_length, self.batch_size = options.seq_length, options.batch_size
        self.clip, self.dropout, self.tied = options.clip, options.dropout, options.tied
        self.weight_dropout, self.state_reset = options.weight_dropout, options.state_reset
        self.average_over, self.products = options.average_over, options.products
        self.clip_norm = math.inf if options.clip_norm is None else options.clip_norm
        self.weight_decay = options.weight_decay
        check_weight_decay(self.weight_decay, options.learning_rate)
        sizes = self.batch_size, parameters.hidden_size
        threads = options.threads or default_threads(*sizes, parameters.dtype.itemsize)
        self.threads = min(threads, most_threads(*sizes))
        if options.shuffle and model.separator is None:
            raise ValueError("`shuffle` is for documents: the model has no document separator")
        read = np.array(symbols) if options.shuffle else symbols
        self._tie()
        self.memory = parameters.like()
        self.mean = parameters.like() if rule.has_mean else None
        self.average = parameters.like() if self.average_over > 0 else None
        self._workspace = Workspace(
            parameters.vocabulary_size,
            parameters.hidden_size,
            self.batch_size,
            self.seq_length,
            parameters.dtype,
            threads=self.threads,
            resetting=model.separator is not None,
            layers=parameters.layers,
            dropping=self.dropout > 0,
            products=self.products,
        )
        self._loop = TrainingLoop(
            parameters.flat,
            self.memory.flat,
            self._workspace,
            read,
            model.separator,
            self.optimizer,
            None if self.mean is None else self.mean.flat,
            rule.beta1,
            rule.beta2,
            self.tied,
            None if self.average is None else self.average.flat,
        )
        self._symbols = symbols
        self._shuffled: ShuffledDocuments | None = None
        if options.shuffle and model.separator is not None:
            self._shuffled = ShuffledDocuments(
                symbols, read, model.separator, seed, self.batch_size, self.seq_length
            )
        self.smooth_loss = math.log(parameters.vocabulary_size)

    def _tie(self) -> None:
        if self.tied:
            self.model.parameters["Wy"][...] = self.model.parameters["Wh"].T

    @property
    def shuffles(self) -> bool:
        """Whether the order of the documents is drawn for each epoch."""
        return self._shuffled is not None

    @property
    def beside(self) -> dict[str, Parameters]:
        """What there is of ``memory``, ``mean`` and ``average``, by these names."""
        found = {"memory": self.memory, "mean": self.mean, "average": self.average}
        return {name: arrays for name, arrays in found.items() if arrays is not None}

    @property
    def steps_done(self) -> int:
        """The steps made so far, including those before a resume."""
        return self._loop.windows_done

    @property
    def windows_per_epoch(self) -> int:
        """The steps in an epoch."""
        return self._loop.windows_per_epoch

    @property
    def characters(self) -> int:
        """The length of the text."""
        return len(self._symbols)

    @property
    def characters_per_step(self) -> int:
        """T * B, the characters that one step trains on."""
        return self.seq_length * self.batch_size

    @property
    def hidden(self) -> NDArray[np.floating]:
        """The hidden state of each stream, which may be written to.

        Its shape is (B, H), or (layers, B, H) for several layers.
        """
        return self._workspace.hidden

    def clear_workspace(self) -> None:
        """Set all buffers of earlier windows to zero, including the hidden states.

        A NaN in the padding would remain: no assignment to :attr:`hidden` reaches the padding, and
        0 * NaN = NaN.
        """
        self._workspace.memory[...] = 0

    @property
    def counters(self) -> tuple[int, int, float]:
        """Steps made, position in the streams, smoothed loss: the state beside the arrays.

        Setting an impossible position raises a ValueError.
        """
        return self.steps_done, self._loop.position, self.smooth_loss

    @counters.setter
    def counters(self, values: tuple[int, int, float]) -> None:
        self._loop.windows_done, self._loop.position, self.smooth_loss = values

    def make_steps(
        self,
        steps: int,
        rates: NDArray[np.float64],
        *,
        average_over: float = 0.0,
        gradient_only: bool = False,
    ) -> NDArray[np.float64]:
        """Make so many steps with these learning rates, without :attr:`smooth_loss`.

        With ``gradient_only`` the gradient of one step is left to :meth:`apply`.
        """
        parts: list[NDArray[np.float64]] = []
        made = 0
        while made < steps or not parts:
            until = steps
            if self._shuffled is not None:  # to the end of the epoch at most
                left = self._shuffled.arrange_at(self.steps_done, self._loop.position)
                until = min(steps, made + left)
            losses = self._loop.steps(
                until - made,
                rates[made:until],
                dropout=self.dropout,
                seed=self.seed,
                weight_dropout=self.weight_dropout,
                state_reset=self.state_reset,
                average_over=average_over,
                gradient_only=gradient_only,
                **self._rule(),
            )
            parts.append(losses)
            made = until
        release(self._symbols)
        losses = np.concatenate(parts)
        losses /= self.seq_length * self.batch_size
        return losses

    def _rule(self) -> dict[str, Any]:
        """How a gradient becomes an update, beside its learning rate."""
        return {
            "clip": self.clip,
            "threads": self.threads,
            "weight_decay": self.weight_decay,
            "clip_norm": self.clip_norm,
        }

    @property
    def gradients(self) -> NDArray[np.floating]:
        """The flat buffer of the gradient that :meth:`apply` applies."""
        return self._loop.gradients

    def apply(self, rate: float) -> None:
        """Update the weights with :attr:`gradients`, as the last step that is done."""
        rates = np.array([rate])
        self._loop.apply(rates, average_over=self.average_over, **self._rule())

    def is_finite(self) -> bool:
        """Whether all values in the trainer's arrays are finite.

        A gradient that is not finite leaves such a value in them.
        """
        beside = (arrays.flat for arrays in self.beside.values())
        arrays = [self.model.parameters.flat, self.hidden, *beside]
        return all(np.isfinite(array).all() for array in arrays)

    def assign(self, data: Checkpoint) -> None:
        """Copy the arrays of a checkpoint, which are of the right sizes."""
        self.model.parameters.assign(data.weights)
        self._tie()
        for name, arrays in data.beside.items():
            self.beside[name].assign(arrays)
        self.hidden[...] = data.hidden
