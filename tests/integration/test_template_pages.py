"""The pages about templates: each message as somebody would get it, where nothing in it can act, and mailed to whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.model.accounts import Role
from nurture.web.admin.templates import in_scheme
from tests.support.browsing import Browser, a_browser
from tests.support.guided import a_guided_nurture
from tests.support.running import Running

EVIL = "<script>parent.evil()</script><img src=x onerror=evil()><form action=https://evil.example><button>x</button></form>"
HELLO = """\
---
subject: "Hello {{ contact.first_name or 'you' }}"
preheader: Look inside
---
<html><head><meta name="color-scheme" content="light dark"><style>p { color: red } @media (prefers-color-scheme: dark) { p { color: white } }</style></head>
<body><p>{% if contact.first_name %}{{ contact.first_name }}{% endif %}</p> [x]
<p>{{ workspace.postal_address }} <a href="{{ links.unsubscribe }}">Leave</a></p></body></html>
"""


@pytest.fixture
def guided(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_guided_nurture(sqlite_url, tmp_path)
    running.write("templates/email/welcome.html", HELLO)
    (running.project / "templates/email/welcome.md").unlink()
    running.write("templates/email/welcome.fr.html", HELLO.replace("Hello", "Bonjour"))
    running.publish()
    yield running
    running.nurture.close()


@pytest.fixture
def browser(guided: Running) -> Browser:
    return a_browser(guided)


def test_every_template_is_listed_with_where_it_is_used_and_in_which_languages(
    guided: Running, browser: Browser
) -> None:
    guided.add("zoe@example.org", locale="fr-CA")

    page = browser.get("/admin/templates").text

    assert [name for name in ("delivery", "last-word", "ring", "welcome") if f">{name}</a>" in page] == [
        *("delivery", "last-word", "ring", "welcome")
    ]
    assert "guided/welcome" in page
    assert "fr <small>(1 contact)</small>" in page
    assert "Hello Alex" in page


def test_a_language_that_nobody_has_is_told(browser: Browser) -> None:
    assert "nobody has it" in browser.get("/admin/templates").text


def test_what_was_sent_lately_is_counted_by_template(guided: Running, browser: Browser) -> None:
    guided.add()
    guided.track("offer.requested", offer="guide")
    guided.advance(minutes=1)

    page = browser.get("/admin/templates").text

    assert '<a href="/admin/mail?template=delivery">1</a>' in page
    assert '<a href="/admin/mail?template=welcome">0</a>' in page


def test_a_message_is_shown_with_its_headers_text_size_and_files(browser: Browser) -> None:
    page = browser.get("/admin/templates/email/welcome").text

    assert "List-Unsubscribe=One-Click" in page
    assert "Hello Alex" in page
    assert "Look inside" in page
    assert "kB of 102" in page
    assert "templates/email/welcome.html" in page
    assert 'sandbox=""' in page
    assert 'src="/admin/templates/email/welcome/body"' in page


def test_it_is_shown_as_a_contact_gets_it_and_in_their_language(guided: Running, browser: Browser) -> None:
    guided.add("zoe@example.org", first_name="Zoé", locale="fr-CA")

    assert "Bonjour Zoé" in browser.get("/admin/templates/email/welcome?to=zoe@example.org").text
    assert "Bonjour Alex" in browser.get("/admin/templates/email/welcome?locale=fr").text
    assert "Hello Alex" in browser.get("/admin/templates/email/welcome?locale=de").text


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("?to=nobody@example.org", "here is no contact nobody@example.org"),
        ("?to=%0d%0a", "As whom"),
        ("?to=@@", "address"),
        ("?as=nobody", "here is no persona &#39;nobody&#39;"),
        ("?step=other/step&width=huge&scheme=../..&locale=../../etc/passwd", "Hello Alex"),
    ],
)
def test_what_cannot_be_asked_is_answered_in_words(browser: Browser, question: str, said: str) -> None:
    answer = browser.get(f"/admin/templates/email/welcome{question}")

    assert answer.status_code in (200, 422)
    assert said in answer.text


@pytest.mark.parametrize(
    "path",
    [
        *("email/nothing", "email/..%2f..%2fnurture", "email/layouts%2fplain", "call/welcome", "pages/base"),
        *("email/welcome.html", "email/welcome/other", "email/../call/ring"),
    ],
)
def test_only_messages_and_scripts_have_a_page(browser: Browser, path: str) -> None:
    assert browser.get(f"/admin/templates/{path}").status_code == 404
    assert browser.get(f"/admin/templates/{path}/body").status_code == 404


def test_a_call_script_is_shown_in_words_and_has_no_document(browser: Browser) -> None:
    assert "Call Alex." in browser.get("/admin/templates/call/ring").text
    assert browser.get("/admin/templates/call/ring/body").status_code == 404


def test_nothing_in_a_message_can_act(guided: Running, browser: Browser) -> None:
    guided.write("templates/email/welcome.html", HELLO.replace("[x]", EVIL))
    guided.publish()
    guided.add("eve@example.org", first_name=EVIL)

    page = browser.get("/admin/templates/email/welcome?to=eve@example.org").text
    body = browser.get("/admin/templates/email/welcome/body?to=eve@example.org")

    assert "evil()" not in page.replace("onerror=evil()&gt;", "").replace("parent.evil()&lt;", "")
    assert "<script>parent" in body.text
    policy = body.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "script" not in policy
    assert "allow-" not in policy
    assert "frame-ancestors 'self'" in policy
    assert body.headers["X-Content-Type-Options"] == "nosniff"


def test_light_and_dark_are_shown_whatever_the_reader_has(browser: Browser) -> None:
    light = browser.get("/admin/templates/email/welcome/body?scheme=light").text
    dark = browser.get("/admin/templates/email/welcome/body?scheme=dark").text

    assert "@media (max-width: 0) { p { color: white } }" in light
    assert "@media (min-width: 0) { p { color: white } }" in dark
    assert 'name="color-scheme" content="light"' in light
    assert 'name="color-scheme" content="dark"' in dark


@pytest.mark.parametrize(
    ("html", "scheme", "expected"),
    [
        (
            "@media screen and ( Prefers-Color-Scheme : DARK ){x}",
            "dark",
            "@media screen and (min-width: 0){x}",
        ),
        ('<meta name="color-scheme" content="light">', "dark", '<meta name="color-scheme" content="light">'),
        ("prefers-color-scheme: dark", "dark", "prefers-color-scheme: dark"),
    ],
)
def test_only_questions_about_the_scheme_are_answered(html: str, scheme: str, expected: str) -> None:
    assert in_scheme(html, scheme) == expected


def test_the_folder_is_shown_beside_what_is_live_with_its_problems(guided: Running, browser: Browser) -> None:
    guided.write(
        "templates/email/welcome.html", HELLO.replace("Hello", "Good day").replace("[x]", '<a href="x">a</a>')
    )

    assert "Hello Alex" in browser.get("/admin/templates/email/welcome").text
    draft = browser.get("/admin/templates/email/welcome?of=folder").text
    assert "Good day Alex" in draft
    assert "broken-link" in draft
    assert "differs from what is live" in draft


def test_a_message_that_cannot_be_rendered_says_why_and_the_list_goes_on(
    guided: Running, browser: Browser
) -> None:
    guided.write(
        "templates/email/story.md",
        "---\nsubject: x\n---\n{{ contact.plan }} {{ links.unsubscribe }} {{ workspace.postal_address }}\n",
    )

    draft = browser.get("/admin/templates/email/story?of=folder").text

    assert "contact.plan is empty for this contact" in draft
    assert "empty-greeting" in draft
    assert browser.get("/admin/templates").status_code == 200


def test_the_workflow_shows_the_way_to_its_messages(browser: Browser) -> None:
    page = browser.get("/admin/workflows/guided").text

    assert 'href="/admin/templates/email/reminder?step=guided/reminder"' in page
    assert 'href="/admin/templates/call/ring?step=guided/ring"' in page


def test_a_test_goes_to_whoever_asks_once_and_to_nobody_else(guided: Running, browser: Browser) -> None:
    guided.add("zoe@example.org", first_name="Zoé", locale="fr")
    way = "/admin/templates/email/welcome/send-me?to=zoe@example.org"

    for _ in range(2):
        answer = browser.post(way, once="a" * 24)
    guided.run()

    assert answer.status_code == 303
    assert answer.location == "/admin/templates/email/welcome?to=zoe@example.org"
    (mail,) = guided.mails()
    assert mail["To"] == "admin@example.org"
    assert mail["Subject"] == "[Test for Zoé] Bonjour Zoé"
    assert guided.deliveries("zoe@example.org") == []


def test_a_test_for_a_persona_of_what_is_in_the_folder(guided: Running, browser: Browser) -> None:
    guided.write("templates/email/welcome.html", HELLO.replace("Hello", "Good day"))

    browser.post("/admin/templates/email/welcome/send-me?of=folder", once="b" * 24)
    guided.run()

    assert [mail["Subject"] for mail in guided.mails()] == ["[Test for Alex Example] Good day Alex"]


def test_a_test_is_for_marketers_and_wants_a_form_of_ours(guided: Running, browser: Browser) -> None:
    way = "/admin/templates/email/welcome/send-me"

    assert a_browser(guided, Role.VIEWER).post(way, once="c" * 24).status_code == 403
    assert browser.client.post(way, data={"once": "c" * 24}).status_code == 400
    assert browser.post(way).status_code == 400
    assert browser.post("/admin/templates/call/ring/send-me", once="d" * 24).status_code == 303
    guided.run()
    assert guided.mails() == []
