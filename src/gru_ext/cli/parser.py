# SPDX-License-Identifier: MIT
"""The parser of the command ``gru-ext``: its commands, their arguments and examples.

The arguments of a command, and the modules that declare them, are loaded when it is the one to run.
"""

from __future__ import annotations

from gru_ext._version import __version__
from gru_ext.arguments.escapes import unescaped
from gru_ext.arguments.kinds import FilePath, Flag, OneOf, String
from gru_ext.cli.config_file import add_config
from gru_ext.cli.parsing import Parser, add_argument, add_options, parsed
from gru_ext.training.kinds import TextFile
from gru_ext.training.options import TrainingOptions


def build_parser() -> Parser:
    """Make the parser of the whole command line."""
    parser = Parser(prog="gru-ext", description="A character-level GRU on the CPU.")
    parser.add_argument("--version", action="version", version=f"gru-ext {__version__}")
    parser.examples = {
        "gru-ext train input.txt": "train a model on a text; it is written to model.npz",
        "gru-ext sample model.npz": "print text that the model generates",
        "gru-ext train --help": "all options of a command, with examples",
    }
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help, add in (
        ("train", "train a model on texts", _add_train),
        ("tune", "search for the sizes that suit texts", _add_tune),
        ("sample", "print text that a model generates", _add_sample),
        ("score", "print how surprising each line of a text is", _add_score),
        ("evaluate", "evaluate models on texts", _add_evaluate),
        ("plot", "draw losses, learning rate and speed of runs", _add_plot),
        ("report", "write a page that shows a model", _add_report),
        ("serve", "write with a model, on a page in the browser", _add_serve),
        ("export", "write a model for another program", _add_export),
        ("import", "make a model file from another program's", _add_import),
        ("quantize", "make a model file of int8 weights", _add_quantize),
        ("info", "describe a model file, or this installation", _add_info),
        ("completion", "print a script that completes commands in a shell", _add_completion),
    ):
        commands.add_parser(name, help=help).late = add
    return parser


def _add_texts(parser: Parser) -> None:
    parser.add_argument(
        "texts",
        metavar="TEXT",
        nargs="+",
        type=parsed(TextFile()),
        help="text files, read in order; - is standard input",
    )


def _add_output(parser: Parser, help: str, metavar: str = "FILE") -> None:
    """Add a file that must be named, and the flag that lets it be replaced."""
    add_argument(parser, ["-o", "--output"], FilePath(metavar), help, required=True)
    add_argument(parser, ["--force"], Flag(), "replace what exists")


def _add_encoding(parser: Parser, help: str) -> None:
    declared = TrainingOptions.declared()["encoding"]
    about = f"{help} (default: {declared.default_text})"
    add_argument(parser, ["--encoding"], declared.kind, about, default=declared.default)


def _add_train(parser: Parser) -> None:
    parser.description = (
        "Train a model on texts. Sizes, epochs and learning rate follow from the length of the "
        "text where they are not given. Ctrl-C stops a run cleanly; --resume continues it."
    )
    parser.examples = {
        "gru-ext train input.txt": "write model.npz, and its training state beside it",
        "gru-ext train input.txt --resume --epochs 60": "continue that run to 60 epochs in all",
        "gru-ext train a.txt b.txt -o ab.npz --preset quick": "two texts, a small model",
        "gru-ext train names.txt -o names.npz --document-separator '\\n' --patience 10": (
            "each line is a document; stop after 10 evaluations without a better loss"
        ),
        "gru-ext train input.txt -o again.npz --config run.toml": (
            "options from a file, such as gru-ext info model.npz --toml prints"
        ),
    }
    _add_texts(parser)
    add_config(parser)
    add_options(parser, TrainingOptions)


def _add_tune(parser: Parser) -> None:
    from gru_ext.tuning.options import TuneOptions

    parser.description = (
        "Train many small models on texts, stop the bad ones early, and print the command that "
        "trains the best one. Hidden size, layers, dropout, learning rate and epochs are searched, "
        "except for those that are given; each other option of train holds for every model. Needs "
        "gru-ext[tune]."
    )
    parser.examples = {
        "gru-ext tune input.txt": "search for ten minutes",
        "gru-ext tune input.txt --minutes 5 --layers 1": "five minutes, models of one layer",
        "gru-ext tune input.txt --trials 100 --minutes inf -o trials.json": (
            "a hundred models without a limit of time; write what was found"
        ),
    }
    _add_texts(parser)
    add_config(parser)
    add_options(parser, TuneOptions)


def _add_sample(parser: Parser) -> None:
    from gru_ext.cli.options import DEFAULT_MODEL, OUTPUT, TEXT, SampleOptions
    from gru_ext.model.sampling_options import BEAM, SamplingOptions

    parser.description = "Print text that a model generates, character by character."
    parser.examples = {
        "gru-ext sample": "500 characters from model.npz",
        "gru-ext sample model.npz --prompt 'The ' --temperature 0.8 --seed 1": (
            "continue a text; the same seed gives the same text"
        ),
        "gru-ext sample model.npz -n 5 --stop '\\n' --top-p 0.9": "five lines",
        "gru-ext sample model.npz --beam 8 --length 40": "the most likely texts instead",
        "gru-ext sample model.npz --interactive": "write a text in turns with the model",
    }
    parser.add_argument(
        "model", metavar="MODEL", nargs="?", default=DEFAULT_MODEL, help="default: %(default)s"
    )
    prompts = parser.add_argument_group("prompt").add_mutually_exclusive_group()
    add_argument(
        prompts,
        ["--prompt"],
        String(unescaped, empty=True),
        "text that the model reads first, with escapes such as \\n (default: none: a sample "
        "starts as a document or a line does)",
        default="",
    )
    add_argument(
        prompts,
        ["--prompt-file"],
        TextFile(),
        "file that the model reads first, as it is; - is standard input",
    )
    add_config(parser)
    add_options(parser, SampleOptions, [TEXT])
    add_options(parser, SamplingOptions)
    add_options(parser, SampleOptions, [BEAM, OUTPUT])


def _add_score(parser: Parser) -> None:
    from gru_ext.cli.options import ScoreOptions

    parser.description = (
        "Print how many bits per character each line of a text costs: a surprising line costs "
        "many. The model reads a file as gru-ext evaluate does, so that the lines' bits sum to "
        "what evaluate says of the file. A line's break is one of its characters."
    )
    parser.examples = {
        "gru-ext score model.npz other.txt --top 10": "the ten most surprising lines",
        "gru-ext score model.npz other.txt --by file --json": "one JSON object for the text",
        "tail -f x.log | gru-ext score model.npz - --threshold 3.5": (
            "the surprising lines of a log, as they come"
        ),
    }
    parser.add_argument("model", metavar="MODEL", help="model file")
    parser.add_argument(
        "texts",
        metavar="TEXT",
        nargs="+",
        type=parsed(TextFile()),
        help="text files, each read from a zero state; - is standard input, of which each line is "
        "printed as soon as it is there",
    )
    add_config(parser)
    add_options(parser, ScoreOptions)


def _add_evaluate(parser: Parser) -> None:
    from gru_ext.model.evaluation_options import EvaluationOptions

    parser.description = (
        "Print how many bits per character texts cost under models, beside what they cost without "
        "one: where each character of the model is as likely, by the frequencies of the text's own "
        "characters, and compressed by xz."
    )
    parser.usage = "%(prog)s [options] MODEL [MODEL ...] TEXT [TEXT ...]"
    parser.examples = {
        "gru-ext evaluate model.npz other.txt": "bits per character of a text",
        "gru-ext evaluate model.npz other.txt --unknown skip": (
            "leave out the characters that the model does not know"
        ),
        "gru-ext evaluate a.npz b.npz x.txt y.txt": "a table of two models and two texts",
    }
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="model files: the first file, and those after it that are model files too",
    )
    parser.add_argument(
        "texts",
        metavar="TEXT",
        nargs="+",
        type=parsed(TextFile()),
        help="text files, each of which is evaluated by itself; - is standard input",
    )
    encoding, join = (TrainingOptions.declared()[name] for name in ("encoding", "join"))
    _add_encoding(parser, encoding.help)
    add_argument(
        parser,
        ["--join"],
        join.kind,
        "evaluate the files as one text, with TEXT between them; --join '' has nothing "
        "between them (default: each file by itself)",
    )
    add_config(parser)
    add_options(parser, EvaluationOptions)
    about = "print a JSON object, or a list of them where there are several models or texts"
    add_argument(parser, ["--json"], Flag(), about)


def _add_plot(parser: Parser) -> None:
    parser.description = "Draw losses, learning rate and speed of runs. Needs gru-ext[plot]."
    parser.examples = {
        "gru-ext plot run.jsonl -o run.png": "the run that train --metrics run.jsonl recorded",
        "gru-ext plot a.jsonl b.jsonl -o both.pdf": "two runs in one picture",
    }
    parser.add_argument(
        "metrics", metavar="METRICS", nargs="+", help="files that train --metrics wrote"
    )
    add_config(parser)
    _add_output(parser, "picture to write, .png, .svg or .pdf")


def _add_report(parser: Parser) -> None:
    from gru_ext.report.options import ReportOptions

    parser.description = (
        "Write one HTML file that shows a model and how it reads a text. Needs gru-ext[report]."
    )
    parser.examples = {
        "gru-ext report model.npz other.txt -o report.html": "how the model reads a text",
        "gru-ext report model.npz -o report.html": "how it reads a sample of its own",
    }
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "text",
        metavar="TEXT",
        nargs="?",
        type=parsed(TextFile()),
        help="text to analyse the model on; - is standard input (default: a sample of the model)",
    )
    add_config(parser)
    _add_output(parser, "HTML file to write")
    add_options(parser, ReportOptions)


def _add_serve(parser: Parser) -> None:
    from gru_ext.serve.options import ServeOptions

    parser.description = (
        "Serve a page to this machine's browsers alone. As you type it shows which characters the "
        "model expects next, how surprising each typed character is, and three continuations. The "
        "address has a random token, without which nothing is answered. Ctrl-C ends."
    )
    parser.examples = {
        "gru-ext serve model.npz --open": "serve the page and open it in the browser",
        "gru-ext serve model.npz --port 8000": "at a port that stays the same",
    }
    parser.add_argument("model", metavar="MODEL")
    add_config(parser)
    add_options(parser, ServeOptions)


def _add_export(parser: Parser) -> None:
    from gru_ext.export.formats import FORMATS, OPTIONS

    parser.description = (
        "Write a model for another program, and check that its predictions are the model's."
    )
    parser.examples = {
        "gru-ext export model.npz -o model.onnx": "for ONNX; the suffix says the format",
        "gru-ext export model.npz -o model.c --weights int8 --name tiny": (
            "C99 source with small weights, whose names begin with tiny"
        ),
        "gru-ext export model.npz -o small.npz --dtype float32": "weights of another dtype",
    }
    parser.add_argument("model", metavar="MODEL")
    add_config(parser)
    _add_output(parser, "file or folder to write")
    formats = "; ".join(f"{name}: {each.text}" for name, each in FORMATS.items())
    about = f"the format (default: the suffix says it). {formats}"
    add_argument(parser, ["--to"], OneOf(FORMATS), about)
    add_argument(parser, ["--whole"], Flag(), "onnx: read a whole sequence, not one time step")
    add_argument(parser, ["--stateful"], Flag(), "keras: the model keeps its hidden states")
    dtype, weights, name = (OPTIONS[name] for name in ("dtype", "weights", "name"))
    about = f"npz: dtype of the weights, {dtype.describe()}"
    add_argument(parser, ["--dtype"], dtype, about)
    about = f"c: {weights.describe()} weights (default: float32)"
    add_argument(parser, ["--weights"], weights, about)
    add_argument(parser, ["--name"], name, "c: the prefix of all names (default: model)")
    about = "text with which the file is checked; - is standard input (default: a sample of the "
    add_argument(parser, ["--text"], TextFile(), about + "model)")
    _add_encoding(parser, "encoding of the text")


def _add_import(parser: Parser) -> None:
    from gru_ext.cli.options import VocabularyFile

    parser.description = "Make a model file from another program's file of the same cell."
    parser.examples = {
        "gru-ext import model.safetensors -o model.npz": "a file that names its vocabulary",
        "gru-ext import model.onnx -o model.npz --vocabulary characters.txt": (
            "one that does not: its characters in the order of their symbols"
        ),
    }
    parser.set_defaults(command="import_model")  # import is a word of Python
    parser.add_argument("file", metavar="FILE", help="file of safetensors, Keras, ONNX or PyTorch")
    add_config(parser)
    _add_output(parser, "model file to write", metavar="MODEL")
    add_argument(
        parser,
        ["--vocabulary"],
        VocabularyFile(),
        "the characters of the model in the order of their symbols, for a file that has none; "
        "or bytes: all 256 bytes",
    )
    _add_encoding(parser, "encoding of the characters")


def _add_quantize(parser: Parser) -> None:
    parser.description = (
        "Write a model file with int8 weights: a quarter of the size, read faster, and for reading "
        "alone. It loads wherever a model file does, but cannot be trained."
    )
    parser.examples = {
        "gru-ext quantize model.npz -o small.npz": "write the small file",
        "gru-ext quantize model.npz -o small.npz --text validation.txt": (
            "and measure what int8 costs, which the small file then says"
        ),
    }
    parser.add_argument("model", metavar="MODEL", help="model file of float32 or float64")
    add_config(parser)
    _add_output(parser, "model file to write", metavar="SMALL")
    add_argument(
        parser,
        ["--text"],
        TextFile(),
        "text on which both models are evaluated; the new file keeps what int8 costs on it "
        "(default: none)",
    )
    _add_encoding(parser, "encoding of the text")


def _add_info(parser: Parser) -> None:
    parser.description = (
        "Describe a model file: its sizes, its losses and how it was trained. Without a file, "
        "describe this installation and machine."
    )
    parser.examples = {
        "gru-ext info": "versions, compiler, instruction set, processors, threads",
        "gru-ext info model.npz": "a model, and a command that trains it again",
        "gru-ext info model.npz --toml >run.toml": (
            "the options of its run, for gru-ext train input.txt --config run.toml"
        ),
    }
    parser.add_argument("model", metavar="MODEL", nargs="?", help="default: this installation")
    output = parser.add_mutually_exclusive_group()
    add_argument(output, ["--json"], Flag(), "print a JSON object")
    add_argument(output, ["--toml"], Flag(), "print the options of the run, for train --config")


def _add_completion(parser: Parser) -> None:
    from gru_ext.cli.options import SHELLS

    parser.description = (
        "Print a script for a shell, which then completes commands, options and the names of "
        "files when Tab is pressed. Needs gru-ext[completion]."
    )
    parser.examples = {
        'eval "$(gru-ext completion bash)"': "a line for ~/.bashrc",
        "gru-ext completion zsh >~/.zfunc/_gru-ext": (
            "zsh, where ~/.zfunc is in fpath before compinit is called"
        ),
        "gru-ext completion tcsh >~/.gru-ext.tcsh": "tcsh: source the file in ~/.tcshrc",
    }
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=" or ".join(SHELLS))
