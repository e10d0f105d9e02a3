# SPDX-License-Identifier: MIT
"""What is loaded before work begins: a short run takes longer to start than to train."""

import os
import subprocess
import sys

import numpy as np
import pytest

from gru_ext.training.classic import _Random


def loaded(program, folder):
    """Modules that a fresh process has loaded at the end of a program."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_package_alone_loads_nothing_else(tmp_path):
    modules = loaded("import gru_ext", tmp_path)
    assert {"numpy", "argparse", "tqdm"}.isdisjoint(modules)
    assert {name for name in modules if name.startswith("gru_ext.")} == {"gru_ext._version"}


def test_the_parser_does_without_numpy(tmp_path):
    modules = loaded("import gru_ext.cli.parser", tmp_path)
    assert "argparse" in modules
    assert "numpy" not in modules


def test_classic_loads_only_what_it_uses(tmp_path):
    (tmp_path / "a.txt").write_text("abcdef" * 20)
    command = ["train", "a.txt", "--classic", "--quiet", "--max-steps", "3"]
    modules = loaded(f"from gru_ext.cli.main import main; assert main({command}) == 0", tmp_path)
    assert "gru_ext.training.classic" in modules
    ours = modules - loaded("import numpy", tmp_path)  # older ones load numpy.random themselves
    for name in (
        "numpy.random",
        "tqdm",
        "hashlib",
        "gru_ext.core.narrow",
        "gru_ext.model.checkpoint_reader",
        "gru_ext.training.resume",
        "gru_ext.training.trainer",
        "gru_ext.model.evaluation",
    ):
        assert name not in ours


def test_the_command_looks_for_cycles_rarely_and_lets_threads_sleep():
    program = """
import gc, os, sys
from gru_ext.__main__ import main
sys.argv = ["gru-ext", "info"]
main()
print(gc.isenabled(), gc.get_freeze_count() > 10_000, os.environ["OPENBLAS_THREAD_TIMEOUT"])
"""
    for own, used in ((None, "20"), ("24", "24")):
        given = {} if own is None else {"OPENBLAS_THREAD_TIMEOUT": own}
        env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_THREAD_TIMEOUT"} | given
        done = subprocess.run(
            [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == f"True True {used}"


@pytest.mark.parametrize("seed", [0, 1, 7, 2**31, 2**32 - 1])
def test_the_draws_are_those_of_numpy(seed):
    ours, numpys = _Random(seed), np.random.RandomState(seed)
    for size in ((3, 4), (700,), (0,), (1000,), (1, 1)):
        found = ours.random(size)
        assert found.shape == size
        assert found.tobytes() == numpys.random_sample(size).tobytes()
