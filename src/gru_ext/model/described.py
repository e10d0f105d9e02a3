# SPDX-License-Identifier: MIT
"""What a model knows beside its weights, as a map of texts: the metadata of exported files.

The keys are those of a model file (docs/reference/checkpoint-format.md). ``gru_ext`` has
the number of the format. What is read is checked as the metadata of a model file are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gru_ext._version import __version__
from gru_ext.arguments.fields import read_json
from gru_ext.model.metadata import FORMAT_VERSION, check_vocabulary, read_metadata

if TYPE_CHECKING:
    from gru_ext.model.stored import StoredModel

FORMAT = "gru_ext"
_TEXTS = ("version", "vocabulary", "units", "unknown", "document_separator")
_VALUES = ("step", "options", "validation")  # as JSON texts


def described(model: StoredModel) -> dict[str, str]:
    """The metadata of a model, as texts by their keys.

    Raises
    ------
    ValueError
        A reader would refuse them.
    """
    about = {"version": __version__} | model.vocabulary.metadata() | model.about
    texts = {FORMAT: str(FORMAT_VERSION)}
    texts |= {key: about[key] for key in _TEXTS if about.get(key) is not None}
    texts |= {key: json.dumps(about[key]) for key in _VALUES if key in about}
    metadata_of(texts, len(model.vocabulary))
    return texts


def metadata_of(texts: object, V: int) -> dict[str, Any]:
    """The metadata of a model for V characters, from such a map; empty where it is not of one.

    Parameters
    ----------
    texts : mapping of str to str
        It may be anything until it is checked here.
    V : int

    Raises
    ------
    ValueError
        They are damaged, or of a newer version. The message says what the file has.
    """
    if not isinstance(texts, Mapping) or not all(
        isinstance(text, str) for item in texts.items() for text in item
    ):
        raise ValueError("has metadata that are not a map of texts")
    if FORMAT not in texts:
        return {}
    metadata: dict[str, Any] = {key: texts[key] for key in _TEXTS if key in texts}
    try:
        metadata["format"] = read_json(texts[FORMAT].encode())
        metadata |= {key: read_json(texts[key].encode()) for key in _VALUES if key in texts}
    except ValueError:
        raise ValueError("has metadata that are not a JSON text") from None
    checked = read_metadata(json.dumps(metadata).encode(), V)
    check_vocabulary(checked, V)
    return checked
