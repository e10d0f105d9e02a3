# SPDX-License-Identifier: MIT
"""The progress bar: what it shows, in a notebook too, and a terminal that goes away."""

import importlib.util
import io
import math
import sys
import threading
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from gru_ext.reporting.console import Console, in_notebook
from gru_ext.reporting.progress import RecentLoss


class Terminal(io.StringIO):
    """A terminal that can be taken away."""

    error = None

    def isatty(self):
        return True

    def write(self, text):
        if self.error is not None:
            raise self.error
        return super().write(text)

    def flush(self):
        self.write("")


@pytest.mark.parametrize("error", [OSError(5, "EIO"), OSError(32, "EPIPE"), ValueError("I/O")])
@pytest.mark.parametrize("act", ["print", "advance"])
def test_a_terminal_that_goes_away_leaves_no_lock(monkeypatch, error, act):
    """A process whose bar has kept its lock would not end: it waits for a thread that wants it."""
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    free = []
    with Console(1000) as console:
        console._bar.mininterval = console._bar.miniters = 0  # each step is drawn
        console.advance(100, 1.0)
        assert "bits/char" in stream.getvalue()
        stream.error = error
        if act == "print":
            console.print("a line")
        for _ in range(50):
            console.advance(10, 1.0)
        stream.error = None

        def take():
            for lock in tqdm.get_lock().locks:
                free.append(lock.acquire(timeout=1))
                if free[-1]:
                    lock.release()

        other = threading.Thread(target=take)
        other.start()
        other.join()
    assert free
    assert all(free)


def test_a_bar_starts_no_thread(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    before = threading.enumerate()
    with Console(1000):
        assert threading.enumerate() == before


@pytest.fixture
def bar_of(monkeypatch):
    """A function that draws a bar on a terminal of so many columns, and returns its last state."""

    def draw(columns, *losses, unit="character"):
        stream = Terminal()
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.setattr("gru_ext.reporting.console._columns", lambda _: columns)
        with Console(1000, unit=unit) as console:
            console._bar.mininterval = console._bar.miniters = 0
            console._bar.dynamic_ncols = lambda _: (columns, 24)
            console.advance(500, *losses)
            # bars that lost their terminal, in the tests above, still count as lines
            return stream.getvalue().split("\r")[-1].replace("\x1b[A", "")

    return draw


@pytest.mark.parametrize("columns", [40, 60, 72, 80, 120])
@pytest.mark.parametrize("losses", [(1.8123,), (1.8123, 1.9067)])
def test_a_bar_shows_the_losses_and_fits(bar_of, columns, losses):
    shown = bar_of(columns, *losses)
    assert len(shown) <= columns
    assert shown.startswith(" 50%|")
    assert "train 1.81" in shown
    assert ("1.91" in shown) == (len(losses) == 2)
    if columns >= 72:
        assert shown.endswith("bits/char")
        assert "char/s" in shown
        assert ("validation 1.91" in shown) == (len(losses) == 2)


def test_a_bar_of_bytes(bar_of):
    shown = bar_of(80, 1.5, unit="byte")
    assert shown.endswith("train 1.50 bits/byte")
    assert "byte/s" in shown


def test_the_width_of_what_is_no_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    with Console(10, quiet=True) as console:
        assert console.columns == 80


def test_a_notebook_gets_a_widget(monkeypatch):
    """A kernel of Jupyter, whose standard error is no terminal."""
    pytest.importorskip("ipywidgets")
    shown = []
    monkeypatch.setattr("gru_ext.reporting.console.in_notebook", lambda: True)
    monkeypatch.setattr("tqdm.notebook.display", shown.append)
    tqdm_auto = pytest.importorskip("tqdm.notebook").tqdm
    monkeypatch.setattr("tqdm.auto.tqdm", tqdm_auto)
    with Console(1000) as console:
        console._bar.mininterval = console._bar.miniters = 0
        console.advance(500, 1.8123, 1.9067)
        assert isinstance(console._bar, tqdm_auto)
        right = shown[0].children[2].value
    assert "train 1.81, validation 1.91 bits/char" in right.replace("\u2007", " ")


def test_a_notebook_without_widgets_gets_lines_alone(monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ipywidgets" else find(name)
    )
    monkeypatch.setattr("gru_ext.reporting.console.in_notebook", lambda: True)
    with Console(1000) as console:
        console.print("a line")
        console.advance(500, 1.8123, 1.9067)
    assert capsys.readouterr() == ("a line\n", "")


@pytest.mark.parametrize(
    ("config", "found"), [({"IPKernelApp": {}}, True), ({"TerminalIPythonApp": {}}, False)]
)
def test_a_notebook_is_a_kernel_of_ipython(monkeypatch, config, found):
    assert not in_notebook()
    shell = SimpleNamespace(config=config)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert in_notebook() == found
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not in_notebook()


def test_the_mean_of_recent_losses_has_no_bias():
    recent = RecentLoss()
    assert math.isnan(recent.mean)
    recent.add(5.0, 1)
    assert recent.mean == pytest.approx(5.0)
    recent.add(2.0, 1)
    assert recent.mean == pytest.approx((5.0 * 0.99 + 2.0) / 1.99)
    recent.add(1.0, 1000)
    assert recent.mean == pytest.approx(1.0, abs=1e-3)
