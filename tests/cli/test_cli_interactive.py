# SPDX-License-Identifier: MIT
"""``gru-ext sample --interactive``: lines from a pipe, from a terminal, and what Ctrl-C does."""

import io
import os
import re
import select
import signal
import subprocess
import sys

import pytest
from command import POSIX, run

import gru_ext
from gru_ext.cli import interactive, lines
from gru_ext.cli.writer import Writer
from gru_ext.model.sampling_options import ChoiceOptions

SEED = ["--seed", "3"]


def typed(monkeypatch, capsys, *entered, options=()):
    """What is printed for lines from a pipe, without the greeting."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in entered)))
    assert run("sample", "m.npz", "--interactive", "--length", 20, *SEED, *options) == 0
    out, err = capsys.readouterr()
    assert err == ""
    greeting = out[: out.index("leaves.\n") + 8]
    assert max(map(len, greeting.splitlines())) < 80
    return out.removeprefix(greeting)


def test_a_proposal_is_a_sample(folder, monkeypatch, capsys):
    wanted = gru_ext.load("m.npz").sample(20, "The d", seed=3)
    assert typed(monkeypatch, capsys, "The d") == wanted + "\n"
    assert typed(monkeypatch, capsys, options=["--prompt", "The d"]) == wanted + "\n"
    (folder / "p.txt").write_text("The d")
    assert typed(monkeypatch, capsys, options=["--prompt-file", "p.txt"]) == wanted + "\n"


def test_a_proposal_is_shown_with_the_line_that_it_continues(folder, monkeypatch, capsys):
    out = typed(monkeypatch, capsys, r"The dog.\nThe q")
    assert out.startswith("The q")
    assert gru_ext.load("m.npz").sample(20, "The dog.\nThe q", seed=3) == f"The dog.\n{out[:-1]}"


def test_accept_retry_undo_and_save(folder, monkeypatch, capsys):
    out = typed(
        monkeypatch,
        capsys,
        "The d",
        "/temperature 0",
        "/retry",  # the most likely continuation
        "",  # accepts it
        "r",  # takes the place of what was proposed
        "/save 1.txt",
        "/undo",
        "/save 2.txt",
        "/u",
        "/save 3.txt",
        "/u",
        "/u",
        "/text",
        "/save 1.txt",
    )
    likely = gru_ext.load("m.npz").sample(20, "The d", temperature=0)
    assert (folder / "1.txt").read_text() == likely + "r"
    assert (folder / "2.txt").read_text() == likely
    assert (folder / "3.txt").read_text() == "The d"
    assert "wrote 26 characters to 1.txt\n" in out
    assert out.endswith("? there is nothing to take back\n\n? 1.txt: File exists\n")


def test_a_writer_reads_as_the_model_does(folder):
    """Whatever is proposed, dropped and taken back, the state is that after the text."""
    model = gru_ext.load("m.npz")
    writer = Writer(model, "The d", ChoiceOptions(seed=1), 40)
    for _ in range(3):
        "".join(writer.propose())
        writer.accept()
        assert "".join(writer.propose()) == writer.proposal
    writer.add("dog")
    assert writer.proposal == ""
    writer.undo()
    writer.set(ChoiceOptions(temperature=0), 30)
    assert len(writer.text) == 5 + 3 * 40
    proposed = "".join(writer.propose())
    assert proposed == model.sample(30, writer.text, temperature=0)[-30:]
    before = writer.text
    with pytest.raises(ValueError, match="☃"):
        writer.add("dog☃")
    assert (writer.text, writer.proposal) == (before, proposed)
    for _ in range(3):
        assert writer.undo()
    assert not writer.undo()
    assert writer.text == "The d"


def test_a_proposal_that_is_left_can_be_accepted(folder):
    model = gru_ext.load("m.npz")
    writer = Writer(model, "The d", ChoiceOptions(seed=1), 1000)
    parts = writer.propose()
    begun = next(parts) + next(parts)
    parts.close()
    writer.accept()
    assert writer.text == "The d" + begun
    writer.set(ChoiceOptions(temperature=0), 9)
    assert "".join(writer.propose()) == model.sample(9, writer.text, temperature=0)[-9:]


def test_options_can_be_changed(folder, monkeypatch, capsys):
    out = typed(
        monkeypatch,
        capsys,
        "/options",
        "/length 5",
        "/top-p 0.5",
        "/top-p 2",
        "/stop dog",
        "/keep-stop on",
        "/keep-stop maybe",
        "/stop ☃",
        "/surprise 2",
        "/top-p",
        "/surprise 2",
        "/length x",
        "/temperature",
        "/best-of 2",
        "/nonsense",
        "/save",
        "☃",
        r"\q",
    )
    assert out.splitlines() == [
        "length 20, temperature 1.0",
        "length 5, temperature 1.0",
        "length 5, temperature 1.0, top-p 0.5",
        "? /top-p must be a number above 0, up to 1, not 2.0",
        "length 5, temperature 1.0, top-p 0.5, stop ('dog',)",
        "length 5, temperature 1.0, top-p 0.5, stop ('dog',), keep-stop True",
        "? /keep-stop must be True or False, not 'maybe'",
        "? /stop has characters that the model does not know: '☃'",
        "? /surprise replaces /top-p: give one of them",
        "length 5, temperature 1.0, stop ('dog',), keep-stop True",
        "length 5, temperature 1.0, surprise 2.0, stop ('dog',), keep-stop True",
        "? /length must be a whole number, 0 or more, not 'x'",
        "length 5, temperature 1.0, surprise 2.0, stop ('dog',), keep-stop True",
        "? /best-of is not a command: /help shows all",
        "? /nonsense is not a command: /help shows all",
        "? /save needs the name of a file",
        "? characters that the model does not know: '☃'",
        *[line for line in out.splitlines() if line.startswith(r"? \q is not an escape")],
    ]


def test_help_has_every_command_and_option(folder, monkeypatch, capsys):
    out = typed(monkeypatch, capsys, "/help")
    assert max(map(len, out.splitlines())) < 80
    declared = {n: o for n, o in ChoiceOptions.declared().items() if o.on_command_line}
    for name in (*interactive.COMMANDS, *declared.keys() - {"seed"}, "length"):
        assert f"  /{name.replace('_', '-')} " in out
    assert typed(monkeypatch, capsys, "/h") == out


def test_text_that_begins_with_a_slash(folder, monkeypatch, capsys):
    gru_ext.train("/the/ " * 90, hidden_size=4, max_steps=2, output="m.npz", force=True, quiet=True)
    assert typed(monkeypatch, capsys, "//the", "/quit", "the").startswith("/the")


def test_what_a_terminal_would_obey_is_escaped(folder, monkeypatch, capsys):
    gru_ext.train(
        "\x1b[2J\a\x9b\u202e\n" * 30,
        hidden_size=4,
        max_steps=2,
        output="m.npz",
        force=True,
        quiet=True,
    )
    out = typed(monkeypatch, capsys, r"\x1b[2J", "/a", "/text", "\x1b]")
    assert r"\x1b[2J" in out
    assert not set(out) & set("\x1b\a\x9b\u202e")


def test_a_model_of_bytes(folder, monkeypatch, capsys):
    model = gru_ext.train("né" * 99, units="bytes", hidden_size=4, max_steps=9, quiet=True)
    model.save("m.npz")
    typed(monkeypatch, capsys, "né", "/a", "/save out", r"\udcff", "/save out2")
    written = model.sample(20, "né".encode(), seed=3)
    assert (folder / "out").read_bytes() == written
    assert (folder / "out2").read_bytes() == written + b"\xff"


@POSIX
def test_ctrl_c_stops_a_proposal(folder):
    program = (
        "import signal, sys; from gru_ext.cli.main import main; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(main())"
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            program,
            "sample",
            "m.npz",
            "--interactive",
            "--length",
            "1_000_000_000",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    shown = b""
    try:
        process.stdin.write(b"The d\n")
        while len(shown) < 4000:
            shown += process.stdout.read(4000)
        process.send_signal(signal.SIGINT)
        process.stdin.write(b"/length 10\n\n/save out.txt\n")
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, b"")
    saved = (folder / "out.txt").read_bytes()
    proposed = (shown + out).split(b"leaves.\n")[1].split(b"\nlength 10, temperature 1.0\n")[0]
    assert saved == proposed
    assert len(saved) > 3000


def test_ctrl_c_beside_a_proposal_does_not_leave(folder, monkeypatch, capsys):
    def interrupted(editor):
        raise KeyboardInterrupt

    monkeypatch.setattr(interactive.Editor, "_text", interrupted)
    assert typed(monkeypatch, capsys, "/text", "/options") == "\nlength 20, temperature 1.0\n"


class Terminal:
    """A command on a pseudo-terminal of 80 columns."""

    def __init__(self, command):
        import fcntl
        import pty
        import struct
        import termios

        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        env = os.environ | {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=take_terminal, env=env
        )
        os.close(theirs)
        self.shown = ""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()

    def wait_for(self, pattern):
        """Read what is shown up to the pattern, and drop it."""
        while not (found := re.search(pattern, self.shown)):
            self._read()
        self.shown = self.shown[found.end() :]

    def type(self, keys):
        os.write(self._ours, keys.encode())

    def end(self):
        """Read until the command ends; its status."""
        try:
            while True:
                self._read()
        except OSError:
            pass
        os.close(self._ours)
        return self.process.wait(timeout=60)

    def _read(self):
        assert select.select([self._ours], [], [], 60)[0], self.shown
        piece = os.read(self._ours, 4096)
        if not piece:
            raise OSError("the other end is closed")
        # a piece may end within an escape sequence
        self.shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.shown + piece.decode())


@POSIX
@pytest.mark.parametrize("editor", ["readline", "prompt_toolkit"])
def test_on_a_terminal(folder, editor):
    if editor == "prompt_toolkit":
        pytest.importorskip("prompt_toolkit", reason="needs gru-ext[interactive]")
        program = "import sys; "
    else:
        program = "import sys; sys.modules['prompt_toolkit'] = None; "
    program += "from gru_ext.cli.main import main; sys.exit(main())"
    arguments = ["sample", "m.npz", "--interactive", "--length", "9", "--temperature", "0"]
    wanted = gru_ext.load("m.npz").sample(9, "The d", temperature=0).splitlines()
    with Terminal([sys.executable, "-c", program, *arguments]) as terminal:
        terminal.wait_for("leaves.(.|\n)*>")
        if editor == "prompt_toolkit":  # for readline, Ctrl-C is a signal, which comes at any time
            terminal.type("nothing\x03")
            terminal.wait_for(">")
        terminal.type("The d\r")
        for line in wanted:
            terminal.wait_for(re.escape(line))
        terminal.wait_for(">")
        terminal.type("\x12" if editor == "prompt_toolkit" else "/retry\r")  # Ctrl-R
        for line in wanted:
            terminal.wait_for(re.escape(line))
        terminal.wait_for(">")
        terminal.type("/save out.txt\r")
        terminal.wait_for("wrote 5 characters")
        terminal.wait_for(">")
        terminal.type("\x04")  # Ctrl-D
        assert terminal.end() == 0
    assert (folder / "out.txt").read_text() == "The d"


def test_a_closed_standard_input_is_refused(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    assert run("sample", "m.npz", "--interactive") == 2
    assert capsys.readouterr().err == "gru-ext: standard input is closed\n"


def test_ctrl_c_at_the_prompt_drops_the_line(monkeypatch, capsys):
    answers = iter([KeyboardInterrupt, "text", EOFError])

    def ask():
        answer = next(answers)
        if isinstance(answer, str):
            return answer
        raise answer

    read = lines._on_terminal(ask)
    assert [read(), read()] == ["text", None]
    assert capsys.readouterr().out == "\n\n"
