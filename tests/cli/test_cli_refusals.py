# SPDX-License-Identifier: MIT
"""What the command line refuses: one line, exit status 2, nothing changed."""

import os
import re
import subprocess

import numpy as np
import pytest
from command import COMMAND, POSIX, contents, run
from training_runs import TEXT

import gru_ext

MODEL_FILES = {
    "none.npz": None,
    "empty.npz": b"",
    "text.npz": TEXT.encode(),
    "cut.npz": slice(0, -100),
    "start.npz": slice(0, 700),
}


BAD = [
    # files
    ("train none.txt", "none.txt"),
    ("train empty.txt", "empty.txt is empty"),
    ("train empty.txt empty.txt", "all 2 files are empty"),
    (
        "train snow.txt --resume -o m.npz",
        "m.state.npz was trained on another text.*use --init-from",
    ),
    ("train utf16.txt", "utf16.txt begins with|it begins with the byte-order mark of UTF-16"),
    ("train utf16.txt", "give --encoding utf-16$"),
    ("train .", "irectory"),
    ("train latin.txt", "0xe9 at offset 3 "),
    ("train latin.txt", "--encoding"),
    ("train a.txt --encoding nonsense", "nonsense"),
    ("train a.txt -o none/x.npz", "none/x.npz"),
    ("train a.txt -o .", " . "),
    ("train a.txt -o m.npz", "m.npz exists"),
    ("evaluate m.npz none.txt", "none.txt"),
    ("evaluate m.npz empty.txt", "empty.txt is empty"),
    ("evaluate m.npz latin.txt", "offset 3 "),
    ("evaluate m.npz one.txt", "2 characters"),
    ("evaluate m.npz snow.txt", "'☃'"),
    ("train a.txt --init-from none.npz", "none.npz"),
    ("train a.txt --resume -o none.npz", "none.state.npz does not exist"),
    ("train snow.txt --resume -o m.npz", "'☃'"),
    # lengths
    ("train one.txt", "at least 2"),
    ("train a.txt --seq-length 600", "at least 601"),
    ("train a.txt --seq-length 60 --batch-size 9", "at least 541"),
    ("train one.txt --classic", "at least 6"),
    ("train a.txt --val-fraction 0.001", "fraction"),
    # options
    ("nonsense", "COMMAND must be train, .* or completion, not 'nonsense'$"),
    ("trian a.txt", "not 'trian'; did you mean train\\?$"),
    ("--verison", "--verison; did you mean --version\\?$"),
    ("train --epochs 3", "required: TEXT$"),
    ("train --epoks 3", "train: unrecognized arguments: --epoks; did you mean --epochs\\?$"),
    ("train a.txt --patiance 3", "--patiance 3; did you mean --patience\\?$"),
    ("train a.txt --patiance=3", "--patiance=3; did you mean --patience\\?$"),
    ("train a.txt --hidden_size 3", "did you mean --hidden-size\\?$"),
    ("train a.txt --no-shufle", "did you mean --no-shuffle\\?$"),
    ("sample m.npz --temprature 1", "sample: .*did you mean --temperature\\?$"),
    ("info m.npz --jsn", "info: .*did you mean --json\\?$"),
    ("export m.npz -o a.npz --to onxx", "--to must be .*, not 'onxx'; did you mean onnx\\?$"),
    ("completion bsh", "SHELL must be bash, zsh or tcsh, not 'bsh'; did you mean bash\\?$"),
    ("info --toml", "--toml is for a model: name its file"),
    ("info notebook.npz --toml", "notebook.npz has no record of the options"),
    ("info m.npz --toml --json", "--json"),
    ("sample", "there is no model.npz in this folder: make one with gru-ext train TEXT, or name"),
    ("sample --interactive", "there is no model.npz in this folder"),
    ("score m.npz", "TEXT"),
    ("evaluate m.npz", "TEXT"),
    ("evaluate m.npz stack.npz", "all 2 files are models: name a text after them"),
    ("evaluate m.npz a.txt stack.npz", "stack.npz is not utf-8 text"),
    ("evaluate a.txt a.txt", "a.txt is not a model|a.txt"),
    ("evaluate m.npz m2.npz a.txt", "m2.npz: No such file"),
    ("evaluate m.npz a.txt --windows 0", "--windows must be a whole number, 1 or more, not 0"),
    ("evaluate m.npz a.txt --windows 9 --adapt", "--windows are independent.*cannot --adapt"),
    ("evaluate m.npz a.txt --windows 9 --adapt-length 9", "cannot --adapt"),
    ("evaluate m.npz a.txt --adapt-decay 1", "--adapt-decay must be a number from 0 to below 1"),
    ("evaluate m.npz a.txt --unknown x", "--unknown must be error, skip or cost, not 'x'"),
    ("evaluate m.npz a.txt snow.txt", "snow.txt: .*'☃'; --unknown skip leaves them out"),
    ("evaluate m.npz bytes.npz -", "standard input can be read as characters or as bytes"),
    ("score m.npz none.txt", "none.txt: No such file"),
    ("score m.npz empty.txt", "empty.txt is empty"),
    ("score m.npz a.txt snow.txt", "snow.txt: .*'☃'; --unknown skip leaves them out"),
    ("score m.npz latin.txt", "latin.txt is not utf-8 text.*--encoding"),
    ("score m.npz a.txt --by word", "--by must be line, document or file, not 'word'"),
    ("score m.npz a.txt --by document", "--by document is for a model that was trained with"),
    ("score m.npz a.txt --top 0", "--top must be a whole number, 1 or more, not 0"),
    ("score m.npz a.txt --threshold nan", "--threshold must be a finite number, not nan"),
    ("score m.npz a.txt --unknown x", "--unknown must be error, skip or cost, not 'x'"),
    ("score m.npz a.txt --tsv --json", "--tsv and --json cannot be combined"),
    ("score m.npz a.txt --encoding x", "--encoding must be a text encoding"),
    ("score m.npz - -", "standard input, -, can be read only once"),
    ("score cut.npz a.txt", "cut.npz"),
    ("train a.txt --nonsense", "unrecognized arguments: --nonsense$"),
    ("train a.txt --hidden-size x", "--hidden-size"),
    ("train a.txt --hidden-size 0", "--hidden-size"),
    ("train a.txt --hidden-size 99999999999", "--hidden-size"),
    ("train a.txt --seq-length 1.5", "--seq-length"),
    ("train a.txt --seq-length", "--seq-length"),
    ("train a.txt --batch-size -3", "--batch-size"),
    ("train a.txt --layers 0", "--layers must be a whole number from 1 to 16, not 0"),
    ("train a.txt --layers 17", "--layers must be a whole number from 1 to 16, not 17"),
    ("train a.txt --layers 1.5", "--layers must be a whole number from 1 to 16, not '1.5'"),
    ("train a.txt --layers x", "--layers must be a whole number from 1 to 16, not 'x'"),
    *(
        (
            f"train a.txt --dropout {share}",
            f"--dropout must be a number from 0 to below 1, not {share}",
        )
        for share in ("1.0", "-0.1", "nan", "inf")
    ),
    ("train a.txt --dropout x", "--dropout must be a number from 0 to below 1, not 'x'"),
    ("train a.txt --dropout", "--dropout"),
    ("train a.txt --dtype float16", "float16"),
    ("train a.txt --optimizer sgd", "sgd"),
    ("train a.txt --optimizer adam --weight-decay 0.1", "weight.decay`? needs the optimizer adamw"),
    ("train a.txt --optimizer adamw --weight-decay -1", "--weight-decay"),
    ("train a.txt --optimizer adamw --weight-decay 1e9", "weight decay"),
    ("train a.txt --clip-norm 0", "--clip-norm"),
    ("train a.txt --schedule linear", "linear"),
    ("train a.txt --warmup -1", "warmup"),
    ("train a.txt --warmup 1.5", "--warmup"),
    ("train a.txt --learning-rate nan", "--learning-rate"),
    ("train a.txt --learning-rate -1", "--learning-rate"),
    ("train a.txt --clip 0", "clip"),
    ("train a.txt --max-steps 0", "--max-steps"),
    ("train a.txt --epochs 0", "epochs"),
    ("train a.txt --epochs 1e308", "epochs"),
    ("train a.txt --epochs inf", "epochs"),
    ("train a.txt --val-fraction 1", "--val-fraction"),
    ("train a.txt --seed -1", "seed"),
    ("train a.txt --threads 0", "threads"),
    ("train a.txt --sample-every -1", "--sample-every"),
    ("train a.txt --log-every -1", "--log-every"),
    ("train a.txt --sample-length -1", "--sample-length"),
    ("train a.txt --resume --classic", "cannot be combined"),
    ("train a.txt --resume -o m.npz --init-from m.npz", "cannot be combined"),
    ("train a.txt --classic --batch-size 4", "--batch-size"),
    ("train a.txt --classic --optimizer adam", "optimizer"),
    ("train a.txt --classic --weight-decay 0.1", "--weight-decay"),
    ("train a.txt --classic --clip-norm 1", "--clip-norm"),
    ("train a.txt --classic --schedule cosine", "schedule"),
    ("train a.txt --classic --warmup 9", "warmup"),
    ("train a.txt --classic --layers 2", "--layers and --classic cannot be combined.*has 1"),
    ("train a.txt --classic --dropout 0.2", "--dropout and --classic cannot be combined.*has 0"),
    ("train a.txt --classic -o stack.npz", "stack.npz has 2 layers: --classic trains one"),
    ("train a.txt --classic --init-from stack.npz", "stack.npz has 2 layers"),
    ("train a.txt --resume -o m.npz --max-steps 99 --layers 2", "m.state.npz.* layers 1, not 2"),
    ("train a.txt --resume -o stack.npz --max-steps 99 --layers 1", "stack.* layers 2, not 1"),
    ("train a.txt --init-from m.npz --layers 2", "m.npz has layers 1, not 2"),
    ("train a.txt --init-from stack.npz --layers 1", "stack.npz has layers 2, not 1"),
    ("train snow.txt --init-from stack.npz --layers 3", "stack.npz has layers 2, not 3"),
    ("train a.txt --resume -o m.npz --hidden-size 9 --max-steps 99", "hidden size 8, not 9"),
    ("train a.txt --resume -o m.npz --max-steps 30", "30 of 30 steps"),
    ("train a.txt --resume -o m.npz --max-steps 99 --optimizer adagrad", "adamw, not adagrad"),
    ("sample m.npz --length -1", "length"),
    ("sample m.npz --length x", "--length"),
    ("sample m.npz --temperature -1", "temperature"),
    ("sample m.npz --temperature x", "temperature"),
    ("sample m.npz --temperature nan", "temperature"),
    ("sample m.npz --prompt ☃é7", "'7', 'é', '☃'"),
    ("sample m.npz --seed -1", "seed|negative"),
    ("sample m.npz --prompt -Hello", "; a value that begins with - is written --prompt=-Hello$"),
    ("sample m.npz --prompt --Hello", "; a value that .* is written --prompt=--Hello$"),
    ("train a.txt --document-separator -x", "is written --document-separator=-x$"),
    ("train a.txt -o -x", "is written --output=-x$"),
    ("sample m.npz --prompt=--", "know: '-'$"),
    ("sample m.npz --length=--", "`?length`? must be a whole number, 0 or more, not '--'"),
    (r"sample m.npz --prompt \q", r"prompt: \\q is not an escape: it must be \\n, "),
    (r"sample m.npz --prompt \x1", r"\\x is not an escape"),
    (r"sample m.npz --prompt \01", r"\\0 is not an escape: .*\\0 before a digit is \\x00"),
    (r"sample m.npz --prompt \U99999999", r"\\U99999999 is not an escape"),
    (r"train a.txt --document-separator a\q", r"--document-separator: \\q is not an escape"),
    (r"train a.txt --join a\ ", r"--join: \\ is not an escape"),
    (r"evaluate m.npz a.txt --join \q", r"--join: \\q is not an escape"),
    ("train a.txt --join \ud800", r"join has '\\ud800' at 0, half"),
    ("sample m.npz --prompt a --prompt-file prompt.txt", "--prompt-file: not allowed with.*prompt"),
    ("sample m.npz --prompt-file none.txt", "none.txt: No such file"),
    ("sample m.npz --prompt-file latin.txt", "latin.txt is not utf-8 text.*--encoding"),
    ("sample m.npz --prompt-file snow.txt", "'☃'"),
    ("sample m.npz --encoding nonsense", "--encoding must be a text encoding.*not 'nonsense'"),
    ("sample m.npz -n 0", "-n must be a whole number, 1 or more, not 0"),
    ("sample m.npz --best-of 0", "--best-of must be a whole number, 1 or more, not 0"),
    ("sample m.npz --top-k -1", "--top-k must be a whole number, 0 or more, not -1"),
    ("sample m.npz --top-p 0", "--top-p must be a number above 0, up to 1, not 0"),
    ("sample m.npz --min-p 2", "--min-p must be a number from 0 to 1, not 2"),
    ("sample m.npz --typical-p x", "--typical-p must be a number above 0, up to 1, not 'x'"),
    ("sample m.npz --surprise x", "--surprise must be a positive finite number or 'validation'"),
    ("sample m.npz --surprise 2 --top-k 3", "--surprise replaces --top-k"),
    ("sample m.npz --surprise validation", "--surprise cannot be the validation loss"),
    ("sample m.npz --allowed ☃", "--allowed has characters that .* not know: '☃'"),
    ("sample m.npz --banned ☃", "--banned has characters that .* not know: '☃'"),
    (r"sample m.npz --banned \q", r"--banned: \\q is not an escape"),
    ("sample m.npz --regex (", "--regex"),
    ("sample m.npz --stop ☃", "--stop has characters that .* not know: '☃'"),
    ("sample m.npz --stop a --stop=", "--stop must be a str of one character or more"),
    (r"sample m.npz --stop \q", r"--stop: \\q is not an escape"),
    ("sample m.npz --dry -1", "--dry must be a finite number, 0 or more, not -1"),
    ("sample m.npz --dry-length 0", "--dry-length must be a whole number, 1 or more, not 0"),
    ("sample m.npz --dry-base 0.5", "--dry-base must be a finite number, 1 or more, not 0.5"),
    ("sample m.npz --dry-range 0", "--dry-range must be a whole number from 1 to 2..20, not 0"),
    ("sample m.npz --json --raw", "--json and --raw cannot be combined"),
    ("sample m.npz --interactive --json", "--json and --interactive cannot be combined"),
    ("sample m.npz --interactive -n 2", "--interactive proposes one sample at a time"),
    ("sample m.npz --interactive --best-of 2", "--interactive proposes one sample at a time"),
    ("sample m.npz --interactive --prompt-file -", "--interactive reads standard input"),
    ("sample m.npz --interactive --prompt ☃", "'☃'"),
    ("sample m.npz --interactive --beam 2", "--beam and --interactive cannot be combined"),
    ("sample m.npz --beam 0", "--beam must be a whole number from 1 to 4096, not 0"),
    ("sample m.npz --beam 2 --seed 1", "--beam and --seed cannot be combined: nothing is random"),
    ("sample m.npz --beam 2 -n 3", "-n must be at most --beam, 2, not 3"),
    ("sample m.npz --length-normalization 1", "is for a search: give --beam too"),
    ("sample m.npz -n 3 --json --prompt ☃", "'☃'"),
    ("sample m.npz --encoding hex", "--encoding is not known to Python: 'hex'"),
    ("sample m.npz extra", "extra"),
    # model files
    *(
        (f"{command} {name}", name)
        for name in MODEL_FILES
        for command in ("sample", "info", "train a.txt --init-from")
    ),
    ("evaluate cut.npz a.txt", "cut.npz"),
    ("sample a.txt", "a.txt"),
    ("sample .", "irectory"),
    ("train a.txt --resume -o cut.npz", "cut.npz"),
    ("train a.txt --classic -o cut.npz", "cut.npz"),
    ("sample notebook.npz", "notebook.npz.*vocabulary"),
]


@pytest.fixture(scope="module")
def bad_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    model = gru_ext.train(TEXT, hidden_size=8, max_steps=30, output=folder / "m.npz", quiet=True)
    np.savez(folder / "notebook.npz", **model.parameters)
    stack = {"hidden_size": 4, "layers": 2, "max_steps": 9, "quiet": True}
    gru_ext.train(TEXT, output=folder / "stack.npz", **stack)
    units = {"units": "bytes", "hidden_size": 4, "max_steps": 2, "quiet": True}
    gru_ext.train(TEXT, output=folder / "bytes.npz", **units)
    for name, data in {
        "a.txt": TEXT.encode(),
        "empty.txt": b"",
        "latin.txt": b"caf\xe9 " * 50,
        "one.txt": b"T",
        "utf16.txt": "T☃".encode("utf-16"),
        "prompt.txt": b"The ",
        "snow.txt": "The ☃ ".encode() * 90,
    }.items():
        (folder / name).write_bytes(data)
    for name, data in MODEL_FILES.items():
        if isinstance(data, slice):
            data = (folder / "m.npz").read_bytes()[data]
        if data is not None:
            (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(("line", "told"), BAD, ids=lambda value: value.replace("☃", "snow"))
def test_bad_input_gets_one_line_and_status_2(bad_folder, monkeypatch, capsys, line, told):
    monkeypatch.chdir(bad_folder)
    before = contents(bad_folder)
    assert run(*line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gru-ext")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert re.search(told, err)
    assert "_count" not in err  # a function's name tells a user nothing
    assert contents(bad_folder) == before


@POSIX
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read it")
def test_an_unreadable_file_and_an_unwritable_folder(folder, capsys):
    (folder / "a.txt").chmod(0)
    assert run("train", "a.txt", "-o", "x.npz") == 2
    assert "a.txt: Permission denied" in capsys.readouterr().err
    (folder / "a.txt").chmod(0o600)
    (folder / "locked").mkdir(mode=0o500)
    assert run("train", "a.txt", "-o", "locked/x.npz") == 2
    assert "locked/x.npz: Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["train", "none.txt"], ["sample", "a.txt"], ["--nonsense"]])
def test_the_process_itself_prints_no_traceback(folder, arguments):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("gru-ext")
    assert done.stderr.count("\n") == 1
