# SPDX-License-Identifier: MIT
"""The registry of the formats, and what is missing."""

import importlib.util
import inspect
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from exported import TEXT, drawn

import gru_ext
from gru_ext import export
from gru_ext.export.formats import OPTIONS, chosen, installation


@pytest.mark.parametrize("name", export.FORMATS)
def test_every_format_has_its_module(name):
    form = export.FORMATS[name]
    module = form.load()
    parameters = [*inspect.signature(module.contents).parameters]
    assert parameters == ["model", *form.options]
    assert [*inspect.signature(module.open_logits).parameters] == ["path", "model"]
    assert set(form.options) <= set(OPTIONS)


def test_every_option_is_of_a_format():
    assert set(OPTIONS) == {option for form in export.FORMATS.values() for option in form.options}


@pytest.mark.parametrize("name", [n for n, form in export.FORMATS.items() if form.suffix])
def test_the_suffix_names_the_format(name):
    suffix = export.FORMATS[name].suffix
    assert chosen(f"a{suffix}") == name
    assert chosen(f"a{suffix.upper()}") == name
    assert chosen(f"a{suffix}", name) == name


def test_another_suffix():
    assert chosen("a.bin", "onnx") == "onnx"
    with pytest.raises(ValueError, match=r"a\.bin must end in \.keras: keras reads no other file"):
        chosen("a.bin", "keras")


@pytest.mark.parametrize("path", ["a", "a.png", "onnx", ".onnx"])
def test_suffixes_of_no_format(path):
    with pytest.raises(ValueError, match=r"must end in \.onnx"):
        chosen(path)


def test_refused_options(tmp_path):
    model, path = drawn(), tmp_path / "a.npz"
    with pytest.raises(ValueError, match="`to` must be onnx, "):
        export.save(model, path, "nonsense")
    with pytest.raises(ValueError, match="`whole` is an option of the format onnx, not npz"):
        export.save(model, path, whole=True)
    with pytest.raises(ValueError, match="`dtype` must be float16, "):
        export.save(model, path, dtype="int8")
    with pytest.raises(TypeError, match="`whole` must be"):
        export.save(model, path, "onnx", whole="yes")
    assert not [*tmp_path.iterdir()]


@pytest.fixture
def without(monkeypatch):
    """A function that hides libraries."""

    def hide(*names):
        find = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *a: None if name in names else find(name, *a)
        )

    return hide


@pytest.mark.parametrize("name", ["onnx", "keras", "torch"])
def test_a_library_that_is_missing(tmp_path, without, name):
    without(name)
    error = rf'needs {name}, which is not installed: python -m pip install "gru-ext\[{name}\]"'
    with pytest.raises(ImportError, match=error):
        export.save(drawn(), tmp_path / f"a{export.FORMATS[name].suffix}", name)
    assert not [*tmp_path.iterdir()]


def test_readers_whose_library_is_missing(tmp_path, without):
    without("onnx", "h5py", "torch", "jax", "keras")
    for load, package in (
        (export.load_onnx, "onnx"),
        (export.load_keras, "h5py"),
        (export.load_torch, "torch"),
    ):
        with pytest.raises(ImportError, match=f"needs {package}, which is not installed"):
            load(tmp_path / "a")
    for name, package in (("jax_function", "jax"), ("torch_module", "torch")):
        vars(export).pop(name, None)
        with pytest.raises(ImportError, match=f"{name} needs {package}, which is not installed"):
            getattr(export, name)
    with pytest.raises(ImportError, match="needs keras, which is not installed"):
        export.keras_model(drawn())


def test_a_runtime_that_is_missing_checks_nothing(tmp_path, without):
    without("safetensors")
    assert export.save(drawn(), tmp_path / "a.safetensors", text=TEXT) is None
    assert gru_ext.load(tmp_path / "a.safetensors") == drawn()


def test_the_names_of_the_module():
    needs = {"jax_function": "jax", "torch_module": "torch"}
    installed = {name for name in export.__all__ if find_spec(needs.get(name, "gru_ext"))}
    assert {*export.__all__} & {*dir(export)} == installed
    assert installed <= {name for name, _ in inspect.getmembers(export)}
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        export.nonsense  # noqa: B018


def test_every_package_is_in_an_extra():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    for form in export.FORMATS.values():
        for package in {*form.needs, *form.checked_with} - {"numpy"}:
            name = installation(package).split("[")[1].split("]")[0]
            assert any(each.startswith(package + ">=") for each in extras[name]), package
            assert name in extras["export"][0]
