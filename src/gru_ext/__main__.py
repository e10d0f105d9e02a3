# SPDX-License-Identifier: MIT
"""Where the command ``gru-ext`` and ``python -m gru_ext`` begin."""

import sys


def main() -> int:
    """Run the command; an interrupt while its parts are still loading ends it in order too."""
    try:
        from gru_ext.cli import main as run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
