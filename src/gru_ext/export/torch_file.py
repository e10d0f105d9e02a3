# SPDX-License-Identifier: MIT
"""PyTorch's files: a dict of ``state_dict`` and of the metadata ``gru_ext``, without any code."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.export.comparison import Logits
from gru_ext.files import StrPath
from gru_ext.model.described import described

if TYPE_CHECKING:
    from gru_ext.model.model import Model

WEIGHTS, METADATA = "state_dict", "gru_ext"


def contents(model: Model) -> bytes:
    """The bytes of the file, which ``torch.load(path, weights_only=True)`` reads."""
    import torch

    from gru_ext.export.torch_network import torch_module

    file = io.BytesIO()
    state = {WEIGHTS: torch_module(model).state_dict(), METADATA: described(model)}
    torch.save(state, file)
    return file.getvalue()


def open_logits(path: StrPath, model: Model) -> Logits:
    """Load the file into a module of PyTorch."""
    import torch

    from gru_ext.export.torch_network import torch_module

    module = torch_module(model)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    module.load_state_dict(torch.load(path, weights_only=True)[WEIGHTS])

    def logits(symbols: NDArray[np.int32]) -> Any:
        with torch.no_grad():
            found = module(torch.from_numpy(symbols.astype(np.int64)[:, None]))[0]
        return found[:, 0].numpy()

    return logits
