# SPDX-License-Identifier: MIT
"""The documentation site: what MkDocs calls while it builds the pages."""
