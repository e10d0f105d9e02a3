# SPDX-License-Identifier: MIT
"""Help: what a command prints that is started without what it needs, and its examples."""

import shlex

import pytest
from command import run

from gru_ext.cli.main import main
from gru_ext.cli.parser import build_parser

COMMANDS = {command.prog.split()[1]: command for command in build_parser().commands()}
ALONE = ["info", "sample"]
"""The commands that need no argument."""
EXAMPLES = [e for parser in (build_parser(), *COMMANDS.values()) for e in parser.examples]


def words_of(example):
    """The words after gru-ext, without what belongs to the shell."""
    command = example.split("gru-ext ", 1)[1].split(" >")[0].removesuffix(')"')
    return shlex.split(command)


@pytest.mark.parametrize(
    "words", [[], *([name] for name in COMMANDS if name not in ALONE)], ids=str
)
def test_without_what_is_needed_help_and_the_reason(capsys, words):
    """On standard error and with status 2, so that a script that lost its arguments fails."""
    assert run(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    prog = " ".join(["gru-ext", *words])
    assert err.startswith(f"usage: {prog} ")
    assert "\nexamples:\n" in err
    *_, empty, last = err.splitlines()
    assert empty == ""
    assert last.startswith(f"{prog}: the following arguments are required: ")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_ends_with_examples(capsys, name):
    assert run(name, "--help") == 0
    out, err = capsys.readouterr()
    assert err == ""
    *_, examples = out.split("\nexamples:\n")
    assert COMMANDS[name].description
    assert len(COMMANDS[name].examples) >= 2
    for example, what in COMMANDS[name].examples.items():
        assert f"  {example}\n      {what}\n" in examples
        assert f"gru-ext {name}" in example
    assert "SUPPRESS" not in out


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_understood(example):
    words = words_of(example)
    if "--help" in words:
        assert words[0] in COMMANDS
        return
    if "--config" in words:  # a file that is not there
        at = words.index("--config")
        del words[at : at + 2]
    assert build_parser().parse_args(words).command.startswith(words[0])


def test_the_examples_in_turn(folder, capsys):
    """Those that need no other package, no terminal and no browser."""
    text = (folder / "a.txt").read_text()
    (folder / "m.npz").unlink()
    for name in ("input.txt", "a.txt", "b.txt", "other.txt", "x.txt", "y.txt", "characters.txt"):
        (folder / name).write_text(text)
    (folder / "names.txt").write_text("".join(f"{word}\n" for word in text.split()))
    done = []
    for name in ("train", "sample", "score", "evaluate", "info"):
        for example in COMMANDS[name].examples:
            words = words_of(example)
            if {"-", "--interactive", "--config"} & {*words}:
                continue
            if name == "train":
                words += ["--quiet"]
                words += ["--epochs", "9"] if "--resume" not in words else []
            elif "a.npz" in words:
                for other in ("a.npz", "b.npz"):
                    (folder / other).write_bytes((folder / "model.npz").read_bytes())
            assert main(words) == 0, (example, capsys.readouterr().err)
            done.append(example)
    assert len(done) >= 15
    assert capsys.readouterr().err == ""


def test_each_command_has_a_line_of_the_help(capsys):
    assert run("--help") == 0
    lines = capsys.readouterr().out.splitlines()
    first = [line.split()[0] for line in lines if line.startswith("    ") and "gru-ext" not in line]
    assert first[: len(COMMANDS)] == [*COMMANDS]
