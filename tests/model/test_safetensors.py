# SPDX-License-Identifier: MIT
"""Files of safetensors: models in them, and such as are made to do harm."""

import json
import tracemalloc

import numpy as np
import pytest
from exported import MODELS, TEXT, drawn

import gru_ext
from gru_ext.model.checkpoint import CheckpointError
from gru_ext.model.described import described
from gru_ext.model.safetensors import encode


def file_of(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.fixture
def good():
    """The header and the bytes behind it."""
    data = encode(drawn().parameters, described(drawn()))
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


@pytest.fixture
def refusal(tmp_path):
    """A function that returns the message with which bytes are refused, in little memory."""

    def refuse(data):
        path = tmp_path / "hostile.npz"
        path.write_bytes(data)
        tracemalloc.start()
        try:
            with pytest.raises(CheckpointError, match=r"hostile\.npz ") as error:
                gru_ext.load(path)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 4_000_000
        return str(error.value)

    return refuse


@pytest.mark.parametrize("model", MODELS, ids=lambda each: each[0])
@pytest.mark.parametrize("name", ["a.safetensors", "a.npz", "a"])
def test_the_content_says_which_file_it_is(tmp_path, model, name):
    model, path = drawn(*model), tmp_path / name
    path.write_bytes(encode(model.parameters, described(model)))
    again = gru_ext.load(path)
    assert again == model
    assert again.about["options"] == model.about["options"]
    model.save(path)
    assert gru_ext.load(path) == model


def test_the_library_reads_what_is_written(tmp_path):
    safetensors = pytest.importorskip("safetensors")
    model, path = drawn(separator="|"), tmp_path / "a.safetensors"
    path.write_bytes(encode(model.parameters, described(model)))
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata() == described(model)
        assert {*file.keys()} == {*model.parameters}
        for name, view in model.parameters.items():
            np.testing.assert_array_equal(file.get_tensor(name), view)


def test_files_that_the_library_writes(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    model, path = drawn(dtype="float64", layers=2), tmp_path / "a.safetensors"
    numpy.save_file({n: np.ascontiguousarray(v) for n, v in model.parameters.items()}, path)
    with pytest.raises(CheckpointError, match="without a vocabulary"):
        gru_ext.load(path)
    assert gru_ext.load(path, model.vocabulary).parameters == model.parameters


def test_weights_of_16_bits(tmp_path, good):
    header, _ = good
    model, end, parts = drawn(), 0, []
    for name, view in model.parameters.items():
        bits = np.ascontiguousarray(view).view(np.uint32) >> 16
        parts.append(bits.astype("<u2").tobytes())
        place = [end, end := end + len(parts[-1])]
        header[name] |= {"dtype": "BF16", "data_offsets": place}
    path = tmp_path / "a.safetensors"
    path.write_bytes(file_of(header, b"".join(parts)))
    again = gru_ext.load(path)
    assert again.dtype == np.float32
    for name, view in model.parameters.items():
        np.testing.assert_allclose(again.parameters[name], view, 2**-7)
        assert not (np.array(again.parameters[name]).view(np.uint32) & 0xFFFF).any()


def test_tied_weights_may_be_missing(tmp_path):
    model, path = drawn(tied=True), tmp_path / "a.safetensors"
    weights = {name: view for name, view in model.parameters.items() if name != "Wy"}
    path.write_bytes(encode(weights, described(model)))
    assert gru_ext.load(path) == model


def test_the_optimiser_state_is_not_in_it(tmp_path):
    (tmp_path / "a.npz").write_bytes(encode(drawn().parameters, described(drawn())))
    with pytest.raises(ValueError, match=r"a\.npz"):
        gru_ext.train(TEXT, output=tmp_path / "a.npz", resume=True, quiet=True)


@pytest.mark.parametrize(
    "header",
    [b"{", b"{}", b"{" + b"[" * 9999, b'{"a":NaN}', b"{\xff}", b'{"Wz": 5}', b'{"Wz": {}}'],
    ids=lambda header: str(header[:12]),
)
def test_headers_of_nonsense(refusal, header):
    refusal(file_of(header))
    refusal(file_of(header, bytes(5000)))


@pytest.mark.parametrize("length", [2**62, 2**64 - 1, 10**6, 2**25])
def test_headers_that_claim_much(refusal, length):
    data = length.to_bytes(8, "little") + b'{"Wz": {}}'
    assert "claims" in refusal(data)


CHANGES = {
    "huge": ({"shape": [10**6, 10**6]}, "from 0 on, within the file"),
    "huge, with its place": (
        {"shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]},
        "within the file",
    ),
    "huge sizes": ({"shape": [2**80, 1]}, "`shape` must be"),
    "negative": ({"shape": [-1, -1]}, "`shape` must be"),
    "no rows": ({"shape": [0, 0], "data_offsets": [0, 0]}, "`shape` must be"),
    "many dimensions": ({"shape": [1] * 9}, "`shape` must be"),
    "a number for shape": ({"shape": 5}, "`shape` must be"),
    "floats": ({"shape": [1.0, 2.0]}, "`shape` must be"),
    "another dtype": ({"dtype": "I64"}, "`dtype` must be F16, BF16, F32 or F64"),
    "a list for dtype": ({"dtype": []}, "`dtype` must be"),
    "another place": ({"data_offsets": [4, 508]}, "must be 504 bytes from 0 on"),
    "a place before the start": ({"data_offsets": [-4, 500]}, "`data_offsets` must be"),
    "one offset": ({"data_offsets": [0]}, "`data_offsets` must be a list of 2 values"),
    "a smaller dtype": ({"dtype": "F16"}, "must be 252 bytes"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_arrays_that_are_refused(good, refusal, name):
    header, data = good
    change, error = CHANGES[name]
    first = next(each for each in header if header[each].get("data_offsets", [1])[0] == 0)
    header[first] = header[first] | change
    assert error in refusal(file_of(header, data))


def test_files_that_are_too_short_or_too_long(good, refusal):
    header, data = good
    assert "within the file" in refusal(file_of(header, data[:-1]))
    assert "1 bytes that belong to no array" in refusal(file_of(header, data + b"x"))
    whole = file_of(header, data)
    for end in (9, 10, 100):
        refusal(whole[:end])


def test_arrays_that_overlap(good, refusal):
    header, data = good
    header["Uz"]["data_offsets"] = header["Ur"]["data_offsets"]
    assert "within the file" in refusal(file_of(header, data))


def test_other_names(good, refusal):
    header, data = good
    for name in ("X", "Wz_0", "Wz_01", "memory_Wz", "good_Wz", "gru_ext"):
        refusal(file_of(header | {name: header["Wz"]}, data))
    assert "not a model file" in refusal(file_of({f"Wz_{2**29}": {}} | header, data))
    removed = header.pop("Uz")
    assert refusal(file_of(header, data))
    header["Uz_2"] = removed
    assert "no Uz" in refusal(file_of(header, data))


def test_values_that_are_not_finite(good, refusal):
    header, data = good
    assert "not finite" in refusal(file_of(header, np.full(1, np.nan, "f4").tobytes() + data[4:]))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"vocabulary": "ab"}, "not 21 different characters"),
        ({"vocabulary": "\ud800" + "".join(map(chr, range(20)))}, "surrogate"),
        ({"units": "bits"}, "damaged vocabulary"),
        ({"unknown": "a"}, "damaged vocabulary"),
        ({"document_separator": "☃"}, "damaged vocabulary"),
        ({"gru_ext": "2"}, "from a newer gru_ext"),
        ({"gru_ext": "0"}, "without a format number"),
        ({"gru_ext": 1}, "not a map of texts"),
        ({"options": "{"}, "not a JSON text"),
    ],
    ids=str,
)
def test_metadata_that_are_refused(good, refusal, change, error):
    header, data = good
    header["__metadata__"] |= change
    assert error in refusal(file_of(header, data))
    for metadata in ([], 5, "x", None):
        assert "not a map" in refusal(file_of(header | {"__metadata__": metadata}, data))


def test_metadata_that_a_reader_would_refuse_are_not_written():
    model = drawn()
    model.about["document_separator"] = "☃"
    with pytest.raises(ValueError, match="damaged vocabulary"):
        described(model)


def test_random_changes(tmp_path, good):
    valid, path = file_of(*good), tmp_path / "a.safetensors"
    rng, refused = np.random.default_rng(0), 0
    for i in range(400):
        data = bytearray(valid)
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(1500 if i % 2 else len(data))] = rng.integers(256)
        path.write_bytes(data)
        try:
            gru_ext.load(path)
        except CheckpointError:
            refused += 1
    assert refused > 100
