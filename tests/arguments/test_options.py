# SPDX-License-Identifier: MIT
"""Options declared once: what follows from a declaration, for every option there is."""

import inspect
import json
import pathlib

import numpy as np
import pytest
from refused_values import check_refusals
from training_runs import SMALL, TEXT

import gru_ext
from gru_ext.arguments.keywords import keywords_of
from gru_ext.arguments.kinds import Number
from gru_ext.arguments.option import Option
from gru_ext.cli.messages import with_flags
from gru_ext.cli.parsing import Parser, add_options
from gru_ext.model import checkpoint
from gru_ext.training.options import DATA, GROUPS, TrainingOptions
from gru_ext.training.reference import options_page
from gru_ext.training.resume import resumed_options

DECLARED = TrainingOptions.declared()


@pytest.mark.parametrize("name", DECLARED)
def test_every_option_refuses_what_its_kind_does_not_allow(name):
    check_refusals(TrainingOptions, name)


@pytest.mark.parametrize(
    ("name", "given", "plain"),
    [
        ("hidden_size", np.int64(16), 16),
        ("hidden_size", np.uint8(16), 16),
        ("learning_rate", np.float32(0.5), 0.5),
        ("epochs", np.int16(3), 3.0),
        ("epochs", 3, 3.0),
        ("tied", np.bool_(True), True),
        ("optimizer", np.str_("adam"), "adam"),
        ("keep", "best,last", "best"),
    ],
)
def test_options_are_plain_python(name, given, plain):
    found = TrainingOptions(**{name: given}).given()[name]
    assert found == plain
    assert type(found) is type(plain)


def test_numpy_scalars_are_written(tmp_path):
    """They were trained with to the end, and refused by the file."""
    path = tmp_path / "m.npz"
    numbers = {"hidden_size": np.int64(8), "learning_rate": np.float64(0.01), "seed": np.uint8(3)}
    gru_ext.train(TEXT, output=path, max_steps=np.int32(3), tied=np.bool_(False), **numbers)
    options = checkpoint.read(path).metadata["options"]
    assert {name: options[name] for name in numbers} == numbers


def test_an_option_that_is_not_given_reads_as_its_default():
    options = TrainingOptions(seed=None)
    assert options.given() == {}
    assert (options.seed, options.optimizer, options.patience) == (0, "adamw", None)
    assert options.over({"seed": 3, "unknown": 4}) == TrainingOptions(seed=3)
    assert TrainingOptions(seed=2).over({"seed": 3}).seed == 2


def test_train_has_every_option_as_a_keyword():
    parameters, documented = (
        inspect.signature(gru_ext.train).parameters,
        inspect.getdoc(gru_ext.train),
    )
    assert list(parameters) == ["text", *DECLARED]
    for name, option in DECLARED.items():
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert f"\n{name} : {option.kind.annotation}, optional\n" in documented
    assert "{options}" not in documented


def test_train_refuses_other_keywords():
    with pytest.raises(TypeError, match="hiden_size"):
        gru_ext.train(TEXT, hiden_size=3)
    with pytest.raises(TypeError, match="text"):
        gru_ext.train(hidden_size=3)
    with pytest.raises(TypeError, match="too many positional arguments"):
        gru_ext.train(TEXT, 3)
    assert gru_ext.train(text=TEXT, max_steps=1, **SMALL).hidden_size == 8


def test_the_limits_are_those_of_the_compiled_core():
    from gru_ext.core.kernels import MOST_LAYERS, layout

    assert DECLARED["layers"].kind.most == MOST_LAYERS
    most = DECLARED["hidden_size"].kind.most
    assert layout(1, most, 4)["H"] == most
    with pytest.raises(ValueError, match="hidden size"):
        layout(1, most + 1, 4)


def test_the_page_is_that_of_the_declarations():
    """python -m gru_ext.training.reference > docs/reference/options.md"""
    page = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "options.md"
    assert page.read_text(encoding="utf-8") == options_page()


def test_help_names_groups_and_defaults(capsys):
    with pytest.raises(SystemExit):
        parser_of(TrainingOptions).parse_args(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    places = [shown.index(f" {group}: --") for group in GROUPS[:-1]]
    assert places == sorted(places)
    for name, option in DECLARED.items():
        if option.on_command_line:
            assert f"--{name.replace('_', '-')}" in shown
            assert f"{option.help} (default: {option.default_text})" in shown


def parser_of(options):
    parser = Parser(prog="gru-ext")
    add_options(parser, options)
    return parser


class WithDummy(TrainingOptions):
    """The options, and one more: its declaration is all there is of it."""

    dummy_rate: Option[float] = Option(
        Number(least=0, below=1), "rate of the dummy", DATA, default=0.25, saved=True, fixed=True
    )


def test_a_new_option_is_only_declared():
    assert list(WithDummy.declared()) == [*DECLARED, "dummy_rate"]
    # the parser, and its check in the command line's words
    given = vars(parser_of(WithDummy).parse_args(["--dummy-rate", "0.5"]))
    options = WithDummy(**given)
    assert options.dummy_rate == 0.5
    with pytest.raises(ValueError, match="`dummy_rate` must be a number from 0 to below 1") as no:
        WithDummy(**vars(parser_of(WithDummy).parse_args(["--dummy-rate", "2"])))
    assert with_flags(str(no.value), given).startswith("--dummy-rate must be")
    # the signature and docstring of a function with these options
    chosen = keywords_of(WithDummy)(lambda text, options: options)
    assert chosen("a", dummy_rate=0.5).dummy_rate == 0.5
    assert "dummy_rate" in inspect.signature(chosen).parameters
    # the file, and a resume from it
    assert WithDummy().record()["dummy_rate"] == 0.25
    settled = options.over({"seq_length": 5, "batch_size": 1})
    record = json.loads(json.dumps(settled.record()))
    saved = gru_ext.Model.create(gru_ext.Vocabulary("ab"), 3).checkpoint()
    saved.metadata["options"] = record
    assert resumed_options(WithDummy(), saved).dummy_rate == 0.5
    with pytest.raises(gru_ext.CheckpointError, match=r"with dummy rate 0\.5, not 0\.1"):
        resumed_options(WithDummy(dummy_rate=0.1), saved)
    # the reference page
    assert "| `dummy_rate` | a number from 0 to below 1 | 0.25 |" in options_page(WithDummy)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("`hidden_size` must be 1", "--hidden-size must be 1"),
        ("`resume` and `init_from` cannot", "--resume and --init-from cannot"),
        ("`prompt` is not one of its options", "prompt is not one of its options"),
    ],
)
def test_messages_of_the_command_line_have_flags(message, shown):
    assert with_flags(message, DECLARED) == shown
