# SPDX-License-Identifier: MIT
"""Options of a few words: type checkers see the words that the check at run time allows."""

import inspect
import typing
from typing import Literal, get_args, get_origin

import pytest

import gru_ext
from gru_ext.arguments.kinds import OneOf
from gru_ext.core.matmul import active_matmul
from gru_ext.model.evaluation_options import EvaluationOptions
from gru_ext.text.units import Units
from gru_ext.text.unknown import UNKNOWN_CHOICES, UnknownChoice
from gru_ext.training.optimizers import OPTIMIZERS, OptimizerName
from gru_ext.training.options import TrainingOptions

# names that the modules of the options import for type checkers alone
_FOR_TYPES = {name: getattr(gru_ext, name) for name in ("Communicator", "Model", "Progress")}


def choices(options):
    """The options that are one of some words, and their annotations."""
    hints = typing.get_type_hints(options, localns=_FOR_TYPES)
    return [
        pytest.param(declared, hints[name], id=f"{options.__name__}-{name}")
        for name, declared in options.declared().items()
        if isinstance(declared.kind, OneOf)
    ]


def words(annotation):
    """The words of the Literal in an annotation such as ``Option[Literal["a", "b"] | None]``."""
    if get_origin(annotation) is Literal:
        return {*get_args(annotation)}
    return set().union(*map(words, get_args(annotation)))


CHOICES = [*choices(TrainingOptions), *choices(EvaluationOptions)]


def test_there_are_choices():
    assert {each.values[0].name for each in CHOICES} == {
        "units", "preset", "dtype", "optimizer", "schedule", "keep", "split", "unknown",
            "outer_optimizer", "weights",
    }  # fmt: skip


@pytest.mark.parametrize(("option", "annotation"), CHOICES)
def test_an_annotation_has_the_words_that_are_allowed(option, annotation):
    assert words(annotation) == {*option.kind.names}


@pytest.mark.parametrize(("option", "annotation"), CHOICES)
def test_each_word_is_allowed_and_no_other(option, annotation):
    for word in words(annotation):
        assert option.check(word) == word
    with pytest.raises(ValueError, match=f"`{option.name}` must be "):
        option.check("no such word")


def test_a_word_may_be_a_str_of_numpy():
    np = pytest.importorskip("numpy")
    checked = TrainingOptions(optimizer=np.str_("adam")).optimizer
    assert type(checked) is str
    assert checked == "adam"


@pytest.mark.parametrize(
    ("function", "parameter", "annotation"),
    [
        (gru_ext.Trainer.__init__, "optimizer", OptimizerName),
        (gru_ext.Model.score, "unknown", UnknownChoice),
        (gru_ext.Vocabulary.from_text, "units", Units),
    ],
)
def test_functions_beside_the_options_have_the_same_words(function, parameter, annotation):
    names = function.__globals__ | _FOR_TYPES
    hint = eval(inspect.signature(function).parameters[parameter].annotation, names)
    assert words(hint) == words(annotation)


def test_every_word_has_its_entry():
    assert {*OPTIMIZERS} == {*get_args(OptimizerName)}
    assert {*UNKNOWN_CHOICES} == {*get_args(UnknownChoice)}


def test_the_words_of_the_matrix_products():
    pytest.importorskip("scipy")
    pytest.importorskip("threadpoolctl")
    try:
        for word in ("native", "blas"):
            gru_ext.use_matmul(word)
            assert active_matmul() == word
    finally:
        gru_ext.use_matmul()
