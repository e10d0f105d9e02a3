# SPDX-License-Identifier: MIT
"""The options that only the command line has, each declared once."""

from __future__ import annotations

import argparse
from typing import TypeVar

from gru_ext.arguments.kinds import Flag, Number, OneOf, Whole
from gru_ext.arguments.option import Option, Options
from gru_ext.model.evaluation_options import EVALUATION, UNKNOWN_HELP
from gru_ext.model.sampling_options import BEAM, BeamOptions, SamplingOptions
from gru_ext.model.weights_options import WeightsOptions
from gru_ext.text.unknown import UNKNOWN_KIND, UnknownChoice
from gru_ext.training.kinds import TextFile
from gru_ext.training.options import TrainingOptions

TEXT = "text"
OUTPUT = "output"
DEFAULT_MODEL = "model.npz"
"""What ``train`` writes and ``sample`` reads where no file is named."""

ENCODING = TrainingOptions.declared()["encoding"].kind

SHELLS = ("bash", "zsh", "tcsh")

KEPT = 10_000
"""Characters of a unit that ``gru-ext score`` keeps to print them."""

Set = TypeVar("Set", bound=Options)


class VocabularyFile(TextFile):
    """A file with the characters of a model, or the word that means all bytes."""

    def parse(self, text: str) -> object:
        return text if text == "bytes" else super().parse(text)


def given_options(options: type[Set], arguments: argparse.Namespace) -> Set:
    """The options that were given on the command line, checked."""
    words = vars(arguments)
    return options(**{name: words.get(name) for name in options.declared()})


def _one_of(options: Options, *names: str) -> None:
    """Raise a ValueError where two flags are given of which there may be one."""
    found = [f"`{name}`" for name in names if getattr(options, name)]
    if len(found) > 1:
        raise ValueError(f"{' and '.join(found)} cannot be combined: give one of them")


class SampleOptions(Options):
    """What ``gru-ext sample`` generates and how it prints it, beside the options of sampling."""

    length: Option[int] = Option(
        Whole(0),
        "characters to generate; a sample may be shorter with --stop and --regex",
        TEXT,
        default=500,
        automatic="500; with --interactive 100",
    )
    beam: Option[int | None] = Option(
        BeamOptions.declared()["beam_width"].kind,
        "search for the most likely texts instead of sampling: W texts are extended side by side. "
        "Nothing is random, and of the options of sampling only -n and the constraints are used",
        BEAM,
    )
    length_normalization: Option[float] = BeamOptions.declared()["length_normalization"]
    encoding: Option[str] = Option(
        ENCODING,
        "encoding of the prompt file and of the text that is printed, except on a terminal",
        OUTPUT,
        default="utf-8",
    )
    json: Option[bool] = Option(
        Flag(),
        "print a line for each sample, a JSON object: prompt; text, which is the prompt and its "
        "continuation; bits, the -log2 of the continuation's probability; and stop, why it ended: "
        "length, stop or regex. Bytes that are not UTF-8 become U+FFFD",
        OUTPUT,
        default=False,
    )
    raw: Option[bool] = Option(
        Flag(),
        "print the text or the bytes alone, with nothing between samples or after them, and on a "
        "terminal as they are",
        OUTPUT,
        default=False,
    )
    interactive: Option[bool] = Option(
        Flag(),
        "write a text together with the model, with /help; more comfortable with "
        "gru-ext[interactive]",
        OUTPUT,
        default=False,
    )

    def __post_init__(self) -> None:
        _one_of(self, "json", "raw", "interactive")
        _one_of(self, "beam", "interactive")
        if self.beam is None and "length_normalization" in self.given():
            raise ValueError("`length_normalization` is for a search: give `beam` too")

    def search(self, sampling: SamplingOptions) -> BeamOptions:
        """The options of the beam search, with the constraints among the options of sampling.

        Raises
        ------
        TypeError, ValueError
            One of the others is given.
        """
        given = sampling.given()
        if other := sorted(given.keys() - BeamOptions.declared().keys()):
            raise ValueError(f"`beam` and `{other[0]}` cannot be combined: nothing is random")
        try:
            return BeamOptions(
                beam_width=self.beam, length_normalization=self.length_normalization, **given
            )
        except ValueError as error:
            raise ValueError(str(error).replace("`beam_width`", "`beam`")) from None


class ScoreOptions(WeightsOptions):
    """What ``gru-ext score`` prints."""

    by: Option[str | None] = Option(
        OneOf(("line", "document", "file")),
        "what is scored",
        EVALUATION,
        automatic="document if the model was trained with a document separator, or else line",
    )
    unknown: Option[UnknownChoice] = Option(UNKNOWN_KIND, UNKNOWN_HELP, EVALUATION, default="error")
    encoding: Option[str] = Option(
        ENCODING, "encoding of the text files", EVALUATION, default="utf-8"
    )
    top: Option[int | None] = Option(
        Whole(1), "print the N most surprising ones, the most surprising first", OUTPUT
    )
    shortest: Option[int | None] = Option(
        Whole(1),
        "leave out those of fewer characters",
        OUTPUT,
        automatic="5 with top, or else 1",
    )
    threshold: Option[float | None] = Option(
        Number(), "print those of X bits per character or more", OUTPUT
    )
    per_character: Option[bool] = Option(
        Flag(), "print the bits of each character too", OUTPUT, default=False
    )
    tsv: Option[bool] = Option(
        Flag(),
        f"print columns with tabs between them and a line of names. Of a text, the first {KEPT:,} "
        "characters are printed, with escapes",
        OUTPUT,
        default=False,
    )
    json: Option[bool] = Option(
        Flag(),
        f"print a JSON object in each line. Of a text, it has the first {KEPT:,} characters; bytes "
        "that are not UTF-8 become U+FFFD",
        OUTPUT,
        default=False,
    )

    def __post_init__(self) -> None:
        _one_of(self, "tsv", "json")
