# SPDX-License-Identifier: MIT
"""The command ``gru-ext sample``."""

from __future__ import annotations

import argparse
import json
import math
import os
from typing import TYPE_CHECKING, Any

from gru_ext.cli.options import DEFAULT_MODEL, SampleOptions, given_options
from gru_ext.cli.output import ModelOutput
from gru_ext.model.sampling_options import SamplingOptions

if TYPE_CHECKING:
    from gru_ext.model.model import Model
    from gru_ext.model.sampling import Sample
    from gru_ext.text.units import Units

_ENDED = {
    "length": "",
    "stop": ", ended by a stop text",
    "regex": ", ended by the regular expression",
}


def run(arguments: argparse.Namespace) -> None:
    """Print text that a model generates."""
    if arguments.model == DEFAULT_MODEL and not os.path.exists(DEFAULT_MODEL):
        raise FileNotFoundError(
            f"there is no {DEFAULT_MODEL} in this folder: make one with gru-ext train TEXT, or "
            f"name another model file"
        )
    options = given_options(SampleOptions, arguments)
    sampling = given_options(SamplingOptions, arguments)
    if options.interactive:
        from gru_ext.cli import interactive

        interactive.run(arguments, options, sampling)
        return

    from gru_ext.cli.weights import read_with
    from gru_ext.model.model import load

    search = None if options.beam is None else options.search(sampling)
    model = read_with(load(arguments.model), sampling.weights)
    prompt = read_prompt(arguments, model.vocabulary.units, options.encoding)
    output = None if options.json else ModelOutput(options.encoding, options.raw)
    if search is not None:
        _print_all(model.beam_search(options.length, prompt, **search.given()), "text", output)
    elif output is None or sampling.best_of > 1 or (sampling.n or 1) > 1:
        _print_all(model.generate(options.length, prompt, **sampling.given()), "sample", output)
    else:
        _print_as_it_comes(model, options.length, prompt, sampling, output)


def read_prompt(arguments: argparse.Namespace, units: Units, encoding: str) -> Any:
    """The prompt as a str, or as bytes for a model of bytes."""
    from gru_ext.text.reader import TextReader
    from gru_ext.text.units import utf8

    if arguments.prompt_file is None:
        return utf8(arguments.prompt, name="`prompt`") if units == "bytes" else arguments.prompt
    pieces: Any = TextReader([arguments.prompt_file], units, encoding).pieces()
    return (b"" if units == "bytes" else "").join(pieces)


def _print_as_it_comes(
    model: Model, length: int, prompt: Any, sampling: SamplingOptions, output: ModelOutput
) -> None:
    given = {name: value for name, value in sampling.given().items() if name != "n"}
    parts = model.iter_sample(length, prompt, **given)
    first = next(parts, prompt[:0])  # a bad prompt is reported before anything is printed
    output.write(prompt + first)
    for part in parts:
        output.write(part)
    output.end(line=model.vocabulary.units == "chars")


def _print_all(samples: list[Sample], noun: str, output: ModelOutput | None) -> None:
    """Print samples as JSON, or each under a line that says how likely it is."""
    if output is None:
        for sample in samples:
            print(json.dumps(_described(sample)))
        return
    several = noun == "text" or len(samples) > 1
    for i, sample in enumerate(samples):
        if several:
            unit = "byte" if isinstance(sample.continuation, bytes) else "character"
            likelihood = f"{sample.bits_per_char:.3f} bits per {unit}{_ENDED[sample.stop]}"
            output.heading(f"{noun} {i + 1} of {len(samples)}: {likelihood}", first=i == 0)
        output.write(sample.text)
        output.end(line=several or isinstance(sample.text, str))


def _described(sample: Sample) -> dict[str, object]:
    """What JSON says of a sample."""
    return {
        "prompt": _as_str(sample.prompt),
        "text": _as_str(sample.text),
        "bits": sample.bits if math.isfinite(sample.bits) else None,
        "stop": sample.stop,
    }


def _as_str(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")
