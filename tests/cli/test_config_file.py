# SPDX-License-Identifier: MIT
"""Options from a file: ``--config``, and the file that ``gru-ext info --toml`` prints."""

import re
import tomllib

import pytest
from command import run

from gru_ext.cli.config_file import as_toml
from gru_ext.cli.parser import build_parser

RUN = """
hidden-size = 8
max_steps = 12
clip = inf
shuffle = false
document-separator = "\\n"
validation = ["v.txt", "w.txt"]
metrics = "m.jsonl"
"""


def parsed(line, **files):
    for name, text in files.items():
        with open(f"{name}.toml", "w", encoding="utf-8") as file:
            file.write(text)
    return vars(build_parser().parse_args(line.split()))


def test_the_options_of_the_file(folder):
    found = parsed("train a.txt --config run.toml", run=RUN)
    plain = parsed("train a.txt")
    expected = {"hidden_size": 8, "max_steps": 12, "clip": float("inf"), "shuffle": False}
    expected |= {"document_separator": "\n", "metrics": "m.jsonl"}
    assert [str(path) for path in found.pop("validation")] == ["v.txt", "w.txt"]
    del plain["validation"]
    assert found == plain | expected


def test_the_command_line_wins(folder):
    line = "train a.txt --hidden-size 9 --shuffle --validation x.txt --config run.toml --clip 5"
    found = parsed(line, run=RUN)
    assert (found["hidden_size"], found["shuffle"], found["clip"]) == (9, True, 5)
    assert [str(path) for path in found["validation"]] == ["x.txt"]
    assert found["max_steps"] == 12


def test_a_default_on_the_command_line_wins_too(folder):
    file = 'encoding = "latin-1"\njson = true\n'
    found = parsed("evaluate m.npz a.txt --config e.toml --encoding utf-8", e=file)
    assert (found["encoding"], found["json"], found["windows"]) == ("utf-8", True, None)
    assert parsed("evaluate m.npz a.txt --config e.toml")["encoding"] == "latin-1"
    assert parsed("evaluate m.npz a.txt")["encoding"] == "utf-8"


def test_of_two_that_exclude_each_other_the_command_line_wins(folder):
    line = "sample m.npz --config s.toml"
    assert parsed(line, s='prompt-file = "p.txt"\nn = 3')["prompt_file"].name == "p.txt"
    found = parsed(f"{line} --prompt The")
    assert (found["prompt"], found["prompt_file"], found["n"]) == ("The", None, 3)
    assert parsed(f"{line} -n 5")["n"] == 5


def test_text_of_the_file_is_as_it_is(folder):
    """TOML has its own escapes: a backslash in its text is one."""
    found = parsed("sample --config s.toml", s='stop = "\\n"\nbanned = "\\\\n"\nprompt = \'\\n\'')
    assert (found["stop"], found["banned"], found["prompt"]) == ("\n", r"\n", r"\n")


def test_what_is_required_may_come_from_the_file(folder, capsys):
    found = parsed("export m.npz --config e.toml", e='output = "m.c"\nweights = "int8"')
    assert (found["output"], found["weights"], found["force"]) == ("m.c", "int8", False)
    (folder / "empty.toml").write_text("")
    assert run("export", "m.npz", "--config", "empty.toml") == 2
    assert "required: -o/--output" in capsys.readouterr().err


def test_a_later_file_wins(folder):
    found = parsed(
        "train a.txt --config a.toml --config b.toml", a="seed = 1\nlayers = 2", b="seed=3"
    )
    assert (found["seed"], found["layers"]) == (3, 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hidden-size = 0", "hidden-size must be a whole number from 1 to 2..24, not 0$"),
        ("hidden-size = 8.0", "hidden-size must be a whole number from 1 to 2..24, not 8.0$"),
        ("hidden_size = 'x'", "hidden-size must be a whole number .*, not 'x'$"),
        ("resume = 1", "resume must be True or False, not 1$"),
        ("dropout = true", "dropout must be a number from 0 to below 1, not True$"),
        ("clip = nan", "clip must be a positive number or infinity, not nan$"),
        ("epochs = 1979-05-27", "epochs must be a positive finite number, not datetime"),
        ("optimizer = 'sgd'", "optimizer must be .*, not 'sgd'$"),
        ("output = ['a']", "output must be a path, not "),
        ("validation = 3", "validation must be "),
        ("validation = ''", "the path of a text must not be empty"),
        ("patiance = 3", "'patiance' is not an option of gru-ext train; did you mean patience\\?$"),
        ("hiden_size = 3", "'hiden_size' is not an option .*; did you mean hidden-size\\?$"),
        ("config = 'x'", "'config' is not an option of gru-ext train$"),
        ("callback = 'x'", "'callback' is not an option of gru-ext train"),
        ("texts = 'x'", "'texts' is not an option of gru-ext train"),
        ("[train]\nseed = 1", "'train' is not an option of gru-ext train"),
        ("layers = 1\nlayers = 2", "it is not TOML"),
        ("layers = ", "it is not TOML"),
        ("hidden_size = 1\nhidden-size = 2", "'hidden-size' is there twice, with - and with _$"),
        ("seed = " + "9" * 9999, "it is not TOML"),
        ("seed = " + "[" * 9999, "it is nested too deeply"),
        ('"\\u001b[31m" = 3', r"'\\x1b\[31m' is not an option"),
        ("#" * 2_000_000, "a file of options has at most 1,048,576 bytes"),
    ],
    ids=lambda text: text[:30],
)
def test_a_wrong_file_is_refused_in_one_line(folder, capsys, text, told):
    (folder / "run.toml").write_text(text)
    assert run("train", "a.txt", "--config", "run.toml") == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert re.search(told, err), err
    assert err.startswith("gru-ext train: run.toml: ")


def test_what_is_no_file_of_text(folder, capsys):
    (folder / "latin.toml").write_bytes(b"prompt = 'caf\xe9'")
    for name, told in [
        ("latin.toml", "latin.toml: it is not UTF-8 text: byte 0xe9"),
        ("none.toml", "none.toml: No such file"),
        ("/dev/zero", "not a regular file"),
        (".", "irectory"),
    ]:
        assert run("sample", "--config", name) == 2
        err = capsys.readouterr().err
        assert told in err or (name == "." and "ermission" in err), err  # on Windows
        assert err.count("\n") == 1


def test_two_that_exclude_each_other_in_the_file(folder, capsys):
    (folder / "s.toml").write_text("prompt = 'a'\nprompt-file = 'b'")
    assert run("sample", "--config", "s.toml") == 2
    assert "s.toml: prompt and prompt_file cannot be combined" in capsys.readouterr().err


def test_every_option_of_every_command_can_be_in_a_file(folder):
    """Each by its long name, but for those that describe nothing but the file and the help."""
    for command in build_parser().commands():
        if command.prog.split()[1] in ("info", "completion"):
            continue
        for action in command._actions:
            if action.option_strings and action.option_strings[-1] not in ("--help", "--config"):
                assert action.kind is not None, action


SMALL = "--hidden-size 8 --max-steps 20 --val-fraction 0.2 --eval-every 5"


@pytest.mark.parametrize(
    "options",
    [
        SMALL,
        "--epochs 1.5 --hidden-size 6",
        f"{SMALL} --optimizer adamw --schedule plateau --clip inf --clip-norm inf --tied",
        f"{SMALL} --units bytes --dtype float64 --average-over 0.3 --keep last --layers 2",
        f"{SMALL} --document-separator e --min-count 3",
        f"{SMALL} --init-from m.npz",
        "--hidden-size 8 --max-steps 20 --validation v.txt --validation w.txt",
        "--classic --max-steps 20 --hidden-size 7",
    ],
)
def test_what_info_prints_trains_the_same_model(folder, capsys, options):
    for name in ("v.txt", "w.txt"):
        (folder / name).write_text("The end. " * 40)
    assert run("train", "a.txt", "-o", "x.npz", "--quiet", *options.split()) == 0
    capsys.readouterr()
    assert run("info", "x.npz", "--toml") == 0
    (folder / "run.toml").write_text(capsys.readouterr().out)
    assert run("train", "a.txt", "--config", "run.toml", "-o", "y.npz", "--quiet") == 0
    assert capsys.readouterr().err == ""
    assert (folder / "x.npz").read_bytes() == (folder / "y.npz").read_bytes()
    if "--classic" not in options:
        assert (folder / "x.state.npz").read_bytes() == (folder / "y.state.npz").read_bytes()


def test_a_start_that_had_no_file(folder, capsys):
    import gru_ext

    start = gru_ext.load("m.npz")
    gru_ext.train("The end. " * 99, init_from=start, max_steps=3, output="x.npz", quiet=True)
    assert run("info", "x.npz", "--toml") == 0
    out = capsys.readouterr().out
    assert "\n# It started from a model that had no file: add init-from.\n" in out
    assert tomllib.loads(out)["max-steps"] == 3


@pytest.mark.parametrize(
    "value",
    [
        True,
        3,
        0.1,
        1e-300,
        float("inf"),
        'a"b\\c',
        "\0\n\t\x7f\x9b\u202e",
        "é☃😀\U000e0041",
        ["a", "b"],
    ],
    ids=ascii,
)
def test_a_line_of_toml(value):
    line = as_toml("any_name", value)
    assert tomllib.loads(line) == {"any-name": value}
    assert line.isprintable()
