# SPDX-License-Identifier: MIT
"""The search for good sizes: many small models at once, the bad ones stopped early."""
