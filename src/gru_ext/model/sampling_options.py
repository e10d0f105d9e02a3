# SPDX-License-Identifier: MIT
"""The options of sampling, each declared once.

Argument checks, the parser and help of ``gru-ext sample``, and the docstrings of the methods that
sample follow from here.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from gru_ext.arguments.escapes import unescaped
from gru_ext.arguments.kinds import Flag, Kind, Number, String, Strings, Whole
from gru_ext.arguments.option import Option, Options
from gru_ext.model.texts import Texts
from gru_ext.model.weights_options import Weights, WeightsOptions

SAMPLING = "sampling"
CONSTRAINTS = "constraints"
REPETITION = "repetition"
SEVERAL = "several samples"
BEAM = "beam search"

VALIDATION = "validation"
"""The surprise that is the model's own validation loss."""

LARGEST_BIAS = 1e6
"""float32 logits stay finite with it."""


class Surprise(Number):
    """A number of bits, or the model's validation loss."""

    annotation = "float | Literal['validation']"
    metavar = "BITS"

    def check(self, name: str, value: object) -> Any:
        if isinstance(value, str) and value == VALIDATION:
            return VALIDATION
        return super().check(name, value)

    def describe(self) -> str:
        return f"{super().describe()} or '{VALIDATION}'"


class Biases(Kind[dict[str | bytes, float]]):
    """A number for each of some characters."""

    annotation, metavar = "Mapping[str | bytes, float]", ""

    def check(self, name: str, value: object) -> dict[str | bytes, float]:
        if not isinstance(value, Mapping):
            raise TypeError(self.refusal(name, value))
        checked = {}
        for character, bias in value.items():
            refusal = self.refusal(name, {character: bias})
            real = isinstance(bias, numbers.Real) and not isinstance(bias, bool)
            if not isinstance(character, str | bytes) or not real:
                raise TypeError(refusal)
            if len(character) != 1 or not (bias == -math.inf or abs(bias) <= LARGEST_BIAS):
                raise ValueError(refusal)
            checked[character] = float(bias)
        return checked

    def describe(self) -> str:
        return "a mapping of single characters to numbers from -1e6 to 1e6, or -inf"


class FilterOptions(Options):
    """Which of the characters that may come next are sampled, and how often."""

    temperature: Option[float] = Option(
        Number(least=0),
        "below 1: more likely text; above 1: more varied text; 0: always the most likely character",
        SAMPLING,
        default=1.0,
        details="The logits are divided by it, before any of the filters below.",
    )
    seed: Option[int | None] = Option(
        Whole(0),
        "the same seed gives the same text",
        SAMPLING,
        details="Sample i of several is a function of the seed and i alone.",
    )
    top_k: Option[int] = Option(
        Whole(0, metavar="K"),
        "sample from the K most likely characters; 0: from all",
        SAMPLING,
        default=0,
    )
    top_p: Option[float] = Option(
        Number(above=0, most=1),
        "sample from the fewest most likely characters whose probabilities sum to X",
        SAMPLING,
        default=1.0,
        details="This is nucleus sampling (Holtzman et al., 2020).",
    )
    min_p: Option[float] = Option(
        Number(least=0, most=1),
        "leave out characters less likely than X times the most likely one",
        SAMPLING,
        default=0.0,
        details="After Nguyen et al. (2024).",
    )
    typical_p: Option[float] = Option(
        Number(above=0, most=1),
        "sample from the characters whose surprise is nearest to the entropy, up to probability X",
        SAMPLING,
        default=1.0,
        details="This is locally typical sampling (Meister et al., 2023).",
    )
    surprise: Option[float | Literal["validation"] | None] = Option(
        Surprise(above=0),
        "keep the surprise of the text near so many bits per character",
        SAMPLING,
        details="This is mirostat, version 2 (Basu et al., 2021). The natural value is the model's "
        f"own loss on text that it has not seen; '{VALIDATION}' takes it from the model file. It "
        "replaces top_k, top_p, min_p and typical_p.",
    )


class ConstraintOptions(Options):
    """What a text must be: the options that samples and beam search have in common."""

    logit_bias: Option[Any] = Option(
        Biases(),
        "numbers that are added to the logits of characters; -inf bans one",
        CONSTRAINTS,
        on_command_line=False,
    )
    allowed: Option[str | None] = Option(
        String(unescaped), "generate no other characters than these", CONSTRAINTS
    )
    banned: Option[str | None] = Option(
        String(unescaped), "generate none of these characters", CONSTRAINTS
    )
    regex: Option[str | None] = Option(
        String(),
        "regular expression that the text after the prompt matches",
        CONSTRAINTS,
        details="Python's syntax, as far as it is regular. The length is then the greatest one. "
        "Where the text matches, it ends with the probability of all characters that the "
        "expression does not allow next.",
    )
    stop: Option[Any] = Option(
        Strings(unescaped),
        "end the text where this one appears; may be given several times",
        CONSTRAINTS,
    )
    keep_stop: Option[bool] = Option(
        Flag(),
        "keep the stop text at the end, which is cut off otherwise",
        CONSTRAINTS,
        default=False,
    )


class RepetitionOptions(Options):
    """How repetitions of earlier text are avoided."""

    dry: Option[float] = Option(
        Number(least=0),
        "how strongly a long repetition of earlier text is avoided; 0: not at all",
        REPETITION,
        default=0.0,
        details='DRY, "don\'t repeat yourself": where a character would repeat more than '
        "dry_length characters of the text before, its logit falls by dry * dry_base ** "
        "(characters above dry_length).",
    )
    dry_length: Option[int] = Option(
        Whole(1), "characters that may be repeated", REPETITION, default=20
    )
    dry_base: Option[float] = Option(
        Number(least=1), "growth of what is subtracted, per character", REPETITION, default=1.15
    )
    dry_range: Option[int] = Option(
        Whole(1, 2**20),
        "characters back to which repetitions are looked for",
        REPETITION,
        default=1024,
    )


class ChoiceOptions(RepetitionOptions, ConstraintOptions, FilterOptions):
    """How the next character is chosen: what all ways to sample have in common."""

    def __post_init__(self) -> None:
        if self.surprise is not None:
            for name in ("top_k", "top_p", "min_p", "typical_p"):
                if name in self.given() and self.given()[name] != self.declared()[name].default:
                    raise ValueError(f"`surprise` replaces `{name}`: give one of them")


class SamplingOptions(WeightsOptions, ChoiceOptions):
    """The options of sampling from a prompt."""

    n: Option[int | None] = Option(
        Whole(1), "number of samples", SEVERAL, automatic="one", letter="n"
    )
    best_of: Option[int] = Option(
        Whole(1),
        "draw so many candidates for each sample, and keep the one with the fewest bits per "
        "character",
        SEVERAL,
        default=1,
    )


class BeamOptions(WeightsOptions, ConstraintOptions):
    """The options of beam search."""

    beam_width: Option[int] = Option(
        Whole(1, 1 << 12), "number of texts that are extended side by side", BEAM, default=8
    )
    length_normalization: Option[float] = Option(
        Number(least=0, most=10),
        "the log probability of a text is divided by its length to the power of X",
        BEAM,
        default=1.0,
        details="0: the most likely text, which is often a short one; 1: the fewest bits per "
        "character.",
    )
    n: Option[int | None] = Option(
        Whole(1), "number of texts", BEAM, automatic="as many as beam_width"
    )

    def __post_init__(self) -> None:
        if self.n is not None and self.n > self.beam_width:
            raise ValueError(f"`n` must be at most `beam_width`, {self.beam_width}, not {self.n}")


class ConstraintKeywords(TypedDict, total=False):
    """The keyword arguments of :class:`ConstraintOptions`, for type checkers."""

    logit_bias: Mapping[str, float] | Mapping[bytes, float] | None
    allowed: str | None
    banned: str | None
    regex: str | None
    stop: str | bytes | Texts | None
    keep_stop: bool


class ChoiceKeywords(ConstraintKeywords, total=False):
    """The keyword arguments of :class:`ChoiceOptions` but two.

    ``temperature`` and ``seed`` may also be given by their place.
    """

    top_k: int
    top_p: float
    min_p: float
    typical_p: float
    surprise: float | Literal["validation"] | None
    dry: float
    dry_length: int
    dry_base: float
    dry_range: int


class SampleKeywords(ChoiceKeywords, total=False):
    """The keyword arguments of a sample, beside those that may be given by their place."""

    weights: Weights | None


class SamplingKeywords(SampleKeywords, total=False):
    """The keyword arguments of :class:`SamplingOptions`."""

    temperature: float
    seed: int | None
    n: int | None
    best_of: int
