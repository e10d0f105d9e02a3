# SPDX-License-Identifier: MIT
"""The names of the package, as completion in an editor or a notebook shows them."""

import subprocess
import sys

import gru_ext

NAMES = """
import sys
import gru_ext

def names():
    return [name for name in dir(gru_ext) if not name.startswith("__")]

before = names()
assert "numpy" not in sys.modules
assert before == sorted(set(gru_ext.__all__) - {"__version__"}), before
assert "__doc__" in dir(gru_ext) and "__version__" in dir(gru_ext)
assert all(hasattr(gru_ext, name) for name in dir(gru_ext))
from gru_ext import model
import gru_ext.training.train
assert gru_ext.training.train.train is gru_ext.train
assert gru_ext.model is model is sys.modules["gru_ext.model"]
assert names() == before
"""


def test_dir_has_the_public_names_alone():
    done = subprocess.run([sys.executable, "-c", NAMES], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_public_name_is_there():
    assert all(getattr(gru_ext, name) is not None for name in gru_ext.__all__)
