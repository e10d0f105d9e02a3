# SPDX-License-Identifier: MIT
"""What a model generates, on standard output: raw in a file or pipe, printable on a terminal."""

from __future__ import annotations

import codecs
import sys

from gru_ext.arguments.messages import character, printable_lines
from gru_ext.text.encodings import check_encoding


class ModelOutput:
    """Standard output for text or bytes of a model.

    In a file or pipe, bytes are written as they are, and text in an encoding. On a terminal, what
    it would obey is shown escaped, and bytes that are not UTF-8 as U+FFFD.

    Parameters
    ----------
    encoding : str
        Encoding of text in a file or pipe.
    raw : bool
        Whether nothing but the text or the bytes is written, and on a terminal as in a file.

    Raises
    ------
    ValueError
        The encoding is unknown.
    """

    def __init__(self, encoding: str, raw: bool = False) -> None:
        check_encoding(encoding)
        self._encoding, self._alone = encoding, raw
        self._encoder = codecs.getincrementalencoder(encoding)()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        escaped = sys.stdout.isatty() and not raw
        self._raw = None if escaped else getattr(sys.stdout, "buffer", None)

    def write(self, part: str | bytes) -> None:
        """Write a part.

        Raises
        ------
        ValueError
            The encoding has no bytes for a character.
        OSError
            It cannot be written.
        """
        if self._raw is not None:
            self._raw.write(part if isinstance(part, bytes) else self._encoded(part))
            self._raw.flush()
        else:
            self._show(part if isinstance(part, str) else self._decoder.decode(part))

    def heading(self, words: str, first: bool) -> None:
        """Write a line above a text, with an empty line before it where it is not the first."""
        if not self._alone:
            self.write(f"{'' if first else chr(10)}==> {words} <==\n")

    def end(self, line: bool) -> None:
        """End what was written, with a line break where ``line`` says so or on a terminal."""
        if self._raw is None:
            self._show(self._decoder.decode(b"", True))
            self._decoder.reset()
        if (line or self._raw is None) and not self._alone:
            self.write("\n")

    def _show(self, text: str) -> None:
        sys.stdout.write(printable_lines(text))
        sys.stdout.flush()

    def _encoded(self, text: str) -> bytes:
        try:
            return self._encoder.encode(text)
        except UnicodeEncodeError as error:
            lacking = character(error.object[error.start])
            raise ValueError(
                f"{self._encoding} has no bytes for {lacking}, which the model generates: choose "
                f"another `encoding`, such as utf-8"
            ) from None
