# SPDX-License-Identifier: MIT
"""A compressor: a GRU that learns while it reads predicts each byte for a range coder."""

from gru_compress.coding import compress, decompress
from gru_compress.container import ContainerError
from gru_compress.weights import Given

__all__ = ["ContainerError", "Given", "compress", "decompress"]
