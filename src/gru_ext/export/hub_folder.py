# SPDX-License-Identifier: MIT
"""A folder as model hubs have it: ``config.json``, ``model.safetensors``, a card ``README.md``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from gru_ext._version import __version__
from gru_ext.arguments.messages import counted
from gru_ext.export import safetensors_file
from gru_ext.export.comparison import Logits
from gru_ext.export.gates import is_tied
from gru_ext.files import StrPath

if TYPE_CHECKING:
    from gru_ext.model.model import Model

WEIGHTS = "model.safetensors"


def contents(model: Model) -> dict[str, bytes]:
    """The files by their names."""
    return {
        WEIGHTS: safetensors_file.contents(model),
        "config.json": json.dumps(_config(model), indent=2).encode() + b"\n",
        "README.md": _card(model).encode(),
    }


def open_logits(path: StrPath, model: Model) -> Logits:
    """Load the weights with the library safetensors, and read with the equations."""
    return safetensors_file.open_logits(Path(path) / WEIGHTS, model)


def _config(model: Model) -> dict[str, object]:
    """The sizes of the model, under the names that are usual for them."""
    return {
        "model_type": "gru_ext",
        "gru_ext_version": __version__,
        "vocab_size": len(model.vocabulary),
        "hidden_size": model.hidden_size,
        "num_hidden_layers": model.layers,
        "dtype": str(model.dtype),
        "tie_word_embeddings": is_tied(model.parameters),
        "reset_after": False,
        "units": model.vocabulary.units,
        "document_separator": model.about.get("document_separator"),
    }


def _card(model: Model) -> str:
    units = {"chars": "character", "bytes": "byte"}[model.vocabulary.units]
    parameters = model.parameters.count
    if is_tied(model.parameters):
        parameters -= model.parameters["Wy"].size
    rows = {
        "layers": model.layers,
        "hidden size": model.hidden_size,
        "vocabulary": counted(len(model.vocabulary), units),
        "parameters": f"{parameters:,}",
        "dtype": model.dtype,
    }
    validation = model.about.get("validation")
    nats = validation.get("nats_per_char") if isinstance(validation, dict) else None
    if isinstance(nats, float) and math.isfinite(nats):
        rows["validation loss"] = f"{nats / math.log(2):.4f} bits per {units}"
    table = "".join(f"| {name} | {value} |\n" for name, value in rows.items())
    return f"""---
library_name: gru-ext
pipeline_tag: text-generation
tags:
- gru
- {units}-level
---

# A {units}-level GRU

This model predicts the next {units} of a text. It is a GRU whose reset gate comes before the
recurrent product (`linear_before_reset=0` in ONNX, `reset_after=False` in Keras). It was written by
gru_ext {__version__}.

| | |
|---|---|
{table}
## Use

```python
import gru_ext

model = gru_ext.load("{WEIGHTS}")
print(model.sample(500, temperature=0.8))
```

The weights have the names of the equations of gru_ext. The vocabulary is in the metadata of
`{WEIGHTS}`: the place of a {units} in it is its symbol.
"""
