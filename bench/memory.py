# SPDX-License-Identifier: MIT
"""Resident memory of a training process compared with a formula: python -m bench.memory."""

import json
import subprocess
import sys

from bench.worker_process import worker_environment

V, H, B, T = 65, 512, 64, 64
CHARACTERS = 50_000_000


def resident_bytes():
    """Resident memory of this process, or None where the system does not report it."""
    try:
        with open("/proc/self/status") as file:
            lines = [line for line in file if line.startswith("VmRSS:")]
        return int(lines[0].split()[1]) * 1024
    except (OSError, IndexError):
        return None


def train_and_measure():
    """Bytes of the parameters, activations and text, and resident memory before and after."""
    import numpy as np

    from gru_ext.core.training_loop import TrainingLoop
    from gru_ext.core.windows import Workspace
    from gru_ext.model.parameters import Parameters, draw_uniform

    random = np.random.default_rng(0)
    before = resident_bytes()
    symbols = random.integers(V, size=CHARACTERS, dtype=np.uint8)
    parameters, adagrad_state = Parameters(V, H), Parameters(V, H)
    draw_uniform(parameters, random)
    workspace = Workspace(V, H, B, T)
    loop = TrainingLoop(parameters.flat, adagrad_state.flat, workspace, symbols)
    loop.steps(2, 0.01)
    return {
        "parameters": parameters.flat.nbytes,
        "activations": workspace.nbytes,
        "text": symbols.nbytes,
        "characters": CHARACTERS,
        "before": before,
        "after": resident_bytes(),
    }


def measure_in_new_process():
    """The sizes of train_and_measure, formula, goal and increase; or ``error`` if it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.memory"],
        capture_output=True,
        text=True,
        env=worker_environment("gru_ext", 1),
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exited with status {done.returncode}"]
        return {"error": f"failed: {lines[-1]}"}
    sizes = json.loads(done.stdout)
    sizes["formula"] = 3 * sizes["parameters"] + sizes["activations"] + sizes["text"]
    sizes["goal"] = sizes["formula"] - sizes["text"] + 2 * sizes["characters"]
    if sizes["before"] is None or sizes["after"] is None:
        sizes["error"] = "this system does not report the resident memory"
    else:
        sizes["increase"] = sizes["after"] - sizes["before"]
    return sizes


if __name__ == "__main__":
    print(json.dumps(train_and_measure()))
