# SPDX-License-Identifier: MIT
"""A model as a C file: it predicts what the model does, and no vocabulary can break it."""

import re

import c_programs
import numpy as np
import pytest
from c_programs import C99, DIALECTS, IDS, SANITIZERS, compiled
from command import run
from documentation import DOCS, blocks
from exported import MODELS, drawn
from training_runs import DOCUMENTS, TEXT

import gru_ext
from gru_ext import export
from gru_ext.export import c_compiler, c_source

pytestmark = c_programs.REQUIRED

BEYOND = TEXT.replace("quick", "flinke ä €").replace("dog", "🐕 犬")
BYTE_TEXT = BEYOND.encode()
FITTED = {"seq_length": 27, "batch_size": 1, "learning_rate": 0.1, "warmup": 200}
FITTED |= {"dropout": 0.0, "weight_dropout": 0.0, "average_over": 0.0}
TRAINED = {
    "one layer": (TEXT, {}),
    "two layers": (BEYOND, {"layers": 2}),
    "three layers, tied": (BEYOND, {"layers": 3, "tied": True}),
    "float64": (BEYOND, {"dtype": "float64"}),
    "tied, float64": (TEXT, {"dtype": "float64", "tied": True}),
    "bytes": (BYTE_TEXT, {"units": "bytes", "layers": 2}),
    "unknown": (BEYOND + "q" * 3, {"min_count": 13}),
    "documents": (DOCUMENTS, {"document_separator": "<|end|>"}),
}


@pytest.fixture(scope="module")
def trained():
    """A function that trains a small model; each of them once."""
    models = {}

    def train(which):
        text, options = TRAINED[which]
        if which not in models:
            models[which] = gru_ext.train(
                text, hidden_size=24, max_steps=150, quiet=True, **FITTED, **options
            )
        return models[which]

    return train


def sampled(program, prompt, *arguments):
    return program.run(prompt, *map(str, arguments))


def source_of(model, *arguments):
    return "#define MODEL_MAIN\n" + c_source.c_source(model, *arguments)


@pytest.mark.parametrize("which", TRAINED)
def test_greedy_text(trained, which):
    """The C program generates the characters that the package generates."""
    model = trained(which)
    prompt = "one" if which == "documents" else "The "
    want = model.sample(500, prompt, temperature=0)
    want = want if isinstance(want, bytes) else want.encode()
    assert sampled(compiled(source_of(model)), prompt, 500, 0) == want
    # without a prompt too
    want = model.sample(50, temperature=0)
    want = want if isinstance(want, bytes) else want.encode()
    assert sampled(compiled(source_of(model)), "", 50, 0) == want


@pytest.mark.parametrize("which", ["two layers", "three layers, tied", "bytes"])
def test_greedy_text_of_int8(trained, which):
    """It is that of the model with rounded weights, for any number of characters."""
    model = trained(which)
    rounded = c_source.reference(model, weights="int8")
    want = rounded.sample(500, "The ", temperature=0)
    want = want if isinstance(want, bytes) else want.encode()
    assert sampled(compiled(source_of(model, "model", "int8")), "The ", 500, 0) == want


@pytest.mark.parametrize("weights", ["float32", "int8"])
@pytest.mark.parametrize("model", MODELS, ids=lambda each: f"{each[0]}-{each[1]}-{each[2]}")
def test_the_check_after_an_export(tmp_path, model, weights):
    model = drawn(*model)
    found = export.save(model, tmp_path / "a.c", weights=weights)
    assert found.passed
    assert found.steps == 1000
    assert (abs(found.cost) < 1e-6) == (weights == "float32")
    changed = model.parameters["Uh"]
    changed[0, 0] += 1
    logits = c_source.open_logits(tmp_path / "a.c", model)
    assert not export.check(c_source.reference(model, weights=weights), logits).passed


@pytest.mark.parametrize("which", ["one layer", "two layers", "three layers, tied"])
def test_int8_costs_little(tmp_path, trained, which):
    found = export.save(trained(which), tmp_path / "a.c", weights="int8", text=TRAINED[which][0])
    assert found.passed
    assert abs(found.cost) < 0.005


def test_the_state_is_reset_at_documents(tmp_path):
    """As a stream of the package does: all logits of a text with several documents are equal."""
    for separator, text in (("||", "a||the|||one||||day.|<a>||"), (".|", "one day.|.|fox|.")):
        model = drawn("chars", 2, separator=separator)
        symbols = model.vocabulary.encode(text).astype(np.int32)
        stream, want = model.stream(), []
        for symbol in symbols:
            stream.read(np.array([[symbol]], np.int32))
            want.append(stream.logits())
        export.save(model, tmp_path / "a.c")
        found = c_source.open_logits(tmp_path / "a.c", model)(symbols)
        np.testing.assert_allclose(found, np.reshape(want, found.shape), atol=1e-4)
        del model.about["document_separator"]
        export.save(model, tmp_path / "a.c")
        other = c_source.open_logits(tmp_path / "a.c", model)(symbols)
        assert np.abs(other - found).max() > 0.1


@pytest.mark.parametrize(("name", "options"), DIALECTS, ids=IDS)
@pytest.mark.parametrize("weights", ["float32", "int8"])
@pytest.mark.parametrize("model", MODELS, ids=lambda each: f"{each[0]}-{each[1]}-{each[2]}")
def test_no_warnings(name, options, weights, model):
    """Every form of the file compiles as C99 and as C++17, where warnings are errors."""
    program = compiled(source_of(drawn(*model), "model", weights), name, options)
    assert len(sampled(program, "", 20)) >= 20


def test_two_models_in_one_program(trained):
    """Every name that is defined has the prefix, so that files of two models do not collide."""
    names = "x_MODEL", "model_b"
    parts, body = [], ""
    for which, name in zip(("one layer", "two layers"), names, strict=True):
        source = c_source.c_source(trained(which), name)
        macros = re.findall(r"^#define (\w+)", source, re.M)
        functions = re.findall(r"^(?:static )?\w+ \*?(\w+)\(", source, re.M)
        tables = re.findall(r"^static const \w+ (\w+)", source, re.M)
        assert len(macros) > 10 and len(functions) > 10 and len(tables) > 5  # noqa: PT018
        assert all(each.startswith(f"{name.upper()}_") for each in macros)
        assert all(each.startswith(f"{name}_") for each in {*functions, *tables} - {"main"})
        parts.append(f"{source}static {name}_state s_{name};\n")
        body += f"{name}_reset(&s_{name}); {name}_step(&s_{name}, {name.upper()}_START);"
    compiled("\n".join(parts) + f"int main(void) {{ {body} return 0; }}\n").run()


def test_the_program_of_the_first_comment(trained):
    """It compiles beside the file, and writes a text of 500 characters."""
    source = c_source.c_source(trained("two layers"), "net")
    comment = re.search(r"#include <stdio.h>.*?return 0;\n \*     }", source, re.S)[0]
    main = re.sub(r"^ \* {0,5}", "", comment, flags=re.M)
    page = blocks(DOCS / "how-to" / "embed-in-c.md")
    (shown,) = (block.text for block in page if block.language == "c")
    shown = shown.replace("names.c", "net.c").replace("model", "net").replace("MODEL", "NET")
    assert shown == main + "\n"
    program = compiled("int main(void) { return 0; }\n")
    (program.folder / "net.c").write_text(source)
    (program.folder / "program.c").write_text(main)
    command = [c_compiler.compiler(), *C99, "program.c", "net.c", "-o", "program.exe", "-lm"]
    program._run(command, "compile")
    text = program._run([str(program.folder / "program.exe")], "run").decode()
    assert len(text) == 500
    assert set(text) <= set(BEYOND)


EDGES = """
#include <stdio.h>
#include <float.h>
int main(void)
{
    static model_state state, before;
    static float logits[MODEL_SYMBOLS];
    static const char *texts[] = {
        "", "a", "\\xff", "\\xe2\\x82", "\\xf0\\x9f\\x90", "\\xed\\xa0\\x80"};
    static const float values[] = {0, FLT_MAX, -FLT_MAX, INFINITY, -INFINITY, NAN};
    static const int wrong[] = {-1, MODEL_SYMBOLS, 2147483647, -2147483647 - 1};
    char text[4];
    size_t i, j, length = 9;
    uint64_t seed = UINT64_MAX;
    model_reset(&state);
    for (i = 0; i < MODEL_SYMBOLS; i++) model_step(&state, (int)i);
    before = state;
    for (i = 0; i < 4; i++) {
        model_step(&state, wrong[i]);
        if (memcmp(&state, &before, sizeof(state)) != 0 || model_text_of(wrong[i], text) != 0)
            return 1;
    }
    for (i = 0; i < 6; i++) {
        model_symbol_of(texts[i], strlen(texts[i]), &length);
        if (length != (i > 0)) return 2;
        if (model_symbol_of(texts[i], strlen(texts[i]), NULL) >= MODEL_SYMBOLS) return 3;
    }
    for (i = 0; i < 6; i++) {
        for (j = 0; j < MODEL_SYMBOLS; j++) logits[j] = j % 2 ? values[i] : values[(i + j) % 6];
        for (j = 0; j < 100; j++) {
            static const double temperatures[] = {0, -1, 1e-300, 1, 1e300, INFINITY, NAN};
            const double u = model_random(&seed);
            const int symbol = model_sample(logits, temperatures[j % 7], u);
            if (symbol < 0 || symbol >= MODEL_SYMBOLS || u < 0 || u >= 1) return 4;
        }
    }
    return 0;
}
"""


@pytest.mark.parametrize("weights", ["float32", "int8"])
@pytest.mark.parametrize("model", MODELS, ids=lambda each: f"{each[0]}-{each[1]}-{each[2]}")
def test_no_undefined_behaviour(monkeypatch, model, weights):
    """The sanitizers find nothing, with arguments that no caller should give either."""
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")
    source = c_source.c_source(drawn(*model), "model", weights)
    compiled(source + EDGES, options=("-std=c99", *SANITIZERS)).run()
    program = compiled("#define MODEL_MAIN\n" + source, options=("-std=c99", *SANITIZERS))
    assert sampled(program, "one day.|the fox", 200).startswith(b"one day.|the fox")


@pytest.mark.parametrize(
    "name", ["", "1a", "_a", "a_", "a__b", "a-b", "a b", "ä", "a*/", "a\n", "a" * 41]
)
def test_refused_names(tmp_path, name):
    for call in (c_source.c_source, c_source.contents):
        with pytest.raises(ValueError, match="`name` must be a name in C that begins with a lett"):
            call(drawn(), name)
    with pytest.raises(ValueError, match="`name` must be"):
        export.save(drawn(), tmp_path / "a.c", name=name)
    assert not [*tmp_path.iterdir()]


def test_other_refused_arguments():
    with pytest.raises(TypeError, match="`name` must be"):
        c_source.c_source(drawn(), 3)
    with pytest.raises(ValueError, match="`weights` must be float32 or int8, not 'float64'"):
        c_source.c_source(drawn(), weights="float64")
    model = drawn(dtype="float64")
    model.parameters["Uz"][0, 0] = 1e39
    with pytest.raises(ValueError, match="Uz must have finite values in float32"):
        c_source.c_source(model)


def test_the_same_model_is_the_same_file():
    for weights in ("float32", "int8"):
        one = c_source.contents(drawn("bytes", 3, "float32", True, ".|"), "net", weights)
        assert one == c_source.contents(drawn("bytes", 3, "float32", True, ".|"), "net", weights)


SAMPLE = """
#include <stdio.h>
int main(int count, char **arguments)
{
    static const float logits[MODEL_SYMBOLS] = {LOGITS};
    const double temperature = strtod(arguments[count - 1], NULL);
    uint64_t seed = 5;
    int i;
    for (i = 0; i < 500; i++) {
        const double u = model_random(&seed);
        printf("%.17g %d\\n", u, model_sample(logits, temperature, u));
    }
    return 0;
}
"""


def splitmix64(seed, n):
    """The numbers in [0, 1) of the generator (docs/explanation/equations.md)."""
    mask = 2**64 - 1
    for _ in range(n):
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        a = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        a = ((a ^ (a >> 27)) * 0x94D049BB133111EB) & mask
        yield ((a ^ (a >> 31)) >> 11) / 2**53


def test_samples_have_the_probabilities_of_the_logits():
    """The symbol where the sum of the probabilities first exceeds the random number."""
    logits = np.array([0.5, -1, 2, 2, -30, 1.25])
    model = gru_ext.Model.create(gru_ext.Vocabulary("abcdef"), 3)
    given = "#include <stdlib.h>\n" + SAMPLE.replace(
        "LOGITS", ", ".join(f"{x}f" for x in logits + 0.0)
    )
    program = compiled(c_source.c_source(model) + given)
    for temperature in (1.0, 0.5, 3.0):
        rows = [line.split() for line in program.run(str(temperature)).decode().splitlines()]
        uniforms = [float(u) for u, _ in rows]
        assert uniforms == [*splitmix64(5, 500)]
        p = np.exp(logits / temperature)
        want = np.searchsorted(np.cumsum(p / p.sum()), uniforms, side="right")
        assert [int(symbol) for _, symbol in rows] == want.tolist()
    assert {line.split()[1] for line in program.run("0").splitlines()} == {b"2"}


def test_the_prompt_of_the_program(trained):
    program = compiled(source_of(trained("one layer")))
    with pytest.raises(OSError, match="does not know a character of the prompt"):
        program.run("Ω", "5")
    assert program.run("The ", "0") == b"The "
    one, again, other = (program.run("The ", "80", "3", seed) for seed in ("1", "1", "2"))
    assert one == again != other


def test_without_a_compiler(tmp_path, monkeypatch, capsys):
    drawn().save(tmp_path / "a.npz")
    monkeypatch.setattr(c_compiler, "compiler", lambda: None)
    assert export.save(drawn(), tmp_path / "a.c") is None
    assert run("export", tmp_path / "a.npz", "-o", tmp_path / "b.c", "--name", "net") == 0
    assert "not checked: no C compiler (cc, gcc or clang) was found" in capsys.readouterr().out
    assert (tmp_path / "b.c").read_bytes() == c_source.contents(drawn(), "net")


def test_the_command(tmp_path, capsys):
    drawn().save(tmp_path / "a.npz")
    arguments = "export", tmp_path / "a.npz", "-o", tmp_path / "a.c"
    assert run(*arguments) == 0
    shown = capsys.readouterr().out
    assert "over 1,000 steps, log-probabilities differ by at most" in shown
    assert "cost" not in shown
    assert run(*arguments, "--weights", "int8", "--force") == 0
    assert re.search(r"the rounded weights cost -?\S+ bits per char", capsys.readouterr().out)
    assert (tmp_path / "a.c").read_bytes() == c_source.contents(drawn(), weights="int8")
    assert run(*arguments, "--name", "a b", "--force") == 2
    assert "--name must be a name in C" in capsys.readouterr().err


def test_a_file_that_does_not_predict_the_same(tmp_path, monkeypatch, capsys):
    """The check finds code that is wrong."""
    drawn().save(tmp_path / "a.npz")
    template = c_source.c_template
    monkeypatch.setattr(
        c_source, "c_template", lambda name: template(name).replace("tanhf(", "sinf(")
    )
    assert run("export", tmp_path / "a.npz", "-o", tmp_path / "a.c") == 1
    assert "does not predict what the model does" in capsys.readouterr().err
    monkeypatch.setattr(c_source, "c_template", lambda name: template(name).replace("tanhf", "("))
    with pytest.raises(ValueError, match=r"c\.c was written, but \S+ does not read it: "):
        export.save(drawn(), tmp_path / "c.c")
    (tmp_path / "b.c").write_text("int main(void) { return 0; }")
    with pytest.raises(ValueError, match="needs to be a C file of gru_ext"):
        c_source.open_logits(tmp_path / "b.c", drawn())
