# SPDX-License-Identifier: MIT
"""Values and lists in messages, escapes on the command line, and what is printable."""

import pytest
from training_runs import SMALL, TEXT

import gru_ext
from gru_ext.arguments.escapes import ESCAPES, as_utf8, unescaped
from gru_ext.arguments.messages import counted, listed, printable, printable_lines, shown
from gru_ext.cli.messages import one_line


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 bytes"), (1, "1 byte"), (2, "2 bytes"), (2000, "2,000 bytes")]
)
def test_numbers_of_things(number, text):
    assert counted(number, "byte") == text


def test_lists_end():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], 3) == "a, b, c"
    assert listed(["a", "b", "c"], 1) == "a and 2 more"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("e\u0301", "e\u0301"),
        ("'\u0301'", "'\\u0301'"),
        ("\u0301", "\\u0301"),
        ("❤\ufe0f '\ufe0f", "❤\ufe0f '\\ufe0f"),
        ("हिन्दी", "हिन्दी"),
        ("\x1b[2J\r\n\udcff\u200b", "\\x1b[2J\\r\\n\\udcff\\u200b"),
    ],
)
def test_messages_are_printable(text, printed):
    assert printable(text) == printed
    assert shown(text)[1:-1].replace("\\\\", "\\") == printed


def test_lines_keep_their_writing():
    writing = "a\tb\n \u0301e\u0301\u3000\xa0\u200d🙂\ufe0f"
    assert printable_lines(writing) == writing
    assert printable_lines("\r\x1b\x07\x9b\u2028\u202e\ud800") == (
        "\\r\\x1b\\x07\\x9b\\u2028\\u202e\\ud800"
    )


def test_messages_of_the_command_line_are_one_printable_line():
    assert one_line("a\n b\x1b[31m.txt \udcff") == "a b\\x1b[31m.txt \\udcff"


def test_every_escape_means_what_it_means_in_python():
    for name, character in ESCAPES.items():
        assert unescaped(f"a\\{name}b") == f"a{character}b" == eval(f"'a\\{name}b'")
    assert unescaped(r"\x41\u00e9\U0001F642\\n\0") == "Aé🙂\\n\0"
    for wrong in (r"\q", "\\", r"\x4", r"\u12", r"\U00110000", r"\07", r"\é"):
        with pytest.raises(ValueError, match=r"is not an escape: it must be \\n, "):
            unescaped(wrong)


def test_a_word_that_the_locale_could_not_decode():
    assert as_utf8("春 é".encode().decode("ascii", "surrogateescape")) == "春 é"
    assert as_utf8("a\udcff") == "a\udcff"
    assert as_utf8("é\udcff") == "é\udcff"


def test_messages_of_one_thing_are_sentences(capsys):
    model = gru_ext.train("a" * 40, hidden_size=2, max_steps=1, batch_size=1, seq_length=1)
    assert "\n1 step (0.0263 epochs), batch size 1, " in capsys.readouterr().out
    assert repr(model).startswith("<gru_ext.Model: 1 character, ")
    with pytest.raises(ValueError, match="the text has 1 character for training: a window of 1 "):
        gru_ext.train("a", seq_length=1, **SMALL)
    with pytest.raises(ValueError, match="the vocabulary has 1 character, "):
        gru_ext.Model(gru_ext.Vocabulary("a"), gru_ext.Parameters(2, 3))
    with pytest.raises(ValueError, match="a batch of 9 windows of 60 characters needs at least"):
        gru_ext.train(TEXT, seq_length=60, batch_size=9, **SMALL)
