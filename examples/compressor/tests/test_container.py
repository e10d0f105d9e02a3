# SPDX-License-Identifier: MIT
"""What is read from a container is checked before it is used."""

import struct
import zlib

import numpy as np
import pytest
from gru_compress import ContainerError, compress, decompress
from gru_compress.container import CHECKSUM, FIELDS

TEXT = bytes(np.random.default_rng(0).choice(list(b"to be or not to be, that is it\n"), 3000))
PACKED = compress(TEXT, hidden_size=8, streams=3, groups=2, window=4)
HEADER = FIELDS.size + 2 * 8
NAMES = (
    *("magic", "version", "with_model", "layers", "groups", "hidden_size", "streams", "window"),
    *("learning_rate", "size", "checksum", "fingerprint", "model", "alphabet", "first", "second"),
)


def changed(**values):
    """The container with other numbers in its header, and a checksum that is right."""
    fields = [*FIELDS.unpack_from(PACKED), *struct.unpack_from("<2Q", PACKED, FIELDS.size)]
    for name, value in values.items():
        fields[NAMES.index(name)] = value
    header = FIELDS.pack(*fields[:-2]) + struct.pack("<2Q", *fields[-2:])
    return header + CHECKSUM.pack(zlib.crc32(header)) + PACKED[HEADER + CHECKSUM.size :]


def refusal(data, **options):
    with pytest.raises(ContainerError) as caught:
        decompress(data, **options)
    return str(caught.value)


def test_the_test_changes_what_it_says():
    assert changed() == PACKED
    assert decompress(PACKED) == TEXT


@pytest.mark.parametrize("data", [b"", b"x", b"PK\x03\x04" + bytes(500), PACKED[:7] + b"\r\n"])
def test_other_files(data):
    assert refusal(data) == "is not a file of gru-compress"


@pytest.mark.parametrize("size", [8, FIELDS.size - 1, FIELDS.size, HEADER, HEADER + 3])
def test_less_than_the_header(size):
    assert refusal(PACKED[:size]) == f"is truncated: it has {size} bytes, less than its header"


@pytest.mark.parametrize("wrong", [PACKED[:-1], PACKED + b"x", PACKED[: HEADER + 4]])
def test_another_length(wrong):
    assert refusal(wrong) == f"has {len(wrong)} bytes, but its header says {len(PACKED)}"


def test_every_bit_of_the_header_counts():
    for bit in range(8 * (HEADER + CHECKSUM.size)):
        damaged = bytearray(PACKED)
        damaged[bit // 8] ^= 1 << bit % 8
        assert refusal(bytes(damaged))


@pytest.mark.parametrize("at", [HEADER + 4, HEADER + 40, len(PACKED) // 2, len(PACKED) - 8])
def test_damaged_code(at):
    damaged = bytearray(PACKED)
    damaged[at] ^= 16
    assert refusal(bytes(damaged)).startswith("is damaged")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"version": 2}, "has version 2 of the format, and this gru-compress reads version 1"),
        ({"with_model": 1}, "is damaged: it has both or neither of a model and an alphabet"),
        ({"with_model": 2}, "is damaged: it has both or neither of a model and an alphabet"),
        ({"alphabet": bytes(32)}, "is damaged: it has both or neither of a model and an alphabet"),
        ({"hidden_size": 0}, "is damaged: `hidden_size` must be from 1 to 4096, not 0"),
        ({"hidden_size": 65535}, "is damaged: `hidden_size` must be from 1 to 4096, not 65535"),
        ({"layers": 9}, "is damaged: `layers` must be from 1 to 8, not 9"),
        ({"streams": 0}, "is damaged: `streams` must be from 1 to 1024, not 0"),
        ({"streams": 1}, "is damaged: `groups` must be up to the number of streams, 1, not 2"),
        ({"window": 2000}, "is damaged: `window` must be from 1 to 1024, not 2000"),
        ({"learning_rate": -1.0}, "is damaged: `learning_rate` must be from 0 to 1, not -1.0"),
        (
            {"learning_rate": float("nan")},
            "is damaged: `learning_rate` must be from 0 to 1, n",
        ),
        ({"size": 2**64 - 1}, f"is damaged: {2**64 - 1} bytes cannot be in so little code"),
        ({"first": 2**64 - 1}, "has "),
        ({"hidden_size": 4096, "layers": 8}, "needs up to "),
        ({"size": 2 * 10**9}, "needs up to "),
        ({"fingerprint": 1}, "was written where a processor or compiler rounds in another way "),
        ({"checksum": 1}, "is damaged, or was written where numbers are rounded in another way"),
        ({"size": len(TEXT) - 1}, "is damaged, or was written where numbers are rounded in "),
    ],
    ids=str,
)
def test_hostile_numbers(values, told):
    assert refusal(changed(**values)).startswith(told)


def test_the_memory_limit():
    assert refusal(PACKED, memory_limit=1 << 20).endswith("and the limit is 1 MiB")
