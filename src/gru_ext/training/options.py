# SPDX-License-Identifier: MIT
"""The options of a training run, and the defaults that follow from the text."""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from gru_ext.text.units import UNITS
from gru_ext.training.optimizers import OPTIMIZERS, default_learning_rate, weight_decay_of

DTYPES = ("float32", "float64")
SCHEDULES = ("constant", "cosine", "plateau")
PLATEAU = 2
"""Evaluations in a row without a better loss, after each of which a plateau's rate is halved."""

# Enough for a good small model of a text of a megabyte; shorter texts are read more often, up to
# _MOST_EPOCHS times, but for at least _FEWEST_STEPS updates.
_CHARACTERS = 16_000_000
_MOST_EPOCHS = 50
_FEWEST_STEPS = 3000
_MOST_STEPS = 2**53
# A stream has at least so many windows. Few streams make many updates, which short runs need; long
# texts make enough of them to afford more streams, and with them more threads.
_FEWEST_WINDOWS = 64
_MOST_STREAMS = 64
_CHARACTERS_FOR_16_STREAMS = 16_000_000
# Below, a tenth is too little to measure anything on.
_SHORTEST_HELD_OUT = 20_000
# Enough to tell models apart that differ by some thousandths of a bit.
_MOST_HELD_OUT = 1_000_000


@dataclass(frozen=True)
class TrainingOptions:
    """What a run does; None stands for a default that depends on the text.

    Attributes
    ----------
    hidden_size, seq_length, batch_size : int
        H, T and B.
    dtype : str
        ``float32`` or ``float64``.
    optimizer : str
        ``adagrad``, ``adam``, the default, ``adamw`` or ``rmsprop``.
    learning_rate, clip : float
        The largest learning rate; the largest gradient of one weight (infinity: no clipping).
    max_steps : int
        Updates; wins over ``epochs``.
    epochs : float
        Passes over the text.
    val_fraction : float
        Share of the text, at its end, that is held out and measured.
    seed : int
    units : str
        ``chars`` or ``bytes``.
    min_count : int
        Characters seen less often become one unknown.
    weight_decay : float
        Of ``adamw``, for all parameters but the biases.
    clip_norm : float
        The largest norm of the whole gradient (infinity: no clipping).
    schedule : str
        ``constant``, Adagrad's default, ``cosine``: falling to 0 at the end of the run, or
        ``plateau``: halved after each two evaluations in a row without a better loss.
    warmup : int
        Updates in which the learning rate rises.
    layers : int
        GRU layers, 1 by default.
    dropout : float
        The share of each layer's outputs that is dropped while training; 0 by default.
    tied : bool
        The output's weights are those of the first layer's candidate, transposed.
    eval_every, patience : int
        Updates between evaluations (0: none but at the end); evaluations in a row without a better
        loss that end the run.
    keep : str
        ``last``, or ``best,last``.
    """

    hidden_size: int | None = None
    seq_length: int | None = None
    batch_size: int | None = None
    dtype: str | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    clip: float | None = None
    max_steps: int | None = None
    epochs: float | None = None
    val_fraction: float | None = None
    seed: int | None = None
    units: str | None = None
    min_count: int | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    schedule: str | None = None
    warmup: int | None = None
    layers: int | None = None
    dropout: float | None = None
    tied: bool | None = None
    eval_every: int | None = None
    patience: int | None = None
    keep: str | None = None

    def __post_init__(self) -> None:
        for name in ("hidden_size", "seq_length", "batch_size", "max_steps", "seed", "min_count"):
            check_whole(_spoken(name), getattr(self, name))
        check_whole("warmup", self.warmup, 0)
        for name in (
            "learning_rate",
            "clip",
            "epochs",
            "val_fraction",
            "weight_decay",
            "clip_norm",
            "dropout",
        ):
            value = getattr(self, name)
            if value is not None and not isinstance(value, numbers.Real):
                raise TypeError(f"{_spoken(name)} must be a number, not {value!r}")
        for name in ("hidden_size", "seq_length", "batch_size", "max_steps", "min_count"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{_spoken(name)} must be 1 or more, not {value}")
        for name in ("learning_rate", "clip", "epochs", "clip_norm"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{_spoken(name)} must be a positive number, not {value}")
        if self.learning_rate == math.inf or self.epochs == math.inf:
            raise ValueError("learning rate and epochs must be finite")
        if self.weight_decay is not None and not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight decay must be a number from 0 on, not {self.weight_decay}")
        if self.val_fraction is not None and not 0 <= self.val_fraction < 1:
            raise ValueError(f"val fraction must be from 0 to below 1, not {self.val_fraction}")
        check_whole("layers", self.layers, 1)
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, not {self.dropout}")
        if self.seed is not None and not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be from 0 to 2**32 - 1, not {self.seed}")
        for name, known in (
            ("dtype", DTYPES),
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("units", UNITS),
        ):
            if getattr(self, name) is not None:
                check_one_of(name, getattr(self, name), known)
        check_whole("eval every", self.eval_every, 0)
        check_whole("patience", self.patience, 1)
        if self.patience is not None and self.eval_every == 0:
            raise ValueError("patience counts evaluations: eval every must be 1 or more, not 0")
        if self.schedule == "plateau":
            self._check_plateau()
        if self.keep is not None and sorted(_listed(self.keep)) not in (["last"], ["best", "last"]):
            raise ValueError(
                f"keep must be last or best,last, not {self.keep!r}: the last state is what "
                f"--resume goes on from"
            )

    def _check_plateau(self) -> None:
        if self.eval_every == 0:
            raise ValueError(
                "schedule plateau counts evaluations: eval every must be 1 or more, not 0"
            )
        if self.patience is not None and self.patience <= PLATEAU:
            raise ValueError(
                f"patience must be {PLATEAU + 1} or more with schedule plateau, not "
                f"{self.patience}: the learning rate falls after {PLATEAU} evaluations without a "
                f"better loss"
            )

    def given(self) -> dict[str, Any]:
        """The options that are not None."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def over(self, defaults: Mapping[str, Any]) -> TrainingOptions:
        """These options where given, else those of ``defaults`` that have their names."""
        names = {f.name for f in fields(TrainingOptions)}
        known = {name: value for name, value in defaults.items() if name in names}
        return TrainingOptions(**known | self.given())


def check_whole(what: str, value: object, least: int | None = None) -> None:
    """Raise where a value is neither None nor a whole number, or is less than it may be."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{what} must be a whole number, not {value!r}")
    if least is not None and int(value) < least:
        raise ValueError(f"{what} must be {least} or more, not {value}")


def check_one_of(what: str, value: object, known: Collection[str]) -> None:
    """Raise where a value is none of the known ones."""
    if value not in known:
        raise ValueError(f"{what} must be {' or '.join(known)}, not {value!r}")


def keeps_best(given: TrainingOptions) -> bool:
    """Whether the best weights are kept beside the last: where asked for, and with patience."""
    if given.keep is None:
        return given.patience is not None
    return "best" in _listed(given.keep)


def _listed(names: object) -> list[str]:
    return [name.strip() for name in str(names).split(",")]


def _spoken(name: str) -> str:
    return name.replace("_", " ")


@dataclass(frozen=True)
class Settled:
    """The options of a run, none of them open; see :class:`TrainingOptions`."""

    hidden_size: int
    seq_length: int
    batch_size: int
    dtype: str
    optimizer: str
    learning_rate: float
    clip: float
    seed: int
    weight_decay: float
    clip_norm: float | None
    schedule: str
    warmup: int | None
    layers: int
    dropout: float
    tied: bool


CLASSIC = {
    "seq_length": 5,
    "batch_size": 1,
    "dtype": "float64",
    "optimizer": "adagrad",
    "learning_rate": 0.1,
    "clip": 5.0,
    "seed": 0,
    "weight_decay": 0.0,
    "clip_norm": None,
    "schedule": "constant",
    "warmup": 0,
    "layers": 1,
    "dropout": 0.0,
    "tied": False,
}
"""The notebook's options; its hidden size is the vocabulary's, its number of updates 10,001."""


def held_out(characters: int, val_fraction: float | None) -> int:
    """Characters held out at the end of a text."""
    if val_fraction is None:
        tenth = round(characters * 0.1)
        return min(tenth, _MOST_HELD_OUT) if characters >= _SHORTEST_HELD_OUT else 0
    n = round(characters * val_fraction)
    if val_fraction > 0 and n < 2:
        raise ValueError(
            f"a val fraction of {val_fraction} of {characters} characters leaves "
            f"nothing to measure: leave it out or give a longer text"
        )
    return n


def settle(given: TrainingOptions, characters: int) -> Settled:
    """Options that train a good small model on a text of so many characters.

    The number of streams follows from the length, so that each is long enough to learn from; the
    learning rate falls as the hidden size grows (``default_learning_rate``).
    """
    longest = (characters - 1) // (given.batch_size or 1)
    seq_length = given.seq_length or max(1, min(64, max(5, characters // 20), longest))
    most = min(_MOST_STREAMS, max(16, 16 * characters // _CHARACTERS_FOR_16_STREAMS))
    streams = max(1, min(most, characters // (seq_length * _FEWEST_WINDOWS)))
    hidden_size = given.hidden_size or 128
    optimizer = given.optimizer or "adam"
    chosen = {
        "hidden_size": hidden_size,
        "seq_length": seq_length,
        "batch_size": 2 ** (streams.bit_length() - 1),
        "dtype": "float32",
        "optimizer": optimizer,
        "learning_rate": default_learning_rate(optimizer, hidden_size),
        "clip": 5.0,
        "seed": 0,
        "weight_decay": weight_decay_of(optimizer, given.weight_decay),
        "clip_norm": None,
        "schedule": OPTIMIZERS[optimizer].schedule,
        "warmup": None,
        "layers": 1,
        "dropout": 0.0,
        "tied": False,
    }
    return settle_over(given, chosen)


def settle_over(given: TrainingOptions, chosen: Mapping[str, Any]) -> Settled:
    """The given options, and the chosen ones where none is given."""
    names = [f.name for f in fields(Settled)]
    values: dict[str, Any] = dict(chosen) | given.given()
    return Settled(**{name: values[name] for name in names})


def steps_of(given: TrainingOptions, windows_per_epoch: int) -> int | None:
    """Updates that were asked for, by ``max_steps`` or else by ``epochs``; None where neither."""
    if given.max_steps is not None or given.epochs is None:
        return given.max_steps
    if given.epochs * windows_per_epoch > _MOST_STEPS:
        raise ValueError(
            f"epochs must be at most {_MOST_STEPS // windows_per_epoch}, not {given.epochs}"
        )
    return math.ceil(given.epochs * windows_per_epoch)


def default_steps(windows_per_epoch: int, characters: int) -> int:
    """Updates of a run for which neither ``max_steps`` nor ``epochs`` is given."""
    epochs = max(1, min(_MOST_EPOCHS, round(_CHARACTERS / characters)))
    return max(epochs * windows_per_epoch, _FEWEST_STEPS)
