"""A mail server in a process of its own that keeps what it accepts, each mail on disk before it says 250.

``python -m tests.support.mailbox FOLDER`` prints its port. ``FOLDER/refuse`` (one recipient a line) are dead addresses.
"""

from __future__ import annotations

import os
import re
import signal
import socketserver
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from uuid import uuid4

PATH = re.compile(rb"<([^>]*)>")


class Dialogue(socketserver.StreamRequestHandler):
    """One SMTP session (RFC 5321), with PIPELINING."""

    folder: Path

    def handle(self) -> None:
        self.say(b"220 mailbox.test ESMTP")
        recipient = b""
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say(b"250-mailbox.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8")
            elif verb == b"RCPT":
                recipient = PATH.findall(line)[0]
                self.say(b"550 5.1.1 no such user" if recipient in self.dead() else b"250 2.1.5 ok")
            elif verb == b"DATA":
                if recipient in self.dead():
                    self.say(b"554 5.5.1 no valid recipients")
                    continue
                self.say(b"354 go ahead")
                self.keep(recipient)
                self.say(b"250 2.0.0 kept")
            elif verb == b"QUIT":
                self.say(b"221 bye")
                return
            else:
                self.say(b"250 ok")

    def say(self, reply: bytes) -> None:
        self.wfile.write(reply + b"\r\n")

    def dead(self) -> list[bytes]:
        file = self.folder / "refuse"
        return file.read_bytes().split() if file.exists() else []

    def keep(self, recipient: bytes) -> None:
        """Read up to the dot; a connection that breaks off before it leaves nothing."""
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise ConnectionError("broken off before the dot")
            lines.append(line[1:] if line.startswith(b".") else line)
        draft = self.folder / f"{uuid4().hex}.draft"
        with draft.open("wb") as file:
            file.write(b"X-Recipient: " + recipient + b"\r\n" + b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(draft.with_suffix(".eml"))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that dies in the middle is what these tests are about."""


@dataclass(frozen=True)
class Mailbox:
    """A running server. ``url`` is for NURTURE_SMTP_URL."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def refuse(self, *addresses: str) -> None:
        (self.folder / "refuse").write_text("\n".join(addresses))

    def count(self) -> int:
        return len(list(self.folder.glob("*.eml")))

    def mails(self) -> list[EmailMessage]:
        parsed = [message_from_bytes(file.read_bytes(), policy=default) for file in self.folder.glob("*.eml")]
        return [mail for mail in parsed if isinstance(mail, EmailMessage)]


@contextmanager
def running_mailbox(folder: Path) -> Iterator[Mailbox]:
    folder.mkdir()
    command = [sys.executable, "-m", "tests.support.mailbox", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Mailbox(folder, int(process.stdout.readline()))
        finally:
            process.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    Dialogue.folder = Path(sys.argv[1])
    with Server(("127.0.0.1", 0), Dialogue) as server:
        print(server.server_address[1], flush=True)  # noqa: T201
        server.serve_forever()
