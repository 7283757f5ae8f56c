"""Whatever anybody does with a link of ours but press its button: does nothing happen, and is nothing learned?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from nurture.db.tables import Base
from nurture.rendering.links import Kind
from nurture.web import create_app
from tests.support.guided import GUIDE, a_guided_nurture
from tests.support.running import Running

VISITS = {"hits"}
"""What a visit of a tracked link may leave behind."""
LOOKING = ("GET", "HEAD", "OPTIONS")
OTHERS = ("PUT", "PATCH", "DELETE", "TRACE")
SCANNER = {"Sec-Purpose": "prefetch", "X-Moz": "prefetch", "User-Agent": "GoogleImageProxy"}
QUERIES = ("", "List-Unsubscribe=One-Click&do=leave-all&_method=POST&email=ana%40example.org")


@pytest.fixture
def guided(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_guided_nurture(sqlite_url, tmp_path)
    asked = GUIDE.replace("offer: guide", "offer: asked").replace(
        "fields:", "double_opt_in: yes\n    fields:"
    )
    running.write("offers/asked.yaml", asked)
    running.publish()
    yield running
    running.nurture.close()


def lived(running: Running) -> tuple[Flask, dict[str, str]]:
    """Ana got mails with links of every kind; the site, and a good address for every public route."""
    site = create_app(running.nurture.settings, running.nurture)
    site.test_client().post(
        "/o/asked", data={"email": "ana@example.org", "first_name": "Ana", "consent": "2026-11"}
    )
    running.run()
    mail = running.mails()[-1].get_body(preferencelist=("plain",))
    assert mail
    confirm = re.findall(r"/confirm/\S+", mail.get_content())[0]
    running.add()
    running.track("offer.requested", offer="guide")
    running.run()
    key = next(one.key for one in running.deliveries() if one.state.value == "sent")
    links, until = running.nurture.runtime.links, running.clock.now() + timedelta(days=20)
    download = links.download(key, "guide", until.replace(microsecond=0)).removeprefix(links.base_url)
    return site, {
        "/": "/",
        "/o/<name>": "/o/guide",
        "/o/<name>/thanks": "/o/guide/thanks",
        "/confirm/<token>": confirm,
        "/d/<token>": download,
        "/d/<token>/again": f"{download}/again",
        "/u/<token>": links.unsubscribe(key).removeprefix(links.base_url),
        "/c/<token>": links.trap(key).removeprefix(links.base_url),
        "/p/<token>.gif": links.open(key).removeprefix(links.base_url),
        "/hooks/<source>": "/hooks/postmark",
        "/healthz": "/healthz",
        "/readyz": "/readyz",
    }


def changed(token: str) -> str:
    """One sign of its signature is another; the last one may mean the same."""
    at = token.rindex(".") + 5
    return token[:at] + ("a" if token[at] != "a" else "b") + token[at + 1 :]


def everything_in(running: Running) -> dict[str, list[tuple[object, ...]]]:
    with running.nurture.database.read() as tx:
        return {
            table.name: [tuple(row) for row in tx.execute(select(table))]
            for table in Base.metadata.sorted_tables
            if table.name not in VISITS
        }


def test_no_public_route_does_anything_but_for_a_post(guided: Running) -> None:
    site, paths = lived(guided)
    rules = {
        one.rule
        for one in site.url_map.iter_rules()
        if not one.rule.startswith(("/admin", "/api/", "/static/"))
    }
    client, before = site.test_client(), everything_in(guided)

    codes = {
        client.open(path, method=method, headers=SCANNER, query_string=query).status_code
        for path in paths.values()
        for method in (*LOOKING, *OTHERS)
        for query in QUERIES
    }
    guided.run()

    assert rules == set(paths)
    assert codes <= {200, 405, 503}  # no worker runs here, as /readyz says
    assert everything_in(guided) == before


def test_a_link_that_is_not_ours_is_answered_alike_on_every_route_by_every_method(guided: Running) -> None:
    site, paths = lived(guided)
    client, before = site.test_client(), everything_in(guided)
    links, key = guided.nurture.runtime.links, guided.deliveries()[0].key
    good = {
        rule: path.split("/")[2] for rule, path in paths.items() if "<token>" in rule and ".gif" not in rule
    }
    routes = {rule: rule.replace("<token>", "TOKEN") for rule in good}

    answers = {
        (rule, name, method): client.open(route.replace("TOKEN", token), method=method, data=data)
        for rule, route in routes.items()
        for name, token in {
            "changed": changed(good[rule]),
            "cut": good[rule][:-3],
            "unsigned": good[rule].rpartition(".")[0],
            "of a stamp": links.token(Kind.FORM, key),
            "of another kind": good["/u/<token>" if rule[:3] != "/u/" else "/c/<token>"],
            "words only": "ana",
            "endless": "a" * 5_000,
            "foreign letters": "%C3%A9%E2%82%AC",
            "nothing shown": "%00%0d%0aSet-Cookie:x",
        }.items()
        for method, data in (("GET", None), ("POST", {"List-Unsubscribe": "One-Click"}))
        if method == "GET" or "POST" in site.url_map.bind("").allowed_methods(route)
        if method == "POST" or "again" not in rule
    }

    assert {answer.status_code for answer in answers.values()} == {404}
    assert len({answer.text for answer in answers.values()}) == 1
    assert {answer.headers["Cache-Control"] for answer in answers.values()} == {"no-store"}
    assert not any(
        "Set-Cookie" in answer.headers or "Location" in answer.headers for answer in answers.values()
    )
    assert everything_in(guided) == before
