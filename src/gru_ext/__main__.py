# SPDX-License-Identifier: MIT
"""The entry point of the command ``gru-ext`` and of ``python -m gru_ext``."""

import gc
import os
import sys
import warnings

_OBJECTS = 20_000
"""New objects after which garbage is collected."""


def main() -> int:
    """Run the command; Ctrl-C ends it cleanly even while its modules are still being imported."""
    warnings.showwarning = _show_warning
    # Imports make many objects and hardly a cycle: looking for cycles after every 700 objects, and
    # in all objects at the end, would take longer than a short run.
    gc.set_threshold(_OBJECTS)
    # Idle threads of NumPy's OpenBLAS wait for a millisecond before they sleep, not for thirty.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "20")  # 2^20 ticks of the clock; default 26
    try:
        from gru_ext.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return 130
    finally:
        gc.freeze()


def _show_warning(message: Warning | str, *_where: object, **_more: object) -> None:
    if sys.stderr is not None:
        print(f"gru-ext: warning: {' '.join(str(message).split())}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
