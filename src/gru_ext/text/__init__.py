# SPDX-License-Identifier: MIT
"""From a text to symbols: reading, vocabulary, encoding, documents."""
