# SPDX-License-Identifier: MIT
"""What a model predicts: streams, scores, hidden states, probabilities, evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.keywords import described_by
from gru_ext.arguments.kinds import Whole
from gru_ext.model.adaptation_options import AdaptationKeywords
from gru_ext.model.evaluation_options import EvaluationOptions
from gru_ext.model.stored import StoredModel
from gru_ext.model.texts import Texts, as_texts
from gru_ext.model.weights_options import Weights, WeightsOptions
from gru_ext.text.unknown import UnknownChoice

if TYPE_CHECKING:
    from gru_ext.model.evaluation import Evaluation
    from gru_ext.model.score import Score
    from gru_ext.model.stream import Stream
    from gru_ext.text.given import Text

BATCH_SIZE = Whole(1, 1 << 20)


class Predicting(StoredModel):
    """The methods of :class:`gru_ext.Model` that predict."""

    @described_by(WeightsOptions)
    def stream(self, batch_size: int = 1, weights: Weights | None = None) -> Stream:
        """Return a stream: a state that reads text, predicts what comes next, and can be copied.

        It reads the weights of the model, so that a change of them changes what it predicts. Other
        ``weights`` are rounded when the stream is made, and stay as they are.

        Parameters
        ----------
        batch_size : int
            The number of texts that it reads at a time.
        {options}

        Raises
        ------
        TypeError, ValueError
            The batch size is not allowed, or a parameter has values that are not finite.
        """
        from gru_ext.model.stream import Stream

        self.parameters.check_finite()
        batch_size = BATCH_SIZE.check("batch_size", batch_size)
        parameters = self.with_weights(weights).parameters
        return Stream(parameters, batch_size, self.separator, self.vocabulary)

    @overload
    def score(
        self,
        text: str | bytes,
        prompt: str | bytes = "",
        unknown: UnknownChoice = "error",
        weights: Weights | None = None,
    ) -> Score: ...
    @overload
    def score(
        self,
        text: Texts,
        prompt: str | bytes = "",
        unknown: UnknownChoice = "error",
        weights: Weights | None = None,
    ) -> list[Score]: ...
    @described_by(WeightsOptions)
    def score(
        self,
        text: str | bytes | Texts,
        prompt: str | bytes = "",
        unknown: UnknownChoice = "error",
        weights: Weights | None = None,
    ) -> Score | list[Score]:
        """Return how many bits each character of a text costs.

        The sum is that of :meth:`evaluate`: the state is zero at the start, and it is reset at
        each document if the model was trained with a document separator.

        Parameters
        ----------
        text : str, bytes, or a list of them
            The text itself, or several texts, each of which is read from a zero state.
        prompt : str or bytes
            What is read before each text, such as a newline. Without a prompt there is no
            prediction for a text's first character, which costs 0 bits.
        unknown : str
            What happens to characters that the model does not know: they are refused ("error"),
            left out ("skip"), or left out and counted with log2(1,114,112) = 20.1 bits ("cost").
        {options}

        Returns
        -------
        Score, or a list of them

        Raises
        ------
        TypeError, ValueError
            A text is not text, or has characters that the model does not know; or a parameter has
            values that are not finite.
        """

        from gru_ext.model.scoring import score_texts

        self.parameters.check_finite()
        texts, single = as_texts("text", text)
        scores = score_texts(self.with_weights(weights), texts, prompt, unknown)
        return scores[0] if single else scores

    @overload
    def hidden_states(
        self, text: str | bytes, prompt: str | bytes = ""
    ) -> NDArray[np.floating]: ...
    @overload
    def hidden_states(
        self, text: Texts, prompt: str | bytes = ""
    ) -> list[NDArray[np.floating]]: ...
    def hidden_states(
        self, text: str | bytes | Texts, prompt: str | bytes = ""
    ) -> NDArray[np.floating] | list[NDArray[np.floating]]:
        """Return the hidden states after each character of a text, shape (n, layers, H).

        Parameters
        ----------
        text, prompt
            As for :meth:`score`.
        """
        from gru_ext.model.scoring import hidden_states_of

        self.parameters.check_finite()
        texts, single = as_texts("text", text)
        states = hidden_states_of(self, texts, prompt)
        return states[0] if single else states

    @overload
    def next_probabilities(
        self, prompt: str | bytes, temperature: float = 1.0
    ) -> dict[str | bytes, float]: ...
    @overload
    def next_probabilities(
        self, prompt: Texts, temperature: float = 1.0
    ) -> list[dict[str | bytes, float]]: ...
    def next_probabilities(
        self, prompt: str | bytes | Texts, temperature: float = 1.0
    ) -> dict[str | bytes, float] | list[dict[str | bytes, float]]:
        """Return the probability of each character that may follow a prompt, most likely first.

        Parameters
        ----------
        prompt : str, bytes, or a list of them
            What the model reads first, of one character or more.
        temperature : float
            The logits are divided by it.

        Returns
        -------
        dict of str to float, or a list of them
            Of bytes to float for a model of bytes.
        """
        from gru_ext.model.scoring import next_probabilities_of

        self.parameters.check_finite()
        prompts, single = as_texts("prompt", prompt)
        found = next_probabilities_of(self, prompts, temperature)
        return found[0] if single else found

    @described_by(EvaluationOptions)
    def evaluate(
        self,
        text: Text,
        encoding: str = "utf-8",
        join: str = "",
        windows: int | None = None,
        unknown: UnknownChoice = "error",
        adapt: bool = False,
        weights: Weights | None = None,
        **adaptation: Unpack[AdaptationKeywords],
    ) -> Evaluation:
        """Evaluate the model on a text: the cross-entropy of its characters.

        The hidden state is zero at the start and carried through the whole text. It is reset at
        each document if the model was trained with a document separator.

        Parameters
        ----------
        text : str, bytes, path-like, iterable of str or bytes, or list of paths
            A str is the text itself, and so are bytes for a model of bytes; one that looks like a
            path is refused. Several of them are documents, which are joined with the model's
            document separator, or else with ``join``.
        encoding : str
            The encoding of the files, for a model of characters.
        join : str
            Text placed between the files, or after each document.
        {options}

        Raises
        ------
        TypeError, ValueError, OSError
            The text cannot be read, has characters that the model does not know, or fewer than
            two; or a parameter has values that are not finite.
        """
        from gru_ext.model.evaluation import evaluate_text

        self.parameters.check_finite()
        options = EvaluationOptions(
            windows=windows, unknown=unknown, adapt=adapt, weights=weights, **adaptation
        )
        return evaluate_text(self.with_weights(weights), text, encoding, join, options)
