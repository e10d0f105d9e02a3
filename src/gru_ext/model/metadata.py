# SPDX-License-Identifier: MIT
"""The metadata of a model file: a JSON text that may be anything until it is checked.

Here is what every reader of a model needs of it. What a resumed run needs beside that is declared
in ``training/recorded.py``.
"""

from __future__ import annotations

import re
from typing import Any

from gru_ext._version import __version__
from gru_ext.arguments.fields import Field, checked, read_json
from gru_ext.arguments.kinds import OneOf, String
from gru_ext.arguments.messages import brief, shown
from gru_ext.text.documents import encode_separator
from gru_ext.text.units import CODE_POINTS, UNITS
from gru_ext.text.vocabulary import UNKNOWN, Vocabulary

FORMAT_VERSION = 1
NARROW_FORMAT = 2
"""That of a file with int8 weights, which older readers do not know."""

VERSION = {"version": Field(String(), nullable=True)}
VOCABULARY = {
    "vocabulary": Field(String(), nullable=True),
    "units": Field(OneOf(UNITS), "chars"),
    "unknown": Field(OneOf((UNKNOWN,)), nullable=True),
    "document_separator": Field(String(), nullable=True),
}

# JSON writes a character in at most twelve bytes, as two escapes. The rest is a few kilobytes.
_LONGEST_CHARACTER, _LONGEST_REST = 12, 1 << 20


def check_size(size: int, V: int) -> None:
    """Raise a ValueError where a text of so many bytes is too long for V characters."""
    most = _LONGEST_REST + _LONGEST_CHARACTER * min(V, CODE_POINTS)
    if size > most:
        raise ValueError(f"has metadata of {size} bytes: at most {most} are possible")


def read_metadata(data: bytes, V: int, newest: int = FORMAT_VERSION) -> dict[str, Any]:
    """The metadata of a model for V characters, in a format that is known, up to the newest one.

    Raises
    ------
    ValueError
        They are damaged, or of a newer version. The message says what the file has.
    """
    check_size(len(data), V)
    try:
        metadata = read_json(data)
    except ValueError:
        raise ValueError("has metadata that are not a JSON text") from None
    if not isinstance(metadata, dict):
        raise ValueError("has metadata that are not a JSON object")
    number = metadata.get("format")
    if type(number) is not int or number < 1:
        raise ValueError("has metadata without a format number")
    if number > newest:
        raise ValueError(
            f"has format {shown(number)}, from a newer gru_ext "
            f"({brief(metadata.get('version'))}); this one, {__version__}, reads up to "
            f"{newest}: upgrade gru-ext"
        )
    try:
        checked(metadata, VERSION)
    except (TypeError, ValueError) as error:
        raise ValueError(f"has damaged metadata: {error}") from None
    return metadata


def check_weights(metadata: dict[str, Any], int8: bool) -> None:
    """Raise a ValueError where the format is not that of such weights, int8 or floating point."""
    number = metadata.get("format")
    if int8 != (number == NARROW_FORMAT):
        kind = "int8" if int8 else "floating-point"
        raise ValueError(f"has {kind} weights and format {shown(number)}, which is not theirs")


def check_vocabulary(metadata: dict[str, Any], V: int) -> None:
    """Raise a ValueError where the metadata describe no vocabulary of V characters."""
    characters = metadata.get("vocabulary")
    if characters is not None and (
        not isinstance(characters, str)
        or len(characters) != V
        or V > CODE_POINTS
        or len(set(characters)) != V
    ):
        raise ValueError(f"has a vocabulary that is not {V} different characters")
    try:
        separator = checked(metadata, VOCABULARY)["document_separator"]
        vocabulary = Vocabulary.from_metadata(metadata)
        if vocabulary is not None:
            _check_characters(vocabulary)
        if vocabulary is not None and separator is not None:
            encode_separator(vocabulary, separator)
    except (TypeError, ValueError) as error:
        raise ValueError(f"has a damaged vocabulary: {error}") from None


def _check_characters(vocabulary: Vocabulary) -> None:
    half = re.search("[\ud800-\udfff]", vocabulary.characters)
    if half is not None:
        raise ValueError(
            f"{half[0]!r} is half of a surrogate pair: a vocabulary must have whole characters"
        )
