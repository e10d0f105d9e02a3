# SPDX-License-Identifier: MIT
"""The pictures of the documentation, and the pure parts of what makes them."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

charts = pytest.importorskip("bench.charts", reason="the benchmarks are not here")
dark = pytest.importorskip("bench.dark", reason="the benchmarks are not here")
ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
BENCHMARKS = ROOT / "docs" / "explanation" / "benchmarks.md"
BASELINES = ROOT / "docs" / "explanation" / "baselines.md"
_SHOWN = r"\((?:\.\./)*pictures/([\w.-]+)\)"

PAGE = """\
# Benchmarks

### stream: Training, H = 8, one core

|  | rate | speedup of gru_ext |
|---|---:|---:|
| gru_ext | 1.5 M char/s |  |
| torch: nn.GRU, a different variant: reset gate | 12 k char/s | 125 (99 to 130) |
| none | needs 4 cores, only 2 available |  |
| sgemm: the peak |  |  |

### import: Import time

|  | rate | speedup of import-gru_ext |
|---|---:|---:|
| import-gru_ext | 15.5 ms per run |  |
"""


def texts(path):
    return [element.text for element in ElementTree.parse(path).iter() if element.text]


def test_the_speeds_of_a_page():
    (heading, bars), *others = charts.speeds(PAGE).items()
    assert heading == "stream: Training, H = 8, one core"
    assert bars == [
        charts.Bar("gru_ext", 1.5e6, "", False),
        charts.Bar("torch", 12e3, "125", True),
    ]
    assert others == []


def test_a_page_without_comparisons_has_no_chart():
    pytest.importorskip("matplotlib")
    with pytest.raises(SystemExit, match="no case compares"):
        charts.draw_speeds("# Benchmarks\n")


def test_the_charts_show_the_figures_of_their_pages():
    """A page that was written again has a chart that was drawn again."""
    shown = texts(PICTURES / "benchmarks.svg")
    cases = charts.speeds(BENCHMARKS.read_text(encoding="utf-8"))
    assert len(cases) >= 8
    ratios = [bar.speedup for bars in cases.values() for bar in bars if bar.speedup]
    assert sorted(ratios) == sorted(
        text.split("· ")[1].rstrip("×") for text in shown if re.fullmatch(r"\S+ · \S+×", text)
    )
    shown = " ".join(texts(PICTURES / "baselines.svg")).replace("\N{NO-BREAK SPACE}", " ")
    for options, _, _ in charts.losses(BASELINES.read_text(encoding="utf-8")):
        for option in options.split(" --"):
            assert option.removeprefix("--") in shown


@pytest.mark.parametrize("page", [BENCHMARKS, BASELINES], ids=lambda page: page.stem)
def test_a_chart_is_drawn_from_a_page(tmp_path, page):
    pytest.importorskip("matplotlib")
    for name in ("a.svg", "b.svg"):
        charts.write_chart(page.read_text(encoding="utf-8"), tmp_path / name)
    assert len(texts(tmp_path / "a.svg")) > 10
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_link_of_a_chart():
    assert "(pictures/a.svg)" in charts.chart_link("docs/pictures/a.svg", "docs/page.md")
    assert charts.chart_link(None, "docs/page.md") == ""


def test_every_picture_is_shown_and_small():
    shown = set()
    for page in (ROOT / "docs").rglob("*.md"):
        shown |= {*re.findall(_SHOWN, page.read_text(encoding="utf-8"))}
    sizes = {path.name: path.stat().st_size for path in PICTURES.iterdir()}
    dark_ones = {name.replace(".png", "-dark.png") for name in shown if name.endswith(".png")}
    assert shown | dark_ones == {*sizes}
    assert max(sizes.values()) < 200_000
    assert sum(sizes.values()) < 1_500_000


def test_the_gallery_has_the_commands():
    pytest.importorskip("pyte")
    pytest.importorskip("PIL")
    pytest.importorskip("termios", reason="terminals of POSIX")
    from bench import pictures

    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    lines = {
        line for block in re.findall(r"(?ms)^```sh\n(.*?)^```", page) for line in block.splitlines()
    }
    training = {pictures.SHORT, pictures.TRAIN, pictures.SMALL}
    using = {pictures.INTERACTIVE, pictures.PLOT, pictures.SERVE, *pictures.COMMANDS.values()}
    assert lines == training | using | {pictures.REPORT.removesuffix(" --quiet")}
    text = "".join(f"line {n} of some that are long enough\nshort\n" for n in range(300))
    strange = pictures.strange_lines(text).splitlines()
    assert len(strange) == 200
    assert strange[76] == "line 76 of some that are long enough"[::-1]
    assert pictures.validation_part("a" * 90 + "b" * 10) == "b" * 10


def test_a_screen_becomes_a_picture(tmp_path):
    pyte = pytest.importorskip("pyte")
    pytest.importorskip("termios", reason="terminals of POSIX")
    from bench import terminal

    screen = pyte.Screen(20, 5)
    pyte.Stream(screen).feed("a <b>  c\r\n\x1b[1;32mgreen\x1b[0m\r\n50%|██▌  |")
    lines = terminal.pieces(screen)
    assert lines[1][0] == terminal.Piece(0, "green", "green", True)
    assert len(lines) == 3
    assert terminal.tail(lines, 2)[1:] == lines[1:]
    assert terminal.last_line(screen.display).startswith("50%")
    (tmp_path / "a.svg").write_text(terminal.svg(lines, 20, "a & b"), encoding="utf-8")
    shown = [text for text in texts(tmp_path / "a.svg") if text.strip()]
    assert shown == ["a & b", "a <b>", "c", "green", "50%|", "|"]
    image = ElementTree.parse(tmp_path / "a.svg").getroot()
    bar = image.findall(".//{*}g/{*}rect")
    assert [(float(e.get("x")), float(e.get("width"))) for e in bar] == [(12 + 4 * 8, 2.5 * 8)]


def test_a_chart_has_dark_colours_for_each_of_its_colours():
    charts_shown = [PICTURES / f"{name}.svg" for name in ("plot", "benchmarks", "baselines")]
    for path in charts_shown:
        chart = path.read_text(encoding="utf-8")
        drawn, mark, _ = chart.partition("@media (prefers-color-scheme: dark)")
        colors = {*re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", drawn)}
        assert mark
        assert colors <= {*dark.DARK}
        assert dark.with_dark_colors(drawn[: drawn.rindex(" <style>")] + "</svg>\n") == chart


def test_dark_colours_are_rules_for_what_a_chart_has():
    chart = '<svg>\n<path style="fill: #000000; stroke: none"/>\n</svg>\n'
    shown = dark.with_dark_colors(chart)
    assert ElementTree.fromstring(shown).find("style") is not None
    assert re.findall(r"\[.*", shown) == ['[style*="fill: #000000"] { fill: #dfe1e6 !important }']
