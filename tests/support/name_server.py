"""A name server of our own on loopback: it knows the records that a test gives it, and denies all other names."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = Mapping[tuple[str, str], Sequence[str]]


def txt(text: str) -> str:
    """A text as a record holds it: in strings of 255 signs at most."""
    return " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))


@contextmanager
def a_name_server(
    records: Records, *, knows_the_root: bool = True, fails_at: Collection[str] = ()
) -> Iterator[str]:
    """HOST:PORT of one that runs until the block ends. Keys are name and type: ``("example.org", "TXT")``.

    Of the names ``fails_at`` it could find out nothing.
    """
    known = {(f"{name}.", kind): list(values) for (name, kind), values in records.items()}
    if knows_the_root:
        known[".", "NS"] = ["a.root-servers.net."]
    names = {name for name, _ in known}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        host, port = sock.getsockname()
        thread = threading.Thread(target=_serve, args=(sock, known, names, {f"{name}." for name in fails_at}))
        thread.start()
        try:
            yield f"{host}:{port}"
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", (host, port))
            thread.join()


def _serve(
    sock: socket.socket, known: Mapping[tuple[str, str], list[str]], names: set[str], failing: set[str]
) -> None:
    while True:
        data, asker = sock.recvfrom(4096)
        if not data:
            return
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        answer = dns.message.make_response(query)
        if name.lower() in failing:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif values := known.get((name.lower(), kind)):
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *values))
        elif name.lower() not in names:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        sock.sendto(answer.to_wire(max_size=4096), asker)
