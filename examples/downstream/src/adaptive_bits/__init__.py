# SPDX-License-Identifier: MIT
"""Bits per byte of a stream, with a GRU that is trained while it reads."""

from adaptive_bits._reader import Reader

__all__ = ["Reader"]
