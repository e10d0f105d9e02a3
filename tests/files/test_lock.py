# SPDX-License-Identifier: MIT
"""The lock beside a file: one run at a time, released however a process ends."""

import errno
import os
import subprocess
import sys

import pytest
from command import POSIX

from gru_ext.files import lock
from gru_ext.files.lock import LockedError, locked

HOLDS = """if True:
    import sys
    from gru_ext.files.lock import locked
    with locked(sys.argv[1]):
        print("ready", flush=True)
        sys.stdin.read()
"""


def test_a_lock_is_held_and_released(tmp_path):
    path = tmp_path / "model"
    for _ in range(2):
        with locked(path):
            with pytest.raises(LockedError, match=rf"written by another run.*{os.getpid()}"):
                locked(path).__enter__()
            with locked(tmp_path / "other"):
                pass
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["end", "kill"])
def test_another_process_releases_it_however_it_ends(tmp_path, how):
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "model")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(LockedError, match=rf"\(process {process.pid}\)"):
            locked(tmp_path / "model").__enter__()
        if how == "kill":
            process.kill()
        process.communicate()
    with locked(tmp_path / "model"):
        pass
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_two_names_of_one_file_have_one_lock(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "model")
    with locked(tmp_path / "link"), pytest.raises(LockedError):
        locked(tmp_path / "model").__enter__()


@POSIX
@pytest.mark.parametrize("make", [os.symlink, os.link])
def test_a_link_in_its_place_is_not_followed(tmp_path, make):
    (tmp_path / "private").write_bytes(b"secret")
    make(tmp_path / "private", tmp_path / ".model.lock")
    with pytest.raises(OSError, match=r"cannot write .*model"):
        locked(tmp_path / "model").__enter__()
    assert (tmp_path / "private").read_bytes() == b"secret"


@POSIX
def test_a_folder_without_locks_is_used_without_one(tmp_path, monkeypatch):
    import fcntl

    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    with locked(tmp_path / "model"), locked(tmp_path / "model"):
        pass


@POSIX
def test_a_lock_file_that_its_owner_removes_meanwhile(tmp_path, monkeypatch):
    take, calls = lock._take, []

    def late(descriptor):
        calls.append(descriptor)
        if len(calls) == 1:
            (tmp_path / ".model.lock").unlink()
        return take(descriptor)

    monkeypatch.setattr(lock, "_take", late)
    with locked(tmp_path / "model"):
        assert len(calls) == 2
        with pytest.raises(LockedError):
            locked(tmp_path / "model").__enter__()


def test_a_missing_folder(tmp_path):
    with pytest.raises(OSError, match=r"cannot write .*model: No such file"):
        locked(tmp_path / "none" / "model").__enter__()
