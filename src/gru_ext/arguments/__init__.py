# SPDX-License-Identifier: MIT
"""Argument checks, and options that are declared once."""
