# SPDX-License-Identifier: MIT
"""A report of a trained model: one HTML file (jinja2)."""
