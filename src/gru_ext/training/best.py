# SPDX-License-Identifier: MIT
"""The weights that a run keeps for its model file, and by what it recognises that file."""

from __future__ import annotations

import json
import logging
from hashlib import sha256
from pathlib import Path
from typing import Any

from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.model.model import Model, from_checkpoint
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.options import TrainingOptions
from gru_ext.training.recorded import BEST, RECORDED, checked_state
from gru_ext.training.state_files import old_best_path
from gru_ext.training.trainer import Trainer
from gru_ext.training.validation import Validation

# Options that a run may be continued with longer, or that only observe it: they do not make it
# another run.
_OBSERVING = {"epochs", "max_steps", "eval_every", "patience", "keep", "calibrate"}

_logger = logging.getLogger("gru_ext")


class BestWeights:
    """The weights of the model that a run makes: those of the best evaluation, or the last ones.

    The last ones are meant where the options ask for them, and as long as there is no evaluation.

    Parameters
    ----------
    trainer : Trainer
        Its weights are still the initial ones.
    options : TrainingOptions
    validation : Validation

    Attributes
    ----------
    best : Model or None
        A copy of the best weights so far.
    best_data : Checkpoint or None
        The same, as the model file has it.
    """

    def __init__(self, trainer: Trainer, options: TrainingOptions, validation: Validation) -> None:
        self._trainer, self._options, self._validation = trainer, options, validation
        self.best: Model | None = None
        self.best_data: Checkpoint | None = None
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

    def keep(self) -> None:
        """Copy the weights, which have the best loss so far."""
        if not self._options.keeps_best:
            return
        nats = None if self.best is None else _nats(self.best.about)
        if nats is not None and nats < self._validation.best_nats:
            return  # a run that was killed after its last checkpoint has left better ones
        model = self._trainer.averaged
        self._set(Model(model.vocabulary, model.parameters.copy(), self._about()))

    def _set(self, model: Model) -> None:
        self.best, self.best_data = model, model.checkpoint()

    def calibrate(self, stop: StopRequest) -> dict[str, float] | None:
        """Calibrate the best weights, at the end of the run; return what was found, if anything.

        Those that a run before this one has calibrated stay as they are.
        """
        best, options = self.best, self._options
        if best is None or not options.calibrate or options.tied or _before(best.about) is not None:
            return None
        found = self._validation.calibrate(best, stop)
        if found is not None:
            best.about = best.about | {"validation": found}
            self._set(best)
        return found

    def model(self) -> Model:
        """The model that the run has made so far. The last weights are not copied."""
        if self.best is not None:
            return self.best
        model = self._trainer.averaged
        return Model(model.vocabulary, model.parameters, self._about())

    def checkpoint(self) -> Checkpoint:
        """What the model file has to hold: the same object as before for the same best weights."""
        return self.best_data or self.model().checkpoint()

    def _about(self) -> dict[str, Any]:
        """What the model file says of the trainer's weights."""
        trainer, validation = self._trainer, self._validation
        part = {"text_sha256": validation.digest(), "characters": len(validation.symbols)}
        about = trainer.model.about | {
            "step": trainer.steps_done,
            "training": {
                "smooth_loss": trainer.smooth_loss,
                "text_sha256": trainer.text_digest(),
                "text_characters": trainer.characters,
            },
            "run": {**self.known_by(), "validation": part},
        }
        step, nats, _ = validation.counters
        if nats is not None and step == trainer.steps_done:
            about["validation"] = {"nats_per_char": nats}
        return about

    def resume(self, identifier: str | None) -> None:
        """Take up the best weights of a resumed run, which has this identifier.

        They may be from after its last checkpoint, or in the file in which older versions kept
        them. A model file that is missing, damaged or another run's is reported.
        """
        self._id, self._initial = identifier, None
        output, best = self._options.output, self._options.keeps_best
        expected = best and self._validation.best_step > 0
        if output is None or not (expected or identifier):
            return
        found = data = self._read_best(Path(output), expected)
        if not isinstance(found, Checkpoint):
            data = self._read_best(old_best_path(output), expected)
        if isinstance(data, Checkpoint):
            self._set(from_checkpoint(data))
            return
        if expected:
            self._validation.forget_best()
        if found:
            when = "evaluation" if best and len(self._validation.symbols) else "checkpoint"
            _logger.warning("%s; the weights of the next %s replace it", found, when)

    def _read_best(self, path: Path, required: bool) -> Checkpoint | str:
        """The best weights in a file, if they are asked for; or what is wrong with it, or nothing.

        Without ``required``, any weights of the run will do.
        """
        try:
            data = checkpoint.read(path)
        except FileNotFoundError:
            return f"{path} is missing" if required else ""
        except (OSError, CheckpointError) as error:
            return str(error) if str(path) in str(error) else f"cannot read {path}: {error}"
        if self._options.keeps_best and self._is_best(data):
            return data
        if required:
            return f"{path} does not hold the best weights of this run"
        return "" if self._is_ours(data) else f"{path} does not hold weights of this run"

    def _is_ours(self, data: Checkpoint) -> bool:
        """Whether a file is of this run, as far as older ones say it."""
        about = data.metadata.get("run")
        return self._id is None or (isinstance(about, dict) and about.get("id") == self._id)

    def _is_best(self, best: Checkpoint) -> bool:
        """Whether weights are this run's best, or better ones of the same run, killed later."""
        nats, model = _nats(best.metadata), self._trainer.model
        return (
            self._is_ours(best)
            and nats is not None
            and nats <= self._validation.best_nats
            and best.vocabulary == model.vocabulary
            and (best.hidden_size, best.layers) == (model.hidden_size, model.layers)
        )


def _nats(metadata: dict[str, Any]) -> float | None:
    """The validation loss that weights had in the run, as their file has it."""
    before = _before(metadata)
    return _recorded(metadata).get("nats_per_char") if before is None else before


def _before(metadata: dict[str, Any]) -> float | None:
    """The validation loss of weights before they were calibrated; None where they were not."""
    return _recorded(metadata).get("nats_per_char_before")


def _recorded(metadata: dict[str, Any]) -> dict[str, float | None]:
    """What a file says of the validation loss of its weights; empty where it is damaged."""
    try:
        about = checked_state(metadata, RECORDED, "metadata")
        return checked_state(about["validation"], BEST, "best loss")
    except CheckpointError:
        return {}
