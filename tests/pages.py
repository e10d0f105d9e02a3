# SPDX-License-Identifier: MIT
"""Pages in tests: models and texts for them, and what a report holds."""

import json
import re

import gru_ext

HOSTILE = (
    "<script>alert('x')</script></style><!-- --><img src=x onerror=alert(1)>\n"
    "\"quoted\" 'text' & &lt; ${a} `b` {{ c }} {% d %} \\u003c ]]>\n"
    "\0\x01\x1b[31m\x7f\u200b\u200e\u202e\u2066\u2069\u2028\u2029\ufeff\u0301e\u0301\ufe0f\n"
    "שלום עולם 漢字 😀 \U000e0041\t\xa0\xad\n"
)


def random_model(text, hidden_size=8, layers=1, units="chars", **about):
    """A model for a text that has learned nothing."""
    vocabulary = gru_ext.Vocabulary.from_text(text, units)
    model = gru_ext.Model.create(vocabulary, hidden_size, layers=layers)
    model.about.update(about)
    return model


def data_of(page):
    """What the script of a page reads."""
    found = re.search(rb'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(found[1])
