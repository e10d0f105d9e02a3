# SPDX-License-Identifier: MIT
"""A page on this machine to write with a model: a local HTTP server (``gru-ext serve``)."""
