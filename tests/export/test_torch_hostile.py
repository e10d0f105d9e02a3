# SPDX-License-Identifier: MIT
"""Files of PyTorch that are made to do harm."""

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


def rewrite(path, change, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", compression) as new:
        for name, data in change(members).items():
            new.writestr(name, data)


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


@pytest.mark.parametrize(
    "code",
    [
        b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\xca\x9a;\x00\x85R.",  # 1e9 bytes
        b"\x80\x02ctorch\nTensor\nM\xff\xffM\xff\xff\x86R.",
        b"\x80\x02ctorch.sparse\nFloatTensor\n)R.",
        b"\x80\x02(cbuiltins\nbytearray\n\x8a\x05\x00\xca\x9a;\x00o.",
        b"\x80\x02(\x8a\x05\x00\xca\x9a;\x00ibuiltins\nbytearray\n.",
        b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\xca\x9a;\x00\x85\x81.",
        b"\x80\x04\x8c\x08builtins\x8c\x09bytearray\x93\x8a\x05\x00\xca\x9a;\x00\x85R.",
        b"",
        b"nonsense",
        b"." * (2 << 20),
    ],
    ids=lambda code: str(code[:30]),
)
def test_pickles_that_name_anything_but_tensors(tmp_path, code):
    """PyTorch itself calls what it finds harmless, such as bytearray with any size."""
    path = tmp_path / "a.pt"
    export.save(drawn(), path, text=TEXT)
    rewrite(path, lambda members: members | {"archive/data.pkl": code})
    assert "not a file of weights alone" in refusal(path)


def test_two_pickles(tmp_path):
    path = tmp_path / "a.pt"
    export.save(drawn(), path, text=TEXT)
    rewrite(path, lambda members: members | {"other/data.pkl": b"."})
    assert "must have one short pickle" in refusal(path)


@pytest.mark.parametrize("parameters", [True, False])
def test_parameters_and_tensors_are_read(tmp_path, parameters):
    module, path = export.torch_module(drawn()), tmp_path / "a.pt"
    torch.save(dict(module.named_parameters()) if parameters else module.state_dict(), path)
    assert export.load(path, drawn().vocabulary).parameters == drawn().parameters


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
    rewrite(path, dict, zipfile.ZIP_DEFLATED)
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


@pytest.mark.filterwarnings("ignore:Detected pickle protocol", "ignore:invalid escape sequence")
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


@pytest.mark.filterwarnings("ignore:Detected pickle protocol", "ignore:invalid escape sequence")
def test_random_pickles(tmp_path):
    """With the right checksums, so that the pickle itself is read."""
    path = tmp_path / "a.pt"
    export.save(drawn(), path, text=TEXT)
    valid, rng = path.read_bytes(), np.random.default_rng(0)

    def change(members):
        [name] = [name for name in members if name.endswith("data.pkl")]
        data = bytearray(members[name])
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
        return members | {name: bytes(data)}

    for _ in range(200):
        path.write_bytes(valid)
        rewrite(path, change)
        try:
            export.load_torch(path, drawn().vocabulary)
        except CheckpointError:
            continue
