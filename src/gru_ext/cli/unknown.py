# SPDX-License-Identifier: MIT
"""Characters that a model does not know, in the texts that a command reads."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gru_ext.arguments.messages import counted, printable
from gru_ext.text.unknown import UNKNOWN_CHOICES, UnknownChoice

if TYPE_CHECKING:
    from gru_ext.text.vocabulary import Counts, Vocabulary

_logger = logging.getLogger("gru_ext")


def check_known(vocabulary: Vocabulary, counts: Counts, name: str) -> None:
    """Raise a ValueError where the text of this name has characters that are not known."""
    try:
        vocabulary.check(counts)
    except ValueError as error:
        raise unknown_in(name, error) from None


def unknown_in(name: str, error: ValueError) -> ValueError:
    """The error of a vocabulary, with the name of the text and what can be done."""
    return ValueError(f"{printable(name)}: {error}; `unknown` skip leaves them out")


def note_unknown(unknown: int, choice: UnknownChoice, name: str = "") -> None:
    """Log how many characters were not known, if there were any."""
    if unknown:
        where = f"{printable(name)}: " if name else ""
        what = f"{counted(unknown, 'character')} that the model does not know"
        _logger.warning("%s%s: %s", where, what, UNKNOWN_CHOICES[choice])
