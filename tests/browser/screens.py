"""Pictures of every page at both widths in both schemes, for the eyes of whoever designs them.

``python -m tests.browser.screens FOLDER [WORD]``: only pages with WORD in their path, if given.
"""

from __future__ import annotations

import re
import sys
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
            paths = [path for path in walk(site, window.request).pages if word in path]
        for width in WIDTHS:
            for scheme in SCHEMES:
                take_pictures(browser, site, paths, folder, width, scheme)


def take_pictures(
    browser: Browser, site: Site, paths: list[str], folder: Path, width: int, scheme: Scheme
) -> None:
    with a_window(browser, site, width, scheme) as window:
        log_in(window, site.user, site.password)
        for path in paths:
            window.goto(path)
            name = re.sub(r"[^\w-]+", "_", path).strip("_")[:60] or "root"
            picture = folder / f"{name}-{width}-{scheme}.png"
            window.screenshot(path=picture, full_page=True)
            sys.stdout.write(f"{picture}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
