# SPDX-License-Identifier: MIT
"""``gru-ext sample``: its options, several samples, JSON, raw output, beam search."""

import json
import os
import re
import subprocess
import sys

import pytest
from command import COMMAND, POSIX, run

import gru_ext
from gru_ext.model.sampling_options import SamplingOptions

HEADING = re.compile(r"==> (sample|text) (\d+) of (\d+): (\d+\.\d{3}) bits per (\w+)(.*) <==\n")


@pytest.fixture
def model(folder):
    return gru_ext.load("m.npz")


def printed(capsys, *arguments):
    assert run("sample", "m.npz", *arguments) == 0
    out, err = capsys.readouterr()
    assert (err == "") == ("--weights" not in arguments)
    return out


def objects(capsys, *arguments):
    return [json.loads(line) for line in printed(capsys, *arguments, "--json").splitlines()]


EVERY = {
    "temperature": (["--temperature", "0.5"], 0.5),
    "top_k": (["--top-k", "3"], 3),
    "top_p": (["--top-p", "0.5"], 0.5),
    "min_p": (["--min-p", "0.9"], 0.9),
    "typical_p": (["--typical-p", "0.5"], 0.5),
    "surprise": (["--surprise", "1"], 1.0),
    "allowed": (["--allowed", r"abc \n"], "abc \n"),
    "banned": (["--banned", r" \x65"], " e"),
    "regex": (["--regex", r"[a-z]{5}\."], r"[a-z]{5}\."),
    "stop": (["--stop", "e", "--stop", r"\x6f"], ["e", "o"]),
    "keep_stop": (["--stop", "e", "--keep-stop"], True),
    "dry": (["--dry", "5", "--dry-length", "1"], 5.0),
    "dry_length": (["--dry", "5", "--dry-length", "2"], 2),
    "dry_base": (["--dry", "5", "--dry-length", "1", "--dry-base", "3"], 3.0),
    "dry_range": (["--dry", "5", "--dry-length", "1", "--dry-range", "9"], 9),
    "best_of": (["--best-of", "3"], 3),
    "weights": (["--weights", "int8"], "int8"),
}
WITH = {
    "keep_stop": {"stop": ["e"]},
    "dry": {"dry_length": 1},
    "dry_length": {"dry": 5.0},
    "dry_base": {"dry": 5.0, "dry_length": 1},
    "dry_range": {"dry": 5.0, "dry_length": 1},
}


@pytest.mark.parametrize("name", EVERY)
def test_every_option_reaches_the_sample(model, capsys, name):
    flags, value = EVERY[name]
    wanted = model.sample(60, "The d", seed=2, **{name: value}, **WITH.get(name, {}))
    common = ["--length", 60, "--prompt", "The d", "--seed", 2]
    assert printed(capsys, *common, *flags) == wanted + "\n"
    if name not in WITH:
        assert wanted != model.sample(60, "The d", seed=2)


def test_every_declared_option_is_tested_here():
    declared = {n for n, option in SamplingOptions.declared().items() if option.on_command_line}
    assert declared == EVERY.keys() | {"n", "seed"}


def test_the_default_model(folder, capsys):
    (folder / "m.npz").rename(folder / "model.npz")
    assert run("sample", "--length", 9, "--seed", 1) == 0
    wanted = gru_ext.load("model.npz").sample(9, seed=1) + "\n"
    assert capsys.readouterr().out == wanted
    assert len(gru_ext.load("model.npz").sample(500)) == 500
    assert run("sample") == 0
    assert len(capsys.readouterr().out) == 501


def test_several_samples_are_separated(model, capsys):
    arguments = ["--length", 30, "--prompt", "The\n", "--seed", 1, "-n", 3]
    out = printed(capsys, *arguments)
    samples = model.generate(30, "The\n", seed=1, n=3)
    assert HEADING.sub("", out) == "\n\n".join(sample.text for sample in samples) + "\n"
    assert [found[1:] for found in HEADING.findall(out)] == [
        (str(i + 1), "3", f"{sample.bits / 30:.3f}", "character", "")
        for i, sample in enumerate(samples)
    ]
    assert printed(capsys, *arguments[:-1], 1) == samples[0].text + "\n"
    for flag, value, reason in (
        ("--stop", " ", "a stop text"),
        ("--regex", "[a-z]{3}", "the regular expression"),
    ):
        out = printed(capsys, "--length", 300, "--seed", 1, "-n", 3, flag, value)
        assert [found[5] for found in HEADING.findall(out)] == [f", ended by {reason}"] * 3


def test_bits_count_the_stop_text_that_is_cut_off(model):
    sample = model.generate(200, "The", seed=1, n=1, stop="e")[0]
    kept = model.generate(200, "The", seed=1, n=1, stop="e", keep_stop=True)[0]
    assert (sample.stop, kept.stop) == ("stop", "stop")
    assert sample.characters == kept.characters == len(kept.continuation)
    assert len(sample.continuation) == sample.characters - 1
    assert sample.bits_per_char == kept.bits_per_char == kept.bits / kept.characters
    assert model.generate(0, "The", n=1)[0].bits_per_char == 0


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        ([], {}),
        (["-n", "3"], {"n": 3}),
        (["-n", "2", "--stop", "e"], {"n": 2, "stop": "e"}),
        (["--regex", "[a-z]{4}"], {"regex": "[a-z]{4}"}),
        (["--best-of", "3"], {"best_of": 3}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_json(model, capsys, flags, options):
    found = objects(capsys, "--length", 40, "--prompt", "The ", "--seed", 1, *flags)
    assert found == [
        {"prompt": "The ", "text": each.text, "bits": each.bits, "stop": each.stop}
        for each in model.generate(40, "The ", seed=1, **options)
    ]
    assert all(each["text"].startswith("The ") for each in found)


def test_json_of_a_model_of_bytes(folder, capsys):
    model = gru_ext.train(b"\xff\xc3\xa9\n" * 50, hidden_size=4, max_steps=9, quiet=True)
    model.save("m.npz")
    found = objects(capsys, "--length", 40, "--prompt", r"é\udcff", "--seed", 1, "-n", 2)
    samples = model.generate(40, "é".encode() + b"\xff", seed=1, n=2)
    assert [each["text"] for each in found] == [s.text.decode("utf-8", "replace") for s in samples]
    assert {each["prompt"] for each in found} == {"é\ufffd"}


def test_json_of_a_model_that_is_certain(model, capsys):
    model.parameters["by"][...] = 0
    model.parameters["by"][5] = 1e4
    model.save("m.npz")
    banned = model.vocabulary.characters[5]
    found = objects(capsys, "--length", 3, "--banned", banned, "--seed", 1)
    assert found[0]["bits"] > 1000


def test_raw_text_has_nothing_added(model, capsysbinary):
    samples = [each.text for each in model.generate(30, "The ", seed=1, n=3)]
    for flags, wanted in (([], samples[0]), (["-n", "3"], "".join(samples))):
        arguments = ["--length", 30, "--prompt", "The ", "--seed", 1, "--raw", *flags]
        assert run("sample", "m.npz", *arguments) == 0
        assert capsysbinary.readouterr().out == wanted.encode()


def test_several_samples_of_a_model_of_bytes(folder, capsysbinary):
    model = gru_ext.train(b"\xff\xe9\r\n" * 50, hidden_size=4, max_steps=9, quiet=True)
    model.save("m.npz")
    samples = [each.text for each in model.generate(30, b"\xff", seed=1, n=2)]
    arguments = ["sample", "m.npz", "--length", 30, "--prompt", r"\udcff", "--seed", 1, "-n", 2]
    assert run(*arguments) == 0
    out = capsysbinary.readouterr().out
    heading = rb"==> sample \d of 2: \d\.\d{3} bits per byte <==\n"
    assert re.sub(heading, b"", out) == samples[0] + b"\n\n" + samples[1] + b"\n"
    assert run(*arguments, "--raw") == 0
    assert capsysbinary.readouterr().out == b"".join(samples)


@POSIX
def test_raw_output_on_a_terminal(folder):
    text = "\x1b[2J\n" * 40
    model = gru_ext.train(text, hidden_size=4, max_steps=2, quiet=True)
    model.save("m.npz")
    arguments = ["sample", "m.npz", "--length", "50", "--seed", "1", "--raw"]
    ours, theirs = os.openpty()
    process = subprocess.Popen([*COMMAND, *arguments], stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # Linux' way to say that the other end is closed
        pass
    os.close(ours)
    assert process.communicate(timeout=60)[1] == b""
    assert shown.replace(b"\r\n", b"\n").decode() == model.sample(50, seed=1)


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (["--beam", "3"], {"beam_width": 3}),
        (["--beam", "3", "-n", "2"], {"beam_width": 3, "n": 2}),
        (["--beam", "1"], {"beam_width": 1}),
        (
            ["--beam", "4", "--length-normalization", "0", "--stop", " ", "--banned", "e"],
            {"beam_width": 4, "length_normalization": 0, "stop": " ", "banned": "e"},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_beam_search(model, capsys, flags, options):
    wanted = model.beam_search(12, "The ", **options)
    arguments = ["--length", 12, "--prompt", "The ", *flags]
    found = objects(capsys, *arguments)
    assert [(each["text"], each["bits"]) for each in found] == [
        (each.text, each.bits) for each in wanted
    ]
    out = printed(capsys, *arguments)
    assert HEADING.sub("", out) == "\n\n".join(each.text for each in wanted) + "\n"
    assert [heading[:4] for heading in HEADING.findall(out)] == [
        ("text", str(i + 1), str(len(wanted)), f"{each.bits_per_char:.3f}")
        for i, each in enumerate(wanted)
    ]


def test_a_sample_is_printed_as_it_comes(folder):
    process = subprocess.Popen(
        [*COMMAND, "sample", "m.npz", "--length", "1_000_000_000", "--prompt", "The "],
        stdout=subprocess.PIPE,
    )
    assert process.stdout.read(4) == b"The "
    process.kill()
    process.stdout.close()
    process.wait(timeout=60)


def test_the_options_need_no_numpy():
    program = (
        "import sys; from gru_ext.model.sampling_options import BeamOptions, SamplingOptions; "
        "from gru_ext.model.evaluation_options import EvaluationOptions; "
        "import gru_ext.cli.sample, gru_ext.cli.score, gru_ext.cli.evaluate; "
        "assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
