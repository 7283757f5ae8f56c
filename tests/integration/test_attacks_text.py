"""Whatever strangers and colleagues write stays text on every page: no tag, no attribute, no address of theirs comes alive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nurture.model.accounts import Role
from nurture.services.staff import accounts
from tests.support.api import a_shop
from tests.support.browsing import Browser, a_browser, an_account, token_of
from tests.support.guided import GUIDE, GUIDED, a_guided_nurture
from tests.support.running import Running

EVIL = "\"'><evil onevil=1></title></svg></textarea><evil>{{7913*9001}}"
"""Ends whatever it stands in, and would begin something of its own."""
SCRIPT = "javascript:evil()"
OWN = re.compile(
    r"(?:/|#|\?|\./|http://127\.0\.0\.1:8000/|mailto:[^:]*$|tel:[+0-9%*;,A-Za-z-]*$|data:image/|$)"
)
"""Where links of our pages lead."""


class Reader(HTMLParser):
    """What a browser would make of a page, and what of it is not ours."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.strange: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "evil":
            self.strange.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name == "style" or "evil" in name:
                self.strange.append(f"{tag} {name}={value}")
            if name in ("href", "src", "action", "formaction", "srcdoc", "hx-get", "hx-post", "xlink:href"):
                if not OWN.match(value or "") or (value or "").startswith("//"):
                    self.strange.append(f"{tag} {name}={value}")
                if tag == "a" and value:
                    self.links.append(value.partition("#")[0])


@pytest.fixture
def hostile(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    """A company in which everybody who may write something wrote an attack."""
    running = a_guided_nurture(sqlite_url, tmp_path)
    toml = running.project / "nurture.toml"
    toml.write_text(toml.read_text().replace("[fields]\n", '[fields]\nwish = "text"\n'))
    quoted = "'" + EVIL.replace("{{7913*9001}}", "").replace("'", "''") + "'"
    workflow = GUIDED.replace("From the guide to a sale", quoted).replace("Feel I chose well", quoted)
    running.write("workflows/guided.yaml", workflow)
    running.write("offers/guide.yaml", GUIDE.replace("title: The guide", f"title: {quoted}"))
    running.publish()
    yield running
    running.nurture.close()


def fill(running: Running) -> Browser:
    """Ana comes by the form, by the API and by hand, and a caller and a marketer write about her."""
    shop = a_shop(running)
    shop.client.post(
        "/o/guide?utm_medium=" + SCRIPT,
        data={"email": "ana@example.org", "first_name": EVIL, "consent": "2026-11", "utm_source": EVIL},
        headers={"Referer": f"https://{EVIL}/", "User-Agent": EVIL},
    )
    stored = shop.store(
        {
            "email": "ana@example.org",
            "last_name": EVIL,
            "phone": "+14165550100",
            "owner": EVIL,
            "add_tags": [EVIL, SCRIPT],
            "fields": {"wish": SCRIPT + EVIL},
        }
    )
    assert stored.status_code == 200, stored.text
    told = shop.report(
        {"email": "ana@example.org", "event": "quote.requested", "data": {"url": SCRIPT, "words": EVIL}}
    )
    assert told.status_code == 200, told.text
    running.run()
    running.track("offer.downloaded", offer="guide")
    running.advance(days=3, step_hours=12)
    accounts.set_profile(running.nurture.runtime, an_account(running), EVIL, None)
    browser = a_browser(running)
    once = iter(f"once-{number:08}" for number in range(100))
    posts: dict[str, dict[str, str]] = {
        "contacts/1/note": {"text": EVIL},
        "contacts/1/happened": {"event": "sale.closed", "amount": "3", "kind": EVIL},
        "contacts/1/grant": {"purpose": "nurture", "wording": EVIL, "source": EVIL},
        "contacts/1/enrollments/1/move": {"stage": "lead-offer", "reason": EVIL},
        "contacts/1/pause": {"reason": EVIL},
        "workflows/guided/pause": {"reason": EVIL},
        "sending/stop": {"reason": EVIL},
        "calls/1/outcome": {"outcome": "reached", "note": EVIL},
        "contacts/1/send-me": {"template": "story"},
    }
    for path, data in posts.items():
        answer = browser.post(f"/admin/{path}", once=next(once), **data)
        assert answer.status_code == 303, (path, answer.text)
    running.run()
    return browser


def test_no_text_of_a_stranger_comes_alive_on_any_page(hostile: Running) -> None:
    browser = fill(hostile)
    waiting, seen, strange = (
        ["/admin/", "/o/guide", "/admin/audit", "/admin/me"],
        set[str](),
        dict[str, list[str]](),
    )
    answers: list[str] = []
    links = set[str]()

    while waiting and len(seen) < 150:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        page = browser.get(path)
        if page.mimetype != "text/html":
            continue
        answers.append(page.text)
        read = Reader(page.text)
        if read.strange:
            strange[path] = read.strange
        links.update(read.links)
        waiting += [link for link in read.links if link.startswith(("/admin", "/o/"))]

    assert strange == {}
    assert len(seen) > 30
    assert sum("&lt;evil" in page for page in answers) > 8
    address = re.compile(r"(@|%40)(?!\+|%2B)")  # `a.happened@+1d` in a walk's address is a time
    assert [link for link in links if address.search(link) and not link.startswith("mailto:")] == []
    assert not any(str(7913 * 9001) in page for page in answers)


@pytest.mark.parametrize(
    "path", ["/admin/contacts?q=", "/admin/mail?to=", "/admin/log-in?next=", "/admin/calls?whose="]
)
def test_what_stands_in_the_address_stays_text_too(hostile: Running, path: str) -> None:
    browser = a_browser(hostile)

    page = browser.client.get(path + "\"'><evil onevil=1>")

    assert Reader(page.text).strange == []


def test_words_that_come_back_in_a_refused_form_stay_text(hostile: Running) -> None:
    browser = a_browser(hostile, Role.MARKETER)
    hostile.add()

    pages = [
        browser.post("/admin/contacts/new", email=EVIL, first_name=EVIL, tags=EVIL, phone=EVIL).text,
        browser.post("/admin/contacts/1/happened", event=EVIL, once="once-12345").text,
        browser.post("/admin/contacts/1/enrollments/1/skip", step=EVIL, reason=EVIL).text,
        browser.post("/admin/log-in", email=EVIL, password="x").text,
        browser.client.post("/o/guide", data={"email": EVIL, "first_name": EVIL, "form-referrer": EVIL}).text,
    ]

    assert [Reader(page).strange for page in pages] == [[]] * len(pages)
    assert token_of(pages[0])


def test_the_document_of_a_mail_may_show_itself_and_nothing_else(hostile: Running) -> None:
    browser = fill(hostile)
    (caught, *_) = sorted((hostile.project / "var" / "mail").glob("*.eml"))

    policies = [
        browser.get(path).headers["Content-Security-Policy"]
        for path in (f"/admin/mail/caught/{caught.name}/document", "/admin/contacts/1/mail/1/body")
    ]
    frame = browser.get(f"/admin/mail/caught/{caught.name}").text

    for policy in policies:
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
    for allowed in (*policies, *re.findall(r'<iframe[^>]* sandbox="([^"]*)"', frame)):
        assert not re.search("allow-(scripts|forms|same-origin|top-navigation|modals|downloads)", allowed)
    assert "sandbox=" in frame
