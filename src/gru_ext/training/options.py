# SPDX-License-Identifier: MIT
"""The options of a training run, each declared once.

Argument checks, the parser and help of ``gru-ext train``, the signature and docstring of
:func:`gru_ext.train`, docs/reference/options.md and what a model file records follow from
here. To add an option, declare it and write the code that uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args

from gru_ext.arguments.escapes import unescaped
from gru_ext.arguments.kinds import FilePath, Flag, Function, Number, OneOf, String, Whole
from gru_ext.arguments.option import Option, Options
from gru_ext.distributed.outer import OUTER_OPTIMIZERS, OuterOptimizerName
from gru_ext.files import StrPath
from gru_ext.text.given import Text
from gru_ext.text.units import UNITS, Units
from gru_ext.training.kinds import Encoding, Engine, Keep, Kept, OwnText, Weights
from gru_ext.training.optimizers import OPTIMIZERS, SCHEDULES, OptimizerName, ScheduleName
from gru_ext.training.presets import PRESETS, PresetName

if TYPE_CHECKING:
    from gru_ext.distributed.communicator import Communicator
    from gru_ext.model.model import Model
    from gru_ext.reporting.progress import Progress

Dtype = Literal["float32", "float64", "bfloat16"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
Products = Literal["bfloat16"]
PRODUCTS: tuple[Products, ...] = get_args(Products)
Split = Literal["blocks", "documents", "tail"]
SPLITS: tuple[Split, ...] = get_args(Split)
PLATEAU = 2
"""Evaluations in a row without a better loss, after each of which the learning rate is halved."""
MOST_STEPS = 2**53
MOST_SEED = 2**32 - 1
MOST_WORKERS = 2**16

DATA = "data"
MODEL = "model"
OPTIMISATION = "optimisation"
WORKERS = "several workers"
EVALUATION = "evaluation"
OUTPUT = "output"
GROUPS = (DATA, MODEL, OPTIMISATION, WORKERS, EVALUATION, OUTPUT)

Callback = Callable[["Progress"], object]


class TrainingOptions(Options):
    """The options of a training run: the keyword arguments of :func:`gru_ext.train`.

    An option that is None is not given. An attribute then reads as the default, or as None where
    the default depends on the text.

    Raises
    ------
    TypeError, ValueError
        An option has a value that is not allowed, or two options contradict each other.
    """

    encoding: Option[str] = Option(Encoding(), "encoding of the text files", DATA, default="utf-8")
    units: Option[Units | None] = Option(
        OneOf(UNITS),
        "what the model reads and writes: characters or bytes",
        DATA,
        automatic="chars, or bytes where the text is given as bytes",
        details="With bytes, any file can be trained on, whatever its encoding; every length is "
        "then a number of bytes.",
        saved=True,
        fixed=True,
    )
    min_count: Option[int] = Option(
        Whole(1),
        "replace characters that occur less often by the unknown token, shown as U+FFFD",
        DATA,
        default=1,
        saved=True,
        fixed=True,
    )
    document_separator: Option[str | None] = Option(
        String(unescaped, empty=True),
        "text between documents: the hidden state is reset there; empty for one text",
        DATA,
        automatic="that of the weights to start from; \\n for a list of short lines; for a list of "
        "documents \\n, or \\0 where a document has several lines; none for other texts",
        details="A list of short lines has 50 lines or more without empty ones, indentation and, "
        "but for a few, punctuation: names, words, towns. The state is zero before the last "
        "character of the separator is read, so that nothing of a document is known to the next. "
        "On the command line, escapes are those of a Python string: \\n, \\t, \\0, \\u2028.",
        saved=True,
    )
    join: Option[str | None] = Option(
        String(unescaped, empty=True),
        "text placed between the files where several are given",
        DATA,
        automatic="nothing: a file continues the one before it",
        details="With the text of the document separator, each file is a document. Empty files "
        "are left out. On the command line, escapes are as in the document separator.",
        saved=True,
        fixed=True,
    )

    preset: Option[PresetName] = Option(
        OneOf(PRESETS),
        "which sizes and how many epochs follow from the length of the text",
        MODEL,
        default="default",
        details="quick is a small model within about half a minute, best the best model that is "
        "known for such a text within ten minutes on two processors. Options that are given "
        "replace those of the preset.",
    )
    hidden_size: Option[int] = Option(
        Whole(1, 2**24, metavar="H"),
        "hidden size H: the units of each GRU layer",
        MODEL,
        automatic="depends on the length of the text",
        saved=True,
        fixed=True,
    )
    layers: Option[int] = Option(
        Whole(1, 16),
        "number of GRU layers; each reads the hidden states of the layer below",
        MODEL,
        automatic="depends on the length of the text: 1 or 2; 1 where a hidden size is given",
        saved=True,
        fixed=True,
    )
    tied: Option[bool] = Option(
        Flag(),
        "weight tying: the output layer uses the first layer's candidate input weights, transposed",
        MODEL,
        default=False,
        saved=True,
        fixed=True,
    )
    dtype: Option[Dtype] = Option(
        OneOf(DTYPES),
        "data type of the weights",
        MODEL,
        default="float32",
        details="With bfloat16 the weights and all sums are float32, and the factors of the matrix "
        "products are rounded to bfloat16: faster where the processor has instructions for it "
        "(AVX512_BF16). The preset best has bfloat16 for texts of more than 400,000 characters.",
        saved=True,
        fixed=True,
    )
    init_from: Option[Model | StrPath | None] = Option(
        Weights("MODEL"),
        "start from the weights of this model, with a new optimiser state",
        MODEL,
        details="Characters of the text that the model does not know get the weights of a new "
        "model, unless the model has an unknown token for them.",
    )
    classic: Option[bool] = Option(
        Flag(),
        "repeat the original NumPy script exactly, byte for byte",
        MODEL,
        default=False,
        details="Most other options cannot be combined with it; those that can replace the "
        "script's own values.",
    )

    seq_length: Option[int] = Option(
        Whole(1, 2**24, metavar="T"),
        "sequence length T: the characters of each window of truncated BPTT",
        OPTIMISATION,
        automatic="depends on the length of the text, at most 128",
        saved=True,
        fixed=True,
    )
    batch_size: Option[int] = Option(
        Whole(1, 2**20, metavar="B"),
        "batch size B: the number of streams into which the text is cut",
        OPTIMISATION,
        automatic="depends on the length of the text, at most 64",
        details="A stream is a contiguous part of the text whose hidden state is carried from "
        "window to window.",
        saved=True,
        fixed=True,
    )
    epochs: Option[float | None] = Option(
        Number(above=0),
        "epochs to train in all",
        OPTIMISATION,
        automatic="depends on the length of the text",
        saved=True,
    )
    max_steps: Option[int | None] = Option(
        Whole(1, MOST_STEPS),
        "steps to train in all; takes precedence over the number of epochs",
        OPTIMISATION,
        details="A step is one update of the weights.",
        saved=True,
    )
    optimizer: Option[OptimizerName] = Option(
        OneOf(OPTIMIZERS), "optimiser", OPTIMISATION, default="adamw", saved=True, fixed=True
    )
    learning_rate: Option[float] = Option(
        Number(above=0),
        "peak learning rate",
        OPTIMISATION,
        automatic="depends on optimiser and hidden size",
        saved=True,
    )
    schedule: Option[ScheduleName] = Option(
        OneOf(SCHEDULES),
        "learning-rate schedule after the warm-up: cosine decay to 0, or halved on a plateau",
        OPTIMISATION,
        automatic="constant for adagrad, cosine for the other optimisers",
        details="With a plateau, the rate is halved after each two evaluations in a row without "
        "a better validation loss, ten times at most. A resumed run that is given more steps "
        "follows the longer cosine from there.",
        saved=True,
    )
    warmup: Option[int | None] = Option(
        Whole(0, MOST_STEPS),
        "steps of linear learning-rate warm-up",
        OPTIMISATION,
        automatic="one epoch, but 200 to 400 steps, and at most a quarter of the run",
        saved=True,
    )
    weight_decay: Option[float] = Option(
        Number(least=0),
        "weight decay of adamw, for all parameters but the biases",
        OPTIMISATION,
        automatic="depends on the length of the text",
        saved=True,
    )
    dropout: Option[float] = Option(
        Number(least=0, below=1),
        "probability with which each output of a layer is dropped during training",
        OPTIMISATION,
        automatic="grows with the weights for each character of the text, from 0 to 0.6",
        saved=True,
    )
    weight_dropout: Option[float] = Option(
        Number(least=0, below=1),
        "probability with which each recurrent weight is dropped for a window (DropConnect)",
        OPTIMISATION,
        automatic="depends on the length of the text",
        saved=True,
    )
    state_reset: Option[float] = Option(
        Number(least=0, below=1),
        "probability with which a stream's hidden state is set to zero before a window",
        OPTIMISATION,
        default=0.0,
        saved=True,
    )
    average_over: Option[float] = Option(
        Number(least=0, most=1),
        "use the average of the weights over about this last part of all steps; 0 for the weights "
        "themselves",
        OPTIMISATION,
        default=0.0,
        details="Evaluations, samples, the model file and the returned model have the average.",
        saved=True,
        fixed=True,
    )
    clip: Option[float] = Option(
        Number(above=0, infinite=True),
        "clip each gradient element to [-clip, clip]; inf for no clipping",
        OPTIMISATION,
        default=5.0,
        saved=True,
    )
    clip_norm: Option[float | None] = Option(
        Number(above=0, infinite=True),
        "clip the gradient by its global norm",
        OPTIMISATION,
        details="It needs an additional pass over the gradient.",
        saved=True,
    )
    shuffle: Option[bool | None] = Option(
        Flag(),
        "put the documents into a new order for each epoch",
        OPTIMISATION,
        automatic="on for documents of up to 64 MiB in all",
        details="The order follows from the seed and the number of the epoch.",
        saved=True,
        fixed=True,
    )
    seed: Option[int] = Option(
        Whole(0, MOST_SEED),
        "seed of the initial weights, dropout, validation part, order of documents and samples",
        OPTIMISATION,
        default=0,
        saved=True,
        fixed=True,
    )
    threads: Option[int | None] = Option(
        Whole(1),
        "number of threads; the result is bit-identical for any number",
        OPTIMISATION,
        automatic="that of the environment variable GRU_EXT_NUM_THREADS, or as many as help",
    )

    workers: Option[int | None] = Option(
        Whole(1, MOST_WORKERS),
        "number of workers, each of which trains on its own part of the text",
        WORKERS,
        automatic="as many as there are processes, which mpiexec starts",
        details="The processes share the workers out. The result is bit-identical for any number "
        "of processes. The batch size is that of one worker.",
        saved=True,
        fixed=True,
    )
    sync_every: Option[int | None] = Option(
        Whole(1, MOST_STEPS),
        "steps after which the workers' weights are combined; 1 combines the gradient of each step",
        WORKERS,
        automatic="64 where there are several workers",
        details="Progress lines, evaluations, samples and checkpoints come at multiples of it.",
        saved=True,
        fixed=True,
    )
    outer_optimizer: Option[OuterOptimizerName | None] = Option(
        OneOf(OUTER_OPTIMIZERS),
        "how the mean change of the workers' weights is applied: as it is, or with a momentum",
        WORKERS,
        automatic="nesterov",
        saved=True,
        fixed=True,
    )
    outer_learning_rate: Option[float | None] = Option(
        Number(above=0),
        "factor of the mean change of the workers' weights",
        WORKERS,
        automatic="1 for mean, 0.7 for nesterov",
        saved=True,
    )
    outer_momentum: Option[float | None] = Option(
        Number(least=0, below=1),
        "momentum of the outer optimizer nesterov",
        WORKERS,
        automatic="0.5",
        details="DiLoCo has 0.9, with which many runs of such models diverge.",
        saved=True,
    )
    communicator: Option[Communicator | None] = Option(
        Engine(),
        "what connects the processes of a run",
        WORKERS,
        automatic="MPI where mpiexec has started several processes",
        details="An object with the attributes and methods of ``gru_ext.Communicator``.",
        on_command_line=False,
    )

    val_fraction: Option[float | None] = Option(
        Number(least=0, below=1),
        "fraction of the text that is the validation part; 0 for none",
        EVALUATION,
        automatic="0.1, at most a million characters; 0 where that is less than 100 characters and "
        "less than 5 documents",
        saved=True,
        fixed=True,
    )
    split: Option[Split | None] = Option(
        OneOf(SPLITS),
        "the validation part: drawn blocks all over the text, drawn documents, or the text's end",
        EVALUATION,
        automatic="documents where the text has them, unless they are too long, else blocks",
        details="There are up to 16 blocks of at least 256 characters, which begin and end at line "
        "ends where these are near. What is drawn follows from the seed.",
        saved=True,
        fixed=True,
    )
    validation: Option[Text | None] = Option(
        OwnText(),
        "text that is the validation part, instead of a fraction of the text",
        EVALUATION,
        details="On the command line it is a file; the option may be given several times. "
        "Characters that the model does not know are left out. Documents are joined with the "
        "document separator of the text.",
    )
    eval_every: Option[int | None] = Option(
        Whole(0),
        "steps between evaluations on the validation part; 0 for one at the end only",
        EVALUATION,
        automatic="at progress lines, as often as costs little",
        saved=True,
    )
    patience: Option[int | None] = Option(
        Whole(0),
        "early stopping: end after this many evaluations in a row without a better loss; 0 for "
        "none",
        EVALUATION,
        automatic="5; none with a plateau schedule or without evaluations during the run",
        saved=True,
    )
    keep: Option[Kept | None] = Option(
        Keep(),
        "which weights the model has: those of the best evaluation, or the last ones",
        EVALUATION,
        automatic="best; last where there is no validation part",
        details="Until the first evaluation, these are the last ones. A run is always resumed from "
        "its last state.",
        saved=True,
    )
    calibrate: Option[bool] = Option(
        Flag(),
        "divide the output layer of the best weights by the temperature with which their "
        "validation loss is lowest",
        EVALUATION,
        default=True,
        details="This is done at the end of a run where it gives 0.001 bits or more, and not with "
        "weight tying. The run says the temperature. The training state has the weights without "
        "it.",
        saved=True,
    )

    output: Option[StrPath | None] = Option(
        FilePath("MODEL"),
        "file to which the model is written; its training state goes to a file beside it",
        OUTPUT,
        automatic="none; on the command line model.npz, with --classic gru_weights.data",
        details="The state of model.npz, in model.state.npz, is what the run is resumed from. The "
        "model can be used and shared without it.",
        letter="o",
    )
    resume: Option[bool] = Option(
        Flag(), "continue the run of the output file, from its state", OUTPUT, default=False
    )
    force: Option[bool] = Option(Flag(), "replace output files that exist", OUTPUT, default=False)
    checkpoint_every: Option[int | None] = Option(
        Whole(0),
        "steps between checkpoints; 0 for none",
        OUTPUT,
        automatic="0",
        details="A checkpoint writes the training state, to model.state.npz beside model.npz, and "
        "keeps the state before as model.state.previous.npz.",
    )
    checkpoint_minutes: Option[float | None] = Option(
        Number(least=0), "minutes between checkpoints; 0 for none", OUTPUT, automatic="10"
    )
    metrics: Option[StrPath | None] = Option(
        FilePath(),
        "file to which the training metrics are appended, one JSON object per line",
        OUTPUT,
    )
    plot: Option[StrPath | None] = Option(
        FilePath(),
        "picture of the run to draw at its end, .png, .svg or .pdf; needs matplotlib",
        OUTPUT,
    )
    tensorboard: Option[StrPath | None] = Option(
        FilePath("FOLDER"),
        "folder to which the metrics are written for TensorBoard; needs tensorboardX",
        OUTPUT,
    )
    callback: Option[Callback | None] = Option(
        Function(),
        "function that is called with a Progress at each progress line and each evaluation",
        OUTPUT,
        details="Where it returns True, training stops cleanly. An exception in it ends "
        "training and passes through, after the state so far is written to the output; its "
        "attribute `model` is the model. Steps may come again after a run that diverged "
        "was rolled back.",
        on_command_line=False,
    )
    log_every: Option[int | None] = Option(
        Whole(0),
        "steps between progress lines; 0 for none",
        OUTPUT,
        automatic="a twentieth of all steps",
    )
    sample_every: Option[int | None] = Option(
        Whole(0),
        "steps between samples; 0 for none",
        OUTPUT,
        automatic="one sample at the end; in runs of 2,000 steps or more one after each quarter; "
        "none in runs of less than 200",
    )
    sample_length: Option[int | None] = Option(
        Whole(0), "characters of each sample", OUTPUT, automatic="200"
    )
    quiet: Option[bool] = Option(Flag(), "print no progress", OUTPUT, default=False)

    def __post_init__(self) -> None:
        if self.patience and self.eval_every == 0:
            raise ValueError("`patience` counts evaluations: `eval_every` must be 1 or more, not 0")
        if "schedule" in self.given() and self.schedule == "plateau":
            self._check_plateau()
        if self.validation is not None and self.val_fraction:
            raise ValueError(
                "`validation` and `val_fraction` cannot be combined: the validation part is one"
            )

    def _check_plateau(self) -> None:
        if self.eval_every == 0:
            raise ValueError(
                "a plateau `schedule` counts evaluations: `eval_every` must be 1 or more, not 0"
            )
        if self.patience and self.patience <= PLATEAU:
            raise ValueError(
                f"`patience` must be {PLATEAU + 1} or more with a plateau `schedule`, not "
                f"{self.patience}: the learning rate is lowered after {PLATEAU} evaluations "
                f"without a better loss"
            )

    @property
    def weights_dtype(self) -> str:
        """The dtype of the arrays of weights."""
        return "float32" if self.dtype == "bfloat16" else self.dtype

    @property
    def products(self) -> Products | None:
        """The dtype to which the factors of matrix products are rounded, if they are."""
        return "bfloat16" if self.dtype == "bfloat16" else None

    @property
    def keeps_best(self) -> bool:
        """Whether the model has the best weights, where there is a validation part."""
        return self.keep != "last"

    def check(self, name: str, value: object) -> Any:
        """Check a value as that of the option of this name; return it as plain Python."""
        return self.declared()[name].check(value)
