# SPDX-License-Identifier: MIT
"""The README as a package index would show it, once the repository has an address.

python .ci/check_readme.py in an environment with readme_renderer[md]
"""

import re
import sys
from pathlib import Path

from readme_renderer.markdown import render

sys.path.insert(0, "tools")
from long_description import with_links

ADDRESS = "https://example.org/gru_ext"


def main() -> None:
    text = with_links(Path("README.md").read_text("utf-8"), ADDRESS, "main")
    page = render(text)
    assert page, "README.md cannot be rendered"
    links = re.findall(r'\b(?:href|src)="([^"]*)"', page)
    relative = [link for link in links if not link.startswith(("https://", "http://", "#"))]
    assert not relative, f"links that lead nowhere on a package index: {relative}"
    here = [link for link in links if link.startswith(ADDRESS)]
    lost = [link for link in here if not Path(re.split("/main/|#", link)[1]).exists()]
    assert not lost, f"links to files that do not exist: {lost}"
    pictures = len(re.findall(r"!\[|<img", text))
    assert page.count("<img") == pictures, "a picture was lost in rendering"
    print(f"README.md: {len(here)} links into the repository, {pictures} pictures")


if __name__ == "__main__":
    main()
