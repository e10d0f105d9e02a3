# SPDX-License-Identifier: MIT
"""A training run: options and defaults, trainer, schedules, validation, recovery, checkpoints."""
