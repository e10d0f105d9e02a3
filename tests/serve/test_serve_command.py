# SPDX-License-Identifier: MIT
"""The command ``gru-ext serve``."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
import webbrowser

import pytest
from command import POSIX, run

from gru_ext.serve.server import Server

# A shell may start its jobs with SIGINT ignored, and children inherit that.
INTERRUPTIBLE = [
    sys.executable,
    "-c",
    "import signal, sys; from gru_ext.cli.main import main; "
    "signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(main())",
]


@POSIX
def test_the_command(folder):
    process = subprocess.Popen(
        [*INTERRUPTIBLE, "serve", "m.npz"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = process.stdout.readline()
    address = re.fullmatch(r"m\.npz is served at (http://127\.0\.0\.1:\d+/[\w-]{32}/)\n", first)[1]
    assert "Ctrl-C" in process.stdout.readline()
    with urllib.request.urlopen(address) as page:
        assert page.read().startswith(b"<!doctype html>")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "\nended\n", "")


def test_the_browser_is_opened_where_that_is_asked_for(folder, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)

    def interrupted(server):
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupted)
    assert run("serve", "m.npz") == 0
    assert opened == []
    assert run("serve", "m.npz", "--open") == 0
    assert opened[0] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("serve none.npz", "none.npz"),
        ("serve a.txt", "a.txt is not a model file"),
        ("serve m.npz --port 70000", "--port must be a whole number from 0 to 65535, not 70000"),
        ("serve m.npz --port x", "--port must be a whole number"),
        ("serve m.npz --port PORT", "cannot serve at port PORT: "),
    ],
)
def test_what_is_refused(folder, capsys, line, told):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(*line.replace("PORT", port).split()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert told.replace("PORT", port) in err
