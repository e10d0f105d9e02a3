# SPDX-License-Identifier: MIT
"""What stands behind gru_ext.capi, the public C-level interface."""
