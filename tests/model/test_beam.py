# SPDX-License-Identifier: MIT
"""Beam search: against all texts, against the greedy choice, its options and its errors."""

import itertools
import math

import numpy as np
import pytest
from enumeration import outcomes, toy

from gru_ext import Model, Vocabulary

REGEXES = ["[ab]*c", "a*", "(ab|c)*", "(a|bb?)?c?", "a{2}|b"]


def score(each, power, bias=0.0):
    """The definition: log2 p / length ** power."""
    return (math.log2(each.p * each.end) + bias) / max(1, len(each.text)) ** power


def check(found, expected, power):
    """The samples are the outcomes, best first."""
    expected = sorted(expected, key=lambda each: -score(each, power))
    assert [sample.continuation for sample in found] == [each.text for each in expected]
    assert [sample.stop for sample in found] == [each.ending for each in expected]
    bits = [-math.log2(each.p) for each in expected]
    np.testing.assert_allclose([sample.bits for sample in found], bits, rtol=1e-12)


@pytest.mark.parametrize("k", [3, 4, 5])
@pytest.mark.parametrize("power", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("stop", [(), ("b",), ("ab", "caa", "aab")])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_beam_of_all_texts_is_an_exhaustive_search(k, power, stop, layers):
    model = toy(layers=layers)
    width = 3**k
    found = model.beam_search(
        k, "ab", width, length_normalization=power, stop=list(stop), keep_stop=True
    )
    check(found, outcomes(model, "ab", k, stop), power)


@pytest.mark.parametrize("k", [3, 4, 5])
@pytest.mark.parametrize("power", [0.0, 1.0])
@pytest.mark.parametrize("regex", REGEXES)
@pytest.mark.parametrize("stop", [(), ("aa",)])
def test_an_exhaustive_search_of_matches(k, power, regex, stop):
    model = toy(seed=1)
    expected = outcomes(model, "ab", k, stop, regex)
    options = {"regex": regex, "stop": list(stop), "keep_stop": True}
    found = model.beam_search(k, "ab", 3**k, length_normalization=power, **options)
    check(found, expected, power)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize(("stop", "regex"), [(("b",), None), ((), "a*"), ((), "(ab|c)*")])
def test_the_best_ones_are_found_as_in_a_search_that_goes_on(power, stop, regex):
    """The search ends early where nothing better can follow."""
    for seed in range(5):
        model = toy(seed=seed)
        expected = outcomes(model, "c", 5, stop, regex)
        expected = sorted(expected, key=lambda each: -score(each, power))[:2]
        options = {"stop": list(stop), "regex": regex, "keep_stop": True}
        check(
            model.beam_search(5, "c", 243, length_normalization=power, n=2, **options),
            expected,
            power,
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("options", [{}, {"stop": ["ba", "c"]}, {"banned": "a"}, {"allowed": "ab"}])
@pytest.mark.parametrize("prompt", ["", "abc\nab"])
def test_width_1_is_greedy(dtype, layers, options, prompt):
    model = toy("\nabcdef", 9, dtype, layers, scale=1.0)
    for length in (0, 1, 40):
        [best] = model.beam_search(length, prompt, 1, **options)
        assert best.text == model.sample(length, prompt, 0, **options)
        [greedy] = model.generate(length, prompt, temperature=0, **options)
        assert (best.prompt, best.continuation, best.stop) == (
            prompt,
            greedy.continuation,
            greedy.stop,
        )
        assert best.bits == pytest.approx(greedy.bits, rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_plain_beam(dtype):
    """The steps of the definition, each text read by itself."""
    model = toy("\nabcdefgh", 11, dtype, 2, seed=3)
    width, beam = 4, [("", 0.0)]
    for _ in range(12):
        beam = [
            (text + c, bits - math.log2(p))
            for text, bits in beam
            for c, p in model.next_probabilities("\n" + text).items()
        ]
        beam = sorted(beam, key=lambda each: each[1])[:width]
    found = model.beam_search(12, "\n", width)
    assert [sample.continuation for sample in found] == [text for text, _ in beam]
    np.testing.assert_allclose([s.bits for s in found], [bits for _, bits in beam], rtol=1e-5)


def test_a_wider_beam_finds_a_more_likely_text():
    model = toy("\nabcdefgh", 11, seed=3)
    bits = [model.beam_search(12, "a", width)[0].bits for width in (1, 3, 64)]
    assert bits == sorted(bits, reverse=True)
    assert bits[2] < bits[0]


@pytest.mark.parametrize("options", [{}, {"stop": "b"}, {"regex": "[abc]*"}])
def test_bits_are_those_of_the_score(options):
    model = toy("\nabc", 9, "float32", 2)
    for sample in model.beam_search(8, "a\n", 5, keep_stop=True, **options):
        scored = model.score(sample.continuation, prompt="a\n")
        assert sample.bits == pytest.approx(scored.total_bits, rel=1e-5)


def test_a_stop_text_is_cut_off_and_counted():
    model = toy(seed=1)
    options = {"stop": ["ab", "b"], "length_normalization": 0}
    kept = model.beam_search(5, "a", 27, keep_stop=True, **options)
    cut = model.beam_search(5, "a", 27, **options)
    assert {sample.stop for sample in kept} == {"stop", "length"}
    for with_stop, without in zip(kept, cut, strict=True):
        text = with_stop.continuation
        if with_stop.stop == "stop":
            text = text.removesuffix("ab" if text.endswith("ab") else "b")
        assert (without.continuation, without.bits) == (text, with_stop.bits)


@pytest.mark.parametrize("bias", [{"a": 3.0}, {"b": -2.0, "c": 0.5}, {"a": -math.inf}])
def test_biases_are_added_to_the_log_probability(bias):
    model = toy()
    found = model.beam_search(4, "ab", 81, logit_bias=bias, stop="c", keep_stop=True)
    added = {
        each.text: sum(bias.get(c, 0) for c in each.text) / math.log(2)
        for each in outcomes(model, "ab", 4, ("c",))
    }
    expected = [e for e in outcomes(model, "ab", 4, ("c",)) if added[e.text] > -math.inf]
    expected.sort(key=lambda each: -score(each, 1, added[each.text]))
    assert [sample.continuation for sample in found] == [each.text for each in expected]
    bits = [-math.log2(each.p) for each in expected]
    np.testing.assert_allclose([sample.bits for sample in found], bits, rtol=1e-12)
    assert (
        model.beam_search(4, "ab", 81, logit_bias=bias, stop="c", keep_stop=True, n=1) == found[:1]
    )


def test_a_large_bias_makes_long_texts_better():
    """The first text that ends has a worse score than all that go on."""
    for power in (0.0, 1.0):
        [best] = toy().beam_search(
            6, "a", 9, n=1, logit_bias={"a": 9.0}, stop="b", length_normalization=power
        )
        assert best.continuation == "aaaaaa"


def test_the_number_of_texts():
    model = toy()
    eight = model.beam_search(4, "a")
    assert len(eight) == 8
    assert model.beam_search(4, "a", 8, n=3) == eight[:3]
    assert model.beam_search(4, "a", 1, n=1) == model.beam_search(4, "a", 1)
    assert len(model.beam_search(1, "a")) == 3  # there are no more
    assert len(model.beam_search(9, "a", 4, regex="ab|ac")) == 2


def test_prompts():
    model = toy("\nabc")
    prompts = ["", "a", "abba\n", "a"]
    found = model.beam_search(6, prompts, 3, stop="b")
    assert found == [model.beam_search(6, prompt, 3, stop="b") for prompt in prompts]
    assert [[sample.prompt for sample in each] for each in found] == [[p] * 3 for p in prompts]
    assert model.beam_search(6, []) == []
    assert [s.continuation for s in found[0]] == [
        s.continuation for s in model.beam_search(6, "\n", 3, stop="b")
    ]


def test_without_a_prompt_or_a_newline_it_follows_the_first_character():
    model = toy("bcd")
    assert [s.continuation for s in model.beam_search(3)] == [
        s.continuation for s in model.beam_search(3, "b")
    ]


def test_equal_probabilities_are_in_the_order_of_the_symbols():
    model = Model.create(Vocabulary("abc"), 4)
    model.parameters.flat[:] = 0
    texts = ["".join(text) for text in itertools.product("abc", repeat=5)]
    for width in (7, 200):
        found = model.beam_search(5, "a", width)
        assert [sample.continuation for sample in found] == texts[:width]


def test_some_equal_probabilities():
    """Better texts come first, then those of a better beginning, then those of a lower symbol."""
    model = Model.create(Vocabulary("abcd"), 4)
    model.parameters.flat[:] = 0
    model.parameters["by"][:, 0] = 0, 1, 0, 1
    steps = dict(zip("abcd", begun_log2(model), strict=True))
    width, beam = 50, [("", 0.0)]
    for _ in range(5):
        beam = [(text + c, score + step) for text, score in beam for c, step in steps.items()]
        beam = sorted(beam, key=lambda each: -each[1])[:width]
    found = model.beam_search(5, "a", width)
    assert [sample.continuation for sample in found] == [text for text, _ in beam]


def begun_log2(model):
    stream = model.stream()
    stream.feed("a")
    return stream.log_probabilities() / math.log(2)


@pytest.mark.parametrize("stop", [None, "b"])
def test_a_separator_resets_the_state(stop):
    model = toy("\nab", 6, document_separator="\n\n")
    for sample in model.beam_search(6, "ab", 20, stop=stop, keep_stop=True):
        assert sample.bits == pytest.approx(model.score(sample.continuation, "ab").total_bits)
    plain = toy("\nab", 6)
    assert plain.beam_search(6, "ab", 20) != model.beam_search(6, "ab", 20)
    assert [s.continuation for s in model.beam_search(6, "", 20)] == [
        s.continuation for s in model.beam_search(6, "a\n\n", 20)
    ]


def test_bytes():
    model = toy("".join(map(chr, range(256))), 8, units="bytes")
    found = model.beam_search(3, b"a", 4)
    assert all(len(s.continuation) == 3 and isinstance(s.text, bytes) for s in found)
    as_text = model.beam_search(3, "a", 4)
    assert [s.bits for s in as_text] == [s.bits for s in found]
    assert [s.continuation for s in as_text] == [
        s.continuation.decode("utf-8", "replace") for s in found
    ]
    for sample in model.beam_search(2, b"a", 3, regex="[é☃]"):
        assert sample.text == "aé".encode()
    cut = model.beam_search(1, b"\xc3", 256, stop=b"\xa9")
    assert [s.continuation for s in cut if s.stop == "stop"] == [b""]
    assert {s.continuation for s in cut if s.stop == "length"} == {
        bytes([value]) for value in range(256) if value != 0xA9
    }


def test_nothing_to_generate():
    model = toy()
    for options in ({}, {"stop": "a"}, {"regex": "a*"}):
        [sample] = model.beam_search(0, "ab", **options)
        assert (sample.continuation, sample.bits, sample.stop) == ("", 0, "length")
    assert model.beam_search(5, "ab", regex="()")[0].stop == "regex"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"length": -1}, "`length` must be .* -1"),
        ({"beam_width": 0}, "`beam_width` must be .* 0"),
        ({"beam_width": 2.0}, r"`beam_width` must be .* 2\.0"),
        ({"beam_width": 2, "n": 3}, "`n` must be at most `beam_width`, 2, not 3"),
        ({"length_normalization": -1}, "`length_normalization` must be"),
        ({"prompt": "x"}, "not know: 'x'"),
        ({"prompt": 1}, "`prompt` must be .* int"),
        ({"prompt": b"a"}, "`prompt` must be a str"),
        ({"stop": "x"}, "`stop` has characters that the model does not know: 'x'"),
        ({"stop": b"a"}, "`stop` must be a str"),
        ({"banned": "abc"}, "banned"),
        ({"regex": "aaaaaa"}, "`length` must be 6 or more for this `regex`, not 5"),
        ({"temperature": 1.0}, "temperature"),
    ],
)
def test_refusals(arguments, told):
    with pytest.raises((TypeError, ValueError), match=told):
        toy().beam_search(**{"length": 5} | arguments)


def test_parameters_that_are_not_finite_are_refused():
    model = toy()
    model.parameters["by"][0] = math.nan
    with pytest.raises(ValueError, match="finite"):
        model.beam_search(3, "a")
