# SPDX-License-Identifier: MIT
"""Resident memory of a training process beside the formula: python -m bench.memory."""

import json
import subprocess
import sys

from bench.timing import environment

V, H, B, T = 65, 512, 64, 64
CHARACTERS = 50_000_000


def resident():
    """Bytes of this process in memory, or None where the system does not say."""
    try:
        with open("/proc/self/status") as file:
            lines = [line for line in file if line.startswith("VmRSS:")]
        return int(lines[0].split()[1]) * 1024
    except (OSError, IndexError):
        return None


def measure():
    """Parameters, activations, text, and what the process grew by."""
    import numpy as np

    from gru_ext.core.training_loop import TrainingLoop
    from gru_ext.core.windows import Workspace
    from gru_ext.model.parameters import Parameters, draw_uniform

    random = np.random.default_rng(0)
    before = resident()
    symbols = random.integers(V, size=CHARACTERS, dtype=np.uint8)
    parameters, memory = Parameters(V, H), Parameters(V, H)
    draw_uniform(parameters, random)
    workspace = Workspace(V, H, B, T)
    loop = TrainingLoop(parameters.flat, memory.flat, workspace, symbols)
    loop.steps(2, 0.01)
    return {
        "parameters": parameters.flat.nbytes,
        "activations": workspace.nbytes,
        "text": symbols.nbytes,
        "characters": CHARACTERS,
        "before": before,
        "after": resident(),
    }


def run():
    """measure() in a fresh process; a dict, with ``problem`` where it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.memory"],
        capture_output=True,
        text=True,
        env=environment("gru_ext", 1),
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"]
        return {"error": f"failed: {said[-1]}"}
    sizes = json.loads(done.stdout)
    sizes["formula"] = 3 * sizes["parameters"] + sizes["activations"] + sizes["text"]
    sizes["goal"] = sizes["formula"] - sizes["text"] + 2 * sizes["characters"]
    if sizes["before"] is None or sizes["after"] is None:
        sizes["error"] = "this system does not tell the resident memory"
    else:
        sizes["grown"] = sizes["after"] - sizes["before"]
    return sizes


if __name__ == "__main__":
    print(json.dumps(measure()))
