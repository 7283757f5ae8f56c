"""A mail server that takes every message, remembers who got what, and throws the message away.

It never delivers, never refuses a recipient, never touches the disk while it works: it exists to be faster
than whatever is measured against it. It answers like a common mail server (EHLO with PIPELINING, 8BITMIME,
SIZE and SMTPUTF8; RFC 5321, RFC 2920) and notes the Message-ID and the recipients of each accepted mail.

    python -m benchmarks.sink --control /tmp/sink.sock --report /tmp/sink.json

prints one JSON line with its host and port when it listens; connecting to the control socket answers the
live count; SIGTERM ends it and writes the report.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

READY = '"port"'  # is part of the line that says "I listen"
LONGEST_COMMAND = 4_096  # bytes without a line end before the client is cut off
END_OF_DATA = b"\r\n.\r\n"
MESSAGE_ID = re.compile(rb"\r\nmessage-id:[ \t]*(?:\r\n[ \t]+)?([^\r\n]*)", re.IGNORECASE)

GREETING = b"220 sink.example ESMTP\r\n"
CAPABILITIES = b"250-sink.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
OK = b"250 2.0.0 ok\r\n"
GO_AHEAD = b"354 go ahead\r\n"
BYE = b"221 2.0.0 bye\r\n"
OUT_OF_ORDER = b"503 5.5.1 commands out of order\r\n"
BAD_ADDRESS = b"501 5.5.4 an address in angle brackets, please\r\n"
UNKNOWN = b"502 5.5.2 not known here\r\n"


@dataclass(slots=True)
class Ledger:
    """What was accepted: one entry per mail, as (Message-ID, recipients), in order of acceptance."""

    mails: list[tuple[bytes, list[bytes]]] = field(default_factory=list)
    connections: int = 0
    bytes: int = 0

    def counts(self) -> dict[str, int]:
        """The live figures: mails accepted, connections so far, bytes of accepted messages."""
        return {"accepted": len(self.mails), "connections": self.connections, "bytes": self.bytes}

    def report(self) -> dict[str, object]:
        """The figures and every mail as ``[message_id, [recipient, ...]]``."""
        mails = [
            [_text(message_id), [_text(to) for to in recipients]] for message_id, recipients in self.mails
        ]
        return {**self.counts(), "mails": mails}


class Dialogue(asyncio.Protocol):
    """One client's conversation, read from raw bytes; all answers to one packet leave in one packet."""

    __slots__ = ("_in_data", "_ledger", "_recipients", "_rest", "_searched", "_sender", "_transport")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._rest = b""
        self._searched = 0  # how far into the rest the end of the message was looked for in vain
        self._in_data = False
        self._sender = False
        self._recipients: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ledger.connections += 1
        transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        """Take what came, keep what is unfinished, answer all of it at once."""
        assert self._transport is not None
        buffer = self._rest + data if self._rest else data
        answers: list[bytes] = []
        at = 0
        while True:
            end = self._end_of_message(buffer, at) if self._in_data else buffer.find(b"\r\n", at)
            if end < 0:
                break
            if self._in_data:
                at = self._accept(buffer, at, end, answers)
            else:
                # DATA leaves its own line end in place: a message may begin with the final dot.
                answers.append(self._answer(buffer[at:end]))
                at = end if self._in_data else end + 2
        self._rest = buffer[at:]
        if answers:
            self._transport.write(b"".join(answers))
        if (answers and answers[-1] is BYE) or (not self._in_data and len(self._rest) > LONGEST_COMMAND):
            self._transport.close()

    def _end_of_message(self, buffer: bytes, at: int) -> int:
        end = buffer.find(END_OF_DATA, at + max(0, self._searched - len(END_OF_DATA)))
        self._searched = len(buffer) - at if end < 0 else 0
        return end

    def _accept(self, buffer: bytes, start: int, end: int, answers: list[bytes]) -> int:
        """Note the message between ``start`` and ``end``; where the next command begins."""
        self._ledger.mails.append((_message_id(buffer, start, end), self._recipients))
        self._ledger.bytes += end - start
        self._in_data = self._sender = False
        self._recipients = []
        answers.append(OK)
        return end + len(END_OF_DATA)

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"RCPT":
            return self._add_recipient(line)
        if verb == b"MAIL":
            return self._begin(line)
        if verb == b"DATA":
            if not self._recipients:
                return OUT_OF_ORDER
            self._in_data = True
            return GO_AHEAD
        if verb in (b"RSET", b"HELO", b"EHLO"):
            self._sender = False
            self._recipients = []
        return ANSWERS.get(verb, UNKNOWN)

    def _begin(self, line: bytes) -> bytes:
        if self._sender:
            return OUT_OF_ORDER
        if b"<" not in line:
            return BAD_ADDRESS
        self._sender = True
        return OK

    def _add_recipient(self, line: bytes) -> bytes:
        if not self._sender:
            return OUT_OF_ORDER
        opening, closing = line.find(b"<"), line.find(b">")
        if opening < 0 or closing < opening:
            return BAD_ADDRESS
        self._recipients.append(line[opening + 1 : closing])
        return OK


ANSWERS = {b"EHLO": CAPABILITIES, b"HELO": OK, b"RSET": OK, b"NOOP": OK, b"VRFY": OK, b"QUIT": BYE}


def _message_id(buffer: bytes, start: int, end: int) -> bytes:
    """The Message-ID in the header of the message, or nothing when it has none."""
    header_end = buffer.find(b"\r\n\r\n", start, end)
    found = MESSAGE_ID.search(buffer, start, end if header_end < 0 else header_end)
    return found[1].strip() if found else b""


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


class Counter(asyncio.Protocol):
    """The control line: whoever connects reads the live figures as one JSON line."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say the figures and hang up."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(json.dumps(self._ledger.counts()).encode() + b"\n")
        transport.close()


def accepted(control: Path) -> int:
    """How many mails the sink with this control socket has accepted so far.

    Raises OSError when no sink listens there.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(10)
        line.connect(str(control))
        with line.makefile("rb") as answer:
            return int(json.loads(answer.read())["accepted"])


async def serve(ledger: Ledger, host: str, port: int, control: Path | None) -> None:
    """Take mail until SIGTERM or SIGINT; says where it listens in one JSON line on stdout."""
    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, asked_to_stop.set)
    server = await loop.create_server(lambda: Dialogue(ledger), host, port, backlog=512)
    if control is not None:
        await loop.create_unix_server(lambda: Counter(ledger), str(control))
    host, port = server.sockets[0].getsockname()[:2]
    print(json.dumps({"host": host, "port": port}), flush=True)
    await asked_to_stop.wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sink", description="Take mail and count it.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one (default)")
    parser.add_argument("--control", type=Path, help="unix socket that answers the live count")
    parser.add_argument("--report", type=Path, help="where the report goes at the end (default: stdout)")
    options = parser.parse_args()
    ledger = Ledger()
    gc.disable()  # the ledger only grows: collecting it again and again would be most of the work
    asyncio.run(serve(ledger, options.host, options.port, options.control))
    report = json.dumps(ledger.report())
    if options.report:
        options.report.write_text(report + "\n")
    else:
        sys.stdout.write(report + "\n")


if __name__ == "__main__":
    main()
