# SPDX-License-Identifier: MIT
"""The facts of a model, its run and the text, as lines of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gru_ext.arguments.messages import brief, counted
from gru_ext.model.facts import size_facts
from gru_ext.model.model import Model
from gru_ext.report.passage import Passage
from gru_ext.reporting.visible import visible_text

_RUN = {
    "optimizer": "optimiser",
    "learning_rate": "peak learning rate",
    "schedule": "schedule",
    "epochs": "epochs",
    "max_steps": "most steps",
    "batch_size": "batch size",
    "seq_length": "sequence length",
    "dropout": "dropout",
    "weight_decay": "weight decay",
    "clip_norm": "clip by global norm",
    "tied": "weight tying",
    "seed": "seed",
}
"""The recorded options that the page shows, in this order."""


@dataclass(frozen=True)
class Names:
    """The names of the files that a report is made of.

    Attributes
    ----------
    model : str
    text : str or None
        None without a text.
    """

    model: str
    text: str | None


def shown_value(value: object) -> str:
    """A value of a model file as the page shows it: short, without control characters."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return visible_text(brief(value))


def model_facts(model: Model, names: Names) -> list[tuple[str, str]]:
    """What the model is."""
    facts = [
        ("file", visible_text(brief(names.model, 200))),
        *size_facts(model),
        ("written by", f"gru-ext {shown_value(model.about.get('version', '(unknown version)'))}"),
    ]
    separator = model.about.get("document_separator")
    if isinstance(separator, str):
        facts.append(("document separator", visible_text(separator[:80])))
    return facts


def run_facts(model: Model) -> list[tuple[str, str]]:
    """How the model was trained, as far as its file says so."""
    about, facts = model.about, []
    step = about.get("step")
    if isinstance(step, int):
        facts.append(("steps", f"{step:,}"))
    training = about.get("training")
    trained = training.get("text_characters") if isinstance(training, Mapping) else None
    if isinstance(trained, int):
        facts.append(("training text", counted(trained, "character")))
    options = about.get("options")
    if isinstance(options, Mapping):
        facts += [
            (label, shown_value(options[name]))
            for name, label in _RUN.items()
            if options.get(name) is not None
        ]
    return facts


def text_sentence(passage: Passage, names: Names) -> str:
    """One sentence that says which characters are analysed."""
    n = counted(len(passage.symbols), "character")
    if passage.part == "sample" or names.text is None:
        return (
            f"No text was given. The text of this page is a sample of the model itself, {n} at "
            f"temperature 1: it shows how the model works, and nothing of how good it is."
        )
    name = visible_text(brief(names.text, 200))
    whole = len(passage.symbols) == passage.characters
    of = "all" if whole else "the first"
    rest = "" if whole else f" of {passage.characters:,}"
    where = {
        "start": f"{name}",
        "trained": f"{name}, the text that the model was trained on: on new text it is worse",
        "validation": f"the validation part of {name}, which the model was not trained on",
    }[passage.part]
    skipped = ""
    if passage.skipped:
        skipped = (
            f" The model does not know {counted(passage.skipped, 'character')} of the text; "
            f"they were left out."
        )
    return f"The text of this page is {of} {n}{rest} of {where}.{skipped}"
