# SPDX-License-Identifier: MIT
"""Processes that work together: what they send each other, and how results are combined.

Training (``training/``) calls it. It knows nothing of models: it moves and adds flat arrays.
"""
