# SPDX-License-Identifier: MIT
"""The configuration of the installation, from Python and from the command line."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

import gru_ext
from gru_ext.cli.main import main
from gru_ext.core import baseline, kernels
from gru_ext.core.matmul import active_matmul
from gru_ext.core.threads import available_cpus, cpu_quota


def test_get_config(monkeypatch):
    monkeypatch.delenv("GRU_EXT_NUM_THREADS", raising=False)
    found = gru_ext.get_config()
    assert found == {
        "version": gru_ext.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "compiler": kernels.compiler(),
        "baseline": baseline.built_for(),
        "isa": kernels.active_isa(),
        "available_isas": kernels.available_isas(),
        "not_built": kernels.not_built(),
        "matmul": active_matmul(),
        "cpus": available_cpus(),
        "cpu_quota": cpu_quota(),
        "num_threads": None,
        "default_threads": found["default_threads"],
    }
    assert found["matmul"] == "native"
    assert 1 <= found["default_threads"] <= found["cpus"]


def test_a_processor_that_lacks_the_baseline():
    """Nothing else is loaded then, which might end in an illegal instruction."""
    program = (
        "import sys, types\n"
        "other = types.ModuleType('gru_ext.core.baseline')\n"
        "other.built_for, other.missing = lambda: 'x86-64 SSE3 AVX', lambda: 'AVX'\n"
        "sys.modules['gru_ext.core.baseline'] = other\n"
        "for name in ('kernels', 'classic', 'config'):\n"
        "    try: __import__('gru_ext.core.' + name)\n"
        "    except ImportError as error: print(error)\n"
        "print([name for name in sys.modules if name.startswith('gru_ext.core')])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    told = (
        "this build of gru_ext is for x86-64 SSE3 AVX, and this processor has no AVX: "
        "install a prebuilt wheel, or build without -march in CFLAGS\n"
    )
    assert done.stdout == 3 * told + "['gru_ext.core.baseline']\n", done.stderr


def test_the_instruction_set_is_the_one_in_use(isa):
    assert gru_ext.get_config()["isa"] == isa


def test_show_config_and_info_print_the_same(capsys):
    gru_ext.show_config()
    shown = capsys.readouterr().out
    for name, value in gru_ext.get_config().items():
        shown_value = ", ".join(value) if isinstance(value, list) else value
        assert f"{name.replace('_', ' ')}: {shown_value or 'none'}\n" in shown
    assert main(["info"]) == 0
    assert capsys.readouterr() == (shown, "")


@pytest.mark.parametrize(("name", "status"), [("generic", 0), ("nonsense", 2)])
def test_info_under_a_forced_instruction_set(name, status):
    done = subprocess.run(
        [sys.executable, "-m", "gru_ext", "info"],
        env=os.environ | {"GRU_EXT_ISA": name},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status
    if status == 0:
        assert "\nisa: generic\n" in done.stdout
    else:
        assert done.stdout == ""
        assert done.stderr.startswith("gru-ext: instruction set 'nonsense' is not available")
        assert done.stderr.count("\n") == 1


def test_a_warning_is_one_line_on_the_command_line():
    program = (
        "import sys, warnings, gru_ext.cli.info, gru_ext.__main__\n"
        "told = lambda _: warnings.warn('no kernels\\nfor this', RuntimeWarning)\n"
        "gru_ext.cli.info.run = told\n"
        "sys.argv = ['gru-ext', 'info']\n"
        "sys.exit(gru_ext.__main__.main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "gru-ext: warning: no kernels for this\n"
