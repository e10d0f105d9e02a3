# SPDX-License-Identifier: MIT
"""The file format: a header, which is checked before anything is done, and the code of each group.

=============== =======  ==========================================================================
field           bytes    (little-endian)
=============== =======  ==========================================================================
magic           8        ``8B 67 72 75 2D 7A 0D 0A``
version         1        of the format, which fixes all that the header does not say
with_model      1        1 if a model was given, else 0
layers, groups  1, 1     of the plan, as the next ones
hidden size     2
streams         2
window          2
learning rate   4        float32
size            8        of the data
checksum        4        CRC-32 of the data
fingerprint     4        CRC-32 of what the network makes of a fixed text where it is written
model           8        of the given model: the first bytes of a SHA-256; else zeros
alphabet        32       a bit for each byte that occurs; zeros if a model was given
code sizes      8 each   of each group
header checksum 4        CRC-32 of all before
code                     of each group, one after the other
=============== =======  ==========================================================================
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gru_compress.plan import Plan

MAGIC = b"\x8bgru-z\r\n"
VERSION = 1
FIELDS = struct.Struct("<8sBBBBHHHfQII8s32s")
CHECKSUM = struct.Struct("<I")


class ContainerError(ValueError):
    """What was given is not a container, is damaged, or cannot be decompressed here."""


@dataclass(frozen=True)
class Container:
    """A container in memory.

    Attributes
    ----------
    plan : Plan
    with_model : bool
        Whether it needs the model that was given when it was written.
    model : bytes
        Which one: 8 bytes.
    alphabet : bytes
        The bytes that occur, in ascending order; empty if a model was given.
    checksum, fingerprint : int
    codes : list of bytes
        The code of each group.
    """

    plan: Plan
    with_model: bool
    model: bytes
    alphabet: bytes
    checksum: int
    fingerprint: int
    codes: list[bytes]

    def pack(self) -> bytes:
        """The bytes of the file."""
        plan, occurs = self.plan, np.zeros(256, np.uint8)
        occurs[list(self.alphabet)] = 1
        header = FIELDS.pack(
            *(MAGIC, VERSION, self.with_model, plan.layers, plan.groups, plan.hidden_size),
            *(plan.streams, plan.window, plan.learning_rate, plan.size, self.checksum),
            *(self.fingerprint, self.model, np.packbits(occurs).tobytes()),
        )
        header += struct.pack(f"<{plan.groups}Q", *map(len, self.codes))
        return b"".join([header, CHECKSUM.pack(zlib.crc32(header)), *self.codes])


def unpack(data: bytes, known: int | None = None) -> Container:
    """Read a container and check all of it.

    Parameters
    ----------
    data : bytes
        The file.
    known : int, optional
        The vocabulary size of the model that is given, if there is one.

    Raises
    ------
    ContainerError
        It is not a container, is damaged, was written by another version, or its numbers are out
        of range.
    """
    if data[: len(MAGIC)] != MAGIC[: len(data)] or not data:
        raise ContainerError("is not a file of gru-compress")
    if len(data) < FIELDS.size:
        raise ContainerError(f"is truncated: it has {len(data)} bytes, less than its header")
    (_, version, with_model, layers, groups, hidden_size, streams, window, rate, size) = (
        FIELDS.unpack_from(data)[:10]
    )
    checksum, fingerprint, model, bits = FIELDS.unpack_from(data)[10:]
    if version != VERSION:
        raise ContainerError(
            f"has version {version} of the format, and this gru-compress reads version {VERSION}"
        )
    end = FIELDS.size + 8 * groups
    if len(data) < end + CHECKSUM.size:
        raise ContainerError(f"is truncated: it has {len(data)} bytes, less than its header")
    if CHECKSUM.unpack_from(data, end) != (zlib.crc32(data[:end]),):
        raise ContainerError("is damaged: the checksum of its header is another")
    alphabet = np.flatnonzero(np.unpackbits(np.frombuffer(bits, np.uint8))).astype(np.uint8)
    if with_model > 1 or bool(with_model) == bool(alphabet.size):
        raise ContainerError("is damaged: it has both or neither of a model and an alphabet")
    try:
        plan = Plan(
            *(size, known or alphabet.size or 1, hidden_size, layers),
            *(streams, groups, window, rate),
        )
    except ValueError as error:
        raise ContainerError(f"is damaged: {error}") from None
    sizes = struct.unpack_from(f"<{groups}Q", data, FIELDS.size)
    begin = end + CHECKSUM.size
    if begin + sum(sizes) != len(data):
        raise ContainerError(f"has {len(data)} bytes, but its header says {begin + sum(sizes)}")
    for part, code_size in zip(plan.parts, sizes, strict=True):
        if len(part) * plan.length > (code_size + 1) * plan.most_bytes_per_code_byte:
            raise ContainerError(f"is damaged: {size} bytes cannot be in so little code")
    ends = np.cumsum([begin, *sizes]).tolist()
    codes = [data[a:b] for a, b in pairwise(ends)]
    return Container(
        plan, bool(with_model), model, alphabet.tobytes(), checksum, fingerprint, codes
    )
