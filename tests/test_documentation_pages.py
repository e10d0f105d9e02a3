# SPDX-License-Identifier: MIT
"""Every command and every Python block of tutorials, how-to pages and README works."""

import shutil
import subprocess
import sys

import pytest
from documentation import DOCS, ROOT, Runner, arguments_of, blocks, commands, make_files, shape

from gru_ext.cli.parser import build_parser

RUN = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("tutorials", "how-to")
    for path in (DOCS / folder).glob("*.md")
)
if (ROOT / "README.md").exists():
    RUN.append("README.md")
# Their blocks need other libraries; the tests of tests/export run them.
ELSEWHERE = {"docs/how-to/export.md"}


@pytest.mark.skipif(
    sys.platform == "win32" or not shutil.which("bash"), reason="the commands need bash and POSIX"
)
@pytest.mark.parametrize("page", [name for name in RUN if name not in ELSEWHERE])
def test_a_page_works(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    make_files(tmp_path)
    runner = Runner(tmp_path)
    for number, block in enumerate(blocks(ROOT / page), 1):
        runner.run(block, f"{page}, block {number}")


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: path.stem)
def test_the_parser_knows_each_command(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").touch()  # what --config names
    for block in blocks(page):
        if block.language == "sh":
            for _, words in commands(block.text):
                for arguments in arguments_of(words):
                    assert build_parser().parse_args(arguments)


def test_the_example_in_python(tmp_path):
    make_files(tmp_path)
    program = ROOT / "examples" / "train_and_sample.py"
    command = [sys.executable, program, "input.txt"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert len(done.stdout) > 300


def test_the_shape_of_an_output():
    shown = shape(" 104  4.00 4.743 *  17k\nwrote ... (103 kB)\n")
    assert shown.fullmatch("\n99 3.00 4.001   1.02M\nwrote names.npz (1,234 kB)\n")
    assert not shown.fullmatch("\n99 3.00 4.001 x 17k\nwrote names.npz (1,234 kB)\n")
    assert not shown.fullmatch("\n99 3.00 4.001 17k\nwrote names.npz\n")
