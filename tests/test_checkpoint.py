# SPDX-License-Identifier: MIT
"""Model files: what is written is read back; what others wrote may be anything."""

import io
import json
import math
import pickle
import random
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

import gru_ext
from gru_ext import checkpoint
from gru_ext.cli import main

TEXT = "hello world, hello " * 6
CHARACTERS = "".join(sorted(set(TEXT)))
V, H = len(CHARACTERS), 4
NAMES = ("Wy", "Wh", "Wr", "Wz", "Uh", "Ur", "Uz", "by", "bh", "br", "bz")
REFUSED = (gru_ext.CheckpointError, OSError)


def trained(dtype="float32"):
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    model = gru_ext.Model.create(vocabulary, H, dtype, seed=3)
    trainer = gru_ext.Trainer(model, vocabulary.encode(TEXT), seq_length=5, batch_size=2)
    trainer.advance(7)
    return trainer


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """The bytes of a model file with its training state."""
    path = tmp_path_factory.mktemp("valid") / "model.npz"
    checkpoint.write(path, trained().checkpoint())
    return path.read_bytes()


@pytest.fixture(scope="module")
def members(valid):
    with zipfile.ZipFile(io.BytesIO(valid)) as archive:
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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_round_trip(tmp_path, dtype):
    written = trained(dtype).checkpoint()
    checkpoint.write(tmp_path / "model.npz", written)
    back = checkpoint.read(tmp_path / "model.npz")
    for name in NAMES:
        for one, other in ((written.weights, back.weights), (written.memory, back.memory)):
            assert other[name].dtype == dtype
            assert other[name].tobytes() == np.ascontiguousarray(one[name]).tobytes()
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


@pytest.mark.parametrize("name", [*NAMES, "memory_Uz", "memory_by"])
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
    try:
        model = load(tmp_path, data)
    except REFUSED as error:
        assert "hostile.npz" in str(error)  # noqa: PT017
    else:
        first = np.load(io.BytesIO(members["Wz"]))
        assert np.array_equal(model.parameters["Wz"], first)


def test_too_many_members(tmp_path, members):
    refusal(tmp_path, archive_of(members | {f"{i}": b"" for i in range(1000)}))


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


def with_metadata(members, text):
    data = text if isinstance(text, bytes) else text.encode()
    return archive_of(members | {"gru_ext": array(np.frombuffer(data, np.uint8))})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nonsense",
        "[]",
        "1",
        "null",
        b"\xff\xfe\x00",
        "[" * 100_000,
        '{"a":' * 50_000,
        "{}",
        '{"format": "1"}',
        '{"format": null}',
        '{"format": 1.5}',
        '{"format": ' + "9" * 5000 + "}",
    ],
    ids=lambda text: str(text[:20]),
)
def test_bad_json(tmp_path, members, text):
    assert "gru_ext" in refusal(tmp_path, with_metadata(members, text))


def test_a_newer_version(tmp_path, members):
    message = refusal(tmp_path, with_metadata(members, '{"format": 2, "version": "9.8.7"}'))
    assert "9.8.7" in message
    assert "upgrade" in message


@pytest.mark.parametrize(
    "vocabulary", ["", "abc", "a" * V, CHARACTERS + "é", 5, list(CHARACTERS), {"a": 1}, True, 1.5]
)
def test_vocabularies_that_do_not_fit(tmp_path, members, vocabulary):
    about = json.dumps({"format": 1, "version": "0.1.0", "vocabulary": vocabulary})
    assert "vocabulary" in refusal(tmp_path, with_metadata(members, about))


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"options": 5, "step": [], "training": 7},
        {"version": None, "options": {}},
        {"options": {"clip": "x"}},
    ],
)
def test_metadata_with_other_things_in_it(tmp_path, members, capsys, about):
    text = json.dumps({"format": 1, "vocabulary": CHARACTERS} | about)
    assert len(load(tmp_path, with_metadata(members, text)).sample(5, seed=0)) == 5
    assert main(["info", str(tmp_path / "hostile.npz")]) == 0
    assert repr(CHARACTERS) in capsys.readouterr().out


def test_random_changes(tmp_path, valid):
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
