# SPDX-License-Identifier: MIT
"""The editor of ``gru-ext sample --interactive``: lines of text and commands that begin with /."""

from __future__ import annotations

import argparse
import codecs
import textwrap
from typing import TYPE_CHECKING, Any

from gru_ext.arguments.escapes import unescaped
from gru_ext.arguments.kinds import Flag
from gru_ext.arguments.messages import counted, printable_lines
from gru_ext.arguments.option import Option
from gru_ext.cli.messages import described, one_line, with_flags
from gru_ext.cli.options import SampleOptions
from gru_ext.model.sampling_options import ChoiceOptions, SamplingOptions

if TYPE_CHECKING:
    from gru_ext.cli.writer import Writer

LENGTH = 100
"""The characters that are proposed at a time, where --length is not given."""
# The characters of the text that are shown before a proposal, and where a part was taken back.
_TAIL = 200

GREETING = (
    "Type the beginning of a text. The model proposes a continuation: Enter accepts it and asks "
    "for more, /retry asks for another, text that you type takes its place. /help shows all "
    "commands, Ctrl-D leaves."
)
COMMANDS = {
    "accept": "add the proposal to the text, and propose more; Enter does the same",
    "retry": "propose another continuation",
    "undo": "take back the part of the text that was added last",
    "text": "show the whole text",
    "save": "write the text to a new file: /save FILE",
    "options": "show the options of sampling",
    "help": "show this help",
    "quit": "leave; Ctrl-D does the same",
}
_LETTERS = {"a": "accept", "r": "retry", "u": "undo", "t": "text", "h": "help", "q": "quit"}
_ABOUT = (
    "A line that you type is added to the text as it is. It may have escapes: \\n is a line break. "
    "A line that begins with // is text that begins with /. Ctrl-C stops a proposal; what is shown "
    "of it can be accepted. A first letter is enough for the commands that have one in brackets."
)
_ABOUT_OPTIONS = (
    "Options are set with their name and a value, such as /temperature 0.7; without a value they "
    "have their default again. They are:"
)


def run(arguments: argparse.Namespace, options: SampleOptions, sampling: SamplingOptions) -> None:
    """Write a text in turns with a model until the input ends."""
    from gru_ext.cli.lines import line_reader
    from gru_ext.cli.sample import read_prompt
    from gru_ext.cli.weights import read_with
    from gru_ext.cli.writer import Writer
    from gru_ext.model.model import load

    if sampling.n is not None or "best_of" in sampling.given():
        raise ValueError(
            "`interactive` proposes one sample at a time: give neither `n` nor `best_of`"
        )
    if arguments.prompt_file == "-":
        raise ValueError("`interactive` reads standard input: `prompt_file` must be another file")
    model = read_with(load(arguments.model), sampling.weights)
    prompt = read_prompt(arguments, model.vocabulary.units, options.encoding)
    given = {name: value for name, value in sampling.given().items() if name != "weights"}
    choice = ChoiceOptions(**given)
    length = options.length if "length" in options.given() else LENGTH
    editor = Editor(Writer(model, prompt, choice, length))
    names = [f"/{name}" for name in (*COMMANDS, *editor.settings)]
    editor.say(GREETING)
    if prompt:
        editor.propose()
    read = line_reader(names, editor.status)
    going = True
    while going and (line := read()) is not None:
        try:
            going = editor.obey(line)
        except KeyboardInterrupt:  # before or after a proposal: the text must not be lost
            print(flush=True)


class Editor:
    """What the lines that a person types mean."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        declared = {**ChoiceOptions.declared(), "length": SampleOptions.declared()["length"]}
        self.settings: dict[str, Option[Any]] = {
            name.replace("_", "-"): option
            for name, option in declared.items()
            if option.on_command_line and name != "seed"
        }

    def say(self, text: str) -> None:
        """Print a paragraph."""
        print(textwrap.fill(text, 79), flush=True)

    def status(self) -> str:
        """The keys and the options, for the line at the bottom of a terminal."""
        return f"Enter accepts, Ctrl-R retries, Ctrl-Z undoes | {self._values()}"

    def obey(self, line: str) -> bool:
        """Do what a line says; return False where it says to leave.

        A mistake in it is reported, and changes nothing.
        """
        try:
            if line == "":
                self._accept()
            elif line.startswith("/") and not line.startswith("//"):
                return self._command(*line[1:].split(" ", 1))
            else:
                self.writer.add(self._units(unescaped(line[line.startswith("//") :])))
                self.propose()
        except (ValueError, TypeError, ImportError, OSError) as error:
            names = [option.name for option in self.settings.values()]
            said = described(error) if isinstance(error, OSError) else str(error)
            message = with_flags(said, names, mark="/")
            print(f"? {one_line(message)}", flush=True)
        return True

    def propose(self) -> None:
        """Show a continuation after the end of the text, as it comes; Ctrl-C stops it."""
        show = self._shower()
        before = self.writer.text[-_TAIL:]
        newline = b"\n" if isinstance(before, bytes) else "\n"
        show(before[before.rfind(newline) + 1 :])
        try:
            for part in self.writer.propose():
                show(part)
        except KeyboardInterrupt:
            pass  # what was shown is proposed
        print(flush=True)

    def _command(self, word: str, value: str = "") -> bool:
        name = _LETTERS.get(word, word)
        if name == "quit":
            return False
        if name in self.settings:
            self._set(self.settings[name], value)
        elif name in COMMANDS:
            getattr(self, f"_{name}")(*[value] * (name == "save"))
        else:
            raise ValueError(f"/{word} is not a command: /help shows all")
        return True

    def _accept(self) -> None:
        if self.writer.proposal:
            self.writer.accept()
        self.propose()

    def _retry(self) -> None:
        self.propose()

    def _undo(self) -> None:
        if not self.writer.undo():
            raise ValueError("there is nothing to take back")
        self._shower()(self.writer.text[-_TAIL:])
        print(flush=True)

    def _text(self) -> None:
        self._shower()(self.writer.text)
        print(flush=True)

    def _save(self, name: str) -> None:
        if not name:
            raise ValueError("/save needs the name of a file")
        text = self.writer.text
        with open(name, "xb") as file:  # which must not exist
            file.write(text if isinstance(text, bytes) else text.encode())
        self.say(f"wrote {counted(len(text), 'character')} to {name}")

    def _options(self) -> None:
        print(self._values(), flush=True)

    def _help(self) -> None:
        self.say(_ABOUT)
        letters = {name: f"({letter})" for letter, name in _LETTERS.items()}
        for name, help in COMMANDS.items():
            self._line(f"/{name} {letters.get(name, '')}", help)
        self.say(_ABOUT_OPTIONS)
        for name, option in self.settings.items():
            value = "on" if isinstance(option.kind, Flag) else option.kind.metavar
            self._line(f"/{name} {value}", option.help)

    def _line(self, first: str, help: str) -> None:
        print(textwrap.fill(f"  {first:19} {help}", 79, subsequent_indent=" " * 22), flush=True)

    def _set(self, option: Option[Any], word: str) -> None:
        options, length = dict(self.writer.options.given()), self.writer.length
        value: Any = None
        if word:
            if isinstance(option.kind, Flag):
                value = {"on": True, "off": False}.get(word, word)
            else:
                value = option.kind.parse(word)
        if option.name == "length":
            length = LENGTH if value is None else option.check(value)
        else:
            options[option.name] = value
        self.writer.set(ChoiceOptions(**options), length)
        self._options()

    def _values(self) -> str:
        """The options that have another value than their default, and the usual ones."""
        options = self.writer.options
        shown = {"temperature": options.temperature} | options.given()
        values = [
            f"{name} {shown[option.name]!r}"
            for name, option in self.settings.items()
            if option.name in shown
        ]
        return ", ".join([f"length {self.writer.length}", *values])

    def _units(self, text: str) -> Any:
        from gru_ext.text.units import utf8

        return utf8(text) if isinstance(self.writer.text, bytes) else text

    def _shower(self) -> Any:
        """A function that shows parts of a text, without what a terminal would obey."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")

        def show(part: str | bytes) -> None:
            text = part if isinstance(part, str) else decoder.decode(part)
            print(printable_lines(text), end="", flush=True)

        return show
