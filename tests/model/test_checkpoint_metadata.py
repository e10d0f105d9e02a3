# SPDX-License-Identifier: MIT
"""A model file's metadata: a JSON text that may be anything."""

import json
import re

import numpy as np
import pytest
from model_files import CHARACTERS, V, archive_of, array, load, refusal

from gru_ext.cli.main import main


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
    assert re.search("has (metadata|gru_ext)", refusal(tmp_path, with_metadata(members, text)))


def test_a_newer_version(tmp_path, members):
    message = refusal(tmp_path, with_metadata(members, '{"format": 3, "version": "9.8.7"}'))
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
