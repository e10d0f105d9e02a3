# SPDX-License-Identifier: MIT
"""The answers of a model to the questions of the page."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from gru_ext.model.model import Model
from gru_ext.model.stream import Stream
from gru_ext.serve.questions import CONTINUE, READ, read_question
from gru_ext.serve.reader import Reader, bits_of
from gru_ext.serve.typed import TypedText, escapes, shown, typed, typed_symbol

NEXT = 12
"""The likeliest characters that are shown."""
CONTINUATIONS = 3


class Answers:
    """A model that answers one question at a time, from any thread.

    Parameters
    ----------
    model : Model

    Raises
    ------
    ValueError
        A parameter of the model is not finite.
    """

    def __init__(self, model: Model) -> None:
        self._vocabulary, self._reader = model.vocabulary, Reader(model)
        self._continuing = model.stream(CONTINUATIONS)
        self._as_bytes = model.vocabulary.units == "bytes"
        self._lock = threading.Lock()

    def read(self, body: bytes) -> dict[str, Any]:
        """Answer what the model expects, and how surprising each character is.

        Parameters
        ----------
        body : bytes
            A JSON object with the fields ``READ``.

        Returns
        -------
        dict
            ``bits``: a number for each character of the text, or None where nothing predicts it.
            ``unknown``: the places of characters that the model does not know. ``before``: the
            character before the caret, or None. ``next``: the likeliest characters at the caret;
            ``others``: the number of all others, and their probability. ``entropy``: the bits
            that the model expects there.

        Raises
        ------
        TypeError, ValueError
            The question is not as described.
        """
        question = read_question(body, READ)
        text, caret = question["text"], question["caret"]
        with self._lock:
            read = TypedText(self._vocabulary, text)
            bits = self._reader.read(read.symbols)
            stream = self._reader.after(int(read.ends[caret]))
            p, entropy = stream.probabilities(), float(stream.entropy())
        if not np.isfinite(p).all():
            raise ValueError("the model predicts no finite probabilities: train it again")
        best = np.argsort(-p, kind="stable")[:NEXT]
        return {
            "bits": read.by_character(bits),
            "unknown": read.unknown(),
            "before": self._character(text[caret - 1]) if caret else None,
            "next": [
                {**self._character(typed_symbol(self._vocabulary, int(s))), "p": float(p[s])}
                for s in best
            ],
            "others": [len(p) - len(best), float(np.delete(p, best).sum())],
            "entropy": entropy,
        }

    def propose(self, body: bytes) -> dict[str, Any]:
        """Answer how the model continues the text before the caret.

        Parameters
        ----------
        body : bytes
            A JSON object with the fields ``CONTINUE``.

        Returns
        -------
        dict
            ``continuations``: for each its ``text``, the ``bits`` of each character, and what
            stands for the characters that are not shown as they are, by their places.

        Raises
        ------
        TypeError, ValueError
            The question is not as described.
        """
        question = read_question(body, CONTINUE)
        with self._lock:
            read = TypedText(self._vocabulary, question["text"])
            self._reader.read(read.symbols)
            head = self._reader.after(int(read.ends[question["caret"]]))
            self._continuing.assign([head] * CONTINUATIONS, [0] * CONTINUATIONS)
            texts = self._continuing.draw(
                question["length"],
                question["temperature"],
                question["seed"],
                top_p=question["top_p"],
            )
            return {"continuations": [self._continuation(head.copy(), each) for each in texts]}

    def _continuation(self, head: Stream, text: str | bytes) -> dict[str, Any]:
        new = typed(text)
        read = TypedText(self._vocabulary, new)
        return {
            "text": new,
            "bits": read.by_character(bits_of(head, read.symbols)),
            "escapes": escapes(new, self._as_bytes),
        }

    def _character(self, c: str) -> dict[str, Any]:
        symbol, escaped = shown(c, self._as_bytes)
        return {"text": c, "shown": symbol, "escaped": escaped}
