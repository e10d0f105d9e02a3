# SPDX-License-Identifier: MIT
"""README.md as a package index shows it: with links that work there.

The address of the repository has one place, ``[project.urls]`` in pyproject.toml: there
``Source = "https://..."``. Where it is set, each relative link of the README leads to the file of
the same version at that address, in the form that GitHub and GitLab understand. Without an address
the links stay as they are.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PATH = r"(?!https?:|mailto:|#|/)(?:\./)?([^\s)\"]+)"
# Pictures come first: one may be the text of a link.
_PICTURES = re.compile(rf"(!\[[^\]]*\]\(|\bsrc=\"){_PATH}")
_LINKS = re.compile(rf"(\]\(|^\[[^\]]+\]:[ ]+|\bhref=\"){_PATH}", re.M)
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.M | re.S)


def long_description() -> str:
    """The text for the metadata of the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    readme = (ROOT / "README.md").read_text("utf-8")
    address = project.get("urls", {}).get("Source")
    if address is None:
        return readme
    (version,) = re.findall(r'"(.*)"', (ROOT / "src/gru_ext/_version.py").read_text("utf-8"))
    return with_links(readme, address, f"v{version}")


def with_links(text: str, address: str, tag: str) -> str:
    """The text with absolute links into a repository; what is code stays as it is.

    Parameters
    ----------
    text : str
        Markdown.
    address : str
        The address of the repository.
    tag : str
        The tag or branch that has the files.
    """

    def absolute(part: str) -> str:
        part = _PICTURES.sub(rf"\1{address.rstrip('/')}/raw/{tag}/\2", part)
        return _LINKS.sub(rf"\1{address.rstrip('/')}/blob/{tag}/\2", part)

    parts = _CODE.split(text)
    parts[::2] = map(absolute, parts[::2])
    return "".join(parts)
