# SPDX-License-Identifier: MIT
"""The entry point of the command ``gru-ext`` and of ``python -m gru_ext``."""

import sys
import warnings


def main() -> int:
    """Run the command; Ctrl-C ends it cleanly even while its modules are still being imported."""
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
