# SPDX-License-Identifier: MIT
"""The command ``gru-ext evaluate``."""

from __future__ import annotations

import argparse
import json
import math
import os
from typing import TYPE_CHECKING

from gru_ext.cli.options import given_options
from gru_ext.model.evaluation_options import EvaluationOptions

if TYPE_CHECKING:
    from gru_ext.cli.evaluations import Row

_ZIP = b"PK\x03\x04"  # how a model file begins


def run(arguments: argparse.Namespace) -> None:
    """Print how well models predict texts."""
    options = given_options(EvaluationOptions, arguments)
    names, texts = _models_and_texts(arguments.model, [os.fspath(t) for t in arguments.texts])

    from gru_ext.cli.evaluation_output import print_one, print_table
    from gru_ext.cli.evaluations import evaluate_all

    joined = arguments.join is not None
    groups = [texts] if joined else [[text] for text in texts]
    rows = evaluate_all(names, groups, arguments.encoding, arguments.join or "", options)
    if arguments.json:
        said = [_described(row) for row in rows]
        print(json.dumps(said if len(rows) > 1 else said[0]))
    elif len(rows) == 1:
        print_one(rows[0])
    else:
        print_table(rows)


def _models_and_texts(first: str, others: list[str]) -> tuple[list[str], list[str]]:
    """The first file, and those after it that are model files too; and the texts after them."""
    count = 0
    while count < len(others) and _is_model(others[count]):
        count += 1
    if count == len(others):
        raise ValueError(f"all {count + 1} files are models: name a text after them, or - for one")
    return [first, *others[:count]], others[count:]


def _is_model(path: str) -> bool:
    if path.endswith(".npz"):
        return True
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(len(_ZIP)) == _ZIP


def _described(row: Row) -> dict[str, object]:
    """What JSON says of a model and a text."""
    figures: dict[str, float | None] = {
        "nats_per_char": row.found.nats_per_char,
        "bits_per_char": row.found.bits_per_char,
        "perplexity": row.found.perplexity,
        "characters": row.found.characters,
        "unknown": row.found.unknown,
        "uniform_bits": row.uniform_bits,
        "letter_frequency_bits": row.text.letter_frequency_bits,
        "xz_bits": row.text.xz_bits,
    }
    if row.own is not row.found:
        figures["own_weights_bits_per_char"] = row.own.bits_per_char
    finite = {k: v if v is not None and math.isfinite(v) else None for k, v in figures.items()}
    about = {"model": row.model, "texts": row.text.names, "units": row.text.units}
    about["weights"] = row.weights
    if row.own is not row.found:
        about["own_weights"] = row.own_weights
    return {**about, **finite}
