# SPDX-License-Identifier: MIT
"""Make the pictures of the documentation: terminals, plots and pages of small models.

python -m bench.pictures TEXT --output docs/pictures

The training runs take about two minutes. The script needs the extras interactive, plot and report,
the group docs and Chromium, and runs on POSIX systems.
"""

import argparse
import contextlib
import itertools
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from bench.dark import with_dark_colors
from bench.screenshots import Browser, Part, Shot, picture, write_png
from bench.terminal import module, record, svg, tail, typed

WIDE, NARROW = 80, 40
SHORT = "gru-ext train input.txt --split tail --hidden-size 128 --epochs 2"
TRAIN = "gru-ext train input.txt --split tail --hidden-size 128 --metrics hidden-128.jsonl"
SMALL = (
    "gru-ext train input.txt --split tail --hidden-size 64 -o small.npz --metrics hidden-64.jsonl"
)
MOMENT = r"^ *3\d%"
"""The progress bar, at the moment at which a run is shown."""

COMMANDS = {
    "sample": r"gru-ext sample -n 2 --length 160 --seed 1 --prompt 'ROMEO:\n'",
    "evaluate": "gru-ext evaluate model.npz small.npz validation.txt",
    "score": "gru-ext score model.npz lines.txt --top 8",
}
INTERACTIVE = "gru-ext sample --interactive --seed 1"
KEYS = ("ROMEO:\\n\r", "/retry\r", "\r", "\\n\\nJULIET:\\nMy lord, \r", "\x04")
PLOT = "gru-ext plot hidden-128.jsonl hidden-64.jsonl -o plot.svg"
REPORT = "gru-ext report model.npz input.txt --metrics hidden-128.jsonl -o report.html --quiet"

_POINTED = "#surprise-view .row:nth-child(7) > span:nth-child(17)"
REPORT_SHOTS = (
    Shot("report-top", (Part("header.top", "#compared"),)),
    Shot("report-surprise", (Part("#surprise", pointed=_POINTED),)),
    Shot("report-units", (Part("#units", "#moments"),)),
    Shot("report-bits", (Part("#where"),)),
    Shot("report-characters", (Part("#characters"),)),
    Shot(
        "report-phone",
        (
            Part("header.top", "#compared", width=380, height=900),
            Part("#surprise", width=380, height=900, pointed=_POINTED),
            Part("#units", width=380, height=900),
        ),
    ),
)
SERVE = "gru-ext serve model.npz"
# Types a text and waits until the server has proposed its continuations.
_TYPED = """(async () => {
document.querySelector("#box").focus();
document.execCommand("insertText", false, "ROMEO:\\nBut, soft! what light through yonder window b");
const proposed = () => document.querySelectorAll("#continuations:not(.waiting) li").length === 3;
for (let i = 0; i < 200 && !(proposed() && document.querySelector(".backdrop .s4")); i++)
  await new Promise((resolve) => setTimeout(resolve, 50));
await new Promise((resolve) => setTimeout(resolve, 500));
})()"""
SERVE_SHOTS = (
    Shot("serve", (Part("header.top", "main", program=_TYPED),)),
    Shot("serve-phone", (Part("header.top", "main", width=380, height=900, program=_TYPED),)),
)


def validation_part(characters):
    """The last tenth of a text, which a run does not train on."""
    return characters[-(len(characters) // 10) :]


def strange_lines(characters, number=200, backwards=77, shortest=30):
    """The first long lines of a text, of which one is written backwards."""
    lines = [line for line in characters.splitlines() if len(line) >= shortest][:number]
    lines[backwards - 1] = lines[backwards - 1][::-1]
    return "".join(f"{line}\n" for line in lines)


def write_texts(text, folder):
    """Write the texts that the commands read."""
    shutil.copyfile(text, folder / "input.txt")
    validation = validation_part(text.read_text(encoding="utf-8"))
    (folder / "validation.txt").write_text(validation, encoding="utf-8")
    (folder / "lines.txt").write_text(strange_lines(validation), encoding="utf-8")


def write_terminals(folder, output):
    """Train the models and use them in terminals, whose pictures are written."""

    def write(name, command, lines, columns=WIDE):
        image = svg([*typed(command, columns), *lines], columns, command)
        (output / f"{name}.svg").write_text(image, encoding="utf-8")

    for command, columns, end in ((SHORT, NARROW, 18), (TRAIN, WIDE, 17)):  # lines of the end
        for path in folder.glob("model*.npz"):
            path.unlink()
        lines, during = record(command, columns, folder, moment=MOMENT)
        write(f"train-{columns}", command, during, columns)
        write(f"train-{columns}-end", command, tail(lines, end), columns)
    subprocess.run([*module(SMALL), "--quiet"], cwd=folder, check=True)
    for name, command in COMMANDS.items():
        write(name, command, record(command, WIDE, folder)[0])
    write("interactive", INTERACTIVE, record(INTERACTIVE, WIDE, folder, keys=KEYS)[0])


@contextlib.contextmanager
def served(folder):
    """The address of the page that gru-ext serve serves meanwhile."""
    with subprocess.Popen(
        module(SERVE), cwd=folder, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            yield re.search(r"http://\S+", process.stdout.readline())[0]
        finally:
            process.send_signal(signal.SIGINT)


def write_screenshots(folder, output):
    """Write the pictures of the report and of the served page, each in light and dark colours."""
    browser = Browser()
    try:
        with served(folder) as address:
            for page, shots in ((folder / "report.html", REPORT_SHOTS), (address, SERVE_SHOTS)):
                for shot, end in itertools.product(shots, ("", "-dark")):
                    image = picture(browser, page, shot, dark=bool(end))
                    write_png(image, output / f"{shot.name}{end}.png")
    finally:
        browser.close()


def main():
    """Train the models, and write all pictures."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", type=Path, help="the text to train on")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="where the pictures go"
    )
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_texts(args.text, folder)
        write_terminals(folder, args.output)
        for command in (PLOT, REPORT):
            subprocess.run(module(command), cwd=folder, check=True)
        plot = with_dark_colors((folder / "plot.svg").read_text(encoding="utf-8"))
        (args.output / "plot.svg").write_text(plot, encoding="utf-8", newline="\n")
        write_screenshots(folder, args.output)


if __name__ == "__main__":
    main()
