# SPDX-License-Identifier: MIT
"""The compared implementations; only a worker process imports these modules."""
