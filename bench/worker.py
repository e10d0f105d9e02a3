# SPDX-License-Identifier: MIT
"""One implementation in its own process: python -m bench.worker IMPLEMENTATION CONFIG_JSON.

It says that it is ready with a line of JSON, then reads numbers of units from standard input and
answers each with the seconds that they took, and with what else the implementation has to say.
"""

import importlib
import json
import os
import sys
import time
from types import SimpleNamespace

from bench.machine import pin
from bench.registry import IMPLEMENTATIONS


def private_stdout():
    """A stream to the parent; whatever a library prints goes to standard error instead."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return channel


def main(name, config):
    config = SimpleNamespace(**json.loads(config))
    pin(config.cpus)
    channel = private_stdout()

    def say(**what):
        channel.write(json.dumps(what) + "\n")

    module, function = IMPLEMENTATIONS[name].target.split(":")
    run, info = getattr(importlib.import_module("bench.implementations." + module), function)(
        config
    )
    say(ready=True, **info)
    for line in sys.stdin:
        began = time.perf_counter()
        answer = run(int(line))
        if answer is None:
            answer = time.perf_counter() - began
        say(**(answer if isinstance(answer, dict) else {"seconds": answer}))


if __name__ == "__main__":
    main(*sys.argv[1:])
