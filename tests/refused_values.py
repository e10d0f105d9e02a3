# SPDX-License-Identifier: MIT
"""Values that an option must refuse, made from its kind, and how it refuses them."""

import io
import math

import numpy as np
import pytest

from gru_ext.arguments.kinds import (
    FilePath,
    Flag,
    Function,
    Number,
    OneOf,
    String,
    Strings,
    Whole,
)
from gru_ext.distributed.communicator import Alone
from gru_ext.model.sampling_options import Biases, Surprise
from gru_ext.training.kinds import Engine, OwnText


def refused_by(kind):
    """Values that a kind must refuse, made from the kind itself."""
    if isinstance(kind, Surprise):
        yield from ("validations", b"validation", np.array(["validation"] * 2))
    if isinstance(kind, Whole):
        yield from ("1", 1.5, True, b"1", [1], math.nan)
        if kind.least is not None:
            yield kind.least - 1
        if kind.most is not None:
            yield kind.most + 1
    elif isinstance(kind, Number):
        yield from ("1", True, [1.0], 1j, math.nan, -math.inf)
        yield from [kind.least - 1] * (kind.least > -math.inf)
        yield from [kind.above] * (kind.above > -math.inf)
        yield from [kind.below] * (kind.below < math.inf)
        yield from [math.inf, 10**400] * (not kind.infinite)
    elif isinstance(kind, OneOf):
        yield from (1, "", "nonsense", min(kind.names).upper(), list(kind.names))
    elif isinstance(kind, String):
        yield from (1, b"text", *[""] * (not kind.empty))
    elif isinstance(kind, Strings):
        yield from (1, "", b"", [""], ["a", 1], [None], {"a": 1}, ["a", ["b"]])
    elif isinstance(kind, Biases):
        yield from ("a", [("a", 1.0)], {1: 1.0}, {"ab": 1.0}, {"": 1.0}, {b"ab": 1.0})
        yield from ({"a": value} for value in ("1", True, None, 1j, math.nan, math.inf, 10**400))
        yield from ({"a": value} for value in (-2e6, 2e6))
    elif isinstance(kind, Flag):
        yield from (0, 1, "yes")
    elif isinstance(kind, OwnText):
        yield from (1, {"a": 1}, {"a"}, io.StringIO("a"))
    elif isinstance(kind, FilePath):
        yield from (1, "", b"file", ["file"])
    elif isinstance(kind, Function):
        yield from (1, "print")
    elif isinstance(kind, Engine):
        yield from (1, "mpi", Alone, object())


def check_refusals(options, name):
    """Each such value of an option of a set is refused, with one sentence."""
    kind = options.declared()[name].kind
    refused = list(refused_by(kind))
    assert len(refused) > 1
    for value in refused:
        with pytest.raises((TypeError, ValueError)) as error:
            options(**{name: value})
        message = str(error.value)
        assert message.startswith(f"`{name}` must be {kind.describe()}, not ")
        assert len(message) < 300
        assert "\n" not in message
