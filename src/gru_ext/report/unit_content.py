# SPDX-License-Identifier: MIT
"""The units of a model over a text, as the page's script reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.model import Model
from gru_ext.report.gates import gates
from gru_ext.report.packing import Plan, activation_codes, packed, separation_codes
from gru_ext.report.reading import read_states
from gru_ext.report.units import features_of, separations

VARIABLES = ("h", "z", "r")
"""What a unit has at each time step: its state, its update gate, its reset gate."""
_LEAST = {"h": -1.0, "z": 0.0, "r": 0.0}
_STATES, _GATES = 4, 4  # of which so many are listed for each property


def unit_content(model: Model, symbols: NDArray[np.integer], plan: Plan) -> dict[str, Any]:
    """Compute states and gates, rank the units, and keep what the plan allows.

    Returns
    -------
    dict
        ``kept``: the number of each kept unit, counted through all layers. ``activations``: uint8
        of shape (3, kept, window), for h, z and r. ``separations``: int8 of shape
        (3, kept, features), in hundredths. ``ranked``: for each feature pairs of variable and place
        in ``kept``, the best states first, then the best gates.
    """
    symbols = symbols[: plan.studied]
    states, resets = read_states(model, symbols)
    z, r = gates(model.parameters, symbols, states, resets)
    n, every = len(symbols), model.layers * model.hidden_size
    text = "".join(model.vocabulary.characters[symbol] for symbol in symbols)
    features = [feature for feature in features_of(text) if feature.usable]
    columns = dict(zip(VARIABLES, (each.reshape(n, every) for each in (states, z, r)), strict=True))
    found = np.stack([separations(columns[name], features) for name in VARIABLES])
    strength = np.abs(found).max(axis=(0, 2)) if features else np.zeros(every)
    kept = np.sort(np.argsort(-strength, kind="stable")[: plan.units])
    activations = np.stack(
        [activation_codes(columns[v][: plan.window, kept].T, _LEAST[v]) for v in VARIABLES]
    )
    codes = separation_codes(found[:, kept])
    return {
        "layers": model.layers,
        "size": model.hidden_size,
        "window": plan.window,
        "studied": n,
        "kept": kept.tolist(),
        "activations": packed(activations),
        "separations": packed(codes),
        "features": [
            {"name": f.name, "graded": f.graded, "fraction": _fraction(f.values)} for f in features
        ],
        "ranked": [_ranked(codes[:, :, i]) for i in range(len(features))],
    }


def _ranked(codes: NDArray[np.int8]) -> list[list[int]]:
    """The strongest (variable, unit) from codes of shape (3, kept): states, then gates."""
    kept = codes.shape[1]
    order = np.argsort(-np.abs(codes.astype(int)).reshape(-1), kind="stable")
    states, gates = order[order < kept][:_STATES], order[order >= kept][:_GATES]
    return [[int(i) // kept, int(i) % kept] for i in (*states, *gates)]


def _fraction(values: NDArray[Any]) -> float:
    """The fraction of the characters that have a property."""
    return round(float(np.count_nonzero(values)) / len(values), 4)
