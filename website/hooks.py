# SPDX-License-Identifier: MIT
"""What the build of the site adds to the pages of ``docs/`` (the hooks of MkDocs, see mkdocs.yml).

The page of the command line is made from the parser, the changelog and the page for contributors
from the files at the root of the repository, and formulas become MathML.
"""

import os
import re
import sys
import tomllib
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # MkDocs loads this file alone
from website import command_line, formulas  # noqa: E402

_PICTURE = r"\[!\[([^\]]*)\]\(([^)\s]+\.png)\)\]\(\2\)"  # that leads to itself in its full size
ROOT_PAGES = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}


def on_config(config):
    """Link the pages to the repository, once pyproject.toml has its address."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project.get("urls", {}).get("Source")
    if address:
        config.repo_url = address.rstrip("/") + "/"
        config.edit_uri = "edit/main/docs/"
        config.theme["features"].append("content.action.edit")
    return config


def on_files(files, config):
    """Add the pages that are made from other files."""
    made = {"reference/command-line.md": command_line.page()}
    for name, source in ROOT_PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        made[name] = as_page(text, files, config.repo_url)
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def as_page(text: str, files, address: str | None) -> str:
    """A file of the root as a page: its links lead to pages, or to files of the repository.

    Where the repository has no address yet, the words of a link to a file stand alone.
    """

    def link(found: re.Match[str]) -> str:
        words, target = found[1], found[2]
        if re.match(r"\w+:|#", target):
            return found[0]
        path, mark, place = target.partition("#")
        path = os.path.normpath(path)
        for page, source in ROOT_PAGES.items():
            if path == source:
                return f"[{words}]({page}{mark}{place})"
        page = path.removeprefix("docs/")
        if page != path and files.get_file_from_path(page):
            return f"[{words}]({page}{mark}{place})"
        return f"[{words}]({address}blob/main/{target})" if address else words

    # a link that is defined on a line of its own, `[words]: target`, becomes one in place
    for words, target in re.findall(r"^\[([^\]]+)\]: (\S+)$", text, re.M):
        text = text.replace(f"[{words}]: {target}", "")
        text = text.replace(f"[{words}]", f"[{words}]({target})")
    return re.sub(r"\[([^\]]*)\]\(([^)\s]+)\)", link, text)


def on_page_content(html, page, config, files):
    """Write that an argument is optional: its default is what the words after it say, not None."""
    return re.sub(r"default:\s*<code>None</code>\s*\)", "optional)", html)


def on_page_markdown(markdown, page, config, files):
    """Turn the formulas of a page into MathML, and show dark pictures where the page is dark."""
    folder = os.path.dirname(page.file.src_uri)
    return with_dark_pictures(formulas.rendered(markdown), folder, files)


def with_dark_pictures(markdown: str, folder: str, files) -> str:
    """A page of a folder on which a picture that has a dark twin is replaced by both.

    The theme shows one of them, by the end of its address.
    """

    def pair(found: re.Match[str]) -> str:
        words, light = found[1], found[2]
        dark = light.replace(".png", "-dark.png")
        if not files.get_file_from_path(os.path.normpath(os.path.join(folder, dark))):
            return found[0]
        images = ((light, "light"), (dark, "dark"))
        return "".join(f"[![{words}]({name}#only-{on})]({name})" for name, on in images)

    return re.sub(_PICTURE, pair, markdown)
