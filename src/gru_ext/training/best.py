# SPDX-License-Identifier: MIT
"""The best weights of a run, and by what a run recognises the file in which they are."""

from __future__ import annotations

import json
import logging
from hashlib import sha256

from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.training.checkpoints import best_path
from gru_ext.training.options import TrainingOptions
from gru_ext.training.recorded import BEST, RECORDED, checked_state
from gru_ext.training.trainer import Trainer
from gru_ext.training.validation import Validation

# Options that a run may be continued with longer, or that only observe it: they do not make it
# another run.
_OBSERVING = {"epochs", "max_steps", "eval_every", "patience", "keep"}

_logger = logging.getLogger("gru_ext")


class BestWeights:
    """A copy of the weights of the best evaluation, where the options ask for it.

    Parameters
    ----------
    trainer : Trainer
        Its weights are still the initial ones.
    options : TrainingOptions
    validation : Validation

    Attributes
    ----------
    data : Checkpoint or None
        The best weights so far.
    """

    def __init__(self, trainer: Trainer, options: TrainingOptions, validation: Validation) -> None:
        self._trainer, self._options, self._validation = trainer, options, validation
        self.data: Checkpoint | None = None
        self._id: str | None = None
        flat = trainer.model.parameters.flat
        self._initial = None if options.output is None else sha256(flat.data).hexdigest()

    def known_by(self) -> dict[str, str]:
        """The identifier of the run, as its files have it; older runs have none.

        It follows from the options, the text and the initial weights. So a run that was killed
        and resumed still writes the same files, byte for byte, as one that was not.
        """
        if self._id is None and self._initial is not None:
            digests = self._initial, self._trainer.text_digest(), self._validation.digest()
            options = self._options.record()
            options = {name: value for name, value in options.items() if name not in _OBSERVING}
            vocabulary = self._trainer.model.vocabulary.metadata()
            known = json.dumps([options, vocabulary, *digests], sort_keys=True)
            self._id = sha256(known.encode()).hexdigest()
        return {} if self._id is None else {"id": self._id}

    def keep(self) -> Checkpoint | None:
        """Copy the weights, which have the best loss so far; None where that is not to be done."""
        validation, model = self._validation, self._trainer.model
        if not self._options.keeps_best:
            return None
        nats = None if self.data is None else _nats(self.data)
        if nats is not None and nats < validation.best_nats:
            return None  # a run that was killed after its last checkpoint has left better ones
        data = model.checkpoint()
        data.weights = {name: array.copy() for name, array in data.weights.items()}
        data.metadata |= {
            "run": self.known_by(),
            "step": validation.best_step,
            "validation": {"nats_per_char": validation.best_nats},
        }
        self.data = data
        return data

    def resume(self, identifier: str | None) -> None:
        """Take up the best weights in the file of a resumed run, which has this identifier.

        They may be from after its last checkpoint. A file that is missing, damaged or another run's
        is reported.
        """
        self._id, self._initial = identifier, None
        if self._options.output is None or not self._options.keeps_best:
            return
        expected = self._validation.best_step > 0
        if not expected and identifier is None:
            return
        path = best_path(self._options.output)
        try:
            best = checkpoint.read(path)
        except FileNotFoundError:
            if not expected:
                return  # there was no evaluation yet
            problem = f"{path} is missing"
        except (OSError, CheckpointError) as error:
            problem = str(error) if str(path) in str(error) else f"cannot read {path}: {error}"
        else:
            if self._is_ours(best):
                self.data = best
                return
            problem = f"{path} does not hold the best weights of this run"
        if expected:
            self._validation.forget_best()
        _logger.warning("%s; the weights of the next evaluation replace it", problem)

    def _is_ours(self, best: Checkpoint) -> bool:
        """Whether weights are this run's best, or better ones of the same run, killed later."""
        about, nats, model = best.metadata.get("run"), _nats(best), self._trainer.model
        return (
            (self._id is None or (isinstance(about, dict) and about.get("id") == self._id))
            and nats is not None
            and nats <= self._validation.best_nats
            and best.vocabulary == model.vocabulary
            and (best.hidden_size, best.layers) == (model.hidden_size, model.layers)
        )


def _nats(best: Checkpoint) -> float | None:
    """The validation loss of best weights, as their file has it."""
    try:
        about = checked_state(best.metadata, RECORDED, "state of the best weights")
        nats: float = checked_state(about["validation"], BEST, "best loss")["nats_per_char"]
    except CheckpointError:
        return None
    return nats
