"""What a DKIM signature costs: whole, and how much of it goes into preparing the mail for it.

The mail has ten kilobytes of HTML and three of text. Figures are milliseconds of processor time
for each mail, the best of several rounds, since this machine has other work too.

    python -m benchmarks.signing [--mails 2000] [--json]
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from time import process_time

from nurture.model.addresses import Mailbox
from nurture.rendering.dkim import KeyKind, Signer, new_key, read_key, relaxed_body
from nurture.rendering.mime import Header, Mail, build_message

ROUNDS = 5
LIMITS = {KeyKind.ED25519: 0.12, KeyKind.RSA: 0.40}
"""Milliseconds for each mail that we promise."""


@dataclass(frozen=True)
class Figures:
    """Milliseconds for each mail."""

    mails: int
    bytes: int
    build: float
    ed25519: float
    rsa_2048: float
    prepare: float
    prepare_naively: float

    @property
    def kept(self) -> bool:
        return self.ed25519 <= LIMITS[KeyKind.ED25519] and self.rsa_2048 <= LIMITS[KeyKind.RSA]


def a_mail() -> Mail:
    """About as large as a nurture mail is: ten kilobytes of HTML, three of text."""
    paragraph = '<p style="margin: 0 0 16px; color: #222">Five numbers tell you — in ten minutes — whether you are on track.</p>\n'
    return Mail(
        from_=Mailbox("claire@example.org", "Claire Novak, Tamarack Lane"),
        reply_to=Mailbox("hello@example.org"),
        to=Mailbox("ana@example.org", "Ana Castillo"),
        subject="Ana, your readiness guide",
        text="Five numbers tell you — in ten minutes — whether you are on track.\n\n" * 40,
        html=f"<!doctype html>\n<html><body>\n  {paragraph * 80}</body></html>\n",
        message_id="<3awt2zs2fwblolh3qmqnx7xski@example.org>",
        date=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        unsubscribe_link="https://news.example.org/u/3awt2zs2fwblolh3qmqnx7xski.b1tdN9d8YtRO2RWAXq0T9XH5M1s",
        list_id="nurture.example.org",
    )


def naive(body: bytes) -> bytes:
    """The body prepared by the letter of the standard: every run of white space and every line by a pattern."""
    body = re.sub(rb"[ \t]+", b" ", body)
    body = re.sub(rb" (?=\r\n)", b"", body)
    return re.sub(rb"(?:\r\n)*\Z", b"\r\n", body, count=1)


def measure(mails: int) -> Figures:
    mail = a_mail()
    caught = Caught()
    data = build_message(mail, caught)
    assert naive(caught.body) == relaxed_body(caught.body)
    signed = {kind: best(partial(signer(kind), caught.headers, caught.body), mails) for kind in KeyKind}
    return Figures(
        mails=mails,
        bytes=len(data),
        build=best(partial(build_message, mail), mails),
        ed25519=signed[KeyKind.ED25519],
        rsa_2048=signed[KeyKind.RSA],
        prepare=best(partial(relaxed_body, caught.body), mails),
        prepare_naively=best(partial(naive, caught.body), mails),
    )


@dataclass
class Caught:
    """Signs nothing, and keeps what was to be signed."""

    headers: Sequence[Header] = ()
    body: bytes = b""

    def __call__(self, headers: Sequence[Header], body: bytes) -> Sequence[Header]:
        self.headers, self.body = list(headers), body
        return ()


def signer(kind: KeyKind) -> Signer:
    return Signer("example.org", "s1", read_key(new_key(kind)))


def best(work: Callable[[], object], times: int) -> float:
    """Milliseconds of processor time for one go: the best round."""
    rounds = []
    for _ in range(ROUNDS):
        begun = process_time()
        for _ in range(max(1, times // ROUNDS)):
            work()
        rounds.append((process_time() - begun) * 1000 / max(1, times // ROUNDS))
    return round(min(rounds), 4)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    figures = measure(wanted.mails)
    if wanted.json:
        print(json.dumps(asdict(figures) | {"kept": figures.kept}))
    else:
        print(f"A mail of {figures.bytes:,} bytes; milliseconds of processor time for each:")
        for what, spent, limit in (
            ("signed with Ed25519", figures.ed25519, LIMITS[KeyKind.ED25519]),
            ("signed with RSA-2048", figures.rsa_2048, LIMITS[KeyKind.RSA]),
            ("of that, the body prepared", figures.prepare, None),
            ("the same by patterns", figures.prepare_naively, None),
            ("building it, unsigned", figures.build, None),
        ):
            print(f"  {what:<28}{spent:8.3f}" + (f"   at most {limit:.2f}" if limit else ""))
    raise SystemExit(0 if figures.kept else 1)


if __name__ == "__main__":
    main()
