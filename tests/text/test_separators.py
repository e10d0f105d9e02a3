# SPDX-License-Identifier: MIT
"""Where documents start, and how often their separator occurs."""

import numpy as np
import pytest

from gru_ext import Vocabulary
from gru_ext.text import corpus
from gru_ext.text.documents import count_separators, document_starts, encode_separator


@pytest.mark.parametrize("separator", ["a", "aa", "ab", "abab", "abcabcabcabc"])
def test_where_documents_start(monkeypatch, separator):
    text = "aababaaabcabcababab"
    symbols = np.frombuffer(text.encode(), np.uint8)
    wanted = np.frombuffer(separator.encode(), np.uint8)
    starts = document_starts(symbols, wanted)
    assert starts.tolist() == [text[: i + 1].endswith(separator) for i in range(len(text))]
    for size in (1, 2, 3, 1 << 20):
        monkeypatch.setattr(corpus, "_SLICE", size)
        assert count_separators(symbols, wanted) == starts.sum()


def test_a_separator_is_encoded_without_the_unknown_token():
    vocabulary = Vocabulary.from_text("aabbc", min_count=2)
    assert encode_separator(vocabulary, "ba").tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"document separator has characters.*'c'"):
        encode_separator(vocabulary, "bc")
    assert encode_separator(Vocabulary.from_text("x", "bytes"), "é").tolist() == [0xC3, 0xA9]


@pytest.mark.parametrize(("separator", "error"), [("", ValueError), (b"a", TypeError)])
def test_what_is_not_a_separator(separator, error):
    with pytest.raises(error, match="document separator must"):
        encode_separator(Vocabulary("ab"), separator)
