# SPDX-License-Identifier: MIT
"""A model as one source file of C99, which also compiles as C++17.

The code is in the folder ``c_template``, where the prefix of all names is ``model``. The constants
and tables of one model are written here. No character of its vocabulary is written as text: code
points are numbers.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gru_ext._version import __version__
from gru_ext.arguments.messages import as_size, counted
from gru_ext.core.packing import to_int8
from gru_ext.export.c_compiler import Program, compiler
from gru_ext.export.c_names import NAME, WEIGHTS
from gru_ext.export.c_tables import table
from gru_ext.export.c_weights import Weights, weight_tables
from gru_ext.export.comparison import Logits
from gru_ext.export.gates import is_tied
from gru_ext.files import StrPath
from gru_ext.model.model import Model
from gru_ext.model.parameters import Parameters
from gru_ext.model.sampling import read_first
from gru_ext.text.vocabulary import UNKNOWN


def c_source(model: Model, name: str = "model", weights: str = "float32") -> str:
    """Write a model as C99, without dependencies and without allocation.

    The parameters are written as float32 whatever the model's dtype is, and all arithmetic of the
    network is in float32. The result is a function of the arguments.

    Parameters
    ----------
    model : Model
    name : str
        The prefix of all names, such as ``model_step``; in capital letters that of all constants.
    weights : {"float32", "int8"}
        ``int8``: each row of a matrix is rounded to int8 with a scale of its own
        (``core/packing.py``). Biases stay float32.

    Returns
    -------
    str
        The text of the file, in ASCII. Its first comment says how it is used.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or a parameter has values that are not finite in float32.
    """
    name = NAME.check("name", name)
    int8 = WEIGHTS.check("weights", weights) == "int8"
    arrays = _float32(model)
    tied = is_tied(arrays)
    parts = [
        _description(model, arrays, int8, tied),
        c_template("usage"),
        "#ifndef MODEL_INCLUDED\n#define MODEL_INCLUDED\n",
        _constants(model, int8, tied),
        c_template("declarations"),
        "#ifndef MODEL_DECLARATIONS\n",
        c_template("weights"),
        _characters(model),
        *weight_tables(arrays, int8, tied),
        c_template("functions"),
        c_template("program"),
        "#endif /* MODEL_DECLARATIONS */\n#endif /* MODEL_INCLUDED */\n",
    ]
    return renamed("\n".join(parts), name)


def contents(model: Model, name: str = "model", weights: str = "float32") -> bytes:
    """The bytes of the file (:func:`c_source`)."""
    return c_source(model, name, weights).encode("ascii")


def reference(model: Model, name: str = "model", weights: str = "float32") -> Model:
    """The model in float32 that the file holds: with ``int8``, one of the rounded weights."""
    arrays = _float32(model)
    if weights == "int8":
        tied = is_tied(arrays)
        arrays = {n: to_int8(a).widened() if n[0] in "UW" else a for n, a in arrays.items()}
        if tied:
            arrays["Wh"] = arrays["Wy"].T
    sizes = len(model.vocabulary), model.hidden_size, np.float32
    parameters = Parameters(*sizes, layers=model.layers)
    parameters.assign(arrays)
    return Model(model.vocabulary, parameters, model.about)


def open_logits(path: StrPath, model: Model) -> Logits:
    """Compile the file, with a program that reads symbols."""
    source = Path(path).read_text("ascii")
    prefix = re.search(r"^void (\w+)_reset\(", source, re.M)
    found = compiler()
    if prefix is None or found is None:
        raise ValueError(f"{path} needs to be a C file of gru_ext, and a C compiler must be there")
    program = Program(source + renamed(c_template("check"), prefix[1]), found)

    def logits(symbols: NDArray[np.int32]) -> NDArray[np.float32]:
        given, written = program.folder / "symbols", program.folder / "logits"
        given.write_text("\n".join(map(str, symbols.tolist())), "ascii")
        program.run(given.name, written.name)
        return np.fromfile(written, np.float32).reshape(-1, len(model.vocabulary))

    return logits


def renamed(text: str, name: str) -> str:
    """Text of C with the prefix ``name`` in place of ``model``, and likewise in capital letters."""
    text = text.replace("MODEL_", f"{name.upper()}_").replace("model_", f"{name}_")
    return text.replace("model.c", f"{name}.c")


def c_template(name: str) -> str:
    """A file of the folder ``c_template``, without its first line, the licence."""
    file = resources.files("gru_ext.export").joinpath("c_template", f"{name}.c")
    return file.read_text("ascii").split("\n", 1)[1]


def _description(model: Model, arrays: Weights, int8: bool, tied: bool) -> str:
    """The first comment: what the model is."""
    units = "byte" if model.vocabulary.units == "bytes" else "character"
    matrices = [a for n, a in arrays.items() if n[0] in "UW" and not (tied and n == "Wh")]
    numbers = sum(a.size for a in matrices)
    floats = sum(a.size for n, a in arrays.items() if n[0] == "b")
    if int8:
        floats += sum(map(len, matrices))
        weights = "matrices are int8 with a scale for each output"
    else:
        weights = "weights are float32"
    size = as_size(numbers * (1 if int8 else 4) + floats * 4)
    lines = [
        f"A {units}-level GRU, written by gru_ext {__version__}.",
        f"It knows {counted(len(model.vocabulary), units)} and has {model.parameters.sizes}.",
        f"Its {weights}: {size}.",
    ]
    if model.dtype == np.float64:
        lines.append("The model was trained in float64.")
    if model.separator is not None:
        lines.append("model_step resets the state at document boundaries.")
    lines.append(
        "The code: Copyright (c) 2026 the gru_ext developers, MIT licence, see LICENSE there."
    )
    lines.append("The tables are the model's.")
    return "/* " + "\n * ".join(lines) + " */\n"


def _constants(model: Model, int8: bool, tied: bool) -> str:
    """The sizes and what else the code depends on."""
    vocabulary, separator = model.vocabulary, model.separator
    unknown = vocabulary.characters.index(UNKNOWN) if vocabulary.unknown else -1
    start = int(read_first(model, np.empty(0, np.int32), None)[0])
    constants = (
        ("HIDDEN", model.hidden_size, "units of a layer"),
        ("LAYERS", model.layers, "layers of the GRU"),
        ("SYMBOLS", len(vocabulary), "characters, or bytes, that the model knows"),
        ("STATE_SIZE", model.layers * model.hidden_size, "floats of the hidden states"),
        ("UNKNOWN", f"({unknown})", "symbol of all other characters, or -1"),
        ("START", start, "symbol to read first where there is no prompt"),
        ("SEPARATOR_LENGTH", 0 if separator is None else len(separator), "symbols of it, or 0"),
        ("BYTES", int(vocabulary.units == "bytes"), "whether symbols are bytes, not characters"),
        ("TIED", int(tied), "whether the output has weights of the first layer"),
        ("INT8", int(int8), "whether matrices are int8, not float"),
    )
    return "".join(
        f"#define MODEL_{name} {value} /* {comment} */\n" for name, value, comment in constants
    )


def _characters(model: Model) -> str:
    """The tables of the vocabulary, and the document separator."""
    points = np.array([ord(c) for c in model.vocabulary.characters], np.uint32)
    order = np.argsort(points).astype(np.uint32)
    tables = [
        table("model_characters", points, "the code point, or byte, of each symbol"),
        table("model_in_order", order, "the symbols in the order of their code points"),
    ]
    if model.separator is not None:
        separator = model.separator.astype(np.uint32)
        tables.append(table("model_separator", separator, "the symbols between documents"))
    return "\n".join(tables)


def _float32(model: Model) -> Weights:
    """The parameters by their names, as float32."""
    with np.errstate(over="ignore"):
        arrays = {n: array.astype(np.float32) for n, array in model.parameters.items()}
    broken = [n for n, array in arrays.items() if not np.isfinite(array).all()]
    if broken:
        raise ValueError(
            f"{', '.join(broken)} must have finite values in float32, but a value is not: train "
            f"the model again"
        )
    return arrays
