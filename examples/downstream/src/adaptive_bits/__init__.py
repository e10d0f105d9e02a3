# SPDX-License-Identifier: MIT
"""Bits per byte of a stream, by a GRU that learns while it reads."""

from adaptive_bits._reader import Reader

__all__ = ["Reader"]
