# SPDX-License-Identifier: MIT
"""What the page may ask: the fields of its JSON objects, and their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gru_ext.arguments.fields import Field, Object, checked, read_json
from gru_ext.arguments.kinds import String, Whole
from gru_ext.arguments.messages import listed, shown
from gru_ext.model.sampling_options import FilterOptions

LONGEST_TEXT = 10_000
"""Characters that a text may have."""
LONGEST_CONTINUATION = 500
LARGEST = 12 * LONGEST_TEXT + 1_000
"""Bytes of a question: a character is at most two escapes of six bytes, as in \\ud83d\\ude00."""


class _Text(String):
    """A str of at most so many characters, which may be none."""

    def __init__(self, most: int) -> None:
        super().__init__(empty=True)
        self.most = most

    def check(self, name: str, value: object) -> str:
        text = super().check(name, value)
        if len(text) > self.most:
            raise ValueError(f"{self.refusal(name, value)} ({len(text):,} characters)")
        return text

    def describe(self) -> str:
        return f"a str of at most {self.most:,} characters"


_SAMPLING = FilterOptions.declared()

READ = {
    "text": Field(_Text(LONGEST_TEXT)),
    "caret": Field(Whole(0, LONGEST_TEXT)),
}
"""What the model expects at the caret, which stands after so many characters of the text."""

CONTINUE = READ | {
    "length": Field(Whole(1, LONGEST_CONTINUATION)),
    "seed": Field(Whole(0, 2**53)),
    **{name: Field(_SAMPLING[name].kind) for name in ("temperature", "top_p")},
}
"""How the model continues the text before the caret."""


def read_question(body: bytes, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The fields of a question as plain Python.

    Raises
    ------
    TypeError, ValueError
        The body is not a JSON object with these fields alone, or one has a value that is not
        allowed.
    """
    try:
        record = Object().check("question", read_json(body, finite=True))
    except ValueError as error:
        raise ValueError(f"the question is not JSON: {error}") from None
    if others := sorted(record.keys() - fields.keys()):
        raise ValueError(f"a question has no {listed([shown(name) for name in others], 3)}")
    question = checked(record, fields)
    if question["caret"] > len(question["text"]):
        raise ValueError(
            f"`caret` must be at most the length of `text`, {len(question['text'])}, "
            f"not {question['caret']}"
        )
    return question
