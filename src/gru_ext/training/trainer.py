# SPDX-License-Identifier: MIT
"""Training that can be stepped, iterated, saved and resumed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.kinds import OneOf, Whole
from gru_ext.arguments.messages import counted
from gru_ext.core.kernels import check_weight_decay
from gru_ext.core.threads import default_threads, most_threads
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.model.evaluation import Evaluation
from gru_ext.model.model import Model
from gru_ext.model.parameters import Parameters
from gru_ext.text.corpus import digest, release
from gru_ext.training.defaults import default_warmup, settle
from gru_ext.training.optimizers import OPTIMIZERS, OptimizerName, ScheduleName
from gru_ext.training.options import PRODUCTS, Products, TrainingOptions
from gru_ext.training.schedule import Schedule
from gru_ext.training.shuffle import ShuffledDocuments
from gru_ext.training.snapshot import RollBack, Snapshot
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


class Trainer:
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
            threads=threads,
            shuffle=shuffle,
        )
        if schedule is not None:
            schedule = TrainingOptions.declared()["schedule"].check(schedule)
        options = settle(options, max(1, np.size(symbols)), model.separator is not None)
        if schedule is None:
            schedule = options.schedule if planned_steps else "constant"
        self.products = None if products is None else OneOf(PRODUCTS).check("products", products)
        self.seed = Whole(0, 2**64 - 1).check("seed", seed)
        rule = OPTIMIZERS[options.optimizer]
        parameters.check_finite()
        self.model, self.optimizer = model, options.optimizer
        self.seq_length, self.batch_size = options.seq_length, options.batch_size
        self.clip, self.dropout, self.tied = options.clip, options.dropout, options.tied
        self.weight_dropout, self.state_reset = options.weight_dropout, options.state_reset
        self.average_over = options.average_over
        self.clip_norm = math.inf if options.clip_norm is None else options.clip_norm
        self.weight_decay, rate = options.weight_decay, options.learning_rate
        check_weight_decay(self.weight_decay, rate)
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
                symbols, read, model.separator, self.seed, self.batch_size, self.seq_length
            )
        self._digest: str | None = None
        warmup = options.warmup
        if warmup is None:
            warmup = default_warmup(self._loop.windows_per_epoch, options.max_steps)
        self.schedule = Schedule(schedule, rate, warmup, options.max_steps)
        self.smooth_loss = math.log(parameters.vocabulary_size)

    def __repr__(self) -> str:
        return (
            f"<gru_ext.Trainer: {counted(self.steps_done, 'step')} done, "
            f"{counted(self.characters, 'character')}, sequence length {self.seq_length}, batch "
            f"size {self.batch_size}, {self.optimizer}, learning rate {self.learning_rate:g}, "
            f"{counted(self.threads, 'thread')}>"
        )

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
    def averaged(self) -> Model:
        """The model with the average of the weights, or :attr:`model` where there is none."""
        if self.average is None or not self.steps_done:
            return self.model
        return Model(self.model.vocabulary, self.average, self.model.about)

    @property
    def steps_done(self) -> int:
        """The steps made so far, including those before a resume."""
        return self._loop.windows_done

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

    def is_finite(self) -> bool:
        """Whether all values in the trainer's arrays are finite.

        A gradient that is not finite leaves such a value in them.
        """
        beside = (arrays.flat for arrays in self.beside.values())
        arrays = [self.model.parameters.flat, self.hidden, *beside]
        return all(np.isfinite(array).all() for array in arrays)

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

    def assign(self, data: Checkpoint) -> None:
        """Copy the arrays of a checkpoint, which are of the right sizes."""
        self.model.parameters.assign(data.weights)
        self._tie()
        for name, arrays in data.beside.items():
            self.beside[name].assign(arrays)
        self.hidden[...] = data.hidden
