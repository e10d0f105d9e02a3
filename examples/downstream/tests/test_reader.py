# SPDX-License-Identifier: MIT
import threading

from adaptive_bits import Reader

TEXT = b"the quick brown fox jumps over the lazy dog. " * 200


def bits_per_byte(reader, text):
    return reader.read(text) / len(text)


def test_it_learns_while_it_reads():
    reader = Reader()
    first = bits_per_byte(reader, TEXT[:900])
    last = bits_per_byte(reader, TEXT[900:])
    assert last < 2 < first


def test_pieces_and_threads_change_nothing():
    alone = Reader().read(TEXT)
    results = {}

    def read(n):
        reader = Reader()
        results[n] = sum(reader.read(TEXT[i : i + 1000]) for i in range(0, len(TEXT), 1000))

    threads = [threading.Thread(target=read, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0] == results[1]
    assert abs(results[0] - alone) < 1e-6 * alone
