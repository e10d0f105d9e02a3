# SPDX-License-Identifier: MIT
"""The command ``gru-ext quantize``."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from gru_ext.arguments.messages import as_size, printable
from gru_ext.cli.export import check_output

if TYPE_CHECKING:
    from gru_ext.model.model import Model
    from gru_ext.model.narrow_cost import NarrowCost


def run(arguments: argparse.Namespace) -> None:
    """Write a model file with int8 weights."""
    from gru_ext.model.model import load
    from gru_ext.model.narrow_cost import KEY

    path = arguments.output
    check_output(path, arguments.model, arguments.force)
    model = load(arguments.model)
    if model.parameters.narrow:
        raise ValueError(f"{arguments.model} has {model.parameters.narrow} weights already")
    small = model.with_weights("int8")
    cost = None
    if arguments.text is not None:
        cost = _cost(model, small, arguments)
        small.about[KEY] = cost.record()
    small.save(path)
    sizes = as_size(os.path.getsize(path)), as_size(os.path.getsize(arguments.model))
    print(printable(f"wrote {path}: {sizes[0]} instead of {sizes[1]}"))
    if cost is None:
        print("what int8 costs was not measured: name a text with --text")
    else:
        print(printable(f"int8 costs {cost}"))


def _cost(model: Model, small: Model, arguments: argparse.Namespace) -> NarrowCost:
    from gru_ext.cli.unknown import check_known
    from gru_ext.model.evaluation import evaluate_counted
    from gru_ext.model.evaluation_options import EvaluationOptions
    from gru_ext.model.narrow_cost import NarrowCost
    from gru_ext.text.reader import TextReader
    from gru_ext.text.vocabulary import Counts

    name = os.fspath(arguments.text)
    reader = TextReader([name], model.vocabulary.units, arguments.encoding)
    counts = Counts(reader.pieces(), reader.units)
    check_known(model.vocabulary, counts, name)
    found, before = (
        evaluate_counted(each, reader, counts, EvaluationOptions()) for each in (small, model)
    )
    texts = ["standard input" if name == "-" else os.path.basename(name)]
    return NarrowCost.of(texts, found, before)
