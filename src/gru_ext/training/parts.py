# SPDX-License-Identifier: MIT
"""The two parts of a run's text: for training and for validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import brief, counted, listed
from gru_ext.files import StrPath
from gru_ext.files.scratch import fits_in_memory
from gru_ext.model.checkpoint import Checkpoint
from gru_ext.text.documents import count_documents
from gru_ext.text.given import Documents, Given, given_text
from gru_ext.text.split import split_text
from gru_ext.training.data import TrainingData, read_validation
from gru_ext.training.made_from import file_names
from gru_ext.training.options import TrainingOptions
from gru_ext.training.resume import Match, check_matches

# Files that record no split are of runs that had the end of the text as validation part, and none
# in a shorter text.
_SHORTEST_OLDER = 20_000


@dataclass(frozen=True)
class TextParts:
    """The symbols of both parts, and what the heading of the run says of the text.

    Attributes
    ----------
    training, validation : ndarray of symbols, shape (n,) and (m,)
    method : str
        How the validation part was chosen, as recorded.
    described : str
        What the validation part is; empty where there is none.
    added : int
        The characters that the weights to start from did not know.
    lines : int
        The lines of a text that was recognised as a list of lines; 0 for any other.
    """

    training: NDArray[np.integer]
    validation: NDArray[np.integer]
    method: str
    described: str = ""
    added: int = 0
    lines: int = 0


def split_data(
    data: TrainingData, options: TrainingOptions, folder: StrPath | None
) -> tuple[TextParts, TrainingOptions]:
    """Split a text as the options say; return them with what was open.

    The symbols of the data are rearranged.
    """
    separator, fraction = data.separator, options.val_fraction
    own = None if options.validation is None else given_text(options.validation)
    if own is not None:
        fraction = 0.0
    least = (options.seq_length or 1) * (options.batch_size or 1) + 1
    parts = split_text(
        data.symbols,
        fraction,
        options.split,
        options.seed,
        separator=separator,
        newline=data.newline,
        least=least,
        folder=folder,
    )
    data.symbols = parts.symbols
    training, validation = parts.symbols[: parts.trained], parts.symbols[parts.trained :]
    described = parts.described
    settled: dict[str, Any] = {"split": parts.method}
    if own is not None:
        settled["val_fraction"] = 0.0
        validation = read_validation(own, data, options.encoding, options.join, folder)
        described = _described(own, data, validation)
    # a copy of a long text, which may be mapped, would take much memory
    settled["shuffle"] = separator is not None and fits_in_memory(training.nbytes)
    found = TextParts(training, validation, parts.method, described, data.added, data.lines)
    return found, options.over(settled)


def _described(given: Given, data: TrainingData, validation: NDArray[np.integer]) -> str:
    names = file_names(given)
    if names:
        return brief(listed(names, 3))
    separator = data.separator
    if isinstance(given, Documents) and separator is not None:
        return counted(count_documents(validation, separator), "document")
    return "a text of its own"


def with_older_split(
    options: TrainingOptions, resumed: Checkpoint, characters: int
) -> TrainingOptions:
    """The options of a resumed run, with what an older file did not record.

    Parameters
    ----------
    options : TrainingOptions
    resumed : Checkpoint
    characters : int
        The length of the text.

    Raises
    ------
    CheckpointError
        Another split, or another order of documents, was asked for.
    """
    if "split" in resumed.metadata["options"]:
        return options
    check_matches(
        [
            Match("split", "tail", options.split or "tail"),
            Match("shuffle", False, options.shuffle or False),
        ]
    )
    older = {"split": "tail", "shuffle": False}
    return options.over(older | ({"val_fraction": 0.0} if characters < _SHORTEST_OLDER else {}))
