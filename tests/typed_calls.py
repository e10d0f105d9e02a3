# SPDX-License-Identifier: MIT
"""Calls that mypy checks: keywords of gru_ext.train and of models are those of their options.

Where a comment ignores an error, mypy reports the comment if there is no such error.
"""

from pathlib import Path
from typing import assert_type

import gru_ext
from gru_ext.model.sampling import Sample
from gru_ext.model.score import Score


def calls(text: str) -> gru_ext.Model:
    gru_ext.train(text, hidden_size="8")  # type: ignore[arg-type]
    gru_ext.train(text, hiden_size=8)  # type: ignore[call-arg]
    gru_ext.train(hidden_size=8)  # type: ignore[call-arg]
    gru_ext.train(text, callback=len)  # type: ignore[arg-type]
    gru_ext.train(text, callback=lambda progress: progress.train_bits < 3)
    model = gru_ext.train(text)
    gru_ext.train(["a", "b"], shuffle=False, split="documents", validation=[b"a"])
    gru_ext.train((line for line in text), validation=Path("b.txt"))
    gru_ext.train([Path("a.txt"), Path("b.txt")], split="tail")
    gru_ext.train([1, 2])  # type: ignore[arg-type]
    gru_ext.train(text, split="head")  # type: ignore[arg-type]
    gru_ext.plot(model.history)
    gru_ext.plot(["a.jsonl", model.history], output="a.pdf")
    gru_ext.plot({"a": model.history, "b": "b.jsonl"})
    gru_ext.plot(3)  # type: ignore[arg-type]
    return gru_ext.train(text, hidden_size=None, output="model.npz", tied=True)


def searches(text: str) -> gru_ext.Model:
    gru_ext.tune(text, trials="3")  # type: ignore[arg-type]
    gru_ext.tune(text, hiden_size=8)  # type: ignore[call-arg]
    result = gru_ext.tune(text, trials=3, minutes=1, jobs=2, layers=1, output="trials.json")
    assert_type(result, gru_ext.TuneResult)
    assert_type(result.best_trial.bits, float | None)
    return gru_ext.train(text, **result.best)


def samples(model: gru_ext.Model) -> None:
    model.sample(5, "a", tempratur=1.0)  # type: ignore[call-overload]
    model.sample(5, "a", top_k="3")  # type: ignore[call-overload]
    model.sample(5, "a", stop=3)  # type: ignore[call-overload]
    model.sample(5, 3)  # type: ignore[call-overload]
    assert_type(model.sample(5, "a", 0.5, 1, stop=["a", "b"], logit_bias={"a": 1}), str)
    assert_type(model.sample(5, b"a", regex="a+", keep_stop=True), bytes)
    model.generate(5, "a", bestof=3)  # type: ignore[call-overload]
    model.generate(5, "a", seed="1")  # type: ignore[call-overload]
    assert_type(model.generate(5, "a", temperature=0.5, seed=1, n=3, best_of=2), list[Sample])
    assert_type(model.generate(5, ["a", "b"], dry=1.0), list[list[Sample]])
    model.iter_sample(5, "a", n=3)  # type: ignore[call-arg]
    model.iter_sample(5, "a", top_p="1")  # type: ignore[arg-type]
    model.beam_search(5, "a", 4, temperature=1.0)  # type: ignore[call-overload]
    model.beam_search(5, "a", beam_width="4")  # type: ignore[call-overload]
    assert_type(model.beam_search(5, "a", 4, stop="b", length_normalization=0), list[Sample])
    assert_type(model.beam_search(5, ["a"], n=2, logit_bias={"b": -1.0}), list[list[Sample]])
    model.stream().draw(5, 0.5, 1, best_of=2)  # type: ignore[call-arg]
    model.stream(weights="int8").draw(5, weights="int8")  # type: ignore[call-arg]
    assert_type(model.sample(5, weights="int8"), str)
    model.sample(5, weights="int4")  # type: ignore[call-overload]
    model.with_weights("int4")  # type: ignore[arg-type]
    assert_type(model.with_weights("bfloat16"), gru_ext.Model)
    model.stream().draw(5, 0.5, 1, stop=["a"], surprise="validation")


def scores(model: gru_ext.Model) -> None:
    assert_type(model.score("a", unknown="cost"), Score)
    assert_type(model.score(["a", "b"]), list[Score])
    assert_type(model.next_probabilities("a"), dict[str | bytes, float])
    assert_type(model.next_probabilities(["a"]), list[dict[str | bytes, float]])
    model.score("a", unknwon="cost")  # type: ignore[call-overload]
    model.score("a", unknown="ignore")  # type: ignore[call-overload]


def choices(text: str, model: gru_ext.Model) -> None:
    gru_ext.train(text, optimizer="adamw", schedule="plateau", dtype="float64", units="bytes")
    gru_ext.train(text, keep="best", optimizer=None)
    gru_ext.train(text, optimizer="sgd")  # type: ignore[arg-type]
    gru_ext.train(text, schedule="linear")  # type: ignore[arg-type]
    gru_ext.train(text, dtype="float16")  # type: ignore[arg-type]
    gru_ext.train(text, units="words")  # type: ignore[arg-type]
    gru_ext.train(text, keep="first")  # type: ignore[arg-type]
    gru_ext.Trainer(model, model.vocabulary.encode(text), optimizer="sgd")  # type: ignore[arg-type]
    model.evaluate(text, unknown="skip")
    model.evaluate(text, unknown="ignore")  # type: ignore[arg-type]
    model.sample(5, "a", surprise="training")  # type: ignore[call-overload]
    gru_ext.use_matmul("blas")
    gru_ext.use_matmul("mkl")  # type: ignore[arg-type]
