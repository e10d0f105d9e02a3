# SPDX-License-Identifier: MIT
"""PyTorch: the model as a module, to run and to train. This file needs PyTorch to be imported.

``torch.nn.GRU`` is the other variant of the GRU, whose reset gate comes after the recurrent
product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from gru_ext.arguments.kinds import Number
from gru_ext.export.gates import GATES, is_tied
from gru_ext.model.described import described
from gru_ext.model.parameters import layer_name, shapes

if TYPE_CHECKING:
    from gru_ext.model.model import Model


DROPOUT = Number(least=0, below=1)


class GRU(torch.nn.Module):  # type: ignore[misc]
    """A character-level GRU, with parameters of the names and shapes of a model file.

    Parameters
    ----------
    vocabulary_size, hidden_size, layers : int
        V, H and the number of layers.
    tied : bool
        Whether the output layer has the transpose of ``Wh`` as its weights, and no ``Wy``.
    dropout : float
        The fraction of each layer's outputs that is set to zero in training. The connections from
        time step to time step have none.
    dtype : torch.dtype
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden_size: int,
        layers: int = 1,
        tied: bool = False,
        dropout: float = 0.0,
        dtype: Any = torch.float32,
    ) -> None:
        super().__init__()
        self.hidden_size, self.layers = hidden_size, layers
        self.tied, self.dropout = tied, dropout
        self.description: dict[str, str] = {}
        for name, shape in shapes(vocabulary_size, hidden_size, layers).items():
            if not (tied and name == "Wy"):
                values = torch.zeros(shape, dtype=dtype)
                self.register_parameter(name, torch.nn.Parameter(values))

    def forward(self, symbols: Any, states: Any = None) -> tuple[Any, Any]:
        """Read symbols (docs/explanation/equations.md).

        Parameters
        ----------
        symbols : tensor of int64, shape (T, B)
        states : tensor, shape (layers, B, H), optional
            By default zeros.

        Returns
        -------
        logits : tensor, shape (T, B, V)
            What is predicted after each symbol.
        states : tensor, shape (layers, B, H)
            The states after the last symbol.
        """
        if states is None:
            sizes = self.layers, symbols.shape[1], self.hidden_size
            states = torch.zeros(sizes, dtype=self.by.dtype, device=self.by.device)
        x, last = symbols, []
        for layer in range(1, self.layers + 1):
            x, h = self._read(layer, x, states[layer - 1])
            last.append(h)
            x = functional.dropout(x, self.dropout, self.training)
        Wy = self.Wh.T if self.tied else self.Wy
        return functional.linear(x, Wy, self.by[:, 0]), torch.stack(last)

    def _read(self, layer: int, x: Any, h: Any) -> tuple[Any, Any]:
        """The states of a layer at every time step, (T, B, H), and the last one, (B, H)."""
        H = self.hidden_size
        W, U, b = (
            torch.cat([self.get_parameter(layer_name(kind + gate, layer)) for gate in GATES])
            for kind in "WUb"
        )
        # W x of a one-hot x is a column
        a = functional.embedding(x, W.T) if layer == 1 else functional.linear(x, W)
        azr, ac = (a + b[:, 0]).split([2 * H, H], dim=-1)
        Uzr, Uh = U.split([2 * H, H])
        every = []
        for at_zr, at_c in zip(azr, ac, strict=True):
            z, r = torch.sigmoid(at_zr + functional.linear(h, Uzr)).chunk(2, dim=-1)
            candidate = torch.tanh(at_c + functional.linear(r * h, Uh))
            h = z * h + (1 - z) * candidate
            every.append(h)
        return torch.stack(every), h


def torch_module(model: Model, dropout: float | None = None) -> GRU:
    """A ``torch.nn.Module`` with a copy of the parameters of a model.

    Parameters
    ----------
    model : Model
        If its output weights are the transpose of ``Wh``, they are tied in the module too.
    dropout : float, optional
        The fraction of each layer's outputs that is dropped in training; by default that of the
        model's own training.

    Returns
    -------
    GRU
        The module, in evaluation mode: ``module.train()`` switches dropout on. Its attribute
        ``description`` has vocabulary and configuration, with which :func:`load_torch` makes a
        Model of the module again.
    """
    options = model.about.get("options")
    if dropout is None:
        dropout = options.get("dropout", 0.0) if isinstance(options, dict) else 0.0
    sizes = len(model.vocabulary), model.hidden_size, model.layers
    dtype = torch.float64 if model.dtype == np.float64 else torch.float32
    module = GRU(*sizes, is_tied(model.parameters), DROPOUT.check("dropout", dropout), dtype)
    module.description = described(model)
    module.load_state_dict(
        {
            name: torch.from_numpy(np.array(model.parameters[name]))
            for name, _ in module.named_parameters()
        }
    )
    module.eval()
    return module
