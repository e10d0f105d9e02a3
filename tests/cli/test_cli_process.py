# SPDX-License-Identifier: MIT
"""The command as a process: terminals, pipes, full disks, Ctrl-C."""

import os
import re
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from command import COMMAND, POSIX, SMALL, contents, run
from training_runs import TEXT

import gru_ext
from gru_ext.model import checkpoint

# A shell may start its jobs with SIGINT ignored, and children inherit that.
INTERRUPTIBLE = [
    sys.executable,
    "-c",
    "import signal, sys; from gru_ext.cli.main import main; "
    "signal.signal(signal.SIGINT, signal.default_int_handler); "
    "print('ready', flush=True); sys.exit(main())",
]


def test_progress_is_quiet_without_a_terminal(folder):
    done = subprocess.run([*COMMAND, "train", "a.txt", *SMALL], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.isprintable() or done.stdout.replace("\n", "").isprintable()
    assert re.search(
        r"\nwrote model\.npz \([\d.]+ kB\): the weights of step 12, the last\n"
        r"wrote model\.state\.npz \([\d.]+ kB\): the state, for --resume\n"
        r"next: gru-ext sample model\.npz\n$",
        done.stdout,
    )


@POSIX
@pytest.mark.parametrize("options", [[], ["--quiet"], ["--classic", "-o", "c.npz"]], ids=" ".join)
def test_a_bar_is_shown_on_a_terminal(folder, options):
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    arguments = ["train", "a.txt", *SMALL, *options]
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        pass  # Linux says EIO where the other end is closed.
    finally:
        os.close(ours)
    out = process.communicate()[0]
    assert process.returncode == 0
    assert b"\r" not in out
    if options == ["--quiet"]:
        assert (shown, out) == (b"", b"")
    else:
        assert b"100%" in shown
        assert re.search(rb"char/s", shown)
        assert re.search(rb"\d\d:\d\d<\d\d:\d\d", shown)
        assert b"bits/char" in shown


def interrupted(arguments, begun):
    """Start a command, interrupt it after a line that has begun so; status and standard error."""
    process = subprocess.Popen(
        [*INTERRUPTIBLE, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.lstrip().startswith(begun):
            break
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert "Traceback" not in err
    assert err.count("\n") <= 1
    return process.returncode, err


ENDLESS = [
    "train",
    "a.txt",
    "--hidden-size",
    "8",
    "--max-steps",
    "1_000_000_000",
    "--schedule",
    "constant",
    "--sample-every",
    "0",
]


@POSIX
def test_an_interrupt_writes_the_model(folder):
    status, err = interrupted([*ENDLESS, "--log-every", "5"], "5 ")
    step = checkpoint.read("model.npz").metadata["step"]
    assert step >= 5
    assert (status, err) == (
        130,
        f"gru-ext: interrupted at step {step:,} of 1,000,000,000; model in model.npz, continue "
        f"with --resume\n",
    )
    options = {"hidden_size": 8, "schedule": "constant", "quiet": True}
    gru_ext.train(TEXT, max_steps=step, output="whole.npz", **options)
    more = ["--max-steps", str(step + 5), "--quiet"]
    for path in ("model.npz", "whole.npz"):
        assert run("train", "a.txt", "-o", path, "--resume", *more) == 0
    one, other = checkpoint.read("model.npz"), checkpoint.read("whole.npz")
    assert all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


@POSIX
def test_an_interrupt_of_classic_writes_the_weights(folder):
    status, err = interrupted([*ENDLESS, "--classic", "--log-every", "5"], "iter 5,")
    step = checkpoint.read("gru_weights.data").metadata["step"]
    assert step >= 6
    assert (status, err) == (
        130,
        f"gru-ext: interrupted at step {step:,}; weights in gru_weights.data, continue with the "
        f"same command\n",
    )


@POSIX
@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "-", "-o", "x.npz"],
        ["evaluate", "m.npz", "-"],
        ["score", "m.npz", "-"],
        ["sample", "m.npz", "--length", "1_000_000_000"],
    ],
)
def test_an_interrupt_without_anything_to_write(folder, arguments):
    before = contents(folder)
    assert interrupted(arguments, "ready") == (130, "")
    assert contents(folder) == before


@POSIX
@pytest.mark.parametrize(
    "command",
    [
        "sample m.npz --length 3000000",
        "score m.npz a.txt --per-character",
        "train a.txt --hidden-size 8 --max-steps 100000 --log-every 1",
        "train a.txt --classic --log-every 1",
    ],
)
def test_a_reader_that_has_had_enough(folder, command):
    process = subprocess.Popen(
        [*COMMAND, *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert len(process.stdout.read(10)) == 10
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) != 1
    assert err == b""


@POSIX
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_standard_output_on_a_full_disk(folder):
    for command in ("sample m.npz", "info m.npz", "evaluate m.npz a.txt", "score m.npz a.txt"):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [*COMMAND, *command.split()], stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert done.returncode == 2
        assert "No space left" in done.stderr
        assert done.stderr.count("\n") == 1
