# SPDX-License-Identifier: MIT
"""Model files made to do harm, or damaged at random."""

import io
import math
import pickle
import random
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from model_files import (
    CHARACTERS,
    NAMES,
    REFUSED,
    H,
    V,
    archive_of,
    array,
    described,
    load,
    refusal,
    refusal_in_little_memory,
)


class Trap:
    """An object whose unpickling makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["Wz", "bz", "gru_ext", "hidden", "memory_Wy"])
def test_pickled_objects_are_never_unpickled(tmp_path, members, name):
    mark = tmp_path / "unpickled"
    objects = array(np.array([Trap(mark)]))
    assert "pickle" in refusal(tmp_path, archive_of(members | {name: objects}))
    refusal(tmp_path, pickle.dumps(Trap(mark)))
    refusal(tmp_path, archive_of(members | {name: pickle.dumps(Trap(mark))}))
    assert not mark.exists()
    np.load(io.BytesIO(objects), allow_pickle=True)
    assert mark.exists()


@pytest.mark.parametrize(
    "shape",
    [
        "100000, 100000",
        f"4, {10**18}",
        f"{2**62}, 4",
        f"{2**64}, 0",
        f"-1, {V}",
        f"{-H}, {-V}",
        "9" * 4000 + ", 1",
    ],
    ids=lambda shape: shape[:30],
)
@pytest.mark.parametrize("name", ["Wz", "Uh", "hidden", "gru_ext"])
def test_headers_that_claim_much(tmp_path, members, name, shape):
    hostile = array(np.ones((H, V), "f4"), described(shape=f"({shape})") + "\n")
    refusal_in_little_memory(tmp_path, archive_of(members | {name: hostile}))


@pytest.mark.parametrize("claimed", [10**9, 2**31, 2**32 - 2])
def test_a_member_that_claims_a_huge_size(tmp_path, members, claimed):
    """The header and the sizes in the directory agree; only the file is too short."""
    hostile = array(np.ones(99, "u1"), described("'|u1'", shape=f"({claimed},)"))
    size = claimed + len(hostile) - 99
    for name in ("gru_ext", "Wz"):
        data = bytearray(archive_of({name: hostile} | members | {name: hostile}))
        entry = data.index(b"PK\x01\x02")
        struct.pack_into("<II", data, entry + 20, *[size % 2**32] * 2)
        assert name in refusal_in_little_memory(tmp_path, bytes(data))


def test_compressed_members(tmp_path, members):
    bomb = array(np.zeros((H, 2_000_000), "f4"))
    data = archive_of(members | {"Wz": bomb}, compression=zipfile.ZIP_DEFLATED)
    assert len(data) < 200_000
    assert "compressed" in refusal_in_little_memory(tmp_path, data)


def test_members_that_overlap(tmp_path):
    """Each array begins within the one before: every one is whole, all together are too much."""
    stream, directory, size = bytes(90 * 90 * 8), [], 0
    for name in [*NAMES, *(f"memory_{name}" for name in NAMES)]:
        shape = (90, 1) if name.removeprefix("memory_").startswith("b") else (90, 90)
        npy = array(np.zeros(shape))[:128]
        content = (npy + stream)[: 128 + math.prod(shape) * 8]
        sizes = zlib.crc32(content), len(content), len(content), len(name) + 4
        file_name = f"{name}.npy".encode()
        stream = (
            struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 33, *sizes, 0)
            + file_name
            + npy
            + stream
        )
        size += len(content)
        directory.append((sizes, len(stream), file_name))
    entries = b"".join(
        struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 33, *sizes, 0, 0, 0, 0, 0, len(stream) - back
        )
        + file_name
        for sizes, back, file_name in directory
    )
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 22, 22, len(entries), len(stream), 0)
    assert size > 10 * len(stream)
    assert "vocabulary" not in refusal(tmp_path, stream + entries + tail)


def test_a_name_that_stands_twice(tmp_path, members):
    other = array(np.zeros((H, V + 1), "f4"))
    data = archive_of(members | {"Xz": other}).replace(b"Xz.npy", b"Wz.npy")
    # The last of the two counts, as with numpy.load, and it does not fit the others.
    assert "has Wy of shape" in refusal(tmp_path, data)


def test_too_many_members(tmp_path, members):
    refusal(tmp_path, archive_of(members | {f"{i}": b"" for i in range(3000)}))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "\n",
        "{",
        "(" * 3000,
        "[" * 9000,
        "-" * 9000 + "1",
        "'''",
        "{1: 2, 'a': 3}",
        "{[]: 1}",
        "\x00",
        "{'descr'",
        "1L",
        "\\",
        "  1\n 2",
        "\xe9",
        "0" * 60_000,
        "__import__('os').getcwd()",
        described("5"),
        described("()"),
        described("[]"),
        described("'nonsense'"),
        described("'|V0'"),
        described(f"('<f4', ({2**40},))"),
        described(shape="(4L, 9L)"),
        described(shape="(True, 9)"),
        described(shape="4"),
        described(order="2"),
    ],
    ids=lambda header: repr(header[:40]),
)
def test_headers_of_nonsense(tmp_path, members, header):
    hostile = array(np.ones((H, V), "f4"), header)
    refusal(tmp_path, archive_of(members | {"Wz": hostile}))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff\xff{",
        b"\x93NUMPY\x09\x00",
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
    ],
)
def test_members_that_are_no_arrays(tmp_path, members, content):
    refusal_in_little_memory(tmp_path, archive_of(members | {"Uz": content}))


@pytest.mark.parametrize("name", ["Wz_2", "bh_2", "good_Wz_2", "hidden"])
@pytest.mark.parametrize("shape", ["100000, 100000", f"{2**62}, 4", f"2, {2**40}, {H}"])
def test_headers_of_a_stack_that_claim_much(tmp_path, stack, name, shape):
    hostile = array(np.ones((H, H), "f4"), described(shape=f"({shape})") + "\n")
    refusal_in_little_memory(tmp_path, archive_of(stack | {name: hostile}))


@pytest.mark.parametrize("layers", [1, 2])
def test_random_changes(tmp_path, valid, stack, layers):
    valid = valid if layers == 1 else archive_of(stack)
    rng = random.Random(0)
    directory = valid.index(b"PK\x01\x02")
    unharmed = 0
    for i in range(500):
        data = bytearray(valid)
        for _ in range(rng.choice([1, 1, 2, 4])):
            # Half of them in the directory, which no checksum covers.
            data[rng.randrange(directory if i % 2 else 0, len(data))] = rng.randrange(256)
        try:
            model = load(tmp_path, bytes(data))
        except REFUSED:
            continue
        unharmed += 1
        assert model.vocabulary.characters == CHARACTERS
    assert unharmed < 200


def test_random_headers(tmp_path, members):
    """With the right checksums, so that the arrays' own headers are what is read."""
    rng = random.Random(0)
    pieces = [*"'(){},:-\n\\#[]19|\x00\t;\xe9", "lambda", "()", "1j", "U0", "0x", "None"]
    for _ in range(300):
        name = rng.choice(["Wz", "gru_ext", "hidden", "memory_Wy"])
        (size,) = struct.unpack("<H", members[name][8:10])
        header = members[name][10 : 10 + size].decode("latin-1")
        for _ in range(rng.choice([1, 1, 2, 4])):
            at = rng.randrange(len(header.rstrip()))
            header = header[:at] + rng.choice(pieces) + header[at + rng.choice([0, 1, 5]) :]
        hostile = array(np.frombuffer(members[name][10 + size :], np.uint8), header)
        try:
            load(tmp_path, archive_of(members | {name: hostile}))
        except REFUSED:
            continue
