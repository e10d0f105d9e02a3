# SPDX-License-Identifier: MIT
"""Model files: what is written is read back; what is not a model file is refused."""

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

from gru_ext.cli.main import main
from gru_ext.model import checkpoint


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", ["adagrad", "adamw"])
@pytest.mark.parametrize("layers", [1, 2, 16])
def test_round_trip(tmp_path, dtype, optimizer, layers):
    written = trained(dtype, layers, optimizer=optimizer).checkpoint()
    checkpoint.write(tmp_path / "model.npz", written)
    back = checkpoint.read(tmp_path / "model.npz")
    assert len(back.weights) == 11 + 9 * (layers - 1)
    for name in back.weights:
        pairs = [(written.weights, back.weights), (written.memory, back.memory)]
        if optimizer == "adamw":
            pairs.append((written.mean, back.mean))
        for one, other in pairs:
            assert other[name].dtype == dtype
            assert other[name].tobytes() == np.ascontiguousarray(one[name]).tobytes()
    assert (back.mean is None) == (optimizer == "adagrad")
    assert back.hidden.tobytes() == written.hidden.tobytes()
    assert back.hidden.shape == ((2, H) if layers == 1 else (layers, 2, H))
    assert back.layers == layers
    assert back.metadata["step"] == 7
    assert back.metadata["training"] == written.metadata["training"]
    assert (back.characters, back.hidden_size, back.vocabulary_size) == (CHARACTERS, H, V)


def test_round_trip_of_an_average(tmp_path, dtype):
    trainer = trained(np.dtype(dtype).name, layers=2, average_over=0.5)
    trainer.advance(9)
    checkpoint.write(tmp_path / "model.npz", trainer.checkpoint())
    back = checkpoint.read(tmp_path / "model.npz")
    assert back.beside.keys() == {"memory", "average"}
    for name, view in trainer.averaged.parameters.items():
        assert back.average[name].tobytes() == view.tobytes() != back.weights[name].tobytes()


def test_numpy_reads_it_without_pickle(tmp_path, valid):
    (tmp_path / "model.npz").write_bytes(valid)
    with np.load(tmp_path / "model.npz", allow_pickle=False) as data:
        shapes = {name: data[name].shape for name in data.files}
        assert all(data[name].dtype.kind in "fu" for name in data.files)
    held = {*NAMES, *(f"memory_{name}" for name in NAMES), *(f"mean_{name}" for name in NAMES)}
    assert shapes.keys() == held | {"hidden", "gru_ext"}
    assert {shapes["W" + gate] for gate in "zrh"} == {(H, V)}
    assert {shapes["U" + gate] for gate in "zrh"} == {(H, H)}
    assert {shapes["b" + gate] for gate in "zrh"} == {(H, 1)}
    assert (shapes["Wy"], shapes["by"]) == ((V, H), (V, 1))
    assert shapes["hidden"] == (2, H)


def test_the_first_layer_of_a_stack_has_the_notebooks_names(stack):
    shapes = {name: np.load(io.BytesIO(member)).shape for name, member in stack.items()}
    first = {name: shapes[name] for name in NAMES}
    assert first == {name: view.shape for name, view in trained().model.parameters.items()}
    assert {shapes[f"W{gate}_2"] for gate in "zrh"} == {(H, H)}
    assert {shapes[f"U{gate}_2"] for gate in "zrh"} == {(H, H)}
    assert {shapes[f"b{gate}_2"] for gate in "zrh"} == {(H, 1)}
    assert shapes["hidden"] == (2, 2, H)
    assert [name for name in shapes if name[2:] == "_2"] == [
        f"{kind}{gate}_2" for kind in "WUb" for gate in "hrz"
    ]
    assert len(stack) == 2 * (4 * 20 + 1) + 1


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


UPPER = [f"{kind}{gate}_2" for kind in "WUb" for gate in "zrh"]
BESIDE = "memory_", "mean_", "average_"
KINDS = [good + memory for good in ("", "good_") for memory in ("", *BESIDE)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", UPPER)
def test_missing_names_of_a_layer(tmp_path, stack, name, kind):
    rest = {other: member for other, member in stack.items() if other != kind + name}
    assert f"it has no {kind}{name}" in refusal(tmp_path, archive_of(rest))


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_that_only_some_arrays_have(tmp_path, members, stack, kind):
    """Without the second layer's, and with the second layer's alone."""
    upper = {kind + name for name in UPPER}
    rest = {name: member for name, member in stack.items() if name not in upper}
    assert f"it has no {kind}" in refusal(tmp_path, archive_of(rest))
    more = {name: member for name, member in stack.items() if name in upper}
    if kind == "":
        assert "it has no memory_" in refusal(tmp_path, archive_of(members | more))
    else:
        assert "it has no Wh_2" in refusal(tmp_path, archive_of(members | more))


@pytest.mark.parametrize("layers", [17, 18, 999_999_999])
def test_too_many_layers(tmp_path, stack, layers):
    more = {f"{name[:-2]}_{layers}": stack[name] for name in UPPER}
    told = f"has {layers} layers: at most 16 are possible"
    assert told in refusal(tmp_path, archive_of(stack | more))


def test_a_layer_too_many_between(tmp_path, stack):
    gap = {f"{name[:-2]}_4": stack[name] for name in UPPER}
    assert "it has no Wh_3" in refusal(tmp_path, archive_of(stack | gap))


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("Wz_2", np.ones((H, V), "f4"), f"it must be ({H}, {H})"),
        ("Uh_2", np.ones((H, H + 1), "f4"), f"it must be ({H}, {H})"),
        ("br_2", np.ones(H, "f4"), f"it must be ({H}, 1)"),
        ("memory_Wz_2", np.ones((H, V), "f4"), f"it must be ({H}, {H})"),
        ("good_mean_bh_2", np.ones((1, H), "f4"), f"it must be ({H}, 1)"),
        ("average_Uh_2", np.ones((H, V), "f4"), f"it must be ({H}, {H})"),
        ("average_bz", np.full((H, 1), np.nan, "f4"), "finite"),
        ("good_average_Wz", np.ones((H, V)), "as float64, but Wz as float32"),
        ("Uz_2", np.ones((H, H)), "has Uz_2 as float64, but Wz as float32"),
        ("Wr_2", np.full((H, H), np.nan, "f4"), "finite"),
        ("hidden", np.ones((2, H), "f4"), "it must be (2, "),
        ("hidden", np.ones((3, 2, H), "f4"), f"it must be (2, 2, {H})"),
        ("hidden", np.ones((1, 2, H), "f4"), f"it must be (2, 2, {H})"),
        ("hidden", np.ones((2, 2, H + 1), "f4"), f"it must be (2, 2, {H})"),
        ("hidden", np.ones((2, 2, H, 1), "f4"), f"it must be (2, 2, {H})"),
        ("hidden", np.float32(0), "it must be (2, "),
        ("hidden", np.full((2, 2, H), np.inf, "f4"), "finite"),
        ("good_hidden", np.ones((2, H), "f4"), "it must be (2, "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_arrays_of_a_stack(tmp_path, stack, name, values, told):
    message = refusal(tmp_path, archive_of(stack | {name: array(values)}))
    assert f"has {name} " in message
    assert told in message


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
        ("hidden", np.ones((1, 2, H), "f4"), "shape"),
        ("hidden", np.ones((2, 2, H), "f4"), "shape"),
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
    assert name.replace("gru_ext", "metadata") in message or name == "Wz"
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
