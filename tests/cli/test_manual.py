# SPDX-License-Identifier: MIT
"""The man page: each command, option and example, and nothing that roff misreads."""

import re
import shutil
import subprocess

import pytest

from gru_ext.cli.parser import build_parser

pytest.importorskip("argparse_manpage")

from gru_ext.cli.manual import manual


def test_every_option_and_example_is_on_the_page():
    page = manual()
    plain = page.replace("\\fB", " ").replace("\\-", "-").replace("\\(dq", '"').replace("\\e", "\\")
    for command in build_parser().commands():
        assert f"\n.SS {command.prog}\n" in plain
        for action in command._actions:
            if action.dest != "help":
                assert all(f" {name}" in plain for name in action.option_strings), action
        for example, what in command.examples.items():
            assert f"\n.B {example}\n{what}\n" in f"{plain}\n"
    assert page == manual()  # no date of today


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_roff_understands_the_page():
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tascii", "-P-c"],
        input=manual(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    shown = re.sub(r".\x08", "", done.stdout)  # bold, by striking twice
    for word in ("EXAMPLES", "ENVIRONMENT", "EXIT STATUS", "GRU_EXT_NUM_THREADS", "--stop '\\n'"):
        assert word in shown
