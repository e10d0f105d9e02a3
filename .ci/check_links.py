# SPDX-License-Identifier: MIT
"""Every link of the built site leads to a page, and to a place on it: check_links.py SITE."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links of a page, and the places on it that a link may name."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places = {"", "__skip"}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes) -> None:
        """Note what a tag links to, and its name."""
        for name, value in attributes:
            if name in {"href", "src"} and value:
                self.links.add(value)
            elif name in {"id", "name"} and value:
                self.places.add(value)


def main(site: Path) -> int:
    """Print the broken links; return how many there are."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    broken = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            known = pages.get(target)
            if not target.exists() or (known and unquote(parts.fragment) not in known.places):
                broken.append(f"{path.relative_to(site)}: {link}")
    print("\n".join(broken) or f"{len(pages)} pages, all links lead somewhere")
    return len(broken)


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]).resolve())))
