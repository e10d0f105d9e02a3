# SPDX-License-Identifier: MIT
"""The symbols of a text: in memory and in a mapped file, the same."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from command import POSIX, SMALL
from training_runs import TEXT, same, state_of

import gru_ext
from gru_ext import Vocabulary
from gru_ext.files import scratch
from gru_ext.text import units as text_units
from gru_ext.text.corpus import digest, encode_text, release
from gru_ext.text.reader import TextReader
from gru_ext.text.vocabulary import Counts

MANY = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))


@pytest.fixture
def mapped(monkeypatch):
    """Texts of files go to a mapped file however short they are, in pieces of seven characters."""
    monkeypatch.setattr(scratch, "IN_MEMORY", 0)
    monkeypatch.setattr(text_units, "PIECE", 7)


@pytest.mark.parametrize(("text", "itemsize"), [(TEXT, 1), (MANY * 3, 2), ("🙂 é\n" * 99, 1)])
def test_a_mapped_text_is_the_same(tmp_path, mapped, text, itemsize):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    reader = TextReader(path, folder=tmp_path)
    counts = Counts(reader.pieces())
    vocabulary = Vocabulary.from_counts(counts)
    assert vocabulary == Vocabulary.from_text(text)
    symbols = encode_text(reader, counts, vocabulary)
    expected = vocabulary.encode(text)
    assert not symbols.flags.writeable
    assert (symbols.dtype, symbols.itemsize) == (expected.dtype, itemsize)
    assert np.array_equal(symbols, expected)
    release(symbols[3:])
    assert np.array_equal(symbols, expected)
    assert digest(symbols) == digest(expected) == hashlib.sha256(expected.tobytes()).hexdigest()


def test_a_text_in_memory_is_not_mapped(mapped):
    reader = TextReader(TEXT)
    symbols = encode_text(reader, Counts(reader.pieces()), Vocabulary.from_text(TEXT))
    assert symbols.flags.writeable
    release(symbols)
    release(np.zeros(3, np.int32)[::2])


@pytest.mark.parametrize("units", ["chars", "bytes"])
def test_a_run_on_a_mapped_text_has_the_same_bits(tmp_path, monkeypatch, units):
    path, text = tmp_path / "a.txt", (TEXT + "né ☃\n") * 3
    path.write_bytes(text.encode())
    options = {"hidden_size": 8, "quiet": True, "batch_size": 3, "seq_length": 11, "units": units}
    options |= {"val_fraction": 0.1, "warmup": 200, "keep": "last"}
    in_memory = gru_ext.train(path, max_steps=60, output=tmp_path / "one.npz", **options)
    monkeypatch.setattr(scratch, "IN_MEMORY", 0)
    other = tmp_path / "other.npz"
    mapped = gru_ext.train(path, max_steps=25, output=other, **options)
    names = ["a.txt", "one.npz", "one.state.npz", "other.npz", "other.state.npz"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    mapped = gru_ext.train([path], max_steps=60, output=other, resume=True, quiet=True)
    assert same(in_memory, mapped)
    one, two = (state_of(tmp_path / name) for name in ("one.npz", "other.npz"))
    assert one.metadata == two.metadata
    assert mapped.evaluate([path]) == in_memory.evaluate(text)


def test_a_text_that_changes_while_it_is_read(tmp_path, mapped):
    path = tmp_path / "a.txt"
    for later in (TEXT + "the end", TEXT[:-1], TEXT.upper()):
        path.write_text(TEXT)
        reader = TextReader(path)
        counts = Counts(reader.pieces())
        path.write_text(later)
        with pytest.raises(ValueError, match=r"changed while|not know"):
            encode_text(reader, counts, Vocabulary.from_counts(counts))


def test_all_unknown_characters_are_listed_before_the_text_is_encoded(tmp_path, mapped):
    path = tmp_path / "a.txt"
    path.write_text("abc" * 50 + "x" + "abc" * 50 + "y", encoding="utf-8")
    reader = TextReader(path)
    with pytest.raises(ValueError, match="'x', 'y'"):
        encode_text(reader, Counts(reader.pieces()), Vocabulary("abc"))


# No file may grow past 4,000 bytes: to the writer it looks like a full disk.
FULL = """if True:
    import resource, sys
    from gru_ext.cli.main import main
    from gru_ext.files import scratch
    scratch.IN_MEMORY = 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))
    sys.exit(main(sys.argv[1:]))
"""


@POSIX
@pytest.mark.parametrize(("text", "what"), [("a.txt", "the text's symbols"), ("-", "the text")])
def test_a_full_disk(tmp_path, text, what):
    (tmp_path / "a.txt").write_text(TEXT * 9)
    done = subprocess.run(
        [sys.executable, "-c", FULL, "train", text, *SMALL],
        cwd=tmp_path,
        input=(TEXT * 9).encode(),
        capture_output=True,
    )
    told = f"gru-ext: cannot keep {what} in a temporary file in {tmp_path}: File too large\n"
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", told)
    assert os.listdir(tmp_path) == ["a.txt"]
