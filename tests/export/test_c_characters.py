# SPDX-License-Identifier: MIT
"""Characters in a C file: UTF-8 in and out, and vocabularies that are made to break the file."""

import re

import c_programs
import pytest
from c_programs import compiled

import gru_ext
from gru_ext.export import c_source

pytestmark = c_programs.REQUIRED

HOSTILE = "*/ ??/ /* // \" ' \\ \0 \r \n \u2028 ??' #define %d \x1a \u202e \U0010ffff"

READ = """
#include <stdio.h>
int main(int count, char **arguments)
{
    static char text[100000];
    FILE *in = fopen(arguments[count - 1], "rb");
    size_t at, length, size = in == NULL ? 0 : fread(text, 1, sizeof(text), in);
    for (at = 0; at < size; at += length) {
        char written[4];
        const int symbol = model_symbol_of(text + at, size - at, &length);
        size_t k, n = model_text_of(symbol, written);
        printf("%d %d ", symbol, (int)length);
        for (k = 0; k < n; k++) printf("%02x", (unsigned)(unsigned char)written[k]);
        printf(".\\n");
    }
    return 0;
}
"""


def read_in_c(vocabulary, text):
    """Symbol, number of bytes and the bytes written of each character of a text of bytes."""
    model = gru_ext.Model.create(vocabulary, 3)
    program = compiled(c_source.c_source(model) + READ)
    (program.folder / "text").write_bytes(text)
    rows = [line.split() for line in program.run("text").decode().splitlines()]
    return [(int(a), int(b), bytes.fromhex(c[:-1])) for a, b, c in rows]


EVERY = "\0\x7f\x80\u07ff\u0800\ud7ff\ue000\ufffe\uffff\U00010000\U0010fffda€🐕"


@pytest.mark.parametrize(
    "characters", [EVERY, EVERY[::-1], HOSTILE[:1] + EVERY, "".join(dict.fromkeys(HOSTILE))]
)
def test_characters_go_in_and_out(characters):
    """Also in a vocabulary that is not sorted."""
    vocabulary = gru_ext.Vocabulary(characters)
    found = read_in_c(vocabulary, characters.encode())
    assert found == [(i, len(c.encode()), c.encode()) for i, c in enumerate(characters)]


def test_characters_that_are_not_in_the_vocabulary():
    for vocabulary, unknown in (
        (gru_ext.Vocabulary("a€"), -1),
        (gru_ext.Vocabulary("a\ufffd€", unknown=True), 1),
        (gru_ext.Vocabulary("a\ufffd€"), -1),
    ):
        text = "ab\x00é🐕\U0010ffff€"
        found = read_in_c(vocabulary, text.encode())
        want = [vocabulary.characters.find(c) for c in text]
        assert [row[0] for row in found] == [unknown if s < 0 else s for s in want]
        assert b"".join(row[2] for row in found if row[0] == 0) == b"a"


NOT_UTF8 = [
    b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc3", b"\xc3\xc3", b"\xe2\x82", b"\xe0\x9f\xbf",
    b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80",
    b"\xf0\x9f\x90", b"\xff", b"\xfe\x80", b"\xf8\x88\x80\x80\x80",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_UTF8)
def test_bytes_that_are_not_utf8(text):
    """Each of them is U+FFFD, and the character that follows is read."""
    with pytest.raises(UnicodeDecodeError):
        text.decode()
    found = read_in_c(gru_ext.Vocabulary("a\ufffd"), text + b"a")
    assert found == [(1, 1, "\ufffd".encode())] * len(text) + [(0, 1, b"a")]


def test_a_model_of_bytes_reads_every_byte():
    text = bytes(range(256)) + "ä €🐕".encode()
    found = read_in_c(gru_ext.Vocabulary.from_text(b"a", "bytes"), text)
    assert found == [(byte, 1, bytes([byte])) for byte in text]


def test_half_of_a_pair_is_written_as_the_replacement_character():
    source = c_source.c_source(gru_ext.Model.create(gru_ext.Vocabulary("\ud800a"), 3))
    main = """
int main(void)
{
    char text[4];
    return model_text_of(0, text) != 3 || memcmp(text, "\\xef\\xbf\\xbd", 3) != 0;
}
"""
    compiled(source + main).run()


def test_a_vocabulary_is_only_numbers():
    """What is written does not depend on characters, but for the numbers of the tables."""
    hostile = "".join(dict.fromkeys(HOSTILE))
    harmless = "".join(map(chr, range(0x4E00, 0x4E00 + len(hostile) - 1))) + "\n"
    texts = []
    for characters in (hostile, harmless):
        model = gru_ext.Model.create(gru_ext.Vocabulary(characters), 3)
        model.about["document_separator"] = characters[:20]
        texts.append(re.sub(r"\d+", "0", c_source.c_source(model)))
    assert texts[0] == texts[1]
    assert texts[0].isascii()
    assert "??" not in texts[0]
