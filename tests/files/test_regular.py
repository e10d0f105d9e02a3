# SPDX-License-Identifier: MIT
"""What is read must be a regular file: neither a device without an end nor a pipe."""

import os

import pytest
from command import POSIX, run

from gru_ext.files.regular import open_regular

pytestmark = POSIX


@pytest.fixture(params=["device", "pipe", "folder"])
def endless(request, tmp_path):
    if request.param == "device":
        return "/dev/zero"
    path = tmp_path / "other"
    os.mkfifo(path) if request.param == "pipe" else path.mkdir()
    return str(path)


def test_only_regular_files_are_opened(tmp_path, endless):
    with pytest.raises(OSError, match=r"is not a regular file|Is a directory"):
        open_regular(endless)
    (tmp_path / "file").write_bytes(b"data")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"data"


@pytest.mark.parametrize(
    "command",
    [
        "info {}",
        "sample {}",
        "evaluate {} a.txt",
        "plot {} -o new.png",
        "train a.txt --init-from {} --max-steps 3",
    ],
)
def test_commands_refuse_what_has_no_end(folder, capsys, endless, command):
    if command.startswith("plot"):
        pytest.importorskip("matplotlib")
    assert run(*command.format(endless).split()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert endless in err
    assert "is not a regular file" in err or "Is a directory" in err
