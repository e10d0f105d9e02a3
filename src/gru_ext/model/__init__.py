# SPDX-License-Identifier: MIT
"""The model: parameters, model file, sampling and evaluation."""
