"""The real server on a real port: what it believes, how much it reads, what it gives away, and where it listens."""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from waitress import wasyncore
from waitress.server import BaseWSGIServer

from nurture.settings import Settings
from nurture.web import create_app
from nurture.web.server import LARGEST_BODY, LARGEST_HEAD, make_server
from tests.integration.test_offer_page import live
from tests.support.api import a_shop
from tests.support.browsing import PASSWORD, a_browser, an_account
from tests.support.running import Running, a_nurture
from tests.support.waiting import free_port


@pytest.fixture
def company(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (one := live(a_nurture(sqlite_url, tmp_path)))
    one.nurture.close()


@contextmanager
def listening(running: Running, **settings: object) -> Iterator[int]:
    """The port of a server of ours, for as long as the block lasts."""
    chosen = running.nurture.settings.model_copy(update=settings)
    port = free_port()
    server = make_server(create_app(chosen, running.nurture), chosen, "127.0.0.1", port)
    assert isinstance(server, BaseWSGIServer)
    over = Event()

    def serve() -> None:
        while not over.is_set():
            wasyncore.loop(timeout=0.05, map=server._map, count=1)

    thread = Thread(target=serve)
    thread.start()
    try:
        yield port
    finally:
        over.set()
        thread.join(10)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(server._map)


def told(port: int, words: bytes) -> bytes:
    """What is answered to these very bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(words)
        answer = b""
        while chunk := line.recv(65536):
            answer += chunk
    return answer


def a_form(email: str, *headers: str) -> bytes:
    body = f"email={email}&first_name=New"
    head = ("POST /o/guide HTTP/1.1", "Host: x", "Connection: close", *headers)
    kind = ("Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}")
    return "\r\n".join((*head, *kind, "", body)).encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_only_an_announced_proxy_says_who_asks(company: Running) -> None:
    def codes(port: int) -> list[int]:
        return [
            status(told(port, a_form(f"v{n}@example.org", f"X-Forwarded-For: 6.6.6.6, 192.0.2.{n}")))
            for n in range(12)
        ]

    with listening(company) as port:
        alone = codes(port)
    with listening(company, trusted_proxies=1) as port:
        behind = codes(port)

    assert alone == [303] * 10 + [429] * 2
    assert behind == [303] * 12


def test_the_server_reads_no_more_than_it_needs_and_names_nothing(company: Running) -> None:
    shop = a_shop(company)
    head = f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {shop.token}\r\n"
    event = json.dumps({"email": "nobody@example.org", "event": "a.happened"}).encode()
    chunked = f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{len(event):x}\r\n".encode()

    with listening(company) as port:
        answers = {
            "huge": told(port, f"{head}Content-Length: {LARGEST_BODY + 1}\r\n\r\n".encode()),
            "endless": told(port, b"GET / HTTP/1.1\r\nX: ".ljust(LARGEST_HEAD, b"x")),
            "chunked": told(port, chunked + event + b"\r\n0\r\n\r\n"),
            "nul": told(port, b"GET / HTTP/1.1\r\nHost: x\r\nReferer: a\0b\r\nConnection: close\r\n\r\n"),
            "smuggled": told(
                port, f"{head}Content-Length: 3\r\nTransfer-Encoding: xchunked\r\n\r\nabc".encode()
            ),
            "path": told(
                port, b"GET /static/../../settings.py HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            ),
            "coded": told(
                port, b"GET /static/%2e%2e/site.py HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            ),
        }

    assert {name: status(answer) for name, answer in answers.items()} == {
        "huge": 413,
        "endless": 431,
        "chunked": 422,
        "nul": 400,
        "smuggled": 501,
        "path": 404,
        "coded": 404,
    }
    assert not any(
        re.search(rb"(?i)^server:|traceback|python|werkzeug", one, re.M) for one in answers.values()
    )


def test_by_default_it_listens_on_this_machine_alone_and_starts_with_no_password(tmp_path: Path) -> None:
    (tmp_path / "nurture.toml").write_text("")

    settings = Settings(project=tmp_path)

    assert settings.listen[0] == "127.0.0.1"
    assert settings.trusted_proxies == 0


def test_before_anybody_was_made_by_command_nobody_gets_in(sqlite_url: str, tmp_path: Path) -> None:
    fresh = a_nurture(sqlite_url, tmp_path)
    browser = a_browser(fresh, None)

    pages = {path: browser.get(path).status_code for path in ("/admin/", "/admin/people", "/admin/me")}
    guesses = [
        browser.post("/admin/log-in", _from="/admin/log-in", email=email, password=password).status_code
        for email, password in (("admin", "admin"), ("admin@example.org", "password"), ("demo", "demo"))
    ]

    assert set(pages.values()) == {303}
    assert guesses == [422] * 3
    fresh.nurture.close()


def test_a_secret_stands_in_no_log_page_or_export(
    sqlite_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    running = live(a_nurture(sqlite_url, tmp_path, smtp_url="smtp://mailer:smtp-canary@127.0.0.1:9"))
    caplog.set_level(logging.DEBUG)
    an_account(running)
    shop = a_shop(running)
    browser = a_browser(running)
    login = browser.cookie() or ""
    browser.client.application.config["PROPAGATE_EXCEPTIONS"] = False
    canaries = [running.nurture.settings.secret_keys[0], "smtp-canary", PASSWORD, shop.token, login]

    shop.report({"email": "ana@example.org"})
    browser.client.post("/o/guide", data={"email": "ana@example.org", "first_name": "Ana"})
    browser.post("/admin/log-in", _from="/admin/log-in", email="admin@example.org", password=PASSWORD + "x")
    running.run()
    views: dict[str, Any] = browser.client.application.view_functions
    views["home.show"] = broken(views["home.show"])
    pages = [
        browser.get(path) for path in ("/admin/", "/admin/people", "/admin/audit", "/admin/me", "/readyz")
    ]
    out, err = capfd.readouterr()

    assert pages[0].status_code == 500
    told = "".join((out, err, caplog.text, *(page.text for page in pages)))
    assert [canary[:6] for canary in canaries if canary in told] == []
    assert "scrypt:" not in told
    assert not re.search(r"Traceback|/src/nurture|zoneinfo", pages[0].text)
    running.nurture.close()


def broken(view: Callable[..., object]) -> Callable[..., object]:
    """A page with a mistake of ours, that holds a secret while it fails."""

    def fail(**_: object) -> object:
        password = PASSWORD
        raise RuntimeError(f"a mistake of {len(password)} letters")

    fail.allowed_roles = view.allowed_roles  # type: ignore[attr-defined]
    return fail


def test_no_address_of_anybody_stands_in_the_servers_log(
    company: Running, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    with listening(company) as port:
        told(port, b"GET /admin/contacts?q=ana@example.org HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        told(port, a_form("ana@example.org", "Referer: https://x.example/?email=ana@example.org"))
        company.run()

    assert company.mails()
    assert "ana@" not in caplog.text + "".join(capfd.readouterr())


def test_on_this_machine_alone_means_that_others_find_nobody(company: Running) -> None:
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}

    with listening(company) as port:
        answered = []
        for address in {"127.0.0.1", *others}:
            with socket.socket() as line:
                line.settimeout(5)
                answered += [address] if line.connect_ex((str(address), port)) == 0 else []

    assert all(address.startswith("127.") for address in map(str, answered))
    assert answered
