# SPDX-License-Identifier: MIT
"""The C sources of this folder as Python modules."""

import importlib
import sys
import tempfile
from pathlib import Path

from setuptools import Distribution, Extension


def build(name, **options):
    """Compile ``name``.c in a temporary folder and import it; ``options`` are an Extension's."""
    folder = tempfile.mkdtemp()
    extension = Extension(name, [str(Path(__file__).with_name(f"{name}.c"))], **options)
    command = Distribution({"ext_modules": [extension]}).get_command_obj("build_ext")
    command.build_lib = command.build_temp = folder
    command.ensure_finalized()
    command.run()
    sys.path.insert(0, folder)
    return importlib.import_module(name)
