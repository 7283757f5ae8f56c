"""A mailbox server that does what a script says: hang up here, refuse there, stay silent. It keeps its mails in memory.

Real sockets, real TLS, real log-in. It speaks as much of IMAP as reading a folder takes: LOGIN, SELECT, and the UID forms
of SEARCH, FETCH, STORE, COPY, MOVE and EXPUNGE.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tests.support.smtp_server import _authority


@dataclass
class Rule:
    """At a command that begins with ``on`` (after the tag): say this instead, or hang up (``reply`` None).

    ``then`` close | hang; ``skip`` lets the first so many pass, ``times`` ends it. ``late``: do the command first.
    """

    on: str
    reply: str | None = None
    then: str = "close"
    skip: int = 0
    times: int | None = 1
    late: bool = False


@dataclass
class Kept:
    """One mail in a folder."""

    uid: int
    raw: bytes
    flags: set[str] = field(default_factory=set)


class HangUpError(Exception):
    """The conversation is over."""


@dataclass
class ImapServer:
    """Listens on a free loopback port from ``start`` to ``stop``; also a context manager."""

    user: str = "bounces"
    password: str = "let me in"
    tls: bool = False
    able: Sequence[str] = ("IMAP4rev1", "UIDPLUS", "MOVE")
    validity: int = 1
    rules: list[Rule] = field(default_factory=list)
    folders: dict[str, list[Kept]] = field(default_factory=lambda: {"INBOX": []})
    commands: list[str] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._next = 1

    def __enter__(self) -> ImapServer:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)

    def url(self, done: str = "", **options: object) -> str:
        """NURTURE_MAILBOX_URL of this server."""
        scheme, host = ("imaps", "localhost") if self.tls else ("imap", "127.0.0.1")
        asked = {**({"done": done} if done else {}), **options}
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        return f"{scheme}://{self.user}:{self.password.replace(' ', '%20')}@{host}:{self.port}/INBOX?{query}"

    def put(self, *raws: bytes) -> None:
        """New mail comes."""
        for raw in raws:
            self.folders["INBOX"].append(Kept(self._next, raw))
            self._next += 1

    def renumber(self) -> None:
        """The server gives everything new numbers, as after a restore."""
        self.validity += 1
        for number, kept in enumerate(self.folders["INBOX"], start=1):
            kept.uid = number
        self._next = len(self.folders["INBOX"]) + 1

    @property
    def inbox(self) -> list[Kept]:
        return self.folders["INBOX"]

    def asked(self, word: str) -> int:
        """How many commands began with this word."""
        return sum(one.upper().startswith(word) for one in self.commands)

    # --- conversations ----------------------------------------------------------------------------------------------

    def _begin(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(sock)
            self._begin(self._talk, sock)

    def _talk(self, sock: socket.socket) -> None:
        with suppress(HangUpError, OSError, ssl.SSLError):
            if self.tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                _authority()[1].configure_cert(context)
                sock = context.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            self._say(sock, "* OK ready")
            for line in self._lines(sock):
                self._obey(sock, line)
        with suppress(OSError):
            sock.close()

    def _lines(self, sock: socket.socket) -> Iterator[str]:
        file = sock.makefile("rb")
        with file:
            while raw := file.readline():
                yield raw.decode().rstrip("\r\n")

    def _obey(self, sock: socket.socket, line: str) -> None:
        tag, _, command = line.partition(" ")
        self.commands.append(command)
        rule = next((one for one in self.rules if command.upper().startswith(one.on)), None)
        if rule and rule.skip:
            rule.skip -= 1
            rule = None
        if rule and not rule.late:
            self._follow(sock, tag, rule)
            return
        answers = list(self._answers(command))
        if rule:
            self._follow(sock, tag, rule)
            return
        for one in answers:
            sock.sendall(one)
        if command.upper().startswith("LOGIN") and not self._is_known(command):
            self._say(sock, f"{tag} NO [AUTHENTICATIONFAILED] who are you")
        elif command.upper().startswith("SELECT") and "INBOX" not in command:
            self._say(sock, f"{tag} NO there is no such folder")
        else:
            self._say(sock, f"{tag} OK done")
        if command.upper().startswith("LOGOUT"):
            raise HangUpError

    def _follow(self, sock: socket.socket, tag: str, rule: Rule) -> None:
        if rule.times is not None:
            rule.times -= 1
            if rule.times <= 0:
                self.rules.remove(rule)
        if rule.reply is not None:
            self._say(sock, f"{tag} {rule.reply}")
            return
        if rule.then == "hang":
            self._stopping.wait(30)
        raise HangUpError

    def _is_known(self, command: str) -> bool:
        return re.fullmatch(rf'LOGIN "{self.user}" "{self.password}"', command, re.IGNORECASE) is not None

    def _answers(self, command: str) -> Iterator[bytes]:
        words = command.upper().split()
        match words[:2]:
            case ["CAPABILITY", *_]:
                yield self._line(f"* CAPABILITY {' '.join(self.able)}")
            case ["SELECT", *_] if "INBOX" in words[1]:
                yield self._line(f"* {len(self.inbox)} EXISTS")
                yield self._line(f"* OK [UIDVALIDITY {self.validity}] numbers")
            case ["LOGOUT", *_]:
                yield self._line("* BYE")
            case ["UID", "SEARCH"]:
                first = int(words[3].partition(":")[0])
                found = [one.uid for one in self.inbox if one.uid >= first] or [
                    one.uid for one in self.inbox[-1:]
                ]
                yield self._line(f"* SEARCH {' '.join(map(str, found))}".rstrip())
            case ["UID", "FETCH"]:
                yield from self._fetched(int(words[2]), command)
            case ["UID", _]:
                self._change(command)

    def _fetched(self, uid: int, command: str) -> Iterator[bytes]:
        limit = re.search(r"<0\.(\d+)>", command)
        for number, one in enumerate(self.inbox, start=1):
            if one.uid == uid:
                raw = one.raw[: int(limit[1])] if limit else one.raw
                yield self._line(f"* {number} FETCH (UID {uid} BODY[]<0> {{{len(raw)}}}")
                yield raw + self._line(")")

    def _change(self, command: str) -> None:
        _, what, number, *rest = command.split(" ", 3)
        found = [one for one in self.inbox if one.uid == int(number)]
        target = rest[0].strip('"') if rest else ""
        match what.upper():
            case "STORE":
                for one in found:
                    one.flags |= set(re.findall(r"\\(\w+)", rest[0]))
            case "EXPUNGE":
                self.inbox[:] = [one for one in self.inbox if one not in found or "Deleted" not in one.flags]
            case "COPY":
                self.folders.setdefault(target, []).extend(found)
            case "MOVE":
                self.folders.setdefault(target, []).extend(found)
                self.inbox[:] = [one for one in self.inbox if one not in found]

    def _line(self, text: str) -> bytes:
        return f"{text}\r\n".encode()

    def _say(self, sock: socket.socket, text: str) -> None:
        sock.sendall(self._line(text))
