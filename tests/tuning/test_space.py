# SPDX-License-Identifier: MIT
"""What is searched, what a trial of it is, and how it is shown."""

import dataclasses
import math

import pytest
from refused_values import check_refusals

from gru_ext.training.optimizers import default_learning_rate
from gru_ext.tuning.options import TuneOptions
from gru_ext.tuning.probe import Probe
from gru_ext.tuning.space import Space
from gru_ext.tuning.table import table, trial_line
from gru_ext.tuning.trial import TuneResult, TuneTrial, names_of

RUN = {"batch_size": 16, "seq_length": 64, "dropout": 0.0}
PROBE = Probe(3000, 100, 1000, 65, 128, 1, RUN, 1e5)  # a text of 100,000 characters

SIZES = {
    "hidden_size": 512,
    "layers": 2,
    "dropout": 0.6,
    "learning_rate": 0.000123,
    "batch_size": 16,
    "seq_length": 64,
}


def trial(**values):
    known = {"number": 0, "options": {}, "sizes": SIZES, "bits": 2.0, "epochs": 16.21}
    known |= {"seconds": 634.0, "characters_per_second": 123456.0, "state": "finished"}
    return TuneTrial(**known | values)


@pytest.mark.parametrize("name", ["trials", "minutes", "jobs", "seed", "threads", "output"])
def test_values_that_are_refused(name):
    check_refusals(TuneOptions, name)


def test_the_default_values_are_the_default_run():
    plan = Space({"seed": 3}, PROBE).plan(Space({}, PROBE).default)
    assert plan.options == {"seed": 3, "hidden_size": 128, "layers": 1, "dropout": 0.0}
    assert plan.evaluated == plan.options
    assert plan.steps == 3000
    searched = {"hidden_size": 128, "layers": 1, "learning_rate": 0.012}
    assert plan.sizes == RUN | searched


def test_a_run_of_other_values():
    values = {"size": 6, "layers": 2, "dropout": 0.35000000000000003, "rate": 0.5, "length": 0.333}
    plan = Space({"clip": 1.0}, PROBE).plan(values)
    rate = default_learning_rate("adam", 256, 2) / 2
    assert plan.options == {
        "clip": 1.0,
        "hidden_size": 256,
        "layers": 2,
        "dropout": 0.35,
        "learning_rate": pytest.approx(rate, rel=0.01),
        "epochs": 9.99,
    }
    assert plan.steps == 999
    assert plan.work == 9 * 256 * 256 + 256 * 65


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"patience": 0},
        {"keep": "last"},
        {"keep": "best", "patience": 0},
        {"keep": "last", "patience": 3},
        {"keep": "last", "schedule": "plateau"},
        {"keep": "last", "patience": 0, "eval_every": 7},
    ],
)
def test_evaluations_that_matter_are_left_alone(given):
    """They choose the weights, end the run, or lower the learning rate."""
    space = Space(given, PROBE)
    plan = space.plan(space.default)
    assert plan.evaluated == plan.options


@pytest.mark.parametrize("automatic", [{}, {"schedule": "constant"}])
def test_a_run_that_keeps_the_last_weights_is_evaluated_after_each_quarter(automatic):
    space = Space({"keep": "last", "patience": 0} | automatic, PROBE)
    plan = space.plan(space.default)
    assert plan.evaluated == plan.options | {"eval_every": 750}


@pytest.mark.parametrize("dropout", [0.0, 0.15, 0.25, 0.35, 0.6])
def test_the_default_dropout_is_one_of_those_that_are_searched(dropout):
    pytest.importorskip("optuna")
    space = Space({}, dataclasses.replace(PROBE, options=RUN | {"dropout": dropout}))
    assert space.plan(space.default).options["dropout"] == dropout
    assert space.distributions()["dropout"]._contains(dropout)


@pytest.mark.parametrize(
    ("steps", "sizes"), [(2, 5), (10, 5), (20, 6), (100, 8), (1000, 9)], ids=str
)
def test_a_short_text_has_small_models(steps, sizes):
    space = Space({}, dataclasses.replace(PROBE, steps_per_epoch=steps))
    largest = space.plan(space.default | {"size": sizes - 1}).sizes["hidden_size"]
    assert largest**2 <= max(128**2, 2 * 1000 * steps)
    with pytest.raises(IndexError):
        space.plan(space.default | {"size": sizes})


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"hidden_size": 100}, ["layers", "dropout", "rate", "length"]),
        ({"init_from": "m.npz", "max_steps": 3}, ["dropout", "rate"]),
        ({"learning_rate": 0.1, "epochs": 2, "layers": 1}, ["size", "dropout"]),
    ],
)
def test_what_is_left_to_search(given, left):
    pytest.importorskip("optuna")
    space = Space(given, PROBE)
    assert list(space.default) == list(space.distributions()) == left
    for name, distribution in space.distributions().items():
        assert distribution._contains(distribution.to_internal_repr(space.default[name]))


def test_a_hidden_size_of_its_own_is_in_the_middle():
    space = Space({}, dataclasses.replace(PROBE, hidden_size=100))
    assert space.plan(space.default).sizes["hidden_size"] == 100


def test_the_time_of_a_trial_follows_from_the_nearest_one():
    space = Space({}, PROBE)
    plan = space.plan(space.default)
    characters = 3000 * 1000
    assert space.seconds(plan, {}) == 0
    assert space.seconds(plan, {plan.work: 1e5}) == pytest.approx(characters / 1e5)
    speeds = {plan.work / 2: 2e5, plan.work * 100: 1.0}
    assert space.seconds(plan, speeds) == pytest.approx(characters / 1e5)


def test_the_table_has_80_columns():
    trials = [
        trial(number=0, epochs=12345.678, sizes=SIZES | {"hidden_size": 16384}),
        trial(number=1, state="pruned", bits=1.0),
        trial(number=2, state="failed", bits=None, characters_per_second=None, error="x\n" * 99),
        trial(number=3, bits=1.5),
        trial(number=4, state="stopped", bits=0.5),
    ]
    lines = table(trials)
    assert max(map(len, lines)) <= 80
    ends = [line.split()[-1] for line in lines[2:]]
    assert ends == ["finished", "finished", "pruned", "stopped", "failed"]
    assert lines[2].split()[7] == "1.5000"
    assert max(len(trial_line(each, 30)) for each in trials[3:]) <= 80
    assert "\n" not in trial_line(trials[2], 30)
    assert table(trials * 20)[-1] == "and 50 more trials"


def test_a_better_one_that_was_not_finished_is_named():
    result = TuneResult((trial(), trial(number=1, state="stopped", bits=1.5)))
    assert "\ntrial 2 was not finished, but already better than the best: " in repr(result)
    assert TuneResult((trial(), trial(number=1, state="stopped", bits=2.5))).promising is None
    assert TuneResult((trial(state="stopped"),)).promising is None


def test_without_a_finished_trial_there_is_no_best():
    result = TuneResult((trial(state="pruned"),))
    assert not result.finished
    assert result.record()["best"] is None
    assert "use:" not in repr(result)
    with pytest.raises(ValueError, match="no trial was finished"):
        result.best  # noqa: B018


def test_names_of_texts(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a")
    assert names_of(path) == (str(path),)
    assert names_of([path, "-", path]) == (str(path), "-", str(path))
    assert names_of("a text\n") == names_of(b"a text\n") == names_of(["one", "two"]) == ()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tied": True, "preset": "quick"}, "--tied --preset quick"),
        ({"document_separator": ".\n", "clip": math.inf}, r"--document-separator '.\n' --clip inf"),
        # what a run of a text without documents does, but not one of a list of lines
        ({"document_separator": "", "patience": 0}, "--document-separator '' --patience 0"),
        ({"split": "blocks", "shuffle": False}, "--split blocks --no-shuffle"),
        ({"patience": 5, "dropout": 0.0}, "--patience 5 --dropout 0"),
    ],
)
def test_a_command_has_all_options_that_are_given(options, words):
    assert TuneResult((trial(options=options),)).command == f"gru-ext train TEXT {words}"
