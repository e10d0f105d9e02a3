# SPDX-License-Identifier: MIT
"""What the workers run, a module a library; each is imported by a worker only."""
