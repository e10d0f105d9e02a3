# SPDX-License-Identifier: MIT
"""A search: its trials, the best of them, and what ends it."""

import json
import math
import signal

import pytest
from searches import FEW, FOREVER, LINES, Scripted, outcomes

import gru_ext
from gru_ext.tuning import search
from gru_ext.tuning.processes import Process, Processes

pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def result():
    return gru_ext.tune(LINES, **FEW, **FOREVER)


def best_report(**options):
    """What a run reports of the weights that it keeps."""
    found = []
    gru_ext.train(LINES, **options, quiet=True, callback=found.append)
    return min((each for each in found if each.val_bits is not None), key=lambda p: p.val_bits)


def test_the_first_trial_is_the_default_run(result):
    first = result.trials[0]
    default = {"max_steps": 16, "val_fraction": 0.1, "seed": 1}
    assert first.state == "finished"
    kept = best_report(**default)
    assert (first.bits, first.epochs) == (kept.val_bits, kept.epoch)
    assert first.bits == best_report(**first.options).val_bits
    model = gru_ext.train(LINES, **default, quiet=True)
    assert first.sizes == {name: model.about["options"][name] for name in first.sizes}


def test_the_best_trial_can_be_trained_again(result):
    assert [trial.number for trial in result.trials] == [0, 1, 2, 3]
    finished = [trial.bits for trial in result.trials if trial.state == "finished"]
    assert result.best_trial.bits == min(finished) <= result.trials[0].bits
    assert best_report(**result.best).val_bits == result.best_trial.bits


def test_with_one_job_a_search_is_deterministic(result):
    assert outcomes(gru_ext.tune(LINES, **FEW, **FOREVER)) == outcomes(result)
    other = gru_ext.tune(LINES, **FEW | {"seed": 2, "trials": 2}, **FOREVER)
    assert other.trials[1].options != result.trials[1].options | {"seed": 2}


def test_two_at_once(result, capfd):
    two = gru_ext.tune(LINES, **FEW | {"quiet": False}, jobs=2)
    assert two.trials[0].bits == result.trials[0].bits
    assert [trial.number for trial in two.trials] == [0, 1, 2, 3]
    lines = capfd.readouterr().out.splitlines()
    assert sorted(line.split()[0] for line in lines) == ["1/4", "2/4", "3/4", "4/4"]
    assert max(map(len, lines)) <= 80


def test_what_is_given_is_not_searched():
    given = {"layers": 2, "dropout": 0.25, "learning_rate": 0.01, "batch_size": 2}
    found = gru_ext.tune(LINES, **FEW, **given, **FOREVER)
    for trial in found.trials:
        assert given.items() <= trial.options.items()
        assert given.items() <= trial.sizes.items()
    assert len({trial.options["hidden_size"] for trial in found.trials}) > 1


def test_a_model_to_start_from():
    model = gru_ext.train(LINES, hidden_size=8, max_steps=2, quiet=True)
    found = gru_ext.tune(LINES, **FEW | {"trials": 2}, **FOREVER, init_from=model)
    assert {trial.sizes["hidden_size"] for trial in found.trials} == {8}
    assert "--init-from MODEL" in found.command
    assert found.record()["best"]["init_from"] == "a model"


@pytest.mark.parametrize("given", [LINES[::-1], "file"])
def test_a_validation_text_of_its_own(given, tmp_path):
    named = given == "file"
    if named:
        given = tmp_path / "own.txt"
        given.write_text(LINES[::-1])
    options = {"trials": 1, "max_steps": 4, "quiet": True, "validation": given}
    found = gru_ext.tune(LINES, **options, **FOREVER)
    assert found.best["validation"] is not None
    assert found.trials[0].bits == best_report(**found.best).val_bits
    assert f" --validation={given if named else 'VALIDATION'} " in found.command
    assert found.record()["best"]["validation"] == ([str(given)] if named else "a text")


def scripted(monkeypatch, *losses, **options):
    """A search whose trials have these losses; what each of them has reached."""
    processes = Scripted(losses)
    monkeypatch.setattr(search, "Processes", processes)
    found = gru_ext.tune(LINES, **FEW | {"trials": len(losses)} | options, **FOREVER)
    return found, [processes.reached[n] for n in sorted(processes.reached)]


def test_the_worse_half_is_pruned(monkeypatch):
    found, reached = scripted(
        monkeypatch, [4, 3, 2, 1], [5, 1, 1, 1], [3, 4, 1, 1], [3, 3, 3, 0.5], [2, 1, 1, 0.7]
    )
    states = ["finished", "pruned", "pruned", "finished", "finished"]
    assert [trial.state for trial in found.trials] == states
    assert reached == [4, 1, 2, 4, 4]
    assert [t.epochs for t in found.trials] == [1, 0.25, 0.25, 1, 1]
    assert found.best_trial.number == 3
    assert found.best_trial.bits == pytest.approx(0.5 / math.log(2))


def test_the_first_is_not_pruned(monkeypatch):
    """Although a better one was there before, where several are trained at once."""
    monkeypatch.setattr("optuna.Trial.should_prune", lambda trial: True)
    found, reached = scripted(monkeypatch, [4, 3, 2, 1], [1, 1, 1, 1])
    assert reached == [4, 1]
    assert [trial.state for trial in found.trials] == ["finished", "pruned"]


def test_more_evaluations_are_not_compared_more_often(monkeypatch):
    """Optuna would warn of a second loss after the same fraction."""
    losses = [3, 3, 2, 2, 1, 1, 1, 1], [9, 2, 9, 1, 9, 9, 9, 0.5]
    found, reached = scripted(monkeypatch, *losses, eval_every=2)
    assert [trial.state for trial in found.trials] == ["finished", "finished"]
    assert reached == [8, 8]


@pytest.mark.parametrize(
    ("kept", "bits", "epochs"),
    [({}, 1, 0.5), ({"keep": "best"}, 1, 0.5), ({"keep": "last"}, 3, 1)],
)
def test_the_loss_is_that_of_the_weights_that_are_kept(monkeypatch, kept, bits, epochs):
    found, _ = scripted(monkeypatch, [2, 1, 2, 3], **kept)
    assert found.best_trial.bits == pytest.approx(bits / math.log(2))
    assert found.best_trial.epochs == epochs


def test_a_loss_that_is_no_number(monkeypatch):
    nan = math.nan
    losses = [2, 2, 2, 2], [nan] * 4, [1, 1, 1, nan], [0.5, 0.5, 1, None]
    found, _ = scripted(monkeypatch, *losses, keep="last")
    assert [trial.state for trial in found.trials] == ["finished", "pruned", "failed", "failed"]
    assert found.trials[2].error == "the run has no validation loss at its end"
    assert found.best_trial.number == 0


def test_a_loss_that_is_no_number_is_not_the_best(monkeypatch):
    nan = math.nan
    found, _ = scripted(monkeypatch, [2, 2, 2, 2], [1, 1, 1, nan], [nan, 0.5, nan, nan])
    assert [trial.state for trial in found.trials] == ["finished", "finished", "pruned"]
    assert found.best_trial.bits == pytest.approx(1 / math.log(2))


def test_bytes():
    found = gru_ext.tune(LINES.encode(), **FEW | {"trials": 1}, **FOREVER)
    assert found.best["units"] == "bytes"
    assert "--units bytes" in found.command


def on_start(monkeypatch, number, change):
    """Call ``change`` with the options and the process of the trial of this number."""
    start, begun = Processes.start, []

    def start_changed(processes, options):
        begun.append(options)
        if len(begun) == number + 1:
            options = options | change.get("options", {})
        process = start(processes, options)
        if len(begun) == number + 1 and change.get("kill"):
            process._process.kill()
        return process

    monkeypatch.setattr(Processes, "start", start_changed)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"options": {"epochs": -1}}, "`epochs` must be a positive finite number, not -1"),
        ({"kill": True}, "its process ended with "),
    ],
    ids=["refused", "killed"],
)
def test_a_trial_that_fails(monkeypatch, change, error):
    on_start(monkeypatch, 1, change)
    found = gru_ext.tune(LINES, **FEW | {"trials": 3}, **FOREVER)
    assert [trial.state == "failed" for trial in found.trials] == [False, True, False]
    assert found.trials[1].error.startswith(error)
    assert found.trials[1].bits is None
    assert "failed" in repr(found)


def test_all_fail(monkeypatch):
    on_start(monkeypatch, 0, {"options": {"epochs": -1}})
    with pytest.raises(ValueError, match=r"^the only trial failed: `epochs` must be "):
        gru_ext.tune(LINES, **FEW | {"trials": 1}, **FOREVER)


def test_the_first_fails_and_the_others_are_pruned(monkeypatch):
    nan = math.nan
    with pytest.raises(ValueError, match=r"^no trial was finished, and 1 failed: the run has no v"):
        scripted(monkeypatch, [nan] * 4, [nan] * 4)


def test_ctrl_c(monkeypatch, tmp_path):
    """What is known so far is in the exception and in the file; no process is left."""
    keep, init, processes = search.Search._keep, Process.__init__, []

    def keep_and_interrupt(self, trial, console):
        keep(self, trial, console)
        if trial.state == "finished":
            signal.raise_signal(signal.SIGINT)

    def note(process, *arguments):
        processes.append(process)
        init(process, *arguments)

    monkeypatch.setattr(search.Search, "_keep", keep_and_interrupt)
    monkeypatch.setattr(Process, "__init__", note)
    path = tmp_path / "trials.json"
    with pytest.raises(KeyboardInterrupt) as stopped:
        gru_ext.tune(LINES, **FEW, jobs=2, output=path)
    assert isinstance(stopped.value, gru_ext.TuneInterrupted)
    assert stopped.value.signal == signal.SIGINT
    found = stopped.value.result
    assert [trial.state for trial in found.trials].count("finished") == 1
    assert found.best_trial.state == "finished"
    assert json.loads(path.read_text()) == found.record()
    assert len(processes) == 2
    assert all(process.ended for process in processes)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_time_that_is_too_short():
    with pytest.raises(
        ValueError, match=r"^no trial was finished in 1e-05 minutes: give more `min"
    ):
        gru_ext.tune(LINES, trials=1, minutes=1e-5, max_steps=4, val_fraction=0.1, quiet=True)
    with pytest.raises(ValueError, match=r"^the first run alone would take about [\d:]+: give "):
        gru_ext.tune(LINES, minutes=0.01, max_steps=10**8, val_fraction=0.1, quiet=True)


def test_what_does_not_fit_into_the_time_is_not_begun(monkeypatch):
    monkeypatch.setattr("gru_ext.tuning.space.Space.seconds", lambda space, plan, speeds: 2.0)
    found = gru_ext.tune(LINES, **FEW, minutes=0.1, jobs=1)  # a quarter is 1.5 seconds
    assert [trial.number for trial in found.trials] == [0]


def test_json(result, tmp_path):
    path = tmp_path / "trials.json"
    found = gru_ext.tune(LINES, **FEW | {"trials": 2}, **FOREVER, clip=math.inf, output=path)
    read = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert read == found.record()
    assert read["best"]["clip"] == "inf"
    assert read["command"] == found.command
    assert read["trials"][0]["state"] == "finished"
    with pytest.raises(FileExistsError, match=r"trials\.json exists: .*`force`.*`output`"):
        gru_ext.tune(LINES, output=path)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"val_fraction": 0}, "^a search compares models on a validation part: give a `val_frac"),
        (
            {"hidden_size": 8, "layers": 1, "dropout": 0, "learning_rate": 0.1, "epochs": 1},
            "^there is nothing to search for: leave out `hidden_size`",
        ),
        ({"output": "no/such/folder.json"}, "folder"),
        ({"hidden_size": 0}, "^`hidden_size` must be "),
    ],
)
def test_what_is_refused(options, error):
    with pytest.raises((ValueError, OSError), match=error):
        gru_ext.tune(LINES, **{"val_fraction": 0.1, "quiet": True} | options)


@pytest.mark.parametrize("name", ["classic", "metrics", "resume", "callback"])
def test_options_of_a_run_alone(name):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        gru_ext.tune(LINES, **{name: True})
