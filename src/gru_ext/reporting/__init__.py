# SPDX-License-Identifier: MIT
"""What a training run shows and writes for people: console, metrics, TensorBoard, plots."""
