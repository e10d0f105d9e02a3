# SPDX-License-Identifier: MIT
"""Calls that mypy checks: the keywords of gru_ext.train are those of its options, with their types.

Where a comment ignores an error, mypy reports the comment if there is no such error.
"""

import gru_ext


def calls(text: str) -> gru_ext.Model:
    gru_ext.train(text, hidden_size="8")  # type: ignore[arg-type]
    gru_ext.train(text, hiden_size=8)  # type: ignore[call-arg]
    gru_ext.train(hidden_size=8)  # type: ignore[call-arg]
    gru_ext.train(text, callback=len)  # type: ignore[arg-type]
    gru_ext.train(text, callback=lambda progress: progress.train_bits < 3)
    model = gru_ext.train(text)
    gru_ext.plot(model.history)
    gru_ext.plot(["a.jsonl", model.history], output="a.pdf")
    gru_ext.plot({"a": model.history, "b": "b.jsonl"})
    gru_ext.plot(3)  # type: ignore[arg-type]
    return gru_ext.train(text, hidden_size=None, output="model.npz", tied=True)
