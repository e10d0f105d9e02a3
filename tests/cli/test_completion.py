# SPDX-License-Identifier: MIT
"""Completion in a shell."""

import shutil
import subprocess

import pytest
from command import POSIX, run

ASK = """
{script}
COMP_WORDS=({words}); COMP_CWORD={last}; COMP_LINE="{words}"; COMP_POINT=${{#COMP_LINE}}
_shtab_gru_ext gru-ext "{word}" x
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def script(capsys):
    """A function that makes the script of a shell."""
    pytest.importorskip("shtab")

    def make(shell):
        assert run("completion", shell) == 0
        return capsys.readouterr().out

    return make


@POSIX
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("gru-ext tr", {"train"}),
        ("gru-ext train --pat", {"--patience"}),
        ("gru-ext tune --tri", {"--trials"}),  # its arguments are added late
        ("gru-ext train --optimizer ada", {"adam", "adamw", "adagrad"}),
        ("gru-ext export m.npz --to on", {"onnx"}),
        ("gru-ext completion z", {"zsh"}),
        ("gru-ext info m", {"m.npz"}),
        ("gru-ext train a", {"a.txt"}),
        ("gru-ext train a.txt --config r", {"run.toml"}),
    ],
)
def test_bash_completes(folder, script, words, expected):
    (folder / "run.toml").write_text("")
    program = ASK.format(
        script=script("bash"), words=words, last=len(words.split()) - 1, word=words.split()[-1]
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert {line.strip() for line in done.stdout.splitlines()} == expected, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_script_for_each_shell(script, shell, tmp_path):
    text = script(shell)
    assert "gru-ext" in text
    assert "--hidden-size" in text or shell == "tcsh"
    if shutil.which(shell):
        (tmp_path / "script").write_text(text)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)


def test_without_shtab(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run("completion", "bash") == 2
    told = "gru-ext: completion in a shell needs shtab, which is not installed: "
    assert capsys.readouterr().err == told + 'python -m pip install "gru-ext[completion]"\n'
