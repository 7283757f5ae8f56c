"""A provider that takes mail over HTTP, on loopback: real sockets, answers as told, and a list of what it took."""

from __future__ import annotations

import json
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

from werkzeug.formparser import parse_form_data

KEY, DOMAIN = "key-0123456789", "news.example.org"
PATH = f"/v3/{DOMAIN}/messages.mime"


@dataclass(frozen=True)
class Taken:
    """One message that was accepted: to whom, and its bytes."""

    to: str
    data: bytes


@dataclass
class Saying:
    """One answer: a status, words, headers; ``cut`` hangs up instead, ``early`` before the body is read."""

    status: int = 200
    words: str = "Queued. Thank you."
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    early: bool = False


@dataclass
class Mailgun:
    """``script`` is said first, in order; then everything is accepted."""

    url: str = ""
    script: list[Saying] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    connections: int = 0
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> Saying:
        with self.lock:
            self.requests += 1
            return self.script.pop(0) if self.script else Saying()


@contextmanager
def a_mailgun(
    options: str = "tls=0&connections=4&timeout=5", tls: ssl.SSLContext | None = None
) -> Iterator[Mailgun]:
    """One that runs until the block ends."""
    mailgun = Mailgun()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def setup(self) -> None:
            super().setup()
            with mailgun.lock:
                mailgun.connections += 1

        def do_POST(self) -> None:
            saying = mailgun.next()
            if saying.early:
                self.answer(saying)
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if len(body) < int(self.headers["Content-Length"]):
                self.close_connection = True  # it broke off: there was no request
                return
            if saying.cut:
                self.close_connection = True
                return
            if self.path != PATH:
                saying = Saying(404, "Domain not found")
            elif b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode() != f"api:{KEY}":
                saying = Saying(401, "Forbidden")
            if saying.status == 200:
                environ = {
                    "REQUEST_METHOD": "POST",
                    "CONTENT_TYPE": self.headers["Content-Type"],
                    "CONTENT_LENGTH": str(len(body)),
                    "wsgi.input": BytesIO(body),
                }
                _, form, files = parse_form_data(environ)
                mime = files["message"]
                with mailgun.lock:
                    mailgun.taken.append(Taken(form["to"], mime.read()))
                mime.close()
            self.answer(saying)

        def answer(self, saying: Saying) -> None:
            words = json.dumps({"id": "<x@example.org>", "message": saying.words}).encode()
            self.send_response(saying.status)
            for name, value in {"Content-Type": "application/json", **saying.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(words)))
            self.end_headers()
            self.wfile.write(words)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    mailgun.url = f"mailgun://{KEY}@127.0.0.1:{server.server_address[1]}/{DOMAIN}?{options}"
    try:
        yield mailgun
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
