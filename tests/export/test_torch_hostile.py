# SPDX-License-Identifier: MIT
"""Files of PyTorch that are made to do harm."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from exported import TEXT, drawn

from gru_ext import export
from gru_ext.model.checkpoint import CheckpointError

torch = pytest.importorskip("torch")


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def refusal(path):
    with pytest.raises(CheckpointError) as error:
        export.load_torch(path, drawn().vocabulary)
    assert str(error.value).startswith(f"{path} ")
    return str(error.value)


@pytest.mark.parametrize("place", ["value", "key", "whole"])
def test_code_is_never_run(tmp_path, place):
    mark, path = tmp_path / "mark", tmp_path / "a.pt"
    state = export.torch_module(drawn()).state_dict()
    torch.save(
        {
            "value": dict(state) | {"Uz": Trap(mark)},
            "key": {"state_dict": state, "gru_ext": Trap(mark)},
            "whole": Trap(mark),
        }[place],
        path,
    )
    assert "not a file of weights alone" in refusal(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists()


def test_a_module_is_no_file_of_weights(tmp_path):
    torch.save(export.torch_module(drawn()), tmp_path / "a.pt")
    assert "not a file of weights alone" in refusal(tmp_path / "a.pt")


def test_old_files_are_refused(tmp_path):
    state, path = export.torch_module(drawn()).state_dict(), tmp_path / "a.pt"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    assert "not a zip" in refusal(path)
    path.write_bytes(pickle.dumps(Trap(tmp_path / "mark")))
    refusal(path)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_tensors_that_claim_much(tmp_path, dtype):
    """A tensor of one number, which stands for all of its elements."""
    huge = torch.zeros((), dtype=getattr(torch, dtype)).expand(1 << 20, 1 << 22)
    torch.save({"Wz": huge}, tmp_path / "a.pt")
    assert os.path.getsize(tmp_path / "a.pt") < 10_000
    assert "claim" in refusal(tmp_path / "a.pt")


def test_compressed_archives(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"Wz": torch.zeros(1000, 1000)}, path)
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in members.items():
            new.writestr(name, data)
    assert "compressed" in refusal(path)


@pytest.mark.parametrize("name", ["Wz", "Uh", "by"])
def test_other_shapes_and_values(tmp_path, name):
    path, state = tmp_path / "a.pt", export.torch_module(drawn()).state_dict()
    for value, error in (
        (torch.zeros(3, 3), "shape"),
        (state[name].double(), "float64"),
        (state[name] / 0, "not finite"),
        (state[name].int(), "int32"),
    ):
        torch.save(dict(state) | {name: value}, path)
        assert error in refusal(path)
    del state[name]
    torch.save(dict(state), path)
    assert f"no {name}" in refusal(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_random_changes(tmp_path):
    path = tmp_path / "a.pt"
    export.save(drawn(), path, text=TEXT)
    valid = path.read_bytes()
    rng, refused = np.random.default_rng(0), 0
    at_pickle = valid.index(b"data.pkl")
    for i in range(200):
        data = bytearray(valid)
        for _ in range(rng.integers(1, 4)):
            # half of them in the first member, the pickle
            data[at_pickle + rng.integers(900) if i % 2 else rng.integers(len(data))] = (
                rng.integers(256)
            )
        path.write_bytes(data)
        try:
            export.load(path, drawn().vocabulary)
        except (CheckpointError, OSError):
            refused += 1
    assert refused > 50


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_random_pickles(tmp_path):
    """With the right checksums, so that the pickle itself is read."""
    path = tmp_path / "a.pt"
    export.save(drawn(), path, text=TEXT)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    [name] = [name for name in members if name.endswith("data.pkl")]
    rng = np.random.default_rng(0)
    for _ in range(200):
        data = bytearray(members[name])
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for other, content in (members | {name: bytes(data)}).items():
                archive.writestr(other, content)
        path.write_bytes(file.getvalue())
        try:
            export.load_torch(path, drawn().vocabulary)
        except CheckpointError:
            continue
