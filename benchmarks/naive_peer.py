"""What a good engineer writes in a day to send two mails and open a call task, in plain Dramatiq.

It is the yardstick: one broker message per step, and every everyday kindness. SQLAlchemy Core with prepared
statements and pooled connections, templates compiled once, MIME put together by hand, a mail connection kept
per thread, a prefetch that keeps the threads busy. It lacks what nurture is for: a send is not announced
before it happens, so a crash may repeat it; a step whose message is lost stays where it is; there are no
versions, no windows, no caps.

    dramatiq benchmarks.naive_peer                      the workers
    python -m benchmarks.naive_peer prepare 2000        tables and contacts
    python -m benchmarks.naive_peer release             queue everyone's first step
"""

from __future__ import annotations

import contextlib
import os
import smtplib
import sqlite3
import sys
import threading
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import dramatiq
import jinja2
import sqlalchemy as sa
from dramatiq.brokers.redis import RedisBroker
from itsdangerous import URLSafeSerializer

from benchmarks.people import people

READY = "release when told"  # what `release` says before it waits for a line
SENDER = "Kim at Maple Planning <kim@maple.example.org>"
BOUNCES_TO = "bounces@maple.example.org"
WORKSPACE = {"name": "Maple Planning", "postal_address": "12 Maple Street, Toronto ON M5V 1A1, Canada"}
CALLERS = ("kim@maple.example.org", "lee@maple.example.org", "sam@maple.example.org")
TEMPLATES = Path(__file__).parent / "project" / "templates"

FIRST_STEP = "guide-delivery"
NEXT_STEP = {"guide-delivery": "client-story", "client-story": "offer-review"}
WAIT = timedelta(0)  # after each mail
CALL = "offer-review"

broker = RedisBroker(url=os.environ["PEER_BROKER_URL"])  # type: ignore[no-untyped-call]
dramatiq.set_broker(broker)


metadata = sa.MetaData()
instant = sa.DateTime(timezone=True)
contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.Text, nullable=False, unique=True),
    sa.Column("first_name", sa.Text),
    sa.Column("last_name", sa.Text),
    sa.Column("timezone", sa.Text, nullable=False),
)
consents = sa.Table(
    "consents",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("contact_id", sa.ForeignKey("contacts.id"), nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("granted_at", instant, nullable=False),
    sa.UniqueConstraint("contact_id", "purpose"),
)
suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
)
enrollments = sa.Table(
    "enrollments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("contact_id", sa.ForeignKey("contacts.id"), nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("due_at", instant, nullable=False),
)
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("enrollment_id", sa.ForeignKey("enrollments.id"), nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text),
    sa.Column("consent_id", sa.Integer),
    sa.Column("at", instant, nullable=False),
    sa.UniqueConstraint("enrollment_id", "step"),
)
tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("enrollment_id", sa.ForeignKey("enrollments.id"), nullable=False, unique=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("script", sa.Text, nullable=False),
    sa.Column("due_at", instant, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)
turns = sa.Table(
    "turns",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("enrollment_id", sa.ForeignKey("enrollments.id"), nullable=False, index=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("next_at", instant),
    sa.Column("at", instant, nullable=False),
)

FACTS = (
    sa.select(
        enrollments.c.step,
        contacts.c.email,
        contacts.c.first_name,
        contacts.c.last_name,
        consents.c.id.label("consent_id"),
        suppressions.c.reason.label("suppressed"),
    )
    .select_from(enrollments.join(contacts))
    .outerjoin(consents, (consents.c.contact_id == contacts.c.id) & (consents.c.purpose == "nurture"))
    .outerjoin(suppressions, suppressions.c.address == contacts.c.email)
    .where(enrollments.c.id == sa.bindparam("enrollment"))
)
ADVANCE = (
    sa.update(enrollments)
    .where(enrollments.c.id == sa.bindparam("enrollment"), enrollments.c.step == sa.bindparam("from_step"))
    .values(step=sa.bindparam("to_step"), due_at=sa.bindparam("due"))
)


def connect(url: str) -> sa.Engine:
    """An engine that loses no committed step; on SQLite by write-ahead log, full sync, early write locks."""
    engine = sa.create_engine(url, pool_size=16)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _durable_sqlite)
        sa.event.listen(engine, "begin", _lock_early)
    return engine


def _durable_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the begin below is ours
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _lock_early(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


engine = connect(os.environ["PEER_DATABASE_URL"])
reader = engine.execution_options(isolation_level="AUTOCOMMIT")
# SQLite has one writer: threads that queue here wake in microseconds, its own busy loop sleeps milliseconds.
one_writer: contextlib.AbstractContextManager[object] = (
    threading.Lock() if engine.dialect.name == "sqlite" else contextlib.nullcontext()
)


class Letter(NamedTuple):
    """A mail template, compiled once."""

    subject: jinja2.Template
    text: jinja2.Template
    html: jinja2.Template


class Facts(NamedTuple):
    """All a step needs to know about its contact, from one query."""

    step: str
    email: str
    first_name: str | None
    last_name: str | None
    consent_id: int | None
    suppressed: str | None


def _letter(name: str) -> Letter:
    plain = jinja2.Environment(undefined=jinja2.StrictUndefined)  # the text part is no HTML
    page = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    _, head, html = (TEMPLATES / "email" / f"{name}.html").read_text().split("---\n", 2)
    subject = next(line for line in head.splitlines() if line.startswith("subject:"))
    text = (TEMPLATES / "email" / f"{name}.txt").read_text()
    return Letter(
        plain.from_string(subject.removeprefix("subject:").strip().strip('"')),
        plain.from_string(text.replace("\n", "\r\n")),
        page.from_string(html.replace("\n", "\r\n")),
    )


LETTERS = {name: _letter(name) for name in NEXT_STEP}
SCRIPT = jinja2.Template((TEMPLATES / "call" / f"{CALL}.txt").read_text(), undefined=jinja2.StrictUndefined)
unsubscribe_tokens = URLSafeSerializer("bench", salt="unsubscribe")


def build_message(key: str, letter: Letter, facts: Facts, unsubscribe: str, now: datetime) -> bytes:
    """The mail as it goes over the wire: text and HTML, with the one-click way out (RFC 8058)."""
    words = {"contact": facts, "workspace": WORKSPACE, "links": {"unsubscribe": unsubscribe}}
    subject = letter.subject.render(words)
    if not subject.isascii():
        subject = Header(subject, "utf-8").encode(linesep="\r\n")
    return (
        f"From: {SENDER}\r\n"
        f"To: {facts.email}\r\n"
        f"Subject: {subject}\r\n"
        f"Date: {format_datetime(now)}\r\n"
        f"Message-ID: <{key}@maple.example.org>\r\n"
        f"List-Unsubscribe: <{unsubscribe}>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative; boundary="=_{key}"\r\n\r\n'
        f"--=_{key}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        f"{letter.text.render(words)}\r\n"
        f"--=_{key}\r\n"
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        f"{letter.html.render(words)}\r\n"
        f"--=_{key}--\r\n"
    ).encode()


smtp_address = urlsplit(os.environ["PEER_SMTP_URL"])
kept = threading.local()


def send(recipient: str, message: bytes) -> None:
    """Hand the mail over on this thread's own connection; one that the server closed is opened anew."""
    try:
        _connection().sendmail(BOUNCES_TO, [recipient], message, mail_options=["BODY=8BITMIME"])
    except smtplib.SMTPServerDisconnected:
        del kept.connection
        _connection().sendmail(BOUNCES_TO, [recipient], message, mail_options=["BODY=8BITMIME"])


def _connection() -> smtplib.SMTP:
    if not hasattr(kept, "connection"):
        kept.connection = smtplib.SMTP(smtp_address.hostname or "", smtp_address.port or 25, timeout=30)
    connection: smtplib.SMTP = kept.connection
    return connection


def load_facts(enrollment: int) -> Facts:
    """Everything a step decides on."""
    with reader.connect() as connection:
        return Facts(*connection.execute(FACTS, {"enrollment": enrollment}).one())


def now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


@dramatiq.actor
def send_mail(enrollment: int, step: str) -> None:
    """Send one mail of one contact, write it down, and queue the next step."""
    facts = load_facts(enrollment)
    if facts.step != step:
        return  # delivered twice by the broker
    at, key, gate, next_step = now(), f"{enrollment}.{step}", closed_gate(facts), NEXT_STEP[step]
    if gate is None:
        unsubscribe = f"https://maple.example.org/u/{unsubscribe_tokens.dumps([enrollment, step])}"
        send(facts.email, build_message(key, LETTERS[step], facts, unsubscribe, at))
    delivery = {"enrollment_id": enrollment, "step": step, "state": "skipped" if gate else "sent", "at": at}
    delivery |= {"message_id": None if gate else key, "consent_id": facts.consent_id}
    turn = {"enrollment_id": enrollment, "step": step, "decision": "send", "reason": gate or "due", "at": at}
    position = {"enrollment": enrollment, "from_step": step, "to_step": next_step, "due": at + WAIT}
    record(position, (deliveries, delivery), (turns, turn | {"next_at": at + WAIT}))
    queue(enrollment, next_step)


@dramatiq.actor
def open_call(enrollment: int, step: str) -> None:
    """Give a person the task to call this contact."""
    facts = load_facts(enrollment)
    if facts.step != step:
        return
    at, owner = now(), CALLERS[enrollment % len(CALLERS)]
    task = {"enrollment_id": enrollment, "owner": owner, "script": SCRIPT.render(contact=facts)}
    task |= {"due_at": at + timedelta(days=1), "state": "open"}
    turn = {"enrollment_id": enrollment, "step": step, "decision": "call", "reason": "due", "at": at}
    position = {"enrollment": enrollment, "from_step": step, "to_step": "done", "due": at}
    record(position, (tasks, task), (turns, turn | {"next_at": None}))


def closed_gate(facts: Facts) -> str | None:
    """Why this contact must not get the mail, if there is a reason."""
    if facts.suppressed:
        return facts.suppressed
    return None if facts.consent_id else "no-consent"


def record(position: dict[str, object], *rows: tuple[sa.Table, dict[str, object]]) -> None:
    """The new position and what was done, in one transaction; nothing if another worker was first."""
    with one_writer, engine.begin() as connection:
        if connection.execute(ADVANCE, position).rowcount:
            for table, row in rows:
                connection.execute(table.insert(), row)


def queue(enrollment: int, step: str) -> None:
    """Put one step of one contact into the queue, after its wait."""
    actor = open_call if step == CALL else send_mail
    actor.send_with_options(args=(enrollment, step), delay=WAIT if WAIT else None)


def prepare(count: int) -> None:
    """Create the tables and fill them with contacts who agreed to get mail, all before their first step."""
    metadata.create_all(engine)
    at = now()
    everyone = [
        {"id": number, "email": one.email, "first_name": one.first_name, "last_name": one.last_name}
        | {"timezone": one.timezone, "contact_id": number, "purpose": "nurture", "granted_at": at}
        | {"step": FIRST_STEP, "due_at": at}
        for number, one in enumerate(people(count), start=1)
    ]
    with engine.begin() as connection:
        for table in (contacts, consents, enrollments):
            rows = [{column.name: person[column.name] for column in table.columns} for person in everyone]
            connection.execute(table.insert(), rows)


def release() -> None:
    """Queue everyone's first step, once a line comes in on standard input."""
    with reader.connect() as connection:
        waiting = connection.scalars(sa.select(enrollments.c.id).order_by(enrollments.c.id)).all()
    print(READY, flush=True)
    sys.stdin.readline()
    for enrollment in waiting:
        queue(enrollment, FIRST_STEP)


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(int(sys.argv[2]))
    else:
        release()
