# SPDX-License-Identifier: MIT
"""A process that runs one implementation: python -m bench.worker IMPLEMENTATION CONFIG_JSON.

After setup it writes one line of JSON. Then it reads numbers of units from standard input, one per
line. After each it runs so many units and writes the elapsed seconds and further values as JSON.
"""

import importlib
import json
import os
import sys
import time
from types import SimpleNamespace

from bench.machine import pin
from bench.registry import IMPLEMENTATIONS


def open_reply_stream():
    """A stream to the parent process; other output to standard output goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return stream


def main(name, config):
    config = SimpleNamespace(**json.loads(config))
    pin(config.cpus)
    stream = open_reply_stream()

    def reply(**values):
        stream.write(json.dumps(values) + "\n")

    module, function = IMPLEMENTATIONS[name].target.split(":")
    setup = getattr(importlib.import_module("bench.implementations." + module), function)
    run, info = setup(config)
    reply(ready=True, **info)
    for line in sys.stdin:
        start = time.perf_counter()
        values = run(int(line))
        seconds = time.perf_counter() - start
        if values is None:
            values = {"seconds": seconds}
        elif not isinstance(values, dict):
            values = {"seconds": values}
        reply(**values)


if __name__ == "__main__":
    main(*sys.argv[1:])
