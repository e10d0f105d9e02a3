# SPDX-License-Identifier: MIT
"""Model files for tests: a good one, its parts, and how a bad one is refused."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

import gru_ext

TEXT = "hello world, hello " * 6
CHARACTERS = "".join(sorted(set(TEXT)))
V, H = len(CHARACTERS), 4
NAMES = ("Wy", "Wh", "Wr", "Wz", "Uh", "Ur", "Uz", "by", "bh", "br", "bz")
REFUSED = (gru_ext.CheckpointError, OSError)


def trained(dtype="float32", layers=1, **options):
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    model = gru_ext.Model.create(vocabulary, H, dtype, seed=3, layers=layers)
    symbols = vocabulary.encode(TEXT)
    fixed = {"seq_length": 5, "batch_size": 2, "optimizer": "adagrad", "dropout": 0.0}
    fixed |= {"weight_dropout": 0.0, "average_over": 0.0, "warmup_steps": 0}
    trainer = gru_ext.Trainer(model, symbols, **fixed | options)
    trainer.advance(7)
    return trainer


def members_of(data):
    """The members of a model file's bytes, by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}


def archive_of(members, **options):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return data.getvalue()


def array(values, header=None):
    """A member: as NumPy writes it, or with any text as its header."""
    data = io.BytesIO()
    if header is None:
        np.save(data, values, allow_pickle=True)
        return data.getvalue()
    header = header.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + values.tobytes()


def described(descr="'<f4'", order="False", shape=f"({H}, {V})"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}"


def load(tmp_path, data):
    path = tmp_path / "hostile.npz"
    path.write_bytes(data)
    return gru_ext.load(path)


def refusal(tmp_path, data):
    """The message with which these bytes are refused."""
    with pytest.raises(REFUSED) as error:
        load(tmp_path, data)
    _, name, message = str(error.value).partition("hostile.npz")
    assert name
    return message


def refusal_in_little_memory(tmp_path, data):
    tracemalloc.start()
    try:
        return refusal(tmp_path, data)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4_000_000


def file_arrays(path):
    """Every array of a model file: dtype, shape and bytes by its name."""
    with np.load(path) as file:
        return {name: (str(a.dtype), a.shape, a.tobytes()) for name, a in file.items()}
