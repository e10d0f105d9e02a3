# SPDX-License-Identifier: MIT
"""What a model generates: samples, one at a time or many, and beam search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack, overload

from gru_ext.arguments.keywords import described_by
from gru_ext.model.sampling_options import (
    BeamOptions,
    ConstraintKeywords,
    SampleKeywords,
    SamplingKeywords,
    SamplingOptions,
)
from gru_ext.model.stored import StoredModel
from gru_ext.model.texts import Texts, as_texts
from gru_ext.model.weights_options import Weights

if TYPE_CHECKING:
    from gru_ext.model.sampling import Sample


class Generating(StoredModel):
    """The methods of :class:`gru_ext.Model` that generate text."""

    @overload
    def sample(
        self,
        length: int,
        prompt: str = "",
        temperature: float = 1.0,
        seed: int | None = None,
        *,
        n: None = None,
        best_of: int = 1,
        **options: Unpack[SampleKeywords],
    ) -> str: ...
    @overload
    def sample(
        self,
        length: int,
        prompt: bytes,
        temperature: float = 1.0,
        seed: int | None = None,
        *,
        n: None = None,
        best_of: int = 1,
        **options: Unpack[SampleKeywords],
    ) -> bytes: ...
    @overload
    def sample(
        self,
        length: int,
        prompt: Texts,
        temperature: float = 1.0,
        seed: int | None = None,
        *,
        n: int | None = None,
        best_of: int = 1,
        **options: Unpack[SampleKeywords],
    ) -> list[Any]: ...
    @overload
    def sample(
        self,
        length: int,
        prompt: str | bytes | Texts = "",
        temperature: float = 1.0,
        seed: int | None = None,
        *,
        n: int,
        best_of: int = 1,
        **options: Unpack[SampleKeywords],
    ) -> list[Any]: ...
    @described_by(SamplingOptions)
    def sample(
        self,
        length: int,
        prompt: str | bytes | Texts = "",
        temperature: float = 1.0,
        seed: int | None = None,
        *,
        n: int | None = None,
        best_of: int = 1,
        **options: Unpack[SampleKeywords],
    ) -> Any:
        """Sample text: the prompt and ``length`` characters that follow it.

        For a model of bytes, ``length`` counts bytes. The result is a str, with U+FFFD for what is
        not UTF-8; or bytes if the prompt is bytes, ``b""`` included. With ``n`` it is a list of n
        of them; with a list of prompts it is a list with the result for each.

        Parameters
        ----------
        length : int
            The greatest number of characters that follow the prompt; there are fewer only after a
            ``stop`` text or with ``regex``.
        prompt : str or bytes, or a list of them
            What the model reads first: characters that it knows. Without a prompt a sample starts
            as after a document separator, where the model has one; or else after a newline, if the
            model knows that character; or else after a random character, which is drawn with
            ``seed``, or the first of the vocabulary at temperature 0. It is not in the result.
        {options}

        Raises
        ------
        TypeError, ValueError
            The prompt has characters that the model does not know, an option is not as described,
            or a parameter has values that are not finite.
        """
        given = SamplingOptions(temperature=temperature, seed=seed, n=n, best_of=best_of, **options)
        prompts, single = as_texts("prompt", prompt)
        found = self._generate(length, prompts, given)
        if n is None:
            texts = [samples[0].text for samples in found]
        else:
            texts = [[sample.text for sample in samples] for samples in found]
        return texts[0] if single else texts

    @overload
    def generate(
        self, length: int, prompt: str | bytes = "", **options: Unpack[SamplingKeywords]
    ) -> list[Sample]: ...
    @overload
    def generate(
        self, length: int, prompt: Texts, **options: Unpack[SamplingKeywords]
    ) -> list[list[Sample]]: ...
    @described_by(SamplingOptions)
    def generate(
        self,
        length: int,
        prompt: str | bytes | Texts = "",
        **options: Unpack[SamplingKeywords],
    ) -> Any:
        """Sample as :meth:`sample` does, and return what is known of each sample.

        Parameters
        ----------
        length, prompt
            As for :meth:`sample`.
        {options}

        Returns
        -------
        list of Sample, or a list of such lists
            A Sample for each of ``n``; for a list of prompts, a list for each prompt.

        Raises
        ------
        TypeError, ValueError
            As for :meth:`sample`.
        """
        prompts, single = as_texts("prompt", prompt)
        found = self._generate(length, prompts, SamplingOptions(**options))
        return found[0] if single else found

    def _generate(
        self, length: int, prompts: Sequence[str | bytes], options: SamplingOptions
    ) -> list[list[Sample]]:
        from gru_ext.model.sampling import generate

        self.parameters.check_finite()
        return generate(self.with_weights(options.weights), length, prompts, options)

    @described_by(SamplingOptions, ["n", "best_of"])
    def iter_sample(
        self,
        length: int,
        prompt: str | bytes = "",
        temperature: float = 1.0,
        seed: int | None = None,
        **options: Unpack[SampleKeywords],
    ) -> Iterator[Any]:
        """Yield what :meth:`sample` generates after the prompt, a part at a time.

        Parameters
        ----------
        length, prompt
            As for :meth:`sample`.
        {options}

        Yields
        ------
        str, or bytes if the prompt is bytes
        """
        from gru_ext.model.sampling import iter_sample

        self.parameters.check_finite()
        given = SamplingOptions(temperature=temperature, seed=seed, **options)
        return iter_sample(self.with_weights(given.weights), length, prompt, given)

    @overload
    def beam_search(
        self,
        length: int,
        prompt: str | bytes = "",
        beam_width: int = 8,
        *,
        length_normalization: float = 1.0,
        n: int | None = None,
        weights: Weights | None = None,
        **options: Unpack[ConstraintKeywords],
    ) -> list[Sample]: ...
    @overload
    def beam_search(
        self,
        length: int,
        prompt: Texts,
        beam_width: int = 8,
        *,
        length_normalization: float = 1.0,
        n: int | None = None,
        weights: Weights | None = None,
        **options: Unpack[ConstraintKeywords],
    ) -> list[list[Sample]]: ...
    @described_by(BeamOptions)
    def beam_search(
        self,
        length: int,
        prompt: str | bytes | Texts = "",
        beam_width: int = 8,
        *,
        length_normalization: float = 1.0,
        n: int | None = None,
        weights: Weights | None = None,
        **options: Unpack[ConstraintKeywords],
    ) -> Any:
        """Search for the most likely texts that follow a prompt, the best first.

        In each step every one of ``beam_width`` texts is extended by each character, and the
        ``beam_width`` most likely results are kept. A text ends after a ``stop`` text, at the end
        of a match of ``regex``, or with ``length`` characters. Nothing is random. A beam of width
        1 takes the most likely character each time; a wide one finds more likely texts.

        Parameters
        ----------
        length : int
            The greatest number of characters, or bytes, that follow the prompt.
        prompt : str or bytes, or a list of them
            As for :meth:`sample` at temperature 0.
        {options}

        Returns
        -------
        list of Sample, or a list of such lists
            The texts found, at most ``n``, for a list of prompts a list for each. The score that
            orders them is ``log2(p) / c ** length_normalization``, where c is the number of
            characters with the stop text, or 1 if there are none. p is the probability of these
            characters under the model. Where a match of ``regex`` ends it has another factor: the
            probability of all characters that the expression does not allow next. ``logit_bias`` is
            added to the log probability of each character, and p is not divided by the
            probability of what the constraints leave.

        Raises
        ------
        TypeError, ValueError
            The prompt has characters that the model does not know, an option is not as described,
            or a parameter has values that are not finite.

        Notes
        -----
        The division by a power of the length is that of Y. Wu et al., "Google's neural machine
        translation system", 2016, section 7. K. Murray and D. Chiang, "Correcting length bias in
        neural machine translation", 2018, compare it with others.
        """
        from gru_ext.model.beam import beam_search

        self.parameters.check_finite()
        prompts, single = as_texts("prompt", prompt)
        given = BeamOptions(
            beam_width=beam_width,
            length_normalization=length_normalization,
            n=n,
            weights=weights,
            **options,
        )
        found = beam_search(self.with_weights(weights), length, prompts, given)
        return found[0] if single else found
