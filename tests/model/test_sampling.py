# SPDX-License-Identifier: MIT
"""Samples: each is a function of the seed and its number; several, prompts, the best of some."""

import math
import threading

import numpy as np
import pytest
from enumeration import toy

import gru_ext
from gru_ext.model import sampling

CHARACTERS = "\nabcdefg"
BYTES = "".join(map(chr, range(256)))

OPTIONS = [
    {},
    {"temperature": 0.7, "top_p": 0.9},
    {"top_k": 3, "stop": ["ab", "c"]},
    {"dry": 1.0, "dry_length": 2, "min_p": 0.02},
    {"surprise": 1.5},
    {"regex": "[a-d]*(ef|\n)+", "typical_p": 0.8},
    {"logit_bias": {"a": 1.0, "b": -math.inf}, "banned": "c"},
]


@pytest.fixture(scope="module", params=["float32", "float64"])
def model(request):
    return toy(CHARACTERS, 9, request.param, layers=2, scale=1.0)


@pytest.fixture
def sizes(monkeypatch):
    """A function that sets the sizes of batches and the number of processors."""

    def set_sizes(most, fewest, cpus=1, part=256):
        monkeypatch.setattr(sampling, "_MOST", most)
        monkeypatch.setattr(sampling, "_FEWEST", fewest)
        monkeypatch.setattr(sampling, "usable_threads", lambda: cpus)
        monkeypatch.setattr(sampling, "_PART", part)
        monkeypatch.setattr(sampling, "_CALL", part)

    return set_sizes


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("prompt", ["", "ab\nc"])
def test_a_sample_depends_on_the_seed_and_its_number_alone(model, options, prompt, sizes):
    n, length = 13, 40
    expected = model.generate(length, prompt, seed=3, n=n, **options)
    assert len({sample.text for sample in expected}) > 1
    for most, fewest, cpus in [(1, 4, 1), (5, 2, 3), (64, 1, 4), (3, 100, 2), (64, 4, 1)]:
        sizes(most, fewest, cpus)
        assert model.generate(length, prompt, seed=3, n=n, **options) == expected
        assert model.generate(length, prompt, seed=3, n=4, **options) == expected[:4]
    assert model.generate(length, prompt, seed=3, **options) == expected[:1]
    assert model.sample(length, prompt, seed=3, n=n, **options) == [s.text for s in expected]
    assert model.sample(length, prompt, seed=3, **options) == expected[0].text
    assert model.generate(length, prompt, seed=4, n=n, **options) != expected


def test_there_are_several_threads(model, sizes, monkeypatch):
    """As many as there are processors, if each has some samples."""
    threads, batches = set(), []
    generate_batch = sampling._generate_batch
    all_here = threading.Barrier(3, timeout=60)

    def recorded(model, plan, rows, stopped, shared):
        all_here.wait()  # no thread can take the batch of another
        threads.add(threading.get_ident())
        batches.append(len(rows))
        return generate_batch(model, plan, rows, stopped, shared)

    monkeypatch.setattr(sampling, "_generate_batch", recorded)
    sizes(64, 4, 3)
    model.sample(5, "a", n=12)
    assert len(threads) == 3
    assert batches == [4, 4, 4]


def test_an_error_in_a_thread_is_raised_and_stops_the_others(model, sizes, monkeypatch):
    stops = []
    all_here = threading.Barrier(3, timeout=60)

    def failing(model, plan, rows, stopped, shared):
        all_here.wait()  # a batch that has not begun would not begin
        if rows[0][1] == 0:
            raise MemoryError("no memory")
        stops.append(stopped.wait(60))

    monkeypatch.setattr(sampling, "_generate_batch", failing)
    sizes(64, 4, 3)
    with pytest.raises(MemoryError, match="no memory"):
        model.sample(5, "a", n=12)
    assert stops == [True, True]


def test_a_batch_that_is_stopped_ends(model):
    stopped = threading.Event()
    stopped.set()
    plan = sampling.plan_of(model, sampling.SamplingOptions(), 10**9)
    [sample] = sampling._generate_batch(model, plan, [("a", 0)], stopped)
    assert sample.continuation == ""


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("n", [None, 1, 3])
def test_prompts_of_a_list_are_as_each_alone(model, options, n, sizes):
    prompts = ["", "a", "abc\ndefg" * 9, "", "g", "a"]
    for most in (64, 2):
        sizes(most, 1, 2)
        found = model.sample(30, prompts, seed=5, n=n, **options)
        assert found == [model.sample(30, prompt, seed=5, n=n, **options) for prompt in prompts]
        generated = model.generate(30, prompts, seed=5, n=n, **options)
        assert [[sample.prompt for sample in each] for each in generated] == [
            [prompt] * (n or 1) for prompt in prompts
        ]
    assert model.sample(30, tuple(prompts), seed=5, n=n, **options) == found
    assert model.sample(30, [], n=n, **options) == []


def test_samples_without_a_seed_differ(model):
    assert len(set(model.sample(60, "a", n=5))) == 5
    assert model.sample(60, "a") != model.sample(60, "a")


@pytest.mark.parametrize("options", [{}, {"stop": "b"}, {"stop": "b", "keep_stop": True}])
def test_the_best_of_some(model, options):
    """Sample i is the one with the fewest bits per character of candidates 4 i to 4 i + 3."""
    candidates = model.generate(30, "a", seed=1, n=12, **options)
    best = model.generate(30, "a", seed=1, n=3, best_of=4, **options)

    def cost(sample):
        cut = sample.stop == "stop" and "keep_stop" not in options
        return sample.bits / (len(sample.continuation) + cut)

    assert best == [min(candidates[i : i + 4], key=cost) for i in (0, 4, 8)]
    assert model.sample(30, "a", seed=1, best_of=4, **options) == best[0].text
    assert model.sample(30, ["a", "a"], seed=1, best_of=4, **options) == [best[0].text] * 2


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("part", [1, 2, 7, 256])
def test_parts_joined_are_the_sample(model, options, part, sizes):
    expected = [model.sample(50, "ab", seed=seed, **options) for seed in range(4)]
    generated = [model.generate(50, "ab", seed=seed, **options)[0] for seed in range(4)]
    sizes(64, 4, 1, part)
    for seed, text in enumerate(expected):
        parts = list(model.iter_sample(50, "ab", seed=seed, **options))
        assert "ab" + "".join(parts) == text
        assert all(parts)
        [again] = model.generate(50, "ab", seed=seed, **options)
        assert (again.text, again.stop) == (text, generated[seed].stop)
        assert again.bits == pytest.approx(generated[seed].bits, rel=1e-12)


@pytest.mark.parametrize(("likely", "expected"), [("\n", "\n" * 12), ("a", "a\na\na\n")])
def test_no_repetition_extends_over_a_newline(likely, expected):
    """Newlines may follow each other. What was read counts: "aa" is followed by something else."""
    model = toy("\nabc")
    model.parameters.flat[:] = 0
    model.parameters["by"]["\nabc".index(likely), 0] = 1
    options = {"temperature": 0, "dry": 50.0, "dry_length": 1, "dry_base": 1.0}
    assert model.sample(len(expected), likely, **options)[1:] == expected


@pytest.mark.parametrize("options", [{}, {"stop": ["b", "cd"]}, {"regex": "[abc]+"}, {"top_k": 2}])
@pytest.mark.parametrize("prompt", ["a", "ab\nc"])
def test_bits_are_those_of_the_score(model, options, prompt):
    for sample in model.generate(300, prompt, seed=2, n=6, keep_stop=True, **options):
        scored = model.score(sample.continuation, prompt)
        assert sample.bits == pytest.approx(scored.total_bits, rel=1e-9)


def test_bits_without_a_prompt_follow_a_newline(model):
    for sample in model.generate(20, seed=2, n=3):
        assert sample.bits == pytest.approx(model.score(sample.continuation, "\n").total_bits)


@pytest.mark.parametrize("separator", ["a\n", "\n"])
def test_separators_reset_the_state(separator):
    """A sample starts as after one."""
    model = toy(CHARACTERS, 9, document_separator=separator)
    samples = model.generate(90, seed=2, n=6, logit_bias={"a": 3.0, "\n": 3.0})
    assert any(separator in sample.continuation for sample in samples)
    for sample in samples:
        scored = model.score(sample.continuation, prompt="ca" + separator)
        assert sample.bits == pytest.approx(scored.total_bits)


def test_length_0(model):
    for options in OPTIONS[:5]:
        assert model.sample(0, "ab", **options) == "ab"
        assert model.sample(0, "ab", n=2, **options) == ["ab", "ab"]
        [sample] = model.generate(0, "ab", **options)
        assert (sample.continuation, sample.bits, sample.stop) == ("", 0, "length")
        assert list(model.iter_sample(0, "ab", **options)) == []
    assert model.sample(0) == ""
    assert model.sample(0, "ab", regex="c*") == "ab"


def test_bytes(sizes):
    model = toy(BYTES, 9, "float32", units="bytes", scale=0.7)
    as_bytes = model.sample(50, b"ab", seed=1, n=5)
    assert [type(each) for each in as_bytes] == [bytes] * 5
    assert [len(each) for each in as_bytes] == [52] * 5
    assert len(set(as_bytes)) == 5
    as_text = model.sample(50, "ab", seed=1, n=5)
    assert as_text == [each.decode("utf-8", "replace") for each in as_bytes]
    assert type(model.sample(5, b"", seed=1)) is bytes
    assert model.sample(5, [b"a", "a"], seed=1) == [
        model.sample(5, b"a", seed=1),
        model.sample(5, "a", seed=1),
    ]
    for part in (1, 3, 256):
        sizes(64, 4, 1, part)
        assert b"ab" + b"".join(model.iter_sample(50, b"ab", seed=1)) == as_bytes[0]
        assert "ab" + "".join(model.iter_sample(50, "ab", seed=1)) == as_text[0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"prompt": b"a"}, "`prompt` must be a str for a model of characters"),
        ({"prompt": 1}, "`prompt` must be a str, bytes or a list of them"),
        ({"prompt": ["a", 1]}, "`prompt` must be .* of int"),
        ({"prompt": "x"}, "not know: 'x'"),
        ({"stop": "ax"}, "`stop` has characters that the model does not know: 'x'"),
        ({"stop": ["a", b"b"]}, "`stop` must be a str"),
        ({"stop": ["a", ""]}, "`stop` must be"),
        ({"allowed": "abx"}, "`allowed` has .*: 'x'"),
        ({"banned": "x"}, "`banned` has .*: 'x'"),
        ({"logit_bias": {"x": 1}}, "`logit_bias` has .*: 'x'"),
        ({"logit_bias": {b"a": 1}}, "`logit_bias` must be a str"),
        ({"banned": CHARACTERS}, "all 8 characters of the model are banned"),
        ({"allowed": "a", "banned": "ab"}, "all 8 characters of the model are banned"),
        ({"surprise": "validation"}, "`surprise` cannot be the validation loss"),
        ({"regex": "("}, "`regex` must be a regular expression"),
        ({"regex": "x"}, "`regex` matches no text"),
        ({"regex": "a", "banned": "a"}, "`regex` matches no text"),
        ({"regex": "abcdefg"}, "`length` must be 7 or more for this `regex`, not 5"),
        ({"dry": 1, "dry_range": 20}, "`dry_range` must be greater than `dry_length`"),
        ({"n": 0}, "`n` must be"),
        ({"length": 1.5}, "`length` must be"),
        ({"temperatur": 1}, "temperatur"),
    ],
)
def test_refusals(model, arguments, told):
    for method in (model.sample, model.generate):
        with pytest.raises((TypeError, ValueError), match=told):
            method(**{"length": 5, "prompt": "ab"} | arguments)
    if "n" not in arguments and not isinstance(arguments.get("prompt"), list | int):
        with pytest.raises((TypeError, ValueError), match=told):
            model.iter_sample(**{"length": 5, "prompt": "ab"} | arguments)


def test_characters_of_bytes_in_a_bias():
    model = toy(BYTES, units="bytes")
    assert b"\xc3" in model.sample(20, b"a", logit_bias={b"\xc3": 1e4})
    with pytest.raises(ValueError, match="single bytes: 'é' has 2"):
        model.sample(20, b"a", logit_bias={"é": 1.0})


@pytest.mark.parametrize("average_over", [0.0, 0.3])
def test_the_validation_loss_of_the_model_file(tmp_path, average_over):
    """That of the weights in the file: the best ones, or the last ones of the state."""
    text = "".join(np.random.default_rng(0).choice(list("abcd"), 3000))
    options = {"hidden_size": 8, "max_steps": 60, "eval_every": 20}
    options |= {"val_fraction": 0.2, "split": "tail", "average_over": average_over}
    gru_ext.train(text, output=tmp_path / "a.npz", **options)
    files = [tmp_path / "a.npz"]
    if not average_over:  # else the state has weights that are not evaluated
        files.append(tmp_path / "a.state.npz")
    for model in map(gru_ext.load, files):
        bits = model.evaluate(text[-600:]).bits_per_char
        assert sampling.validation_bits(model) == pytest.approx(bits, rel=1e-6)
        expected = model.sample(200, "a", seed=1, surprise=sampling.validation_bits(model))
        assert model.sample(200, "a", seed=1, surprise="validation") == expected
        assert model.sample(200, "a", seed=1, surprise=0.5) != expected


@pytest.mark.parametrize("loss", [None, "2", {}, math.nan, math.inf, -1.0, 0.0])
def test_a_model_file_without_a_fitting_validation_loss(loss):
    for about in (
        {"validation": {"nats_per_char": loss}},
        {"run": {"validation": {"nats": loss}}},
        {"validation": loss, "run": loss},
    ):
        with pytest.raises(ValueError, match="`surprise` "):
            toy(**about).sample(5, "a", surprise="validation")


@pytest.mark.parametrize("method", ["sample", "generate", "iter_sample", "beam_search"])
def test_parameters_that_are_not_finite_are_refused(method):
    model = toy()
    model.parameters["Wy"][0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        getattr(model, method)(5, "a")


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_any_number_of_threads_share_a_stream(weights, monkeypatch, calm, gathered):
    """One sample, whole or in parts, and one that follows what a stream has read."""
    model = toy(characters="\nabcdef", H=508, dtype="float32", scale=0.05).with_weights(weights)

    def found(threads):
        monkeypatch.setattr(sampling, "usable_threads", lambda: threads)
        stream = model.stream()
        stream.feed("abc")
        parts = "".join(model.iter_sample(300, "abc", seed=2))
        return parts, model.sample(300, "abc", seed=2), stream.draw(300, seed=2)

    alone = found(1)
    assert alone[1] == "abc" + alone[0]
    assert set(gathered) == {0}
    assert found(2) == alone
    assert set(gathered) == {0, 1}
    gathered.clear()
    model.sample(20, seed=1)
    assert set(gathered) == {0}  # too short
