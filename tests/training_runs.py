# SPDX-License-Identifier: MIT
"""Training runs in tests: a text, a small model, and whether two models are the same."""

TEXT = "The quick brown fox jumps over the lazy dog.\n" * 12
NAMES = "".join(f"{name}\n" for name in ("anna", "bob", "carl", "dora", "ed", "ida") * 40)
DOCUMENTS = "one day.<|end|>the <fox>.<|end|><|end|>a dog|>.<|end|>" * 12
SMALL = {"hidden_size": 8, "quiet": True}


def same(one, other):
    return all(
        one.parameters[name].tobytes() == other.parameters[name].tobytes()
        for name in one.parameters
    )
