# SPDX-License-Identifier: MIT
"""What a handle of :mod:`gru_ext.capi` holds, as arrays and numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.kernels import layout
from gru_ext.files import StrPath
from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint, CheckpointError, errors_name
from gru_ext.model.model import Model, from_checkpoint
from gru_ext.model.parameters import Parameters

KINDS = {"adagrad": 0, "rmsprop": 1, "adam": 2, "adamw": 2}
"""The optimisers by name, and their GRU_OPTIMIZER_ constant."""
EPS = 1e-8
"""The eps of every run: the default of TrainingLoop.steps."""


@dataclass(frozen=True)
class Tables:
    """A vocabulary, for code without the GIL.

    Attributes
    ----------
    points : ndarray, uint32, shape (V,)
        The code point or byte of each symbol.
    codes : ndarray, int32, shape (n,)
        The symbol of each code point or byte; the last element is that of all larger ones. It is
        -1 where there is none.
    separator : ndarray, int32, shape (k,)
        The symbols between documents; none if k is 0.
    """

    points: NDArray[np.uint32]
    codes: NDArray[np.int32]
    separator: NDArray[np.int32]

    @classmethod
    def of(cls, model: Model) -> Tables:
        """The tables of a model."""
        vocabulary, separator = model.vocabulary, model.separator
        points = np.frombuffer(vocabulary.characters.encode("utf-32-le", "surrogatepass"), "<u4")
        return cls(
            points.astype(np.uint32),
            vocabulary.all_codes(),
            np.array([] if separator is None else separator, np.int32),
        )


@dataclass(frozen=True)
class Weights:
    """The weights of a handle, checked, and what the model says about them.

    Attributes
    ----------
    flat : ndarray, shape (size,)
    V, H, layers : int
    tied : bool
        Whether updates keep Wy = Wh^T.
    tables : Tables or None
        None for parameters without a vocabulary.
    """

    flat: NDArray[np.floating]
    V: int
    H: int
    layers: int
    tied: bool
    tables: Tables | None


def weights_of(model: object) -> Weights:
    """Check a model, or the parameters of one, and return its weights.

    Raises
    ------
    TypeError, ValueError
        It is neither, or its buffer was replaced by another that cannot be used.
    """
    parameters = getattr(model, "parameters", model)
    if not isinstance(parameters, Parameters):
        raise TypeError(f"model must be a gru_ext.Model or Parameters, not {type(model).__name__}")
    flat, V, H = parameters.flat, parameters.vocabulary_size, parameters.hidden_size
    if flat.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"the parameters must be float32 or float64, not {flat.dtype}")
    size = layout(V, H, flat.itemsize, parameters.layers)["size"]
    if flat.shape != (size,) or not flat.flags.c_contiguous:
        raise ValueError(f"the parameters' flat buffer must be contiguous with {size} elements")
    if not flat.flags.aligned:
        raise ValueError(f"the parameters' flat buffer must be aligned to {flat.itemsize} bytes")
    if not isinstance(model, Model):
        return Weights(flat, V, H, parameters.layers, False, None)
    known = (model.about.get(name) for name in ("options", "training"))
    tied = any(isinstance(of, dict) and of.get("tied") is True for of in known)
    return Weights(flat, V, H, parameters.layers, tied, Tables.of(model))


@dataclass(frozen=True)
class TrainingState:
    """The state in which a run has left its training.

    Attributes
    ----------
    memory, mean : ndarray, shape (size,)
        The optimiser state, laid out as the parameters; `mean` is None without a first moment.
    hidden : ndarray, shape (layers, B, Hp)
        The hidden states of the streams.
    optimizer, step, seed, position, seq_length : int
        The KINDS of the optimiser; the number of the next step; the seed of dropout; the place in
        the streams where the next window begins; T.
    numbers : tuple of float
        Learning rate, beta1, beta2, clip, clip norm, eps, weight decay, dropout. The learning rate
        is the peak after all halvings.
    """

    memory: NDArray[np.floating]
    mean: NDArray[np.floating] | None
    hidden: NDArray[np.floating]
    optimizer: int
    step: int
    seed: int
    position: int
    seq_length: int
    numbers: tuple[float, ...]


def read_model(path: StrPath) -> Model:
    """Read a model file, as :func:`gru_ext.load` does; int8 weights are widened to float32."""
    data = checkpoint.read(path)
    with errors_name(path):
        model = from_checkpoint(data)
    return model.with_weights("float32") if model.parameters.narrow else model


def read_training(path: StrPath) -> tuple[Model, TrainingState]:
    """Read the training state of a model file, which may be in the file beside it, and its weights.

    Raises
    ------
    OSError
        The file cannot be read.
    CheckpointError
        It is not a model file, is damaged, or there is no training state.
    """
    from gru_ext.training.state_files import read_state

    found, data = read_state(path)
    with errors_name(found):
        model = from_checkpoint(data)
        return model, _training_state(model, data)


def _training_state(model: Model, data: Checkpoint) -> TrainingState:
    # imported here: who only reads a model needs nothing of training
    from gru_ext.training.optimizers import OPTIMIZERS, weight_decay_of
    from gru_ext.training.options import TrainingOptions
    from gru_ext.training.recorded import RECORDED, TRAINING, checked_state
    from gru_ext.training.resume import resumed_options
    from gru_ext.training.schedule import Schedule

    recorded = data.metadata.get("training")
    if data.memory is None or data.hidden is None or not isinstance(recorded, dict):
        raise CheckpointError("holds no training state")
    state = checked_state(recorded, TRAINING, "training state")
    step = checked_state(data.metadata, RECORDED, "training state")["step"]
    options = resumed_options(TrainingOptions(), data)
    for name in ("weight_dropout", "state_reset", "average_over"):
        if getattr(options, name):
            raise CheckpointError(
                f"was trained with {name.replace('_', ' ')} {getattr(options, name)}, which the C "
                f"interface does not have: open its weights with `gru_model_open`"
            )
    if options.products:
        raise CheckpointError(
            f"was trained with products in {options.products}, which the C interface does not "
            f"have: open its weights with `gru_model_open`"
        )
    rule = OPTIMIZERS[state["optimizer"]]
    shape = (data.layers, *data.hidden.shape[-2:])
    if (rule.has_mean != (data.mean is not None)) or shape[1] != options.batch_size:
        raise CheckpointError("has a damaged training state")
    parameters = model.parameters
    memory, mean = parameters.like(), parameters.like() if rule.has_mean else None
    memory.assign(data.memory)
    if mean is not None and data.mean is not None:
        mean.assign(data.mean)
    sizes = len(model.vocabulary), model.hidden_size, parameters.dtype.itemsize, model.layers
    hidden = np.zeros((*shape[:2], layout(*sizes)["Hp"]), parameters.dtype)
    hidden[..., : shape[2]] = data.hidden.reshape(shape)
    rate = options.learning_rate if options.learning_rate is not None else rule.learning_rate
    halved = Schedule("constant", rate, 0, None, state["halvings"], state["lowered"])
    norm = np.inf if options.clip_norm is None else options.clip_norm
    decay = weight_decay_of(state["optimizer"], options.weight_decay)
    dropout = options.dropout or 0.0  # older files without dropout do not record it
    numbers = (halved.peak, rule.beta1, rule.beta2, options.clip, norm, EPS, decay, dropout)
    return TrainingState(
        memory.flat,
        None if mean is None else mean.flat,
        hidden,
        KINDS[state["optimizer"]],
        step + 1,
        options.seed,
        state["position"],
        options.seq_length or 1,
        numbers,
    )
