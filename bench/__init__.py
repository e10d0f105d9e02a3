# SPDX-License-Identifier: MIT
"""How fast gru_ext is beside its peers, measured in turns on one machine: python -m bench."""
