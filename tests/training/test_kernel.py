# SPDX-License-Identifier: MIT
"""A notebook's cell that is interrupted, in a kernel of IPython."""

import contextlib
import os
import queue
import re
import sys
import tempfile
import time

import pytest
from command import POSIX

manager = pytest.importorskip("jupyter_client.manager")
pytest.importorskip("ipykernel")

_SECONDS = 120  # a kernel on a busy machine starts slowly
CELL = """
import gru_ext
started = lambda progress: print("step", progress.step, flush=True)
options = {"hidden_size": 4, "max_steps": 10**9, "log_every": 50, "quiet": True}
model = gru_ext.train("To be or not to be. " * 200, callback=started, **options)
"""
AFTER = """
import sys
model = sys.last_value.model
print(model.about["step"], len(model.sample(5, "To ", seed=1)))
"""


class Kernel:
    """A kernel, and what it prints."""

    def __init__(self, folder):
        self._manager = manager.KernelManager(transport="ipc", connection_file=f"{folder}/k")
        self._manager.kernel_spec.argv[0] = sys.executable
        # its history is no part of the home folder
        self._manager.start_kernel(env=os.environ | {"IPYTHONDIR": folder})
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(_SECONDS)

    def close(self):
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()

    def interrupt(self):
        self._manager.interrupt_kernel()

    def run(self, cell):
        """Run a cell, and yield the type and the text of what it prints, until it ends."""
        number, end = self._client.execute(cell), time.monotonic() + _SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                message = self._client.get_iopub_msg(timeout=1)
                if message["parent_header"].get("msg_id") != number:
                    continue
                kind, content = message["msg_type"], message["content"]
                if kind == "stream":
                    yield content["name"], content["text"]
                elif kind == "error":
                    yield "error", "\n".join(content["traceback"])
                elif kind == "status" and content["execution_state"] == "idle":
                    return
        pytest.fail("the kernel does not answer")


@pytest.fixture
def kernel():
    # not tmp_path: the path of a socket must be short
    with tempfile.TemporaryDirectory() as folder:
        running = Kernel(folder)
        yield running
        running.close()


@POSIX
@pytest.mark.filterwarnings("ignore")  # of the client, not of the package
def test_an_interrupted_cell_leaves_the_model(kernel):
    shown = []
    for kind, text in kernel.run(CELL):
        if kind == "stdout" and not shown:
            kernel.interrupt()
        shown.append((kind, text))
    error = "".join(text for kind, text in shown if kind == "error")
    number = r"TrainingInterrupted: training was interrupted at step ([\d,]+) of 1,000,000,000\n"
    found = re.match(number, error)
    assert found, shown
    assert error.count("\n") == 1
    assert error.endswith("model = sys.last_value.model")
    # the words that the message gives work as they stand
    assert [*kernel.run(error.split("The model so far: ")[1])] == []
    step = found[1].replace(",", "")
    assert "".join(text for _, text in kernel.run(AFTER)) == f"{step} 8\n"
