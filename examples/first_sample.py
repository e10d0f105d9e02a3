# SPDX-License-Identifier: MIT
"""From an installation to a first sample, in some seconds.

python examples/first_sample.py

It makes a text from the English documentation that comes with Python, trains a model on it and
prints a sample. The commands that it runs are printed first. Files: topics.txt, topics.npz,
topics.state.npz, in the current folder.
"""

import shlex
import subprocess
import sys
from pathlib import Path
from pydoc_data import topics

COMMANDS = (
    "train topics.txt --epochs 4 --hidden-size 128 -o topics.npz --force",
    "sample topics.npz --length 300 --prompt 'The '",
)

Path("topics.txt").write_text("\n".join(topics.topics.values()), encoding="utf-8")
for command in COMMANDS:
    print(f"$ gru-ext {command}", flush=True)
    subprocess.run([sys.executable, "-m", "gru_ext", *shlex.split(command)], check=True)
