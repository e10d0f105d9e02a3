# SPDX-License-Identifier: MIT
"""The man page of the command ``gru-ext``, from its parser.

``python -m gru_ext.cli.manual >gru-ext.1`` writes it; it needs argparse-manpage. The build puts it
into the wheels, so that ``man gru-ext`` works where the package is installed.
"""

from __future__ import annotations

from collections.abc import Mapping

from gru_ext._version import __version__
from gru_ext.cli.parser import build_parser
from gru_ext.cli.parsing import Parser

_ENVIRONMENT = {
    "GRU_EXT_NUM_THREADS": "Default number of threads, a whole number of 1 or more.",
    "GRU_EXT_ISA": "Instruction set to use instead of the best one; gru-ext info lists them.",
    "GRU_EXT_MATMUL": "blas: use the matrix products of SciPy's BLAS.",
}
_STATUS = {
    "0": "Done.",
    "1": "gru-ext export: the predictions of the file differ from the model's.",
    "2": "Refused; a line on standard error says why.",
    "130": "Interrupted by Ctrl-C; a training run has written its model.",
    "143": "Terminated; a training run has written its model.",
}


def manual() -> str:
    """The man page in roff."""
    from argparse_manpage.manpage import Manpage

    parser = build_parser()
    commands = parser.commands()
    page = Manpage(parser)
    page.date = ""  # that of the build would make each build another file
    page.source, page.manual = f"gru-ext {__version__}", "User Commands"
    page.description = "train and use character-level GRUs on the CPU"
    page.add_section("examples", "=", "\n".join(map(_examples, commands)))
    page.add_section("environment", "=", _list(_ENVIRONMENT))
    page.add_section("exit status", "=", _list(_STATUS))
    # without hyphens in the names of options
    return str(page).replace("\n.SH NAME\n", "\n.nh\n.ad l\n.SH NAME\n", 1)


def _examples(command: Parser) -> str:
    return f".SS {_roff(command.prog)}\n{_list(command.examples)}"


def _list(entries: Mapping[str, str]) -> str:
    return "\n".join(f".TP\n.B {_roff(name)}\n{_roff(text)}" for name, text in entries.items())


def _roff(text: str) -> str:
    """The text without what roff would obey."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{text}" if text[:1] in (".", "'") else text


if __name__ == "__main__":
    print(manual(), end="")
