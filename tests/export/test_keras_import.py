# SPDX-License-Identifier: MIT
"""Files of Keras that others have written, and such as cannot be converted."""

import io
import json
import zipfile

import numpy as np
import pytest
from exported import TEXT, VOCABULARIES, drawn, skip_without

from gru_ext import export
from gru_ext.model.checkpoint import CheckpointError

h5py = pytest.importorskip("h5py")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CHARS = VOCABULARIES["chars"]
V = len(CHARS)


@pytest.fixture(scope="module")
def keras():
    skip_without("keras")
    from gru_ext.export.keras_file import import_keras

    return import_keras()


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The members of a file of two layers."""
    skip_without("keras")
    path = tmp_path_factory.mktemp("good") / "a.keras"
    export.save(drawn(layers=2), path, text=TEXT[:9])
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(path, members, **options):
    with zipfile.ZipFile(path, "w", **options) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def refusal(path, members, **options):
    with pytest.raises(CheckpointError) as error:
        export.load(archive(path, members, **options), CHARS)
    assert str(error.value).startswith(f"{path} ")
    return str(error.value)


def configured(members, change):
    """The members with another configuration."""
    config = json.loads(members["config.json"])
    change(config)
    return members | {"config.json": json.dumps(config)}


def stored(members, change):
    """The members with other weights."""
    data = io.BytesIO(members["model.weights.h5"])
    with h5py.File(data, "r+") as file:
        change(file)
    return members | {"model.weights.h5": data.getvalue()}


def layer(config, name):
    return next(each for each in config["config"]["layers"] if each["class_name"] == name)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("embedding", [0, 5])
@pytest.mark.parametrize("layers", [1, 2])
def test_sequential_models(tmp_path, keras, layers, embedding, bias):
    kinds = [keras.layers.GRU] * layers
    first = [keras.layers.Embedding(V, embedding)] if embedding else []
    model = keras.Sequential(
        [
            keras.layers.Input((None,) if embedding else (None, V)),
            *first,
            *(kind(7, reset_after=False, return_sequences=True, use_bias=bias) for kind in kinds),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(V, activation="softmax", use_bias=bias),
        ]
    )
    model.save(tmp_path / "a.keras")
    symbols = CHARS.encode(TEXT).astype(np.int32)
    inputs = symbols[None] if embedding else np.eye(V, dtype="f4")[symbols][None]
    want = keras.ops.convert_to_numpy(model(inputs))[0]
    found = export.load(tmp_path / "a.keras", CHARS)
    assert (found.layers, found.hidden_size) == (layers, 7)
    bits = -np.log2(want[np.arange(len(symbols) - 1), symbols[1:]])
    np.testing.assert_allclose(found.score(TEXT).bits[1:], bits, 1e-4, 1e-4)


def test_reset_after_is_refused(tmp_path, keras):
    model = keras.Sequential(
        [keras.layers.Input((None, V)), keras.layers.GRU(4), keras.layers.Dense(V)]
    )
    model.save(tmp_path / "a.keras")
    with pytest.raises(CheckpointError, match="reset_after=True: its reset gate comes after"):
        export.load(tmp_path / "a.keras", CHARS)


def test_a_file_whose_configuration_does_not_say_it(tmp_path, good):
    def change(config):
        del layer(config, "GRU")["config"]["reset_after"]

    assert "reset_after=True" in refusal(tmp_path / "a.keras", configured(good, change))


CONFIGURATIONS = {
    "another layer": (
        lambda c: layer(c, "Dense").update(class_name="Lambda"),
        "a layer 'Lambda', which gru_ext does not have",
    ),
    "no Dense": (lambda c: c["config"]["layers"].remove(layer(c, "Dense")), "then one Dense"),
    "no layers": (lambda c: c["config"].update(layers=[]), "then one Dense"),
    "many layers": (lambda c: c["config"].update(layers=[{}] * 2000), "at most 1000"),
    "a number for layers": (lambda c: c["config"].update(layers=5), "`layers` must be"),
    "no class": (lambda c: layer(c, "GRU").pop("class_name"), "`class_name` must be"),
    "another model": (lambda c: c.update(class_name="Evil"), "`class_name` must be Functional"),
    "no configuration": (lambda c: c.update(config=None), "`config` must be"),
    "another activation": (
        lambda c: layer(c, "GRU")["config"].update(activation="relu"),
        "`activation` must be tanh",
    ),
    "a class for activation": (
        lambda c: layer(c, "GRU")["config"].update(recurrent_activation={"module": "os"}),
        "`recurrent_activation` must be",
    ),
    "backwards": (
        lambda c: layer(c, "GRU")["config"].update(go_backwards=True),
        "go_backwards=True",
    ),
    "text for a flag": (
        lambda c: layer(c, "GRU")["config"].update(reset_after="false"),
        "`reset_after` must be",
    ),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configurations_that_are_refused(tmp_path, good, name):
    change, error = CONFIGURATIONS[name]
    assert error in refusal(tmp_path / "a.keras", configured(good, change))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"[" * 99_999, b"\xff", b"5"])
@pytest.mark.parametrize("name", ["config.json", "gru_ext.json", "model.weights.h5"])
def test_members_of_nonsense(tmp_path, good, name, data):
    refusal(tmp_path / "a.keras", good | {name: data})


def replaced(path, **options):
    """A change of a file of HDF5: another array in the place of one."""

    def change(file):
        del file[path]
        file.create_dataset(path, **options)

    return change


def linked(path, link):
    def change(file):
        del file[path]
        file[path] = link

    return change


def virtual(file):
    shape = file["layers/dense/vars/0"].shape
    del file["layers/dense/vars/0"]
    made = h5py.VirtualLayout(shape, "f4")
    made[:] = h5py.VirtualSource("/etc/passwd", "a", shape)
    file.create_virtual_dataset("layers/dense/vars/0", made)


KERNEL = "layers/gru/cell/vars/1"
WEIGHTS = {
    "no array": (lambda f: f.__delitem__(KERNEL), "no array layers/gru/cell/vars/1"),
    "a folder": (lambda f: f.__delitem__(KERNEL) or f.create_group(KERNEL), "not an array"),
    "another file": (
        linked(KERNEL, h5py.ExternalLink("/etc/passwd", "a")),
        "no array layers/gru/cell/vars/1 within the file",
    ),
    "another name": (linked(KERNEL, h5py.SoftLink("/layers/dense/vars/0")), "within the file"),
    "a link above": (
        linked("layers/gru/cell", h5py.ExternalLink("/etc/passwd", "a")),
        "within the file",
    ),
    "bytes of another file": (
        replaced(KERNEL, shape=(6, 18), dtype="f4", external=[("/etc/passwd", 0, 432)]),
        "not an array within the file",
    ),
    "a virtual array": (virtual, "not an array within the file"),
    "huge": (
        replaced(KERNEL, shape=(10**6, 3 * 10**6), dtype="f4", chunks=(100, 100)),
        "claim more bytes",
    ),
    "a bomb": (
        replaced(KERNEL, data=np.zeros((6000, 18000), "f4"), compression="gzip"),
        "claim more bytes",
    ),
    "another shape": (replaced(KERNEL, data=np.zeros((6, 6), "f4")), "must be (H, 3 H)"),
    "no dimension": (replaced(KERNEL, data=np.float32(1)), "impossible shape"),
    "no shape": (replaced(KERNEL, data=h5py.Empty("f4")), "impossible shape"),
    "nothing": (replaced(KERNEL, data=np.zeros((0, 0), "f4")), "impossible shape"),
    "texts": (replaced(KERNEL, data=np.array([[b"a"]])), "as |S1"),
    "whole numbers": (replaced(KERNEL, data=np.zeros((6, 18), "i4")), "as int32"),
    "another dtype": (replaced(KERNEL, data=np.zeros((6, 18))), "has Uh as float64, but Wz"),
    "not finite": (replaced(KERNEL, data=np.full((6, 18), np.nan, "f4")), "not finite"),
    "another output": (replaced("layers/dense/vars/0", data=np.zeros((6, 5), "f4")), "shape"),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_are_refused(tmp_path, good, name):
    change, error = WEIGHTS[name]
    assert error in refusal(tmp_path / "a.keras", stored(good, change))


def test_archives_that_are_refused(tmp_path, good):
    path = tmp_path / "a.keras"
    assert "compressed" in refusal(path, good, compression=zipfile.ZIP_DEFLATED)
    assert "no model.weights.h5" in refusal(path, {"config.json": good["config.json"]})
    assert "directory" in refusal(path, good | {f"{i}" * 50: b"" for i in range(9000)})


def test_metadata_are_checked(tmp_path, good):
    path = tmp_path / "a.keras"
    assert export.load(archive(path, good)) == drawn(layers=2)
    texts = json.loads(good["gru_ext.json"])
    for change, error in (
        ({"vocabulary": "ab"}, "not 21 different characters"),
        ({"document_separator": "☃"}, "damaged vocabulary"),
        ({"step": 5}, "not a map of texts"),
    ):
        changed = good | {"gru_ext.json": json.dumps(texts | change)}
        assert error in refusal(path, changed)
    del good["gru_ext.json"]
    assert export.load(archive(path, good), CHARS).parameters == drawn(layers=2).parameters
    with pytest.raises(CheckpointError, match="without a vocabulary"):
        export.load(path)


def test_random_changes(tmp_path, good):
    path = archive(tmp_path / "a.keras", good)
    valid = path.read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(200):
        data = bytearray(valid)
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
        path.write_bytes(data)
        try:
            export.load(path, CHARS)
        except (CheckpointError, OSError):
            refused += 1
    assert refused > 100
