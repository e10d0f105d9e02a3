# SPDX-License-Identifier: MIT
"""A report from files: the model is read, the text is analysed, the page is written."""

from __future__ import annotations

import os

from gru_ext._version import __version__
from gru_ext.arguments.messages import brief, counted
from gru_ext.files import StrPath
from gru_ext.files.atomic import check_writable, write_atomically
from gru_ext.model.model import Model, load
from gru_ext.model.sampling import validation_bits
from gru_ext.report.content import Content, content_of
from gru_ext.report.facts import Names, model_facts, run_facts, text_sentence
from gru_ext.report.options import ReportOptions
from gru_ext.report.page import check_jinja2, render
from gru_ext.report.passage import Passage, read_passage, recorded_split
from gru_ext.report.reading import sample
from gru_ext.reporting.console import Console
from gru_ext.reporting.metrics import read_metrics
from gru_ext.reporting.visible import visible_text
from gru_ext.text.reader import TextReader

_SAMPLED = 20_000  # characters of the sample that is analysed without a text


def write_report(
    path: StrPath,
    text: StrPath | None,
    output: StrPath,
    options: ReportOptions | None = None,
) -> None:
    """Write a report of a model as one HTML file.

    The same model, text and options give the same bytes.

    Parameters
    ----------
    path : path-like
        The model file.
    text : path-like or None
        A text file, ``-`` for standard input. With None the model is analysed on a sample of its
        own. Characters that the model does not know are left out.
    output : path-like
        The page to write. An existing file is replaced.
    options : ReportOptions, optional

    Raises
    ------
    ImportError
        jinja2 is missing.
    TypeError, ValueError, OSError
        A file cannot be read, is not what it must be, or cannot be written. Nothing is written
        then.
    """
    options = options or ReportOptions()
    check_jinja2()
    check_writable(output)
    for source in (path, text, options.metrics):
        _check_kept(output, source)
    model = load(path)
    if model.parameters.narrow:
        model = model.with_weights("float32")
    model.parameters.check_finite()
    records = [] if options.metrics is None else read_metrics(options.metrics)
    passage = _passage(model, text, options)
    with Console(len(passage.symbols) - 1, quiet=options.quiet) as console:
        content = content_of(model, passage, records, options.seed, console.advance)
    names = Names(_name(path), None if text is None else _name(text))
    page = _page(model, passage, content, names, options.seed)
    write_atomically(output, lambda file: file.write(page))


def _check_kept(output: StrPath, source: StrPath | None) -> None:
    """Refuse to write the page to a file that it is made of."""
    files = [path for path in (output, source) if path is not None and os.path.exists(path)]
    if len(files) == 2 and os.path.samefile(*files):
        raise ValueError(
            f"`output` must be another file than {visible_text(os.fspath(output))}, which is read"
        )


def _name(path: StrPath) -> str:
    """The name of a file without its folder, which is nobody's business who gets the page."""
    return "standard input" if path == "-" else os.path.basename(os.fspath(path))


def _passage(model: Model, text: StrPath | None, options: ReportOptions) -> Passage:
    most = options.characters
    if text is None:
        symbols = sample(model, min(most, _SAMPLED), 1.0, options.seed)
        return Passage(symbols, "sample", len(symbols))
    reader = TextReader([text], model.vocabulary.units, options.encoding)
    return read_passage(reader, model.vocabulary, most, recorded_split(model.about))


def _page(
    model: Model,
    passage: Passage,
    content: Content,
    names: Names,
    seed: int,
) -> bytes:
    data, plan = content.data, content.plan
    validated = validation_bits(model)
    return render(
        data,
        title=visible_text(brief(names.model, 120)),
        version=__version__,
        text_sentence=text_sentence(passage, names),
        headline=[
            (f"{content.bits:.3f}", "bits per character", "mean of -log₂ p; less is better"),
            (f"{content.perplexity:.3g}", "perplexity", "as between so many equal choices"),
            (f"{100 * content.first:.1f}%", "first choice", "the likeliest character came"),
            (f"{100 * content.first_five:.1f}%", "first five", "one of the five likeliest came"),
            (f"{model.parameters.count:,}", "parameters", model.parameters.sizes),
        ],
        shown_characters=counted(plan.text, "character") + " shown",
        window=counted(plan.window, "character"),
        studied=_first(plan.studied, len(passage.symbols)),
        seed=seed,
        documents=model.separator is not None,
        calibration_error=data["calibration"]["error"],
        expected_bits=f"{content.expected:.3f}",
        bits=f"{content.bits:.3f}",
        sampled=f"{data['frequencies']['sampled']:,}",
        distance=f"{100 * data['frequencies']['distance']:.1f}%",
        has_curve=any(data["curve"].values()),
        validation_bits=None if validated is None else f"{validated:.3f}",
        facts=[
            ("The model", model_facts(model, names)),
            ("The run", run_facts(model) or [("recorded", "nothing")]),
            ("This page", _kept(model, passage, content)),
        ],
    )


def _kept(model: Model, passage: Passage, content: Content) -> list[tuple[str, str]]:
    """What the page holds of the text and the model, which are cut to keep it below 5 MB."""
    plan, n = content.plan, len(passage.symbols)
    every = model.layers * model.hidden_size
    units = f"all {every:,}"
    if plan.units < every:
        units = f"the strongest {plan.units:,} of {every:,}"
    return [
        ("means and figures", f"over {_first(n, n)}"),
        ("shaded text", _first(plan.text, n)),
        ("alternatives", f"at {_first(plan.alternatives, n)}"),
        ("ranking of units", f"over {_first(plan.studied, n)}"),
        ("units over text", f"{units} units, over {_first(plan.window, n)}"),
        ("size", "below 5 MB for any text and model"),
    ]


def _first(count: int, n: int) -> str:
    """So many characters, from the first on, of n."""
    return f"{'all' if count == n else 'the first'} {counted(count, 'character')}"
