# SPDX-License-Identifier: MIT
"""Train on a text file and print a sample of the model.

python examples/train_and_sample.py TEXT
"""

import sys
from pathlib import Path

import gru_ext

text = Path(sys.argv[1]).read_text(encoding="utf-8")
model = gru_ext.train(text, hidden_size=64, max_steps=500)
print(model.sample(300, temperature=0.8, seed=1))
