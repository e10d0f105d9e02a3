# SPDX-License-Identifier: MIT
"""The command python -m bench.calls, see bench.c_interface_calls."""

from bench.c_interface_calls import main

if __name__ == "__main__":
    main()
