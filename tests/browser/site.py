"""A demo with everything running, and a real browser to look at it with.

Nothing is skipped: a machine without chromium is told what to type.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Literal
from urllib.request import urlopen

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.props import add_props
from tests.support.waiting import free_port, until

CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable")
QUIET = (
    "--no-sandbox",  # in CI we are root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WIDTHS = {1280: 900, 390: 844}
"""Of a window, with its height: a laptop and a phone."""

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa")
WIDEST = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const clipped = one => { for (let up = one.parentElement; up; up = up.parentElement)
    if (getComputedStyle(up).overflowX !== 'visible') return true; return false; };
  const wide = [...document.querySelectorAll('body *')].filter(
    one => one.getBoundingClientRect().right > room + 1 && !clipped(one));
  return wide.slice(-3).map(one => one.outerHTML.slice(0, 120)).concat(wide.length ? [] : ['the page itself']);
}"""

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Site:
    """A demo that runs: its address, who may log in, and its folder."""

    url: str
    user: str
    password: str
    project: Path

    def mails_to(self, address: str) -> list[EmailMessage]:
        """What was caught for this address, oldest first."""
        return [mail for mail in self.mails() if address in str(mail["To"])]

    def mails(self) -> Iterator[EmailMessage]:
        """All that was caught, oldest first."""
        files = (self.project / "var" / "mail").glob("*.eml")
        for file in sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.name)):
            mail = message_from_bytes(file.read_bytes(), policy=default)
            assert isinstance(mail, EmailMessage)
            yield mail


@contextmanager
def running_demo(folder: Path) -> Iterator[Site]:
    """`nurture demo` in ``folder``, with its web process and workers, until the end of the block."""
    port = free_port()
    words = ("demo", "--json", "--folder", str(folder), "--listen", f"127.0.0.1:{port}")
    log = folder.with_suffix(".log")
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "nurture", *words], stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as process,
    ):
        try:
            document = first_document(process, log)
            until(lambda: is_ready(port) or process.poll() is not None, deadline=60)
            assert process.poll() is None, f"the demo ended: {log.read_text()}"
            project = Path(document["project"])
            add_props(project)
            yield Site(document["url"], document["user"], document["password"], project)
        finally:
            process.terminate()
            process.wait(60)


def first_document(process: subprocess.Popen[str], log: Path) -> dict[str, str]:
    """The JSON that the program prints before it goes on. Fails with its log when it ends instead."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            document = json.loads("".join(lines))
            assert isinstance(document, dict)
            return document
    raise AssertionError(f"the demo did not start: {log.read_text()}")


def is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


# --- the browser --------------------------------------------------------------------------------------------------


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Debian's chromium, driven by Playwright, without a window."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        raise RuntimeError("there is no chromium for the browser tests: apt-get install --yes chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def a_window(
    browser: Browser, site: Site, width: int = 1280, scheme: Scheme = "light", *, javascript: bool = True
) -> Iterator[Page]:
    """A window of its own: nobody is logged in."""
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": width, "height": WIDTHS[width]},
        color_scheme=scheme,
        java_script_enabled=javascript,
        reduced_motion="reduce",
        timezone_id="America/Toronto",
        locale="en-CA",
    )
    context.set_default_timeout(10_000)
    try:
        yield context.new_page()
    finally:
        context.close()


def log_in(page: Page, user: str, password: str) -> None:
    page.goto("/admin/log-in")
    page.get_by_label("E-mail address").fill(user)
    page.get_by_label("Password", exact=True).fill(password)
    press(page, "Log in")
    page.wait_for_url(lambda url: "log-in" not in url)


@dataclass
class Complaints:
    """What the browser finds wrong with the pages a window shows: errors of scripts, refused styles, lost files."""

    page: Page
    _said: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._of_console)
        self.page.on("pageerror", lambda error: self._said.append(("", f"script: {error.message}")))

    def _of_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._said.append((message.location["url"], f"console: {message.text}"))

    def taken(self) -> list[str]:
        """What was said since this was last asked. That the page itself is an error page is no complaint."""
        said, self._said = self._said, []
        lost = "console: Failed to load resource"
        return [text for url, text in said if not (text.startswith(lost) and url == self.page.url)]


def press(page: Page, name: str) -> None:
    """The button of this name; the page that answers is there, with its styles."""
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("button", name=name).click()


def accessibility_problems(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA, each with where it is, once the page has its styles."""
    page.wait_for_load_state("load")
    results = Axe().run(page, options={"runOnly": {"type": "tag", "values": list(WCAG)}})
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:160]}"
        f" {'; '.join(check['message'] for check in (*node['any'], *node['all'], *node['none']))}"
        for one in results.response["violations"]
        for node in one["nodes"][:3]
    ]


def wider_than_the_window(page: Page) -> list[str]:
    """What makes the page scroll sideways, if it does, once it has its styles."""
    page.wait_for_load_state("load")
    widest: list[str] = page.evaluate(WIDEST)
    return [f"scrolls sideways: {one}" for one in widest]
