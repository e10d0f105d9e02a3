# SPDX-License-Identifier: MIT
"""The page in a browser: it shows what the model says, and no text does any harm."""

import threading
import time
from contextlib import contextmanager

import pytest
from pages import HOSTILE, random_model

import gru_ext
from gru_ext.serve.answers import Answers
from gru_ext.serve.page import page_of
from gru_ext.serve.server import Server

# the driver needs descriptors that a process inherits, as on POSIX systems alone
pytest.importorskip("fcntl", reason="the browser is driven through pipes of POSIX")
from browser import PROGRAM, Browser

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

TEXT = "".join(f"{n} apples and {n * 7} pears.\n" for n in range(60))
STEPS = (0.5, 1, 2, 3, 4, 5, 6, 8, 10)
SHADES = (
    "[...document.querySelectorAll('.backdrop span')]"
    ".map((e) => [e.textContent, e.className.replace('newline ', '')])"
)
CONTINUED = (
    "[...document.querySelectorAll('.continuation-text')]"
    ".map((e) => e.textContent.replaceAll('↵', ''))"
)


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def model():
    return gru_ext.train(TEXT, hidden_size=16, max_steps=150, val_fraction=0, quiet=True)


@contextmanager
def served(model, name="m.npz"):
    answers = Answers(model)
    names = {"read": answers.read, "continue": answers.propose}
    with Server(0, page_of(model, name), names) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def page(browser, model):
    browser.resize(1280)
    with served(model) as server:
        browser.open(server.address)
        yield browser
        assert browser.console == []
        assert {url.rpartition("/")[0] + "/" for url in browser.requests} == {server.address}


def settle(page):
    """Wait until what was typed is read, and all questions are answered."""
    script = (
        "document.querySelector('.waiting, .backdrop [class=\"\"]') === null"
        " && document.querySelector('.backdrop').textContent"
        " === box.value + (/(^|\\n)$/.test(box.value) ? '\u200b' : '')"
    )
    for _ in range(500):
        time.sleep(0.02)
        if page.run(script):
            return
    pytest.fail("the server does not answer")


def write(page, text):
    page.run("document.getElementById('box').focus()")
    page.call("Input.insertText", text=text)
    settle(page)


def caret(page, place):
    page.run(f"document.getElementById('box').setSelectionRange({place}, {place})")
    time.sleep(0.1)
    settle(page)


def set_slider(page, name, value):
    page.run(
        f"(() => {{ const e = document.querySelector('input[name={name}]'); e.value = {value};"
        "e.dispatchEvent(new Event('input')); })()"
    )
    settle(page)


def value(page):
    return page.run("document.getElementById('box').value")


def expected(page):
    return page.run(
        "[...document.querySelectorAll('#expected li')]"
        ".map((e) => ['.symbol', '.number'].map((name) => e.querySelector(name).textContent))"
    )


def check_expected(page, model, text):
    probabilities = model.next_probabilities(text)
    names = [{" ": "␣", "\n": "↵"}.get(c, c) for c in probabilities][:12]
    assert [name for name, _ in expected(page)] == names
    for (_, percent), p in zip(expected(page), probabilities.values(), strict=False):
        assert float(percent.strip("<% ")) == pytest.approx(100 * p, abs=0.06)


def first_sample(model, text, length=120, temperature=1.0, seed=1, **options):
    stream = model.stream(3)
    stream.feed(text)
    return stream.draw(length, temperature, seed, **options)[0]


def test_each_key_shows_what_comes_next(page, model):
    for n, c in enumerate("3 app", 1):
        write(page, c)
        check_expected(page, model, "3 app"[:n])
        assert page.text("#before .symbol") == {" ": "␣"}.get(c, c)
    bits = model.score("3 app").bits
    assert page.text("#before b") == f"{bits[-1]:.1f} bits"
    assert page.text("#tally") == f"5 characters, {bits[1:].mean():.2f} bits each"


def test_the_caret_may_be_in_the_middle(page, model):
    write(page, "3 apples and 21 pears.")
    caret(page, 4)
    check_expected(page, model, "3 ap")
    assert page.text("#expected .actual .symbol") == "p"
    assert page.run(CONTINUED)[0] == first_sample(model, "3 ap")
    page.click(".continuation")
    settle(page)
    assert value(page) == "3 ap" + first_sample(model, "3 ap") + "ples and 21 pears."


def test_typed_characters_are_shaded_by_their_surprise(page, model):
    text = "3 apples\nand xylophones, 4 äpples"
    write(page, text)
    known = [c for c in text if c in model.vocabulary]
    costs = iter(model.score("".join(known)).bits)
    classes = []
    for i, c in enumerate(text):
        if c not in model.vocabulary:
            classes.append((c, "unknown"))
            continue
        bits = next(costs)
        classes.append((c, f"s{sum(bits >= step for step in STEPS)}" if i else "unpredicted"))
    shown = [(c, name) for part, name in page.run(SHADES) for c in part]
    assert shown == classes
    assert len({name for _, name in classes}) > 4
    page.press("ArrowLeft")
    page.call("Input.insertText", text="z")
    settle(page)
    assert "".join(part for part, _ in page.run(SHADES)) == value(page)


def test_sliders_change_the_continuations(page, model):
    write(page, "3 apples")
    seen = [page.run(CONTINUED)]
    for name, setting in (("temperature", 0.5), ("top_p", 0.5), ("length", 200)):
        set_slider(page, name, setting)
        seen.append(page.run(CONTINUED))
    page.click("#again")
    settle(page)
    seen.append(page.run(CONTINUED))
    assert len({tuple(each) for each in seen}) == len(seen)
    assert all(len(each) == 3 for each in seen)
    options = {"length": 200, "temperature": 0.5, "seed": 2, "top_p": 0.5}
    assert seen[-1][0] == first_sample(model, "3 apples", **options)
    outputs = page.run("[...document.querySelectorAll('output')].map((e) => e.textContent)")
    assert outputs == ["0.50", "0.50", "200"]


def test_a_click_accepts_a_continuation(page, model):
    write(page, "3 apples")
    first = first_sample(model, "3 apples")
    page.click(".continuation")
    settle(page)
    assert value(page) == "3 apples" + first
    check_expected(page, model, value(page))
    assert page.run("document.activeElement.id") == "box"
    page.run("document.execCommand('undo')")
    settle(page)
    assert value(page) == "3 apples"


def test_a_click_types_a_character(page, model):
    write(page, "3 app")
    likeliest = next(iter(model.next_probabilities("3 app")))
    page.click("#expected button")
    settle(page)
    assert value(page) == "3 app" + likeliest


def test_markup_is_text(page):
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>\n</textarea></style>"
    before = page.run("document.querySelectorAll('script, img, style, textarea').length")
    write(page, attack)
    assert page.run("document.querySelectorAll('script, img, style, textarea').length") == before
    assert "".join(part for part, _ in page.run(SHADES)) == attack


@pytest.mark.parametrize("units", ["chars", "bytes"])
def test_a_hostile_vocabulary(browser, units):
    model = random_model(HOSTILE, units=units)
    with served(model, "<b>m\u202e.npz") as server:
        browser.open(server.address)
        assert browser.text("h1") == "<b>m\\u202e.npz"
        elements = "document.querySelectorAll('script, img, style, b b').length"
        before = browser.run(elements)
        write(browser, HOSTILE)
        set_slider(browser, "length", 500)
        for _ in range(3):
            browser.click(".continuation")
            settle(browser)
        assert browser.run(elements) == before
        shown = "".join(browser.run(CONTINUED) + [name for name, _ in expected(browser)])
        assert not set(shown) & set("\0\x01\x1b\x7f\u200b\u200e\u202e\u2066\u2028\ufeff\ufe0f")
        assert len(value(browser)) > len(HOSTILE) + 1200
        assert browser.console == []


def test_bytes_that_are_not_text_are_kept(browser):
    """What is clicked is what the model reads: invalid bytes and carriage returns too."""
    model = random_model("x", units="bytes")
    with served(model) as server:
        browser.open(server.address)
        write(browser, "a")
        stream = model.stream(3)
        stream.feed(b"a")
        set_slider(browser, "length", 500)
        data = stream.draw(500, 1.0, 1)[0]
        assert b"\r" in data
        browser.click(".continuation")
        settle(browser)
        end = len(data) - 3
        found = browser.run("document.getElementById('box').value.replaceAll('␍', '\\r')")
        found = found.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        assert found.encode("utf-8", "surrogateescape")[: end + 1] == b"a" + data[:end]
        assert browser.text("#problem") == ""


@pytest.mark.parametrize("width", [380, 1280])
def test_the_shades_lie_under_the_text(browser, width):
    """The box and its backdrop break the same lines: what is seen is where the caret is."""
    browser.resize(width)
    text = (HOSTILE + "word " * 40 + "a" * 200 + "\n\n  indented\tby a tab\n") * 3
    with served(random_model(text)) as server:
        browser.open(server.address)
        write(browser, text)
        box, backdrop = browser.run(
            "['#box', '.backdrop'].map((name) => { const e = document.querySelector(name);"
            "return [e.scrollHeight, e.clientHeight, e.clientWidth, e.scrollTop]; })"
        )
        assert box == backdrop
        height, seen, _, top = box
        assert height > 1000
        assert top + seen >= height - 30  # the caret, at the end, is in sight
        assert browser.run("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_text_that_is_too_long_is_cut(page):
    write(page, "3 apples\n" * 1200)
    assert len(value(page)) == 10_000
    assert page.text("#tally").startswith("10,000 characters")


def test_a_server_that_has_ended(browser, model):
    with served(model) as server:
        browser.open(server.address)
    browser.run("document.getElementById('box').focus()")
    browser.call("Input.insertText", text="3")
    for _ in range(200):
        time.sleep(0.02)
        if "does not answer" in browser.text("#problem"):
            break
    assert browser.text("#problem").startswith("The server does not answer")
    assert browser.run("document.getElementById('problem').hidden") is False


def test_a_refused_question_is_shown(page):
    page.run(
        "(() => { const e = document.querySelector('input[name=length]'); e.max = 600;"
        "e.value = 600; e.dispatchEvent(new Event('input')); })()"
    )
    for _ in range(200):
        time.sleep(0.02)
        if page.text("#problem"):
            break
    assert "`length` must be a whole number from 1 to 500, not 600" in page.text("#problem")
    assert all("400" in line for line in page.console)
    page.console.clear()


def test_the_script_sets_text_and_never_markup():
    from gru_ext.serve import page as served_page

    folder = served_page._FOLDER
    script = "".join((folder / name).read_text(encoding="utf-8") for name in served_page.SCRIPTS)
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
        assert word not in script
    assert {path.name for path in folder.glob("*.js")} == set(served_page.SCRIPTS)
