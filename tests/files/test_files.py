# SPDX-License-Identifier: MIT
"""Files are written atomically, and nothing else is touched."""

import errno
import os
import stat
import subprocess
import sys

import pytest

from gru_ext.files import atomic
from gru_ext.files.append import AppendedFile
from gru_ext.files.atomic import check_writable, write_atomically

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions and limits of POSIX")


def writes(data):
    return lambda file: file.write(data)


def half(file):
    file.write(b"half")
    raise RuntimeError("in the middle")


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "model"
    for data in (b"first", b"second, longer"):
        write_atomically(path, writes(data))
        assert path.read_bytes() == data
        assert list(tmp_path.iterdir()) == [path]


def test_the_old_content_is_there_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    seen = []

    def write(file):
        file.write(b"new")
        file.flush()
        seen.append(path.read_bytes())

    write_atomically(path, write)
    assert seen == [b"old"]
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_writer_that_fails(tmp_path, old):
    path = tmp_path / "model"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(RuntimeError, match="in the middle"):
        write_atomically(path, half)
    assert list(tmp_path.iterdir()) == ([] if old is None else [path])
    assert old is None or path.read_bytes() == old


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o444])
def test_permissions_are_kept(tmp_path, mode):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomically(path, writes(b"new"))
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"new"


@POSIX
def test_a_new_file_gets_the_usual_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "model", writes(b"new"))
        (tmp_path / "usual").touch()
    finally:
        os.umask(before)
    assert (tmp_path / "model").stat().st_mode == (tmp_path / "usual").stat().st_mode


@POSIX
@pytest.mark.parametrize("exists", [False, True])
def test_a_link_is_followed(tmp_path, exists):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "model", tmp_path / "link"
    if exists:
        target.write_bytes(b"old")
    link.symlink_to(target)
    write_atomically(link, writes(b"new"))
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert list((tmp_path / "there").iterdir()) == [target]


@pytest.mark.parametrize("function", [check_writable, lambda p: write_atomically(p, writes(b"x"))])
def test_a_missing_folder(tmp_path, function):
    with pytest.raises(OSError, match=r"none.model.*: No such file"):
        function(tmp_path / "none" / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("function", [check_writable, lambda p: write_atomically(p, writes(b"x"))])
def test_a_folder_is_no_file_to_write(tmp_path, function):
    (tmp_path / "model").mkdir()
    with pytest.raises(OSError, match="model"):
        function(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model").is_dir()


@POSIX
@pytest.mark.skipif(AS_ROOT, reason="root may write anywhere")
@pytest.mark.parametrize("function", [check_writable, lambda p: write_atomically(p, writes(b"x"))])
def test_an_unwritable_folder(tmp_path, function):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OSError, match=r"cannot write .*model: Permission denied"):
            function(path)
    finally:
        tmp_path.chmod(0o700)
    assert path.read_bytes() == b"old"


def test_checking_leaves_nothing(tmp_path):
    check_writable(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


# A file may not grow past 20,000 bytes: to the writer it looks like a full disk.
FULL = """if True:
    import resource, sys
    import gru_ext
    from gru_ext.cli.main import main
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    sys.exit(main(sys.argv[1:]))
"""


@POSIX
@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk(tmp_path, exists):
    (tmp_path / "a.txt").write_text("abcdefgh " * 40)
    path = tmp_path / "model.npz"
    if exists:
        path.write_bytes(b"old")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            FULL,
            "train",
            "a.txt",
            "--hidden-size",
            "64",
            "--max-steps",
            "3",
            "--sample-every",
            "0",
            "--force",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot write model.npz: File too large" in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "model.npz"][: 1 + exists]
    assert not exists or path.read_bytes() == b"old"


@POSIX
@pytest.mark.parametrize("name", ["n" * 246, "n" * 300])
def test_a_name_whose_temporary_name_is_too_long(tmp_path, name):
    for function in (check_writable, lambda path: write_atomically(path, writes(b"x"))):
        with pytest.raises(OSError, match=r"cannot write .*: File name too long"):
            function(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_a_loop_of_links(tmp_path):
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / one).symlink_to(tmp_path / other)
    for function in (check_writable, lambda path: write_atomically(path, writes(b"x"))):
        with pytest.raises(OSError, match=r"cannot write .*a: Too many levels of symbolic links"):
            function(tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@POSIX
def test_what_is_no_regular_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for function in (check_writable, lambda path: write_atomically(path, writes(b"x"))):
        with pytest.raises(OSError, match="pipe: it is not a regular file"):
            function(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.fixture
def private(tmp_path):
    """A file that only its owner may read, and that nobody has asked to be touched."""
    path = tmp_path / "private"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    yield path
    assert path.read_bytes() == b"secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def swap(folder, private):
    """Put a link to the private file in the place of the temporary file."""
    (temporary,) = folder.glob(".*")
    temporary.unlink()
    temporary.symlink_to(private)


@POSIX
@pytest.mark.parametrize("exists", [False, True])
def test_a_link_in_the_place_of_the_temporary_file(tmp_path, private, exists):
    folder = tmp_path / "shared"
    folder.mkdir()
    if exists:
        (folder / "model").write_bytes(b"old")
        (folder / "model").chmod(0o644)

    def write(file):
        file.write(b"new")
        swap(folder, private)

    write_atomically(folder / "model", write)


@POSIX
def test_a_link_in_the_place_of_a_copy(tmp_path, private, monkeypatch):
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "model").write_bytes(b"old")
    (folder / "model").chmod(0o644)

    def no_link(source, temporary, **_):
        os.symlink(private, temporary)
        raise OSError(errno.EPERM, "no hard links")

    copy = atomic.shutil.copyfileobj

    def copy_and_swap(*arguments):
        copy(*arguments)
        for temporary in folder.glob(".*"):
            temporary.unlink()
            temporary.symlink_to(private)

    monkeypatch.setattr(atomic.os, "link", no_link)
    monkeypatch.setattr(atomic.shutil, "copyfileobj", copy_and_swap)
    atomic.link_or_copy(folder / "model", folder / "kept")


@POSIX
def test_a_link_in_the_place_of_a_file_that_grows(tmp_path, private):
    path = tmp_path / "m.jsonl"
    file = AppendedFile(path)
    file.append([b"one\n"], bytes)
    path.unlink()
    path.symlink_to(private)
    with pytest.raises(OSError, match="symbolic links"):
        file.append([b"one\n", b"two\n"], bytes)
    file.cut(2, 0)


@POSIX
def test_the_mask_of_the_process_is_left_alone(tmp_path, monkeypatch):
    """Another thread would make its files with it."""
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the mask was changed"))
    for _ in range(2):
        write_atomically(tmp_path / "model", writes(b"new"))
