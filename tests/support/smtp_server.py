"""A mail server that does what a script says: refuse this, hang up there, stay silent after the final dot.

Real sockets, real TLS, real log-in. Every mail it takes is in its log on disk before it says so, so that a test knows what
was accepted even when both sides were killed. It delivers nothing.

    python -m tests.support.smtp_server --log mails.jsonl [--script script.json] [--port N]

prints one JSON line with its port when it listens. A script is a JSON list of rules, see ``Rule``.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from functools import cache
from pathlib import Path

import trustme

OFFERS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
USUAL = {
    "GREETING": "220 script.example ESMTP",
    "STARTTLS": "220 2.0.0 go ahead",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go ahead",
    "END": "250 2.0.0 taken",
    "RSET": "250 2.0.0 ok",
    "NOOP": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}


@cache
def _authority() -> tuple[trustme.CA, trustme.LeafCert]:
    authority = trustme.CA()
    return authority, authority.issue_cert("localhost", "127.0.0.1")


def authority_file(folder: Path) -> Path:
    """Where ``folder`` now holds the certificate that vouches for this process's servers."""
    file = folder / "authority.pem"
    _authority()[0].cert_pem.write_to_path(file)
    return file


@dataclass
class Rule:
    """At ``on`` (a verb, GREETING, BODY: its first bytes, END: the final dot), where ``match`` is found: do this instead.

    ``match`` is looked for in the command, at BODY and END in the recipient. ``reply`` None keeps the usual answer,
    "" gives none. ``then`` go-on | close | reset | hang. ``skip`` lets the first so many pass, ``times`` ends it.
    ``taken`` says whether a mail is logged at END; None: when the answer is a 2xx, or none is given.
    """

    on: str
    match: str = ""
    reply: str | None = None
    then: str = "go-on"
    skip: int = 0
    times: int | None = None
    taken: bool | None = None


class HangupError(Exception):
    """The conversation is over."""


@dataclass
class ScriptedServer:
    """Listens on a free loopback port from ``start`` to ``stop``; also a context manager."""

    log: Path
    rules: list[Rule] = field(default_factory=list)
    offers: Sequence[str] = OFFERS
    user: str | None = None
    password: str = ""
    tls: str = "none"
    """none | starttls | implicit"""
    mails_per_connection: int | None = None
    most_connections: int | None = None
    eager: bool = False
    """Asks for a body although it has refused the recipient."""
    port: int = 0
    dialogues: list[list[str]] = field(default_factory=list)
    """Every command line of every connection."""

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._ended = threading.Condition()
        self._ends = 0
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    def __enter__(self) -> ScriptedServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def mails(self) -> list[dict[str, str]]:
        """What was taken, in order: ``from``, ``to``, ``message_id``, ``data``."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    @property
    def recipients(self) -> list[str]:
        return [mail["to"] for mail in self.mails]

    def start(self) -> ScriptedServer:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._begin(self._accept)
        return self

    def stop(self) -> None:
        """Hang up on everybody and wait for every thread."""
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(10)

    def hang_up(self) -> None:
        """Close every open connection, as a server does with idle ones."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def wait_for_hangups(self, count: int, seconds: float = 10) -> None:
        """Return when so many connections have ended since the start; AssertionError when they do not."""
        with self._ended:
            assert self._ended.wait_for(lambda: self._ends >= count, seconds), f"{self._ends} have ended"

    def rule_for(self, on: str, text: str) -> Rule | None:
        """The first rule that applies now, counted as used."""
        with self._lock:
            for rule in self.rules:
                if rule.on != on or not re.search(rule.match, text):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                elif rule.times is None or rule.times > 0:
                    rule.times = None if rule.times is None else rule.times - 1
                    return rule
        return None

    def take(self, sender: str, recipient: str, data: bytes) -> None:
        """Write the mail down, and make sure that it is on the disk."""
        message_id = str(message_from_bytes(data, policy=policy.compat32)["Message-ID"] or "")
        entry = {"from": sender, "to": recipient, "message_id": message_id, "data": data.decode("latin-1")}
        with self._lock, self.log.open("a") as log:
            log.write(json.dumps(entry) + "\n")
            log.flush()
            os.fsync(log.fileno())

    def wait_until_stopped(self) -> None:
        self._stopping.wait()

    def _begin(self, act: object, *arguments: object) -> None:
        thread = threading.Thread(target=act, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(connection)
                too_many = self.most_connections is not None and len(self._open) > self.most_connections
                commands: list[str] = []
                self.dialogues.append(commands)
            self._begin(self._serve, connection, commands, too_many)

    def _serve(self, connection: socket.socket, commands: list[str], too_many: bool) -> None:
        conversation = Conversation(self, connection, commands, too_many)
        with suppress(HangupError, OSError):
            conversation.hold()
        with self._lock:
            self._open.remove(connection)
        conversation.socket.close()
        connection.close()
        with self._ended:
            self._ends += 1
            self._ended.notify_all()

    def hang(self) -> None:
        """Say nothing more until the end."""
        self._stopping.wait()
        raise HangupError


class Conversation:
    def __init__(
        self, server: ScriptedServer, connection: socket.socket, commands: list[str], too_many: bool
    ) -> None:
        self.server, self.socket, self.commands, self.too_many = server, connection, commands, too_many
        self.buffer = b""
        self.secure = False
        self.logged_in = server.user is None
        self.sender: str | None = None
        self.recipient: str | None = None
        self.taken = 0

    def hold(self) -> None:
        if self.server.tls == "implicit":
            self._encrypt()
        if self.too_many:
            self._say("421 4.7.0 too many connections from you")
            return
        self._answer("GREETING", "")
        for line in self._lines():
            self.commands.append(line)
            self._obey(line)

    def _obey(self, line: str) -> None:
        verb = line.split(" ", 1)[0].split(":", 1)[0].upper()
        if verb == "EHLO":
            if self._answer("EHLO", line, usual=self._capabilities()):
                self.sender = self.recipient = None
        elif verb == "STARTTLS" and "STARTTLS" in self._offered():
            if self._answer("STARTTLS", line):
                self._encrypt()
                self.buffer = b""
        elif verb == "AUTH":
            self._log_in(line)
        elif verb == "MAIL":
            self._mail(line)
        elif verb == "RCPT":
            if self.sender is None:
                self._say("503 5.5.1 MAIL first")
            elif self._answer("RCPT", line):
                self.recipient = line[line.index("<") + 1 : line.index(">")]
        elif verb == "DATA":
            self._data(line)
        elif verb in ("RSET", "NOOP", "QUIT"):
            self._answer(verb, line)
            if verb == "RSET":
                self.sender = self.recipient = None
            if verb == "QUIT":
                raise HangupError
        else:
            self._say("500 5.5.2 what?")

    def _mail(self, line: str) -> None:
        if not self.logged_in:
            self._say("530 5.7.0 log in first")
        elif self.sender is not None:
            self._say("503 5.5.1 nested MAIL")
        elif self._answer("MAIL", line):
            self.sender = line[line.index("<") + 1 : line.index(">")]

    def _data(self, line: str) -> None:
        if self.server.eager and self.recipient is None:
            self._say(USUAL["DATA"])
            self._body("", "nobody")
        elif self.recipient is None or self.sender is None:
            self._say("554 5.5.1 no valid recipients")
        elif self._answer("DATA", line):
            self._body(self.sender, self.recipient)

    def _body(self, sender: str, recipient: str) -> None:
        if not self.buffer:
            self._receive()
        if (rule := self.server.rule_for("BODY", recipient)) is not None:
            self._carry_out(rule, rule.reply)
        while (end := self._end_of_data()) is None:
            self._receive()
        raw, self.buffer = self.buffer[: end[0]], self.buffer[end[1] :]
        data = re.sub(rb"(?m)^\.", b"", raw)
        rule = self.server.rule_for("END", recipient)
        reply = USUAL["END"] if rule is None or rule.reply is None else rule.reply
        taken = reply[:1] in ("2", "") if rule is None or rule.taken is None else rule.taken
        if taken:
            self.server.take(sender, recipient, data)
        self.sender = self.recipient = None
        self.taken += 1
        if rule is None:
            self._say(reply)
        else:
            self._carry_out(rule, rule.reply if rule.then != "go-on" and rule.reply is None else reply)
        if self.taken == self.server.mails_per_connection:
            raise HangupError

    def _end_of_data(self) -> tuple[int, int] | None:
        if self.buffer.startswith(b".\r\n"):
            return 0, 3
        at = self.buffer.find(b"\r\n.\r\n")
        return (at + 2, at + 5) if at >= 0 else None

    def _log_in(self, line: str) -> None:
        words = line.split(" ")
        if words[1].upper() == "LOGIN":
            self._say("334 VXNlcm5hbWU6")
            user = base64.b64decode(next(self._lines())).decode()
            self._say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(next(self._lines())).decode()
        else:
            _, user, password = base64.b64decode(words[2]).decode().split("\0")
        if (user, password) != (self.server.user, self.server.password):
            self._say("535 5.7.8 wrong user or password")
        elif self._answer("AUTH", line):
            self.logged_in = True

    def _answer(self, on: str, text: str, usual: str | None = None) -> bool:
        """Answer as the script or custom has it; whether that was a yes."""
        rule = self.server.rule_for(on, text)
        if rule is None:
            self._say(usual or USUAL[on])
            return True
        said = (usual or USUAL[on]) if rule.reply is None and rule.then == "go-on" else rule.reply
        self._carry_out(rule, said)
        return said is not None and said[:1] in ("2", "3")

    def _carry_out(self, rule: Rule, said: str | None) -> None:
        if said:
            self._say(said)
        if rule.then == "reset":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if rule.then in ("close", "reset"):
            raise HangupError
        if rule.then == "hang":
            self.server.hang()

    def _offered(self) -> list[str]:
        offers = list(self.server.offers)
        if self.server.tls == "starttls" and not self.secure:
            offers.append("STARTTLS")
        if self.server.user is not None and (self.secure or self.server.tls == "none"):
            offers += [] if any(offer.startswith("AUTH") for offer in offers) else ["AUTH PLAIN LOGIN"]
        return offers

    def _capabilities(self) -> str:
        lines = ["script.example", *self._offered()]
        return "\r\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"])

    def _encrypt(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _authority()[1].configure_cert(context)
        plain = self.socket
        self.socket = context.wrap_socket(plain.dup(), server_side=True)
        self.secure = True

    def _say(self, text: str) -> None:
        self.socket.sendall(f"{text}\r\n".encode())

    def _lines(self) -> Iterator[str]:
        while True:
            while b"\r\n" not in self.buffer:
                self._receive()
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            yield line.decode("utf-8", "replace")

    def _receive(self) -> None:
        received = self.socket.recv(65_536)
        if not received:
            raise HangupError
        self.buffer += received


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A mail server that does what a script says.")
    parser.add_argument(
        "--log", type=Path, required=True, help="where accepted mails are written, one JSON line each"
    )
    parser.add_argument("--script", type=Path, help="a JSON list of rules")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    options = parser.parse_args()
    rules = [Rule(**rule) for rule in json.loads(options.script.read_text())] if options.script else []
    with ScriptedServer(options.log, rules, port=options.port) as server:
        sys.stdout.write(json.dumps({"port": server.port}) + "\n")
        sys.stdout.flush()
        server.wait_until_stopped()


if __name__ == "__main__":
    main()
