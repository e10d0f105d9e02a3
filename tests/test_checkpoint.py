# SPDX-License-Identifier: MIT
"""Model files: what is written is read back; what is no model file is refused."""

import io

import numpy as np
import pytest
from model_files import (
    CHARACTERS,
    NAMES,
    TEXT,
    H,
    V,
    archive_of,
    array,
    load,
    refusal,
    trained,
)

from gru_ext import checkpoint
from gru_ext.cli import main


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", ["adagrad", "adamw"])
def test_round_trip(tmp_path, dtype, optimizer):
    written = trained(dtype, optimizer=optimizer).checkpoint()
    checkpoint.write(tmp_path / "model.npz", written)
    back = checkpoint.read(tmp_path / "model.npz")
    for name in NAMES:
        pairs = [(written.weights, back.weights), (written.memory, back.memory)]
        if optimizer == "adamw":
            pairs.append((written.mean, back.mean))
        for one, other in pairs:
            assert other[name].dtype == dtype
            assert other[name].tobytes() == np.ascontiguousarray(one[name]).tobytes()
    assert (back.mean is None) == (optimizer == "adagrad")
    assert back.hidden.tobytes() == written.hidden.tobytes()
    assert back.hidden.shape == (2, H)
    assert back.metadata["step"] == 7
    assert back.metadata["training"] == written.metadata["training"]
    assert (back.characters, back.hidden_size, back.vocabulary_size) == (CHARACTERS, H, V)


def test_numpy_reads_it_without_pickle(tmp_path, valid):
    (tmp_path / "model.npz").write_bytes(valid)
    with np.load(tmp_path / "model.npz", allow_pickle=False) as data:
        shapes = {name: data[name].shape for name in data.files}
        assert all(data[name].dtype.kind in "fu" for name in data.files)
    assert {shapes["W" + gate] for gate in "zrh"} == {(H, V)}
    assert {shapes["U" + gate] for gate in "zrh"} == {(H, H)}
    assert {shapes["b" + gate] for gate in "zrh"} == {(H, 1)}
    assert (shapes["Wy"], shapes["by"]) == ((V, H), (V, 1))


def test_fortran_order_and_byte_order_are_read(tmp_path, members):
    arrays = {
        name: np.load(io.BytesIO(member)) for name, member in members.items() if name != "gru_ext"
    }
    for stored in (np.asfortranarray, lambda a: a.astype(">f4")):
        foreign = {name: array(stored(values)) for name, values in arrays.items()}
        model = load(tmp_path, archive_of(members | foreign))
        assert np.array_equal(model.parameters["Wz"], arrays["Wz"])


def test_pieces_of_a_file(tmp_path, valid):
    ends = {*range(0, len(valid), 97), 1, 4, 21, len(valid) - 22, len(valid) - 1}
    for piece in [valid[:n] for n in sorted(ends)] + [valid[n:] for n in (1, 30, 500)]:
        refusal(tmp_path, piece)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK",
        b"no model file\n" * 50,
        b"\x80\x04K\x01.",
        b"PK\x05\x06" + bytes(18),
        bytes(5000),
        b"PK\x03\x04" * 100,
        array(np.zeros(5)),
        archive_of({"x": array(np.ones(3))}),
    ],
)
def test_no_model_file(tmp_path, data):
    assert "model file" in refusal(tmp_path, data)


@pytest.mark.parametrize("name", [*NAMES, "memory_Uz", "memory_by", "mean_Uz"])
def test_missing_names(tmp_path, members, name):
    rest = {other: member for other, member in members.items() if other != name}
    assert name in refusal(tmp_path, archive_of(rest))


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("Wz", np.ones((H, V + 1), "f4"), "shape"),
        ("Wz", np.ones((H, V, 1), "f4"), "shape"),
        ("Wz", np.float32(1), "shape"),
        ("Wz", np.ones((0, V), "f4"), "shape"),
        ("Uh", np.ones((H, H + 1), "f4"), "shape"),
        ("Wy", np.ones((H, V), "f4"), "shape"),
        ("by", np.ones(V, "f4"), "shape"),
        ("memory_Wh", np.ones((V, H), "f4"), "shape"),
        ("mean_Uh", np.ones((H, H + 1), "f4"), "shape"),
        ("mean_by", np.full((V, 1), np.nan, "f4"), "finite"),
        ("hidden", np.ones((2, H + 1), "f4"), "shape"),
        ("hidden", np.float32(0), "shape"),
        ("Ur", np.ones((H, H)), "float64"),
        ("hidden", np.ones((2, H)), "float64"),
        ("Wz", np.ones((H, V), int), "int"),
        ("Wz", np.ones((H, V), complex), "complex"),
        ("Wz", np.ones((H, V), "f2"), "float16"),
        ("Wz", np.ones((H, V), bool), "bool"),
        ("Wz", np.full((H, V), "a"), "U1"),
        ("Wz", np.ones((H, V), [("a", "f4")]), "Wz"),
        ("Wr", np.full((H, V), np.nan, "f4"), "finite"),
        ("bz", np.full((H, 1), np.inf, "f4"), "finite"),
        ("memory_Uz", np.full((H, H), np.nan, "f4"), "finite"),
        ("hidden", np.full((2, H), -np.inf, "f4"), "finite"),
        ("gru_ext", np.ones(9), "bytes"),
        ("gru_ext", np.ones((3, 3), np.uint8), "bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_arrays(tmp_path, members, name, values, told):
    message = refusal(tmp_path, archive_of(members | {name: array(values)}))
    # The sizes are taken from Wz: where that is the odd one out, the others do not fit.
    assert name in message or name == "Wz"
    assert told in message


def test_the_command_line_refuses_and_changes_nothing(tmp_path, valid, capsys):
    text, path = tmp_path / "a.txt", tmp_path / "bad.npz"
    text.write_text(TEXT)
    path.write_bytes(valid[:-200])
    for command in (
        ["info", path],
        ["sample", path],
        ["evaluate", path, text],
        ["train", text, "-o", path, "--resume"],
        ["train", text, "-o", path, "--classic"],
        ["train", text, "-o", tmp_path / "new", "--init-from", path],
    ):
        assert main([str(word) for word in command]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "bad.npz" in err
        assert err.count("\n") == 1
    assert path.read_bytes() == valid[:-200]
    assert not (tmp_path / "new").exists()
