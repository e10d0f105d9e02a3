# SPDX-License-Identifier: MIT
"""The page in a browser: what it shows, and that no text does any harm."""

import json

import numpy as np
import pytest
from pages import HOSTILE, data_of, random_model

import gru_ext
from gru_ext.report.write import write_report

# the driver needs descriptors that a process inherits, as on POSIX systems alone
pytest.importorskip("fcntl", reason="the browser is driven through pipes of POSIX")
pytest.importorskip("jinja2")
from browser import PROGRAM, Browser

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

TEXT = "".join(f'{n} "apples" and {n * 7} Pears.\n' for n in range(150))


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The report of a trained model, and the model."""
    folder = tmp_path_factory.mktemp("report")
    options = {"hidden_size": 12, "layers": 2, "max_steps": 60, "val_fraction": 0, "quiet": True}
    model = gru_ext.train(TEXT, output=folder / "m.npz", **options)
    (folder / "text.txt").write_text(TEXT)
    write_report(folder / "m.npz", folder / "text.txt", folder / "r.html")
    return folder / "r.html", model


@pytest.fixture
def page(browser, made):
    browser.resize(1280)
    browser.open(made[0])
    yield browser
    assert browser.console == []


def page_of(folder, model, text):
    model.save(folder / "m.npz")
    (folder / "t.txt").write_bytes(text.encode())
    write_report(folder / "m.npz", folder / "t.txt", folder / "p.html")
    return folder / "p.html"


def alternatives(browser):
    return browser.run(
        "[...document.querySelectorAll('#expectation .alternatives li')]"
        ".map((e) => [e.children[0].textContent, e.children[2].textContent])"
    )


def character(row, column, view="surprise-view"):
    return f"#{view} .row:nth-child({row}) > span:nth-child({column})"


def test_the_page_loads_nothing(page, made):
    assert page.requests == [made[0].resolve().as_uri()]
    assert page.run("document.querySelectorAll('svg').length") >= 6
    assert page.text("h1") == "m.npz"


def test_pointing_shows_the_alternatives(page, made):
    """The five likeliest characters and their probabilities, as the model says them."""
    page.move(character(2, 4))
    place = TEXT.index("\n") + 1 + 3
    assert page.text("#expectation .big") == TEXT[place]
    assert f"character {place + 1}" in page.text("#expectation .here-facts")
    expected = made[1].next_probabilities(TEXT[:place])
    shown = alternatives(page)
    assert len(shown) == 5
    names = [{" ": "␣", "\n": "↵"}.get(c, c) for c in expected][:5]
    assert [name for name, _ in shown] == names
    for (_, percent), p in zip(shown, expected.values(), strict=False):
        assert float(percent.strip("<% ")) == pytest.approx(100 * p, abs=0.06)
    bits = made[1].score(TEXT[: place + 1]).bits[-1]
    assert page.text("#expectation b").startswith(f"{bits:.1f} bits")


def test_arrow_keys_move_the_cursor(page):
    page.run("document.getElementById('surprise-view').focus()")
    page.press("Home")
    start = page.text("#expectation")
    assert "not predicted" in start
    seen = []
    for _ in range(8):
        page.press("ArrowRight")
        seen.append(page.text("#expectation .big"))
    assert "".join(seen) == TEXT[1:9].replace(" ", "␣")
    page.press("ArrowLeft", 8)
    assert page.text("#expectation") == start
    page.press("ArrowDown", 3)
    third = TEXT.split("\n")[3]
    assert page.text("#expectation .big") == third[0]
    page.press("End")
    assert page.text("#expectation .big") == "↵"
    page.press("ArrowUp", 3)
    page.press("Home")
    assert page.text("#expectation") == start


def test_a_pointer_at_rest_does_not_hold_the_cursor(page):
    """The text moves under it when the arrow keys scroll."""
    page.move(character(8, 3))
    page.run("document.getElementById('surprise-view').focus()")
    page.press("ArrowDown", 60)
    page.run("new Promise((done) => setTimeout(done, 200))")
    place = len("".join(TEXT.splitlines(keepends=True)[:67])) + 2
    assert page.run("document.querySelector('#surprise-view .cursor').place") == place


def test_the_cursor_stays_in_sight(page):
    page.run("document.getElementById('surprise-view').focus()")
    page.press("PageDown", 6)
    inside = page.run(
        "(() => { const v = document.getElementById('surprise-view').getBoundingClientRect();"
        "const c = document.querySelector('#surprise-view .cursor').getBoundingClientRect();"
        "return [document.getElementById('surprise-view').scrollTop > 0,"
        "c.top >= v.top && c.bottom <= v.bottom]; })()"
    )
    assert inside == [True, True]


def test_ranks_can_be_shown(page):
    row = "[...document.querySelectorAll('#surprise-view .row:nth-child(2) span')]"
    classes = f"{row}.map((e) => e.className[0]).join('')"
    assert set(page.run(classes)) == {"s"}
    page.click("input[value=ranks] + span")
    assert set(page.run(classes)) == {"k"}


def test_choosing_a_unit_repaints(page, made):
    colours = (
        "[...document.querySelectorAll('#unit-view .row:nth-child(2) span')]"
        ".map((e) => e.className).join()"
    )
    seen = [page.run(colours)]
    page.run("document.querySelector('.unit-button[aria-pressed=false]').click()")
    seen.append(page.run(colours))
    page.click("#next-unit")
    seen.append(page.run(colours))
    page.click("#variable-z + span")
    seen.append(page.run(colours))
    page.run("(() => { layer.value = 2; layer.dispatchEvent(new Event('change')); })()")
    seen.append(page.run(colours))
    assert len(set(seen)) == 5
    assert page.text("#unit-here b").startswith("z2·")


@pytest.mark.parametrize("variable", ["h", "z"])
def test_the_value_of_a_unit_is_that_of_the_model(page, made, variable):
    page.click(f"#variable-{variable} + span")
    page.run("(() => { layer.value = 2; layer.dispatchEvent(new Event('change')); })()")
    page.run("(() => { unit.value = 17; unit.dispatchEvent(new Event('change')); })()")
    page.move(character(1, 6, "unit-view"))
    name, value = page.run(
        "[...document.querySelectorAll('#unit-here b')].map((e) => e.textContent)"
    )
    assert name == f"{variable}2·5"
    states = made[1].hidden_states(TEXT[:6])
    expected = states[5, 1, 5]
    if variable == "z":
        p = made[1].parameters
        a = p["Wz_2"] @ states[5, 0] + p["Uz_2"] @ states[4, 1] + p["bz_2"][:, 0]
        expected = 1 / (1 + np.exp(-a[5]))
    assert float(value.replace("\u2212", "-")) == pytest.approx(expected, abs=0.011)


def test_moments_like_the_one_at_the_cursor(page, made):
    """The places with the nearest states of the layer, which the model itself has computed."""
    page.run("(() => { layer.value = 2; layer.dispatchEvent(new Event('change')); })()")
    page.move(character(2, 4, "unit-view"))
    t = TEXT.index("\n") + 4
    states = made[1].hidden_states(TEXT)[:, 1]
    distances = np.abs(states - states[t]).mean(axis=1)
    far = np.abs(np.arange(len(TEXT)) - t) >= 8
    shown = page.run("[...document.querySelectorAll('#moments .go')].map((e) => e.textContent)")
    assert shown[0] == "here"
    assert len(shown) == 7
    assert float(shown[1]) == pytest.approx(distances[far].min(), abs=0.011)
    page.run("document.querySelectorAll('#moments .go')[1].click()")
    place = page.run("document.querySelector('#unit-view .cursor').place")
    assert distances[place] == pytest.approx(distances[far].min(), abs=0.011)


def test_a_line_can_be_found_in_the_text(page, made):
    start = data_of(made[0].read_bytes())["lines"]["worst"][0][0]
    page.run("document.querySelector('#worst-lines .go').click()")
    assert page.text("#expectation .big") == TEXT[start].replace(" ", "␣")
    assert f"character {start + 1:,}" in page.text("#expectation")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 380, 800, 1280])
def test_nothing_is_wider_than_the_window(browser, made, width, dark):
    browser.resize(width, dark=dark)
    browser.open(made[0])
    assert browser.run("document.documentElement.scrollWidth") == width
    too_wide = browser.run(
        "[...document.querySelectorAll('main *')]"
        ".filter((e) => !e.closest('.view, .unit-grid, svg') &&"
        " e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))"
    )
    assert too_wide == []
    ink, paper = browser.run(
        "(({color, backgroundColor}) => [color, backgroundColor])"
        "(getComputedStyle(document.documentElement))"
    )
    brightness = [sum(map(int, each[4:-1].split(","))) for each in (ink, paper)]
    assert (brightness[0] > brightness[1]) == dark
    assert browser.console == []


SHADES = [
    *(f"s{i}" for i in range(10)),
    *(f"k{i}" for i in range(4)),
    *(f"{sign}{i}" for sign in "np" for i in range(1, 9)),
]
CONTRASTS = """((shades) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const view = document.getElementById("unit-view");
  const pixel = (...colours) => {
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  return shades.map((name) => {
    const span = document.createElement("span");
    span.className = name;
    view.append(span);
    const style = getComputedStyle(span);
    const under = getComputedStyle(view).backgroundColor;
    const found = [pixel(style.color), pixel(under, style.backgroundColor)];
    span.remove();
    return found;
  });
})"""


def luminance(pixel):
    """The relative luminance of WCAG 2."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(pixel) / 255
    ]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read_on_every_shade(browser, made, dark):
    """The contrast that WCAG 2 asks of text is 4.5; escaped characters have it too."""
    browser.resize(1280, dark=dark)
    browser.open(made[0])
    names = [*SHADES, *(f"{name} escaped" for name in SHADES)]
    for name, (ink, paper) in zip(names, browser.run(f"{CONTRASTS}({names})"), strict=True):
        light, deep = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (light + 0.05) / (deep + 0.05) >= 4.5, name


def test_a_hostile_text_does_nothing(browser, tmp_path):
    model = random_model(HOSTILE, document_separator="<script>")
    path = page_of(tmp_path, model, HOSTILE * 40)
    browser.resize(1280)
    browser.open(path)
    assert browser.console == []
    assert browser.requests == [path.resolve().as_uri()]
    assert browser.run("document.querySelectorAll('script, style, img').length") == 3
    # what is seen are the characters themselves, or what stands for them
    shown = browser.run(
        "[...document.querySelectorAll('#surprise-view .row')].slice(0, 12)"
        ".map((e) => e.textContent).join('')"
    )
    first = HOSTILE.partition("\n")[0]
    assert shown.startswith(f"{first}↵")
    assert "␀" in shown
    assert "U+202E" in shown
    assert not set(browser.run("document.body.innerText")) & set("\0\x1b\u202e\u2066\u200b\u2028")
    # units of this text can be chosen too
    browser.run("document.getElementById('next-unit').click()")
    assert browser.console == []


def test_the_policy_stops_what_text_could_not_do(browser, made):
    """Even a script that were in the page would not run, and no picture would be loaded."""
    browser.resize(1280)
    browser.open(made[0])
    browser.run(
        "(() => { const s = document.createElement('script'); s.append('window.harm = 1');"
        "document.body.append(s); })()"
    )
    loaded = browser.run(
        "new Promise((done) => { const i = new Image(); i.onload = () => done(true);"
        "i.onerror = () => done(false); i.src = 'data:image/gif;base64,"
        "R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=='; })"
    )
    assert (loaded, browser.run("window.harm ?? 0")) == (False, 0)
    told = " ".join(browser.console)
    assert "TrustedScript" in told
    assert "img-src" in told


def test_a_text_of_a_million_characters(browser, tmp_path):
    """Few rows are elements of the page, and every place can be reached."""
    text = TEXT * (1 + 1_000_000 // len(TEXT))
    path = page_of(tmp_path, random_model(TEXT, hidden_size=4), text)
    assert path.stat().st_size < 5_000_000
    browser.resize(1280)
    browser.open(path)
    assert browser.run("document.querySelectorAll('#surprise-view .row').length") < 60
    browser.run("document.getElementById('surprise-view').focus()")
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="End", modifiers=2)
    assert "The alternatives are kept for the first 20,000 characters." in browser.text(
        "#expectation"
    )
    assert browser.run("document.querySelectorAll('#surprise-view .cursor').length") == 1
    assert browser.console == []


def test_it_can_be_printed(browser, made, tmp_path):
    browser.resize(1280)
    browser.open(made[0])
    browser.pdf(tmp_path / "r.pdf")
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF-")
    assert browser.console == []


@pytest.mark.parametrize("text", ["ab", "aaaa", "\n\n\n\n", "x" * 500])
def test_small_and_odd_texts(browser, tmp_path, text):
    path = page_of(tmp_path, random_model(text), text)
    browser.resize(380)
    browser.open(path)
    assert browser.console == []
    symbols = json.loads(browser.text("#data"))["vocabulary"]["shown"]
    assert browser.text("#surprise-view .row span") in symbols
