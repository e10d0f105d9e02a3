# SPDX-License-Identifier: MIT
"""What is searched: the values that each option may have, and what a model of them costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gru_ext.training.defaults import default_patience, settle
from gru_ext.training.options import TrainingOptions
from gru_ext.tuning.probe import Probe

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

EVALUATIONS = 4
"""The evaluations of a trial, at equal fractions of its schedule."""

_SIZES = (32, 48, 64, 96, 128, 192, 256, 384, 512)
_MOST_LAYERS = 2
_MOST_DROPOUT, _DROPOUT_STEP = 0.6, 0.05  # those of the default
_RATES = 0.3, 3.0  # times the default learning rate of the hidden size
_LENGTHS = 0.25, 2.0  # times the steps of the default run
# A recurrent matrix (H, H) has no more elements than this times the characters of the text, unless
# H is the default.
_ELEMENTS_PER_CHARACTER = 2


@dataclass(frozen=True)
class Plan:
    """A trial that is to be made: the options of its run, its sizes, its steps, and its work.

    ``options`` are the keyword arguments that train the same model; ``evaluated`` are those, and
    when the search wants an evaluation. ``work`` counts the multiply-adds of a character.
    """

    options: dict[str, Any]
    evaluated: dict[str, Any]
    sizes: dict[str, Any]
    steps: int
    work: float


class Space:
    """The options that are searched: those that are not given.

    Parameters
    ----------
    given : mapping
        The options of the runs that are given.
    probe : Probe
        The default run.

    Raises
    ------
    ValueError
        All of them are given.
    """

    def __init__(self, given: Mapping[str, Any], probe: Probe) -> None:
        self._given, self._probe = dict(given), probe
        largest = max(math.isqrt(_ELEMENTS_PER_CHARACTER * probe.characters), probe.hidden_size)
        self._sizes = sorted({probe.hidden_size, *(size for size in _SIZES if size <= largest)})
        start = "init_from" in given
        fixed = {
            "size": start or "hidden_size" in given,
            "layers": start or "layers" in given,
            "dropout": "dropout" in given,
            "rate": "learning_rate" in given,
            "length": "epochs" in given or "max_steps" in given,
        }
        default = {
            "size": self._sizes.index(probe.hidden_size),
            "layers": probe.layers,
            "dropout": probe.options["dropout"],
            "rate": 1.0,
            "length": 1.0,
        }
        self.default = {name: value for name, value in default.items() if not fixed[name]}
        if not self.default:
            raise ValueError(
                "there is nothing to search for: leave out `hidden_size`, `layers`, `dropout`, "
                "`learning_rate` or `epochs`"
            )

    def distributions(self) -> dict[str, BaseDistribution]:
        """The values that are searched, for Optuna."""
        from optuna.distributions import FloatDistribution, IntDistribution

        every: dict[str, BaseDistribution] = {
            "size": IntDistribution(0, len(self._sizes) - 1),
            "layers": IntDistribution(1, max(_MOST_LAYERS, self._probe.layers)),
            "dropout": FloatDistribution(0, _MOST_DROPOUT, step=_DROPOUT_STEP),
            "rate": FloatDistribution(*_RATES, log=True),
            "length": FloatDistribution(*_LENGTHS, log=True),
        }
        return {name: every[name] for name in self.default}

    def plan(self, values: Mapping[str, Any]) -> Plan:
        """The run of some values; for those of ``default`` it is the default run."""
        probe, options = self._probe, dict(self._given)
        if "size" in values:
            options["hidden_size"] = self._sizes[values["size"]]
        if "layers" in values:
            options["layers"] = values["layers"]
        if "dropout" in values:
            options["dropout"] = round(values["dropout"], 2)
        sizes = {
            name: options.get(name, probe.options[name]) for name in ("batch_size", "seq_length")
        }
        sizes |= {"hidden_size": options.get("hidden_size", probe.hidden_size)}
        sizes |= {"layers": options.get("layers", probe.layers)}
        sizes |= {"dropout": options.get("dropout", probe.options["dropout"])}
        settled = settle(TrainingOptions(**options | sizes), probe.characters, documents=False)
        rate = settled.learning_rate
        if values.get("rate", 1.0) != 1.0:
            rate = options["learning_rate"] = float(f"{rate * values['rate']:.3g}")
        steps = probe.steps
        if values.get("length", 1.0) != 1.0:
            epochs = steps / probe.steps_per_epoch * values["length"]
            options["epochs"] = float(f"{epochs:.3g}")
            steps = math.ceil(options["epochs"] * probe.steps_per_epoch)
        return Plan(
            options=options,
            evaluated=options | self._evaluations(options, steps),
            sizes=sizes | {"learning_rate": rate},
            steps=steps,
            work=self._work(sizes["hidden_size"], sizes["layers"]),
        )

    def _evaluations(self, options: dict[str, Any], steps: int) -> dict[str, int]:
        """When to evaluate; nothing where an evaluation changes what the run does."""
        run = TrainingOptions(**options)
        patience = default_patience(run) if run.patience is None else run.patience
        matters = run.keeps_best or patience or run.schedule == "plateau"
        if run.eval_every is not None or matters:
            return {}
        return {"eval_every": -(-steps // EVALUATIONS)}

    def _work(self, H: int, layers: int) -> float:
        """The multiply-adds of a character in the forward pass."""
        recurrent, between = 3.0 * H * H * layers, 3.0 * H * H * (layers - 1)
        return recurrent + between + H * self._probe.vocabulary_size

    def seconds(self, plan: Plan, speeds: Mapping[float, float]) -> float:
        """How long a trial takes: from the speed of the trial whose work was most like its own.

        Parameters
        ----------
        plan : Plan
        speeds : mapping
            Characters per second, by the work of a character. Without any it is 0.
        """
        if not speeds:
            return 0.0
        nearest = min(speeds, key=lambda work: abs(math.log(work / plan.work)))
        per_character = plan.work / nearest / speeds[nearest]
        return plan.steps * self._probe.characters_per_step * per_character
