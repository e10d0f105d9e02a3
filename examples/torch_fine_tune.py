# SPDX-License-Identifier: MIT
"""Fine-tune a model with PyTorch, and use it again with gru_ext. Needs gru-ext[torch].

python examples/torch_fine_tune.py MODEL TEXT OUTPUT [STEPS]

The loss has a term that gru_ext's own training does not have: it keeps the weights near those of
the model that the training starts from (L2-SP: Li, Grandvalet and Davoine, 2018), so that what the
model knows is not forgotten for a short text.
"""

import sys
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

import gru_ext
from gru_ext import export

B, T, LEARNING_RATE, PULL = 8, 64, 0.001, 0.01

path, text_path, output = sys.argv[1:4]
steps = int(sys.argv[4]) if len(sys.argv) > 4 else 300
text = Path(text_path).read_text(encoding="utf-8")
text, validation = text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]

model = gru_ext.load(path)
module = export.torch_module(model)
start = {name: weights.detach().clone() for name, weights in module.named_parameters()}
optimizer = torch.optim.Adam(module.parameters(), LEARNING_RATE)

symbols = torch.from_numpy(model.vocabulary.encode(text)).long()
length = (len(symbols) - 1) // B  # of each of the B streams
if length <= T:
    sys.exit(f"the text must have more than {B * (T + 1)} characters, not {len(symbols)}")
rows = torch.stack([symbols[b * length : (b + 1) * length + 1] for b in range(B)], dim=1)
states, at = None, 0
for _ in range(steps):
    window = rows[at : at + T + 1]
    logits, states = module(window[:-1], states)
    nats = cross_entropy(logits.flatten(0, 1), window[1:].flatten())
    moved = sum((w - start[name]).square().sum() for name, w in module.named_parameters())
    optimizer.zero_grad()
    (nats + PULL * moved).backward()
    torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimizer.step()
    states, at = states.detach(), at + T
    if at + T > length:  # the end of the streams
        states, at = None, 0

tuned = export.load_torch(module)
tuned.save(output)
before, after = (m.evaluate(validation).bits_per_char for m in (model, tuned))
print(f"bits per character of the last tenth: {before:.3f} before, {after:.3f} after {steps} steps")
