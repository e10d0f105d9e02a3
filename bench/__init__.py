# SPDX-License-Identifier: MIT
"""Benchmarks of gru_ext and comparable libraries on one machine: python -m bench."""
