# SPDX-License-Identifier: MIT
"""Where the command ``gru-ext`` and ``python -m gru_ext`` begin."""

import sys
import warnings


def main() -> int:
    """Run the command; an interrupt while its parts are still loading ends it in order too."""
    warnings.showwarning = _show_warning
    try:
        from gru_ext.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return 130


def _show_warning(message: Warning | str, *_where: object, **_more: object) -> None:
    if sys.stderr is not None:
        print(f"gru-ext: warning: {' '.join(str(message).split())}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
