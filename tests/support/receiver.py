"""Another system on loopback: takes webhooks over real HTTP, and answers as it is told to."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """``answers`` are given one after the other, the last for ever: a status, or status, headers and body."""

    url: str = ""
    answers: list[int | tuple[int, Mapping[str, str], bytes]] = field(default_factory=lambda: [200])
    heard: list[Heard] = field(default_factory=list)
    port: int = 0

    def next_answer(self) -> tuple[int, Mapping[str, str], bytes]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return (answer, {}, b"") if isinstance(answer, int) else answer


@contextmanager
def a_receiver(
    *answers: int | tuple[int, Mapping[str, str], bytes], tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    """A running receiver, on a port of its own; with ``tls`` by https."""
    receiver = Receiver(answers=list(answers) or [200])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.heard.append(Heard(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status, headers, said = receiver.next_answer()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its parent has it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # refused handshakes
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    receiver.url = f"http://127.0.0.1:{receiver.port}/hook"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def a_raw_server(*pieces: bytes, pause: float = 0.0, hold: float = 0.0) -> Iterator[int]:
    """A socket that answers whoever connects with these bytes, ``pause`` seconds between them; yields its port."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)

    def talk(line: socket.socket) -> None:
        with line, suppress(OSError):
            line.settimeout(1)
            line.recv(65536)
            for piece in pieces:
                line.sendall(piece)
                if over.wait(pause):
                    return
            over.wait(hold)

    def serve() -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                line, _ = listener.accept()
                threading.Thread(target=talk, args=(line,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        thread.join()
        listener.close()
