# SPDX-License-Identifier: MIT
"""A text's way to symbols: read in pieces, counted, encoded, stored."""
