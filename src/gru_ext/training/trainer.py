# SPDX-License-Identifier: MIT
"""Training that can be stepped, iterated, saved and resumed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.kinds import OneOf, Whole
from gru_ext.arguments.messages import counted
from gru_ext.core.kernels import check_weight_decay
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.model.evaluation import Evaluation
from gru_ext.model.model import Model
from gru_ext.text.corpus import digest
from gru_ext.training.defaults import default_warmup, settle
from gru_ext.training.optimizers import OptimizerName, ScheduleName
from gru_ext.training.options import PRODUCTS, Products, TrainingOptions
from gru_ext.training.schedule import Schedule
from gru_ext.training.snapshot import RollBack, Snapshot
from gru_ext.training.steps import Steps
from gru_ext.training.trainer_state import recorded_state, state_for

SMOOTHING = 0.999
"""The fraction of ``smooth_loss`` that a step keeps, as in the original script."""


class Step(NamedTuple):
    """What one step reports: its number, and the loss before the update."""

    number: int
    nats_per_char: float

    @property
    def bits_per_char(self) -> float:
        """nats_per_char / log 2."""
        return self.nats_per_char / math.log(2)


class Trainer(Steps):
    """Truncated BPTT over the streams of one text.

    A text is cut into B streams of equal length. A step trains on one window of T characters of
    each stream, and hands the hidden states on to the next window.

    Parameters
    ----------
    model : Model
        Its parameters are trained in place. If it has a document separator, the hidden state is
        reset at each document.
    symbols : ndarray, uint8, uint16 or int32, shape (n,)
        The text, as ``model.vocabulary.encode`` returns it.
    seq_length, batch_size : int, optional
        T and B: the length of a window and the number of streams. By default they, and the options
        below that may be left out, follow from the text and the sizes of the model, as in
        :func:`gru_ext.train`.
    optimizer : {"adam", "adamw", "rmsprop", "adagrad"}
    learning_rate : float, optional
        The peak learning rate.
    clip : float
        Each gradient element is clipped to [-clip, clip], by default to [-5, 5]; infinity for no
        clipping.
    clip_norm : float, optional
        The gradient is scaled down to this global norm before ``clip`` is applied.
    weight_decay : float, optional
        The weight decay of AdamW, for all parameters but the biases.
    schedule : {"constant", "cosine", "plateau"}
        The learning-rate schedule. A cosine falls to 0 over ``planned_steps`` steps; by default the
        rate is constant where these are not given. With a plateau it is constant until
        :meth:`lower_learning_rate` halves it, since a trainer does not evaluate its model.
    warmup_steps : int, optional
        The steps over which the learning rate rises linearly: by default an epoch, but 200 to 400
        steps, and at most a quarter of the planned steps.
    planned_steps : int, optional
        The steps of the whole run, including those before a resume.
    dropout : float, optional
        The probability with which each output of a layer is dropped during training.
    weight_dropout : float, optional
        The probability with which each recurrent weight is dropped for a window (DropConnect).
    state_reset : float
        The probability with which the hidden state of a stream is set to zero before a window.
    average_over : float
        The part of all steps so far that :attr:`average` is about over; 0 for no average.
    tied : bool
        Weight tying: the output layer's weights are those of the first layer's candidate,
        transposed: Wy = Wh^T.
    products : {"bfloat16"}, optional
        Round the factors of the matrix products to bfloat16; the model must be float32. All else,
        sums, weights and moments, is float32.
    seed : int
        The seed of the dropout and of the order of documents.
    threads : int, optional
        The threads that share each window; by default as many as help. The result is bit-identical
        for any number.
    shuffle : bool
        Whether the documents are put into a new order for each epoch, which follows from the seed
        and the number of the epoch. The model must have a document separator.

    Raises
    ------
    TypeError, ValueError
        The text is too short for one window of each stream, a number is out of range, or a
        parameter has values that are not finite.

    Examples
    --------
    >>> trainer = Trainer(model, model.vocabulary.encode(text))      # doctest: +SKIP
    >>> for step in trainer:                                         # doctest: +SKIP
    ...     if step.number == 1000:
    ...         break
    """

    # those of a trainer that is alone
    workers = sync_every = 1
    about_workers = ""

    def __init__(
        self,
        model: Model,
        symbols: NDArray[np.integer],
        *,
        seq_length: int | None = None,
        batch_size: int | None = None,
        optimizer: OptimizerName | None = None,
        learning_rate: float | None = None,
        clip: float | None = None,
        clip_norm: float | None = None,
        weight_decay: float | None = None,
        schedule: ScheduleName | None = None,
        warmup_steps: int | None = None,
        planned_steps: int | None = None,
        dropout: float | None = None,
        weight_dropout: float | None = None,
        state_reset: float = 0.0,
        average_over: float = 0.0,
        tied: bool = False,
        products: Products | None = None,
        seed: int = 0,
        threads: int | None = None,
        shuffle: bool = False,
    ) -> None:
        # the checks, messages and defaults of gru_ext.train, whose other options are not those of a
        # trainer
        parameters = model.parameters
        if products is not None:
            products = OneOf(PRODUCTS).check("products", products)
        options = TrainingOptions(
            hidden_size=parameters.hidden_size,
            layers=parameters.layers,
            seq_length=seq_length,
            batch_size=batch_size,
            optimizer=optimizer,
            learning_rate=learning_rate,
            clip=clip,
            clip_norm=clip_norm,
            weight_decay=weight_decay,
            warmup=warmup_steps,
            max_steps=planned_steps,
            dropout=dropout,
            weight_dropout=weight_dropout,
            state_reset=state_reset,
            average_over=average_over,
            tied=tied,
            dtype=products or ("float64" if parameters.dtype == np.float64 else "float32"),
            threads=threads,
            shuffle=shuffle,
        )
        if schedule is not None:
            schedule = TrainingOptions.declared()["schedule"].check(schedule)
        options = settle(options, max(1, np.size(symbols)), model.separator is not None)
        if schedule is None:
            schedule = options.schedule if planned_steps else "constant"
        seed = Whole(0, 2**64 - 1).check("seed", seed)
        super().__init__(model, symbols, options, seed)
        self._digest: str | None = None
        warmup = options.warmup
        if warmup is None:
            warmup = default_warmup(self._loop.windows_per_epoch, options.max_steps)
        self.schedule = Schedule(schedule, options.learning_rate, warmup, options.max_steps)

    def __repr__(self) -> str:
        return (
            f"<gru_ext.Trainer: {counted(self.steps_done, 'step')} done, "
            f"{counted(self.characters, 'character')}, sequence length {self.seq_length}, batch "
            f"size {self.batch_size}, {self.optimizer}, learning rate {self.learning_rate:g}, "
            f"{counted(self.threads, 'thread')}>"
        )

    @property
    def averaged(self) -> Model:
        """The model with the average of the weights, or :attr:`model` where there is none."""
        if self.average is None or not self.steps_done:
            return self.model
        return Model(self.model.vocabulary, self.average, self.model.about)

    @property
    def learning_rate(self) -> float:
        """The peak learning rate after all halvings and lowerings; setting it undoes these."""
        return self.schedule.peak

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        rate = TrainingOptions.declared()["learning_rate"].check(value)
        check_weight_decay(self.weight_decay, rate)
        self.schedule.learning_rate, self.schedule.halvings = rate, 0
        self.schedule.lowered = []

    def lower_learning_rate(self) -> bool:
        """Halve the learning rate of all further steps, whatever the schedule.

        A checkpoint records it. After ten times this changes nothing and returns False: a model
        learns nothing more with a thousandth of its learning rate.

        Examples
        --------
        >>> if model.evaluate(validation_text).bits_per_char >= best:        # doctest: +SKIP
        ...     trainer.lower_learning_rate()
        """
        return self.schedule.lower(self.steps_done)

    @property
    def current_rate(self) -> float:
        """The learning rate of the last step."""
        return float(self.schedule.rates(max(0, self.steps_done - 1), 1)[0])

    def advance(self, steps: int) -> NDArray[np.float64]:
        """Make so many steps.

        Returns
        -------
        ndarray, float64, shape (steps,)
            The loss of each step before its update, in nats per character.

        Raises
        ------
        ValueError
            A cosine schedule does not know the planned steps.
        """
        rates = self.schedule.rates(self.steps_done, steps)
        losses = self.make_steps(steps, rates, average_over=self.average_over)
        self._smooth(losses)
        return losses

    def _smooth(self, losses: NDArray[np.float64]) -> None:
        """Take the losses of further steps into :attr:`smooth_loss`."""
        for loss in losses.tolist():
            self.smooth_loss = self.smooth_loss * SMOOTHING + loss * (1 - SMOOTHING)

    def evaluator(self, symbols: NDArray[np.integer]) -> Callable[..., Evaluation] | None:
        """What evaluates the weights on these symbols, where it is more than this process."""
        return None

    def snapshot(self) -> RollBack:
        """A copy of the state, to which the trainer can be restored."""
        return Snapshot(self)

    def step(self) -> Step:
        """Make one step."""
        loss = float(self.advance(1)[0])
        return Step(self.steps_done, loss)

    def __iter__(self) -> Iterator[Step]:
        """Make steps without end: leave the loop when there are enough."""
        while True:
            yield self.step()

    def text_digest(self) -> str:
        """The SHA-256 of the text's symbols, by which a resumed run recognises its text."""
        if self._digest is None:
            self._digest = digest(self._symbols)
        return self._digest

    def checkpoint(self) -> Checkpoint:
        """The model and the complete state of its training."""
        data = self.model.checkpoint()
        data.metadata |= {"step": self.steps_done, "training": recorded_state(self)}
        data.put_beside({name: dict(arrays) for name, arrays in self.beside.items()})
        data.hidden = self.hidden.copy()
        return data

    def resume(self, data: Checkpoint) -> None:
        """Continue from a checkpoint: the result is bit-identical to that of one longer run.

        Raises
        ------
        CheckpointError
            It holds no training state, or that of another text or other sizes.
        """
        step, state = state_for(self, data)
        try:
            self.counters = step, state["position"], state["smooth_loss"]
        except ValueError as error:
            raise CheckpointError(f"has a damaged training state: {error}") from None
        self.assign(data)
        self.schedule.halvings, self.schedule.lowered = state["halvings"], state["lowered"]
