# SPDX-License-Identifier: MIT
"""Sampling text from a model: one sample as it comes, or many side by side."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.kinds import Whole
from gru_ext.arguments.messages import shown
from gru_ext.core.sampler import ENDINGS, Sampler
from gru_ext.core.sampling_loop import sample_symbols
from gru_ext.core.threads import SAMPLING, helpful_threads, usable_threads
from gru_ext.core.training_loop import step_time
from gru_ext.model.parameters import Parameters
from gru_ext.model.sampling_options import ChoiceOptions, SamplingOptions
from gru_ext.model.sampling_plan import SamplingPlan
from gru_ext.model.stream import Stream

if TYPE_CHECKING:
    from gru_ext.model.stored import StoredModel

LENGTH = Whole(0)

# Characters of a part of a sample that is shown as it comes, and those that are sampled in one call
# otherwise.
_PART, _CALL = 256, 2048
# Samples side by side: at most, and at least for each thread.
_MOST, _FEWEST = 64, 4
# The nanoseconds of a call from which helper threads pay off.
_SHARED = 1e6
_BITS_PER_NAT = 1 / math.log(2)

Seed = int | Sequence[int] | None


@dataclass(frozen=True, repr=False)
class Sample:
    """A text that a model generated.

    Attributes
    ----------
    prompt : str or bytes
        What the model read first.
    continuation : str or bytes
        What it generated.
    bits : float
        How many bits the continuation costs under the model: -log2 of its probability at
        temperature 1 without any filter. A stop text that was cut off counts too.
    stop : str
        Why it ended: "length", "stop" or "regex".
    characters : int
        How many characters cost these bits: those of the continuation and of a stop text that was
        cut off.
    """

    prompt: str | bytes
    continuation: str | bytes
    bits: float
    stop: str
    characters: int

    @property
    def text(self) -> Any:
        """Prompt and continuation."""
        return self.prompt + self.continuation  # type: ignore[operator]

    @property
    def bits_per_char(self) -> float:
        """Bits per character, or 0 where there is none."""
        return self.bits / max(1, self.characters)

    def __repr__(self) -> str:
        per = "byte" if isinstance(self.continuation, bytes) else "char"
        return (
            f"<gru_ext.Sample: {shown(self.continuation)}, {self.bits_per_char:.3f} bits/{per}, "
            f"ended by {self.stop}>"
        )


def generator_of(seed: Seed, i: int) -> np.random.Generator:
    """The random numbers of sample i: they depend on nothing but the seed and i."""
    if seed is None:
        return np.random.default_rng()
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(i,) if i else ()))


def plan_of(model: StoredModel, options: ChoiceOptions, length: int) -> SamplingPlan:
    """What the options mean for this model."""
    length = LENGTH.check("length", length)
    return SamplingPlan(options, model.vocabulary, model.dtype, length, validation_bits(model))


def validation_bits(model: StoredModel) -> float | None:
    """The loss on the validation part that the model file records, in bits.

    A file of the best weights has theirs; another one has that of the last evaluation.
    """
    for keys in (("validation", "nats_per_char"), ("run", "validation", "nats")):
        value: Any = model.about
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, float) and math.isfinite(value):
            return value * _BITS_PER_NAT
    return None


def encoded_prompt(model: StoredModel, prompt: str | bytes) -> NDArray[np.integer]:
    """The symbols of a prompt, (n,)."""
    if isinstance(prompt, bytes) and model.vocabulary.units != "bytes":
        raise TypeError("`prompt` must be a str for a model of characters, not bytes")
    if not isinstance(prompt, str | bytes):
        raise TypeError(f"`prompt` must be a str or bytes, not {type(prompt).__name__}")
    return model.vocabulary.encode(prompt)


def read_first(
    model: StoredModel, prompt: NDArray[np.integer], generator: np.random.Generator | None
) -> NDArray[np.integer]:
    """What is read before text is generated, (n,): the symbols of the prompt.

    Without a prompt it is the last character of the document separator, or else a newline if the
    model knows that character, or else a random character; without a generator, the first one.
    """
    vocabulary = model.vocabulary
    if len(prompt):
        return prompt
    if model.separator is not None:
        return model.separator[-1:]
    if "\n" in vocabulary:
        return vocabulary.encode("\n")
    if generator is None:
        return np.zeros(1, np.int32)
    return generator.integers(len(vocabulary), size=1, dtype=np.int32)


def generate(
    model: StoredModel, length: int, prompts: Sequence[str | bytes], options: SamplingOptions
) -> list[list[Sample]]:
    """Generate ``options.n`` samples for each prompt (:meth:`Model.generate`).

    The samples are divided into batches, which run on several threads. A sample does not depend on
    the others, so that the number of threads makes no difference.
    """
    plan = plan_of(model, options, length)
    count = (options.n or 1) * options.best_of
    rows = [(prompt, i) for prompt in prompts for i in range(count)]
    threads = min(usable_threads(), -(-len(rows) // _FEWEST)) or 1
    size = max(1, min(_MOST, -(-len(rows) // threads)))
    batches = [rows[i : i + size] for i in range(0, len(rows), size)]
    left = usable_threads() // max(1, len(batches)) or 1
    shared = _threads_of_a_stream(model.parameters, min(length, _CALL), left)
    stopped = threading.Event()

    def run(batch: list[tuple[str | bytes, int]]) -> list[Sample]:
        return _generate_batch(model, plan, batch, stopped, shared)

    if threads == 1:
        done = [run(batch) for batch in batches]
    else:
        with ThreadPoolExecutor(threads) as pool:
            try:
                done = list(pool.map(run, batches))
            except BaseException:
                stopped.set()
                raise
    samples = [sample for batch in done for sample in batch]
    best = options.best_of
    chosen = [
        min(samples[i : i + best], key=lambda sample: sample.bits_per_char)
        for i in range(0, len(samples), best)
    ]
    each = options.n or 1
    return [chosen[i : i + each] for i in range(0, len(chosen), each)]


def _threads_of_a_stream(parameters: Parameters, characters: int, most: int) -> int:
    """The threads that share each step of a call that samples so many characters."""
    H, itemsize = parameters.hidden_size, parameters.weight_bytes
    if characters * parameters.layers * step_time(H, 1, itemsize, 1) < _SHARED:
        return 1
    return helpful_threads(1, H, itemsize, most, SAMPLING)


def _generate_batch(
    model: StoredModel,
    plan: SamplingPlan,
    rows: Sequence[tuple[str | bytes, int]],
    stopped: threading.Event,
    threads: int = 1,
) -> list[Sample]:
    """One sample for each prompt and number, side by side."""
    generators = [generator_of(plan.options.seed, i) for _, i in rows]
    prompts = [encoded_prompt(model, prompt) for prompt, _ in rows]
    stream = Stream(model.parameters, len(rows), model.separator, model.vocabulary)
    reader = Stream(model.parameters, 1, model.separator, model.vocabulary)
    states: dict[bytes, Stream] = {}
    heads = []
    for symbols, generator in zip(prompts, generators, strict=True):
        first = read_first(model, symbols, generator if plan.options.temperature else None)
        key = first.astype(np.int32).tobytes()
        if key not in states:
            reader.reset()
            reader.read(first[:, None])
            states[key] = reader.copy()
        heads.append(states[key])
    stream.assign(heads, [0] * len(heads))
    sampler = plan.sampler(len(rows))
    for b, symbols in enumerate(prompts):
        sampler.read_stream(b, symbols)
    sampled, bits = _run(plan, stream, sampler, generators, stopped, threads)
    endings, found = sampler.ended, []
    for b, (prompt, _) in enumerate(rows):
        symbols, ending = _symbols(sampled[:, b]), ENDINGS[endings[b]]
        text = plan.text(symbols, ending, isinstance(prompt, bytes))
        found.append(Sample(prompt, text, float(bits[b]), ending or "length", len(symbols)))
    return found


def draw(stream: Stream, length: int, options: ChoiceOptions) -> list[Any]:
    """Generate text that follows what each stream has read (:meth:`Stream.draw`)."""
    length = LENGTH.check("length", length)
    plan = SamplingPlan(options, stream.vocabulary, stream.dtype, length)
    generators = [generator_of(options.seed, b) for b in range(stream.batch_size)]
    sampler = plan.sampler(stream.batch_size)
    threads = _threads_of_a_stream(stream.parameters, min(length, _CALL), usable_threads())
    sampled, _ = _run(plan, stream, sampler, generators, threads=threads)
    as_bytes = stream.vocabulary.units == "bytes"
    return [
        plan.text(_symbols(sampled[:, b]), ENDINGS[sampler.ended[b]], as_bytes)
        for b in range(stream.batch_size)
    ]


def _run(
    plan: SamplingPlan,
    stream: Stream,
    sampler: Sampler,
    generators: Sequence[np.random.Generator],
    stopped: threading.Event | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The symbols of each stream, (n, B), -1 after the end of a sample, and their bits, (B,)."""
    parts, nats = [], np.zeros(len(generators))
    for begin in range(0, plan.length, _CALL):
        if stopped is not None and stopped.is_set():
            break
        n = min(_CALL, plan.length - begin)
        losses = np.empty((n, len(generators)))
        uniforms = np.stack([generator.random(n) for generator in generators], axis=1)
        parts.append(sample_symbols(stream, sampler, uniforms, losses, threads))
        # each stream's sum in the same order, whatever their number
        nats += np.ascontiguousarray(losses.T).sum(axis=1)
        if sampler.ended.all():
            break
    empty = np.empty((0, len(generators)), np.int32)
    return np.concatenate([empty, *parts]), nats * _BITS_PER_NAT


def _symbols(sampled: NDArray[np.int32]) -> NDArray[np.int32]:
    """A sample's symbols, from a column that is -1 after its end."""
    return sampled[sampled >= 0]


def iter_sample(
    model: StoredModel,
    length: int,
    prompt: str | bytes = "",
    options: ChoiceOptions | None = None,
    seed: Seed = None,
) -> Iterator[Any]:
    """Yield one sample a part at a time, as text or, for a prompt of bytes, as bytes.

    The prompt is not yielded. ``seed`` is for seeds of several numbers, which no option has.
    """
    options = options or ChoiceOptions()
    plan = plan_of(model, options, length)
    generator = generator_of(options.seed if seed is None else seed, 0)
    symbols = encoded_prompt(model, prompt)
    first = read_first(model, symbols, generator if options.temperature else None)
    stream = Stream(model.parameters, 1, model.separator, model.vocabulary)
    stream.read(first[:, None])
    decode: Any = model.vocabulary.decoder()
    if isinstance(prompt, bytes):
        decode = lambda part, last: model.vocabulary.to_bytes(part)  # noqa: E731
    sampler = plan.sampler(1)
    sampler.read_stream(0, symbols)
    return iterate(plan, stream, sampler, generator, decode)


def iterate(
    plan: SamplingPlan,
    stream: Stream,
    sampler: Sampler,
    generator: np.random.Generator,
    decode: Any,
    longest: int = _PART,
) -> Iterator[Any]:
    """Yield what a stream generates, in parts of ``longest`` characters or less."""
    waiting: NDArray[np.integer] = np.empty(0, np.int32)  # what may turn out to be a stop text
    characters = min(plan.length, longest)
    threads = _threads_of_a_stream(stream.parameters, characters, usable_threads())
    for begin in range(0, plan.length, longest):
        uniforms = generator.random((min(longest, plan.length - begin), 1))
        part = sample_symbols(stream, sampler, uniforms, threads=threads)[:, 0]
        waiting = np.concatenate([waiting, part[part >= 0]])
        if sampler.ended[0]:
            break
        ready = max(0, len(waiting) - plan.held_back)
        if text := decode(waiting[:ready], False):
            yield text
        waiting = waiting[ready:]
    if ENDINGS[int(sampler.ended[0])] == "stop":
        waiting = plan.without_stop(waiting)
    if text := decode(waiting, True):
        yield text
