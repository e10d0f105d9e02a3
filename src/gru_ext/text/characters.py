# SPDX-License-Identifier: MIT
"""What a model reads and writes."""

UNITS = ("chars", "bytes")
