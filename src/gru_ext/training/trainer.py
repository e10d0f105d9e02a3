# SPDX-License-Identifier: MIT
"""Training that can be stepped, iterated, saved and resumed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.kernels import check_dropout, check_weight_decay
from gru_ext.core.threads import default_threads
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace, check_count
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.model.model import Model
from gru_ext.text.corpus import digest, release
from gru_ext.training.optimizers import OPTIMIZERS, weight_decay_of
from gru_ext.training.options import SCHEDULES, check_one_of, check_whole
from gru_ext.training.schedule import Schedule, are_lowered

_SMOOTHING = 0.999
_MOST_HALVINGS = 100
# An optimiser's memory is empty at first, and each update as large as the learning rate itself:
# without a warm-up some runs never recover from the first ones. It lasts a pass over the text, but:
_FEWEST_WARMUP_STEPS, _MOST_WARMUP_STEPS = 200, 400


class Step(NamedTuple):
    """What one update reports."""

    number: int
    nats_per_char: float

    @property
    def bits_per_char(self) -> float:
        """nats_per_char / log 2."""
        return self.nats_per_char / math.log(2)


class Trainer:
    """Truncated BPTT over the streams of one text.

    Parameters
    ----------
    model : Model
        Its parameters are trained in place; its separator, if any, ends the documents.
    symbols : ndarray, uint8, uint16 or int32, shape (n,)
        The text, as ``model.vocabulary.encode`` gives it.
    seq_length, batch_size : int
        T and B: windows of T characters from B streams.
    optimizer : {"adagrad", "adam", "adamw", "rmsprop"}
    learning_rate : float, optional
    clip : float
        The bound of each gradient (infinity: none).
    clip_norm : float, optional
        The bound of the whole gradient's norm, which is shortened before ``clip`` bounds its
        elements.
    weight_decay : float, optional
        AdamW's, of all parameters but the biases; 0.01 by default.
    schedule : {"constant", "cosine", "plateau"}
        A cosine falls to 0 over ``planned_steps`` updates; a plateau is a constant that is halved
        by each :meth:`lower_learning_rate`, since a trainer does not measure its model.
    warmup_steps : int or None
        Updates over which the learning rate rises in even steps to its value. None: the first pass
        over the text, but 200 at least and 400 at most.
    planned_steps : int, optional
        Updates of the whole run, those before a resume included.
    dropout : float
        The share of each layer's outputs that is dropped while training.
    tied : bool
        The output's weights are those of the first layer's candidate, transposed: Wy = Wh^T.
    seed : int
        Of the dropout.
    threads : int, optional
        Threads that share each window; by default as many as help. The result has the same bits
        for any number.

    Raises
    ------
    ValueError
        Where the text is too short for one window of each stream, or a number is out of range.

    Examples
    --------
    >>> trainer = Trainer(model, model.vocabulary.encode(text))      # doctest: +SKIP
    >>> for step in trainer:                                         # doctest: +SKIP
    ...     if step.number == 1000:
    ...         break
    """

    def __init__(
        self,
        model: Model,
        symbols: NDArray[np.integer],
        *,
        seq_length: int = 64,
        batch_size: int = 1,
        optimizer: str = "adagrad",
        learning_rate: float | None = None,
        clip: float = 5.0,
        clip_norm: float | None = None,
        weight_decay: float | None = None,
        schedule: str = "constant",
        warmup_steps: int | None = 0,
        planned_steps: int | None = None,
        dropout: float = 0.0,
        tied: bool = False,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        if threads is None:
            threads = default_threads(batch_size)
        check_one_of("optimizer", optimizer, OPTIMIZERS)
        check_one_of("schedule", schedule, SCHEDULES)
        parameters, rule = model.parameters, OPTIMIZERS[optimizer]
        if learning_rate is None:
            learning_rate = rule.learning_rate
        self.model = model
        self.optimizer = optimizer
        self.clip = clip
        self.clip_norm = math.inf if clip_norm is None else clip_norm
        self.weight_decay = weight_decay_of(optimizer, weight_decay)
        check_weight_decay(self.weight_decay, learning_rate)
        self.threads = min(threads, batch_size)
        check_dropout(dropout)
        check_whole("seed", seed)
        check_count("seed", seed, 0, 2**64 - 1)
        self.dropout, self.tied, self.seed = dropout, tied, seed
        self._tie()
        self.memory = parameters.like()
        self.mean = parameters.like() if rule.has_mean else None
        self._workspace = Workspace(
            parameters.vocabulary_size,
            parameters.hidden_size,
            batch_size,
            seq_length,
            parameters.dtype,
            threads=self.threads,
            resetting=model.separator is not None,
            layers=parameters.layers,
            dropping=dropout > 0,
        )
        self._loop = TrainingLoop(
            parameters.flat,
            self.memory.flat,
            self._workspace,
            symbols,
            model.separator,
            optimizer,
            None if self.mean is None else self.mean.flat,
            rule.beta1,
            rule.beta2,
            tied,
        )
        self._symbols = symbols
        self._digest: str | None = None
        if warmup_steps is None:
            pass_ = self._loop.windows_per_epoch
            warmup_steps = min(_MOST_WARMUP_STEPS, max(_FEWEST_WARMUP_STEPS, pass_))
        self.schedule = Schedule(schedule, learning_rate, warmup_steps, planned_steps)
        self.seq_length, self.batch_size = seq_length, batch_size
        self.smooth_loss = math.log(parameters.vocabulary_size)

    def _tie(self) -> None:
        if self.tied:
            self.model.parameters["Wy"][...] = self.model.parameters["Wh"].T

    @property
    def steps_done(self) -> int:
        """Updates so far, those before a resume included."""
        return self._loop.windows_done

    @property
    def learning_rate(self) -> float:
        """The largest still to come, after all halvings and lowerings; to set it forgets them."""
        return self.schedule.peak

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        check_weight_decay(self.weight_decay, value)
        self.schedule.learning_rate, self.schedule.halvings = value, 0
        self.schedule.lowered = []

    def lower_learning_rate(self) -> bool:
        """Halve the learning rate of all further updates, whatever the schedule.

        Checkpoints keep that. Returns False, and changes nothing, where it was done ten times:
        with a thousandth of the rate nothing is learned any more.

        Examples
        --------
        >>> if model.evaluate(held_out).bits_per_char >= best:        # doctest: +SKIP
        ...     trainer.lower_learning_rate()
        """
        return self.schedule.lower(self.steps_done)

    @property
    def windows_per_epoch(self) -> int:
        """Updates in a pass over the text."""
        return self._loop.windows_per_epoch

    @property
    def characters(self) -> int:
        """Length of the text."""
        return len(self._symbols)

    @property
    def characters_per_step(self) -> int:
        """T * B, characters learned from by one update."""
        return self.seq_length * self.batch_size

    @property
    def hidden(self) -> NDArray[np.floating]:
        """Hidden state of each stream, which may be written to.

        Shape (B, H), or (layers, B, H) where there are several.
        """
        return self._workspace.hidden

    def forget_windows(self) -> None:
        """Zero all that earlier windows left, the hidden states included.

        A NaN lasts in the padding, which no assignment to :attr:`hidden` reaches: 0 * NaN = NaN.
        """
        self._workspace.memory[...] = 0

    @property
    def numbers(self) -> tuple[int, int, float]:
        """Updates done, position in the streams and smoothed loss: the state beside its arrays.

        To set what cannot be raises a ValueError.
        """
        return self.steps_done, self._loop.position, self.smooth_loss

    @numbers.setter
    def numbers(self, values: tuple[int, int, float]) -> None:
        self._loop.windows_done, self._loop.position, self.smooth_loss = values

    @property
    def current_rate(self) -> float:
        """Learning rate of the last update."""
        return float(self.schedule.rates(max(0, self.steps_done - 1), 1)[0])

    def advance(self, steps: int) -> NDArray[np.float64]:
        """Make so many updates.

        Returns
        -------
        ndarray, shape (steps,)
            Loss of each window before its update, in nats per character.

        Raises
        ------
        ValueError
            Where a cosine schedule does not know the planned steps.
        """
        losses = self._loop.steps(
            steps,
            self.schedule.rates(self.steps_done, steps),
            self.clip,
            threads=self.threads,
            weight_decay=self.weight_decay,
            clip_norm=self.clip_norm,
            dropout=self.dropout,
            seed=self.seed,
        )
        release(self._symbols)
        losses /= self.characters_per_step
        for loss in losses.tolist():
            self.smooth_loss = self.smooth_loss * _SMOOTHING + loss * (1 - _SMOOTHING)
        return losses

    def step(self) -> Step:
        """Make one update."""
        loss = float(self.advance(1)[0])
        return Step(self.steps_done, loss)

    def __iter__(self) -> Iterator[Step]:
        """Updates without end: leave the loop when enough."""
        while True:
            yield self.step()

    def text_digest(self) -> str:
        """SHA-256 of the text's symbols, by which a resume knows its text again."""
        if self._digest is None:
            self._digest = digest(self._symbols)
        return self._digest

    def checkpoint(self) -> Checkpoint:
        """The model and the whole state of its training."""
        data = self.model.checkpoint()
        data.metadata |= {
            "step": self.steps_done,
            "training": {
                "optimizer": self.optimizer,
                "position": self._loop.position,
                "smooth_loss": self.smooth_loss,
                "halvings": self.schedule.halvings,
                "tied": self.tied,
                "lowered": list(self.schedule.lowered),
                "text_sha256": self.text_digest(),
                "text_characters": len(self._symbols),
            },
        }
        data.memory = dict(self.memory)
        data.mean = None if self.mean is None else dict(self.mean)
        data.hidden = self.hidden.copy()
        return data

    def resume(self, data: Checkpoint) -> None:
        """Go on from where a checkpoint was made: to the same bits as if never interrupted.

        Raises
        ------
        CheckpointError
            Where it holds no training state, or that of another text or other sizes.
        """
        state: dict[str, Any] | None = data.metadata.get("training")
        step = data.metadata.get("step")
        if data.memory is None or data.hidden is None or not isinstance(state, dict):
            raise CheckpointError(
                "holds no training state to resume: start from its weights with --init-from"
            )
        parameters = self.model.parameters
        if data.vocabulary != self.model.vocabulary:
            raise CheckpointError("was trained with another vocabulary than this text's")
        saved, ours = (
            about.get("document_separator") for about in (data.metadata, self.model.about)
        )
        if saved != ours:
            raise CheckpointError(f"was trained with document separator {saved!r}, not {ours!r}")
        if data.weights["Wz"].dtype != parameters.dtype:
            raise CheckpointError(f"is {data.weights['Wz'].dtype}, not {parameters.dtype}")
        if data.hidden_size != parameters.hidden_size:
            raise CheckpointError(
                f"has hidden size {data.hidden_size}, not {parameters.hidden_size}"
            )
        if data.layers != parameters.layers:
            raise CheckpointError(f"has layers {data.layers}, not {parameters.layers}")
        batch_size = data.hidden.shape[-2]
        if batch_size != self.batch_size:
            raise CheckpointError(
                f"was trained with batch size {batch_size}, not {self.batch_size}"
            )
        if state.get("optimizer", "adagrad") != self.optimizer:
            raise CheckpointError(
                f"was trained with optimizer {state['optimizer']}, not {self.optimizer}"
            )
        if bool(state.get("tied")) != self.tied:
            kinds = ("weights of its own for the output", "tied output weights")
            raise CheckpointError(
                f"was trained with {kinds[not self.tied]}, not {kinds[self.tied]}"
            )
        if state.get("text_sha256") != self.text_digest():
            before, now = state.get("text_characters"), len(self._symbols)
            differ = (
                f"also of {now} characters, but not the same ones"
                if before == now
                else f"of {before} characters; this one has {now}"
            )
            raise CheckpointError(
                f"was trained on another text, {differ} (both without the held-out part)"
            )
        position, smooth_loss = state.get("position"), state.get("smooth_loss")
        halvings, lowered = state.get("halvings", 0), state.get("lowered", [])
        if (
            not isinstance(step, int)
            or step < 0
            or not isinstance(position, int)
            or not isinstance(smooth_loss, float)
            or type(halvings) is not int
            or not 0 <= halvings <= _MOST_HALVINGS
            or not are_lowered(lowered, step)
            or (data.mean is None) != (self.mean is None)
        ):
            raise CheckpointError("has a damaged training state")
        try:
            self.numbers = step, position, smooth_loss
        except ValueError as error:
            raise CheckpointError(f"has a damaged training state: {error}") from None
        parameters.assign(data.weights)
        self._tie()
        self.memory.assign(data.memory)
        if self.mean is not None and data.mean is not None:
            self.mean.assign(data.mean)
        self.hidden[...] = data.hidden
        self.schedule.halvings, self.schedule.lowered = halvings, list(lowered)
