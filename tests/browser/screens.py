"""Pictures of every page at both widths in both schemes, for the eyes of whoever designs them.

``python -m tests.browser.screens FOLDER [WORD]``: only pages with WORD in their route, if given.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tests.browser.site import SCHEMES, WIDTHS, Scheme, Site, a_window, log_in, running_chromium, running_demo
from tests.browser.walk import walk


def main(folder: Path, word: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory() as place,
        running_demo(Path(place) / "company") as site,
        running_chromium() as browser,
    ):
        with a_window(browser, site) as window:
            log_in(window, site.user, site.password)
            pages = {path: rule for path, rule in walk(site, window.request).pages.items() if word in rule}
        for width in WIDTHS:
            for scheme in SCHEMES:
                take_pictures(browser, site, names_of(pages), folder, width, scheme)


def names_of(pages: dict[str, str]) -> dict[str, str]:
    """Each path with a name for its pictures: the words of its rule, and which of that kind it is."""
    words = {path: "-".join(re.findall(r"\w+", rule)) or "root" for path, rule in pages.items()}
    numbers: Counter[str] = Counter()
    names = {}
    for path, word in words.items():
        numbers[word] += 1
        names[path] = f"{word}-{numbers[word]}"
    return names


def take_pictures(
    browser: Browser, site: Site, names: dict[str, str], folder: Path, width: int, scheme: Scheme
) -> None:
    with a_window(browser, site, width, scheme) as window:
        log_in(window, site.user, site.password)
        for path, name in names.items():
            window.goto(path)
            picture = folder / f"{name}-{width}-{scheme}.png"
            window.screenshot(path=picture, full_page=True)
            sys.stdout.write(f"{picture}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
