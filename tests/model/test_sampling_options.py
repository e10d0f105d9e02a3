# SPDX-License-Identifier: MIT
"""The options of samples and beam search: what follows from their declarations."""

import inspect
import math
import typing

import numpy as np
import pytest
from refused_values import check_refusals

from gru_ext import Model
from gru_ext.model.sampling_options import (
    BeamOptions,
    ChoiceKeywords,
    ChoiceOptions,
    ConstraintKeywords,
    ConstraintOptions,
    SamplingKeywords,
    SamplingOptions,
)
from gru_ext.model.stream import Stream

METHODS = [
    (Model.sample, SamplingOptions),
    (Model.generate, SamplingOptions),
    (Model.iter_sample, ChoiceOptions),
    (Model.beam_search, BeamOptions),
    (Stream.draw, ChoiceOptions),
]


@pytest.mark.parametrize(
    ("options", "name"),
    [(options, name) for options in (SamplingOptions, BeamOptions) for name in options.declared()],
)
def test_every_option_refuses_what_its_kind_does_not_allow(options, name):
    check_refusals(options, name)


@pytest.mark.parametrize(
    ("name", "given", "plain"),
    [
        ("temperature", np.float32(0.5), 0.5),
        ("temperature", 0, 0.0),
        ("seed", np.uint8(3), 3),
        ("surprise", np.float64(2), 2.0),
        ("surprise", "validation", "validation"),
        ("stop", "ab", ("ab",)),
        ("stop", ["ab", b"c"], ("ab", b"c")),
        ("stop", [], ()),
        ("logit_bias", {"a": np.float32(1), b"b": -math.inf}, {"a": 1.0, b"b": -math.inf}),
        ("keep_stop", np.bool_(True), True),
    ],
)
def test_options_are_plain_python(name, given, plain):
    found = SamplingOptions(**{name: given}).given()[name]
    assert found == plain
    assert type(found) is type(plain)


@pytest.mark.parametrize("name", ["top_k", "top_p", "min_p", "typical_p"])
def test_a_target_of_surprise_replaces_the_filters(name):
    with pytest.raises(ValueError, match=f"`surprise` replaces `{name}`"):
        SamplingOptions(surprise=2.0, **{name: 0.5 if name != "top_k" else 3})
    default = ChoiceOptions.declared()[name].default
    assert SamplingOptions(surprise=2.0, **{name: default}).surprise == 2


def test_both_have_the_same_constraints():
    for name, option in ConstraintOptions.declared().items():
        assert SamplingOptions.declared()[name] is option
        assert BeamOptions.declared()[name] is option


@pytest.mark.parametrize(
    ("keywords", "options", "leave_out"),
    [
        (ConstraintKeywords, ConstraintOptions, set()),
        (ChoiceKeywords, ChoiceOptions, {"temperature", "seed"}),
        (SamplingKeywords, SamplingOptions, set()),
    ],
)
def test_the_keywords_of_type_checkers_are_the_options(keywords, options, leave_out):
    declared = options.declared()
    hints = typing.get_type_hints(keywords)
    assert hints.keys() == declared.keys() - leave_out
    assert not keywords.__required_keys__
    for name, hint in hints.items():
        # None is allowed where there is no default, and the default's type where there is one
        default = declared[name].default
        kinds = typing.get_args(hint) or (hint,)
        assert (type(None) in kinds) == (default is None), name
        assert default is None or type(default) in kinds, name
        # the types that the signature names
        for kind in kinds:
            word = getattr(typing.get_origin(kind) or kind, "__name__", "").replace("NoneType", "")
            word = "list" if word == "tuple" else word  # either will do
            assert word in declared[name].kind.annotation, name


@pytest.mark.parametrize(("method", "options"), METHODS, ids=lambda each: each.__name__)
def test_signatures_and_docstrings_have_every_option(method, options):
    parameters, documented = inspect.signature(method).parameters, inspect.getdoc(method)
    declared = options.declared()
    assert declared.keys() <= parameters.keys()
    assert not any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name, option in declared.items():
        assert f"\n{name} : {option.kind.annotation}, optional\n" in documented
        if parameters[name].default is not None:  # the method names it itself
            assert parameters[name].default == option.default
    assert "{options}" not in documented


@pytest.mark.parametrize(("method", "options"), METHODS, ids=lambda each: each.__name__)
def test_defaults_change_nothing(method, options):
    """Every option may be given as its default, or as None."""
    declared = options.declared()
    for values in (dict.fromkeys(declared), {n: o.default for n, o in declared.items()}):
        assert options(**values).given().keys() == {n for n, v in values.items() if v is not None}
        for name, option in declared.items():
            assert getattr(options(**values), name) == option.default
