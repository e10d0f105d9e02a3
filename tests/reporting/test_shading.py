# SPDX-License-Identifier: MIT
"""A text that is shaded in a notebook: any text is safe, legible and of bounded length."""

import math
import re
import sys
import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import gru_ext
from gru_ext.reporting.shading import LONGEST, STEPS, shaded_html


def spans(html):
    """The characters that are shown: text, tooltip and style of each."""
    root = ET.fromstring(html)
    body = root[2]
    return [(span.text, span.get("title"), span.get("style") or "") for span in body]


def opacity(style):
    found = re.search(r"background:#[0-9a-f]{6}([0-9a-f]{2})$", style)
    return int(found[1], 16) / 255 if found else 0.0


def test_each_character_has_its_bits():
    bits = np.array([math.nan, 0.0, 0.5, 3.25, 10.0, math.inf])
    shown = spans(shaded_html("a title", "ab\ncd<", bits))
    assert [text for text, *_ in shown] == [*"ab↵cd<"]
    assert [tip for _, tip, _ in shown] == [
        "not predicted", "0.00 bits", "0.50 bits", "3.25 bits", "10.00 bits", "inf bits"
    ]  # fmt: skip
    shades = [opacity(style) for *_, style in shown]
    assert shades[:2] == [0, 0]
    assert 0 < shades[2] < shades[3] < shades[4] == shades[5]


def test_a_step_begins_the_next_shade():
    bits = np.array([each for step in STEPS for each in (np.nextafter(step, 0), step)])
    shades = [opacity(style) for *_, style in spans(shaded_html("", "x" * len(bits), bits))]
    assert shades[0] == 0
    assert shades[1:-1:2] == shades[2::2]  # just below the next step it is still the same
    assert sorted(set(shades)) == [0, *shades[1::2]]


def test_the_legend_has_every_shade():
    root = ET.fromstring(shaded_html("", "x", np.zeros(1)))
    legend = {span.text: opacity(span.get("style")) for span in root[1]}
    assert [float(text) for text in legend] == [0, *STEPS]
    shades = [style for *_, style in spans(shaded_html("", "x" * 9, np.array(STEPS)))]
    assert [*legend.values()] == [0, *map(opacity, shades)]
    assert root[1].text == "bits, from "


def test_the_report_has_the_same_steps():
    script = Path(gru_ext.__file__).parent / "report/page/shading.js"
    (steps,) = re.findall(r"^const BIT_STEPS = \[(.*)\];$", script.read_text(), re.M)
    assert tuple(map(float, steps.split(", "))) == STEPS


def test_no_character_hides_or_does_harm():
    """Every character that is not plain writing, and the letters with which HTML begins."""
    odd = [chr(c) for c in range(sys.maxunicode + 1) if is_odd(chr(c))]
    allowed = re.compile(r"[\n\x20-\x7e↵⇥␀-␡◌]*")
    for start in range(0, len(odd), LONGEST):
        text = "".join(odd[start : start + LONGEST])
        html = shaded_html("", text, np.ones(len(text)))
        assert allowed.fullmatch(html)
        assert len(spans(html)) == len(text)
    html = shaded_html("<i>&", '<b>&"', np.ones(5))
    assert [text for text, *_ in spans(html)] == [*'<b>&"']
    assert "<b>" not in html
    assert "<i>&<" not in html


def is_odd(c):
    return unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def test_a_long_text_is_cut():
    bits = np.full(10 * LONGEST, 7.5)
    html = shaded_html("", "☃" * len(bits), bits)
    assert len(spans(html)) == LONGEST
    assert f"the first {LONGEST:,} of {len(bits):,} characters" in html
    assert len(html) < 160_000
    assert "the first" not in shaded_html("", "a" * LONGEST, bits[:LONGEST])
    assert len(spans(shaded_html("", "", np.zeros(0)))) == 0


def test_bytes_are_shown_as_the_characters_that_they_are():
    text = "é☃".encode() + b"\xff\xe2\x98a"
    bits = np.array([1.0, 2, 1, 1, 1, 4, 5, 6, 7])
    shown = spans(shaded_html("", text, bits))
    assert [each for each, *_ in shown] == ["é", "☃", "FF", "E2", "98", "a"]
    assert [float(tip.split()[0]) for _, tip, _ in shown] == [3, 3, 4, 5, 6, 7]
    html = shaded_html("", b"\xe2\x98\x83" * LONGEST, np.ones(3 * LONGEST))
    assert f"the first {LONGEST:,} of {3 * LONGEST:,} bytes" in html


def luminance(color):
    """The relative luminance of WCAG 2.2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(
    ("paper", "ink"),
    [((1, 1, 1), (0, 0, 0)), ((17 / 255,) * 3, (0.88,) * 3), ((31 / 255,) * 3, (0.8,) * 3)],
    ids=["light", "dark", "dim"],
)
def test_the_text_is_legible_on_every_shade(paper, ink):
    for *_, style in spans(shaded_html("", "x" * len(STEPS), np.array(STEPS))):
        rgb = re.search("background:#([0-9a-f]{6})", style)[1]
        color = [int(rgb[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        a = opacity(style)
        shade = [a * c + (1 - a) * p for c, p in zip(color, paper, strict=True)]
        low, high = sorted((luminance(shade), luminance(ink)))
        assert (high + 0.05) / (low + 0.05) >= 4.5
