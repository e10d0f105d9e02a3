# SPDX-License-Identifier: MIT
"""The command line: its parser, its messages, and a module for each command."""
