# SPDX-License-Identifier: MIT
"""The examples are built with the declarations of the installed package, and run."""

import re
import shutil

import pytest
from built import EXAMPLES, WARNINGS, built, needs_compiler, python, run

import gru_ext


@needs_compiler
def test_cython_package(tmp_path):
    shutil.copytree(EXAMPLES / "compressor", tmp_path / "package")
    folder = tmp_path / "package"
    python(folder, "setup.py", "-q", "build_ext", "--build-lib", "src")
    shutil.copytree(folder / "tests", folder / "src" / "tests")
    assert " passed" in python(folder / "src", "-m", "pytest", "-q", "-p", "no:cacheprovider")


@needs_compiler
def test_c_extension(tmp_path):
    folder = built(tmp_path, "c_client")
    code = (
        "import gru_ext, numpy as np, text_bits;"
        "m = gru_ext.Model.create(gru_ext.Vocabulary('abc'), 16, layers=2);"
        "print(text_bits.text_bits(m, np.int32([0, 1, 2, 1, 0])) / 4)"
    )
    assert abs(float(python(folder, "-c", code)) - 1.585) < 0.2
    for wrong in ("[0, 3]", "[-1, 0]"):
        code = (
            "import gru_ext, numpy as np, text_bits\n"
            "m = gru_ext.Model.create(gru_ext.Vocabulary('abc'), 4)\n"
            f"try: text_bits.text_bits(m, np.int32({wrong}))\n"
            "except ValueError as error: print(error)"
        )
        assert python(folder, "-c", code) == "gru_ext: GRU_BAD_SYMBOL\n"
    for wrong, found in (
        ("np.int64([0, 1])", "1-D with elements of 8 bytes"),
        ("np.uint8([0, 1, 2, 0])", "1-D with elements of 1 bytes"),
        ("np.float32([0, 1])", "1-D with elements of 4 bytes"),
        ("np.int32([[0, 1]])", "2-D with elements of 4 bytes"),
        ("np.int32([0, 1]).tobytes()", "1-D with elements of 1 bytes"),
        ("np.int32([0, 1]).byteswap().view('>i4')", "1-D with elements of 4 bytes"),
    ):
        code = (
            "import gru_ext, numpy as np, text_bits\n"
            "m = gru_ext.Model.create(gru_ext.Vocabulary('abc'), 4)\n"
            f"try: text_bits.text_bits(m, {wrong})\n"
            "except TypeError as error: print(error)"
        )
        told = f"symbols must be a 1-D array of int32, not {found}"
        assert python(folder, "-c", code).startswith(told)
    for call, told in (
        ("m, memoryview(bytes(9))[1:].cast('i')", "symbols must be aligned"),
        ("m.parameters, np.zeros(2, np.int64)", "symbols must be a 1-D array of int32"),
        ("3, np.int32([0, 1])", "model must be a gru_ext.Model or Parameters, not int"),
        ("d, np.int32([0, 1])", "gru_ext: GRU_WRONG_DTYPE"),
    ):
        code = (
            "import gru_ext, numpy as np, text_bits\n"
            "m = gru_ext.Model.create(gru_ext.Vocabulary('abc'), 4)\n"
            "d = gru_ext.Model.create(gru_ext.Vocabulary('abc'), 4, 'float64')\n"
            f"try: text_bits.text_bits({call})\n"
            "except (TypeError, ValueError) as error: print(error)"
        )
        assert python(folder, "-c", code).startswith(told)


@needs_compiler
def test_scoring_a_text(tmp_path):
    folder = built(tmp_path, "score_text")
    code = (
        "import gru_ext, score_text\n"
        "text = 'the end.||the \u20ac end.||' * 30\n"
        "for separator, layers in ((None, 1), ('||', 2)):\n"
        "    gru_ext.train(text, hidden_size=8, max_steps=20, output='m.npz', force=True,\n"
        "                  quiet=True, layers=layers, document_separator=separator)\n"
        "    want = gru_ext.load('m.npz').evaluate(text).bits_per_char * (len(text) - 1)\n"
        "    print(abs(score_text.bits_of('m.npz', text.encode()) / want - 1) < 1e-6)\n"
        "try:\n"
        "    score_text.bits_of('m.npz', b'x?')\n"
        "except ValueError as error:\n"
        "    print(error)\n"
        "print(score_text.bits_of('m.npz', b''))\n"
        "gru_ext.Model.create(gru_ext.Vocabulary('abc'), 4, 'float64').save('d.npz')\n"
        "try:\n"
        "    score_text.bits_of('d.npz', b'abc')\n"
        "except ValueError as error:\n"
        "    print(error)\n"
    )
    assert python(folder, "-c", code).split() == [
        "True",
        "True",
        "gru_ext:",
        "GRU_BAD_SYMBOL",
        "0.0",
        "gru_ext:",
        "GRU_WRONG_DTYPE",
    ]


@needs_compiler
def test_anomalies_in_a_log(tmp_path):
    folder = built(tmp_path, "line_anomalies")
    code = (
        "import gru_ext, io, line_anomalies as a, math\n"
        "lines = [f'user {i * 7 % 10} has logged in' for i in range(300)]\n"
        "text = '\\n'.join(lines)\n"
        "for name, separator in (('a.npz', None), ('b.npz', '\\n')):\n"
        "    gru_ext.train(text, hidden_size=16, max_steps=400, learning_rate=0.02, quiet=True,\n"
        "                  output=name, document_separator=separator)\n"
        "    scorer, stream = a.Scorer(name), gru_ext.load(name).stream()\n"
        "    stream.feed('\\n')\n"
        "    want = stream.feed(lines[0] + '\\n').mean()\n"
        "    print(abs(scorer.bits_per_char(lines[0].encode()) / want - 1) < 1e-5)\n"
        "    print([scorer.bits_per_char(x) for x in (b'user \\xff', b'USER')])\n"
        "log = [line.encode() + b'\\n' for line in lines]\n"
        "log[5], log[200], log[250] = b'user ! has\\n', b'has has user in in\\n', b'\\xff\\n'\n"
        "a.watch('b.npz', log)\n"
    )
    found = python(folder, "-c", code).splitlines()
    assert found[:4] == ["True", "[inf, inf]"] * 2
    assert [line.partition(":")[0] for line in found[4:]] == ["6", "201", "251"]
    assert found[4].endswith("user ! has")
    assert found[6].endswith(": \\xff")


@pytest.mark.parametrize("units", ["chars", "bytes"])
@needs_compiler
def test_a_keyboard(units, tmp_path):
    text = "ich gr\u00fc\u00dfe dich, " * 40
    model = gru_ext.train(text, hidden_size=16, max_steps=300, units=units, quiet=True)
    model.save(tmp_path / "model.npz")
    python(tmp_path, "-m", "gru_ext", "export", "model.npz", "-o", "model.c")
    shutil.copy(EXAMPLES / "keyboard" / "keyboard.c", tmp_path)
    sources = ("keyboard.c", "model.c", "-lm", "-o", "keyboard")
    run(tmp_path, "cc", "-std=c99", "-O2", *WARNINGS, *sources)
    typed = "ich gr\u00fcx\b\u00df"
    answers = run(tmp_path, "./keyboard", "2", input=typed, encoding="utf-8").splitlines()
    stream, bytewise = model.stream(), units == "bytes"
    start = re.search(r"#define MODEL_START (\d+)", (tmp_path / "model.c").read_text())
    start = model.vocabulary.characters[int(start[1])]
    stream.feed(start.encode() if bytewise else start)
    keys = [*typed.encode()] if bytewise else [*typed]
    assert len(answers) == 1 + len(keys)
    before = []
    for key, line in zip(keys, answers[1:], strict=True):
        if key in ("\b", 8):
            stream = before.pop()
        else:
            before.append(stream.copy())
            if bytewise:
                stream.feed(bytes([key]))
            elif key in model.vocabulary.characters:  # it passes over the others
                stream.feed(key)
        p, told = stream.probabilities(), line.split(" ")
        *best, third = p.argsort()[::-1][:3]
        clear = min(p[best[0]] - p[best[1]], p[best[1]] - p[third]) > 0.001
        assert abs(p[best] - [float(told[1]), float(told[3])]).max() < 0.00051
        names = [model.vocabulary.characters[v] for v in best]
        if clear and all("a" <= name <= "z" for name in names):
            assert [told[0], told[2]] == names
    for wrong in ("0", "21", "x"):
        with pytest.raises(AssertionError, match=r"usage: \./keyboard"):
            run(tmp_path, "./keyboard", wrong)
