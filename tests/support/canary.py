"""A person whose every word is a canary, who lives through everything there is; and a look into every corner for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from sqlalchemy import Connection, Text, cast, select

from nurture.db import contacts, deliveries, tasks
from nurture.db.tables import Base
from nurture.model.accounts import Account, Role
from nurture.model.words import Contact
from nurture.services import inbound
from nurture.services.contacts import hands, shown, steering
from nurture.services.contacts.import_contacts import import_contacts
from nurture.services.phone import calls
from nurture.services.running import pausing
from nurture.services.running.pausing import Scope
from nurture.web import create_app
from tests.support.browsing import Browser, a_browser
from tests.support.came_back import complaint, full_mailbox, out_of_office, reply
from tests.support.receiver import a_receiver
from tests.support.running import TOML, Running, a_nurture

EMAIL = "Zebra.Canary@quagga.example"
KEY = EMAIL.lower()
FIRST, LAST, PHONE = "Zebrina", "Quaggaworth", "+14165550987"
AGENT, PLACE = "ZebraBrowser/9", "203.0.113.77"
WORDS = (
    *("zebra.canary", "zebrina", "quaggaworth", "4165550987", "zebrabrowser", PLACE),
    *("zebratag", "zebranickname", "zebranote", "zebrareason", "zebrasource"),
)
"""None of these may be anywhere once they are forgotten."""
KIM = "kim@example.org"

PARTS = """
[outcomes]
names = ["has-planner"]

[tracking]
opens = true

[[scores]]
on = "a.happened"
add = 5

[webhooks.crm-sync]
url = "{url}"
"""
OFFER = """\
    offer: guide
    kind: download
    title: The guide
    promise: Know in ten minutes
    asset: guide.pdf
    fields: [email, first_name, last_name, {name: phone, required: no}, {name: nickname, required: no}]
    consent: {purpose: nurture, wording: "Yes, write to me", version: 2026-11}
    double_opt_in: yes
    mail: handed
    """
WORKFLOW = """\
    workflow: life
    title: A whole life
    purpose: nurture
    stages:
      - stage: first
        need: Know where I stand
        trigger: offer.requested
        validate: b.happened
        steps:
          - {email: handed, link_offer: guide, purpose: transactional}
          - {webhook: crm-sync, data: {nickname: contact.nickname, tags: contact.tags}}
          - {notify: told, to: sales}
          - split: story
            variants:
              one: {weight: 50, do: [{email: linked, after: 1 day}]}
              two: {weight: 50, do: [{email: linked, id: linked-too, after: 1 day}]}
          - {call_task: ring, assign: round-robin sales}
          - {email: later, after: 20 days}
        loss:
          - {after: 60 days, reason: silent}
    """
NAMED = """\
    workflow: named
    purpose: nurture
    stages:
      - stage: known
        need: Be known by name
        trigger: segment named
        validate: b.happened
        steps: [{wait: 10 days}]
        loss: [{after: 30 days, reason: silent}]
    """
LINKED = """\
---
subject: "{{ contact.first_name or 'You' }}, go on"
---
Dear {{ contact.first_name or 'you' }} {{ contact.last_name or '' }}, read [the first](https://www.example.org/first).
[Leave]({{ links.unsubscribe }}), {{ workspace.postal_address }}.
"""
SEGMENT = """\
    segment: named
    where: contact.first_name is not none
    """


@contextmanager
def a_company(database_url: str, folder: Path) -> Iterator[Running]:
    """Everything that a person can come to, published; the other system hears webhooks over real HTTP."""
    with ExitStack() as stack:
        crm = stack.enter_context(a_receiver())
        running = a_nurture(database_url, folder, mails=("later", "told"), webhook_allow=("127.0.0.1",))
        stack.callback(running.nurture.close)
        toml = TOML.replace('plan = ["basic", "plus"]', 'plan = ["basic", "plus"]\nnickname = "text"')
        running.write("nurture.toml", toml + PARTS.format(url=crm.url))
        running.write("offers/guide.yaml", OFFER)
        running.write("segments/named.yaml", SEGMENT)
        running.write("workflows/life.yaml", WORKFLOW)
        running.write("workflows/named.yaml", NAMED)
        running.write("assets/guide.pdf", "%PDF-1.4 the guide")
        (running.project / "templates" / "email" / "linked.md").write_text(LINKED)
        handed = LINKED.replace("[Leave]", "[Get it]({{ offer.link }}) [Leave]")
        (running.project / "templates" / "email" / "handed.md").write_text(handed)
        running.write("templates/call/ring.txt", "Call {{ contact.first_name or 'them' }}.\n")
        running.publish()
        yield running


def live_through(running: Running) -> None:
    """They ask, confirm, read, click, talk, answer, complain; and our people work with them."""
    runtime = running.nurture.runtime
    visitor = create_app(running.nurture.settings, running.nurture).test_client()
    _ask_and_confirm(running, visitor)
    _read_and_click(running, visitor)
    browser = a_browser(running)
    _we_work_with_them(running, browser)
    _talk(running)
    _choose(running, visitor)
    delivery = next(one for one in of_them(running) if one.message_id and one.channel == "email")
    assert delivery.message_id
    for raw in (
        out_of_office(delivery.message_id, sender=EMAIL),
        reply(delivery.message_id, sender=EMAIL),
        full_mailbox(EMAIL, returned=delivery.message_id),
        complaint(delivery.message_id, EMAIL),
    ):
        inbound.take(runtime, raw, "pipe")
        running.run()


def _ask_and_confirm(running: Running, visitor: FlaskClient) -> None:
    answers = {
        "email": EMAIL,
        "first_name": FIRST,
        "last_name": LAST,
        "phone": PHONE,
        "nickname": "zebranickname",
    }
    post(visitor, "/o/guide?utm_source=zebrasource", answers | {"consent": "2026-11"})
    running.run()
    post(visitor, link(running, "/confirm/"), {})
    running.run()
    running.track("a.happened", KEY, said="zebranote", who=f"{FIRST} <{EMAIL}>")
    running.track("offer.requested", KEY, offer="guide")  # they are in it already, and do not enter again
    running.add("friend@example.org", phone=None)
    running.track(
        "a.happened", "friend@example.org", friend=f"told by {EMAIL}", spare="notzebra.canary@quagga.example"
    )
    listed = f"email,first_name,tags\n{EMAIL},,zebratag\nnot an address {FIRST},x,\n"
    with (running.project.parent / "list.csv").open("w+b") as stream:
        stream.write(listed.encode())
        stream.seek(0)
        with running.nurture.database.read() as tx:
            workspace = running.nurture.runtime.shelf.published(tx).workspace
        import_contacts(running.nurture.database, workspace, stream, now=running.clock.now())
    (running.project.parent / "list.csv").unlink()  # the list is not ours


def _read_and_click(running: Running, visitor: FlaskClient) -> None:
    running.clock.advance(hours=26)
    running.run()
    for way in (link(running, "/c/"), link(running, "/p/"), link(running, "/u/")):
        visitor.get(way, headers={"User-Agent": AGENT}, environ_base={"REMOTE_ADDR": PLACE})
    post(visitor, link(running, "/d/"), {})
    running.clock.advance(hours=1)
    running.run()


def _we_work_with_them(running: Running, browser: Browser) -> None:
    runtime, contact = running.nurture.runtime, them(running)
    admin = Account(1, "admin@example.org", "Ada", Role.ADMIN)
    with running.nurture.database.write() as tx:
        contacts.apply_changes(
            tx,
            {contact.id: contacts.Change({"owner": KIM}, add_tags=frozenset({"zebratag"}))},
            running.clock.now(),
        )
    hands.note(runtime, contact.id, f"{FIRST} said zebranote", "once-upon", KIM)
    shown.send_me(runtime, contact.id, admin, "once-again", template="linked")
    pausing.pause(runtime, Scope(email=EMAIL), f"zebrareason of {LAST}", KIM)
    pausing.resume(runtime, Scope(email=EMAIL), "zebrareason", KIM)
    steering.hold(runtime, contact.id, "zebrareason", KIM)
    steering.let_go(runtime, contact.id, "", KIM)
    for page in (
        f"contacts/{contact.id}",
        "contacts?q=zebra",
        "mail",
        "calls",
        "audit",
        f"contacts/{contact.id}/rights",
    ):
        assert browser.get(f"/admin/{page}").status_code == 200, page
    running.run()


def _talk(running: Running) -> None:
    for _ in range(3):  # until a working day's morning, with its list of calls
        running.clock.advance(days=1)
        running.run()
    with running.nurture.database.read() as tx:
        call = next(one for one in tasks.of_contact(tx, them(running).id) if one.state == "open")
    kim = Account(1, KIM, "Kim", Role.SALES, "America/Toronto")
    calls.report(running.nurture.runtime, call.id, "voicemail", kim, note=f"zebranote by {LAST}")
    running.clock.advance(minutes=3)
    running.run()


def _choose(running: Running, visitor: FlaskClient) -> None:
    way = link(running, "/u/")
    for choice in ({"do": "fewer", "days": "30"}, {"do": "pause", "weeks": "2"}, {"do": "go-on"}):
        visitor.post(way, data=choice, headers={"User-Agent": AGENT}, environ_base={"REMOTE_ADDR": PLACE})
    running.run()


def post(visitor: FlaskClient, path: str, answers: Mapping[str, str]) -> None:
    answer = visitor.post(
        path, data=answers, headers={"User-Agent": AGENT}, environ_base={"REMOTE_ADDR": PLACE}
    )
    assert answer.status_code in (200, 303), (path, answer.status_code)


def link(running: Running, kind: str, to: str = KEY) -> str:
    """The newest link of this kind in a mail to them, or to somebody else."""
    for mail in reversed(running.mails()):
        bodies = "".join(
            str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text"
        )
        if to in str(mail["To"]).lower() and (
            found := re.search(rf"http://127\.0\.0\.1:\d+({kind}[^\s\"<)]+)", bodies)
        ):
            return urlsplit(found[1]).path
    raise AssertionError(f"no mail to them holds a {kind} link")


def them(running: Running) -> Contact:
    with running.nurture.database.read() as tx:
        return next(iter(contacts.by_email(tx, [EMAIL]).values()))


def of_them(running: Running) -> list[deliveries.Delivery]:
    with running.nurture.database.read() as tx:
        return deliveries.of_contact(tx, next(iter(contacts.by_email(tx, [EMAIL]).values())).id)


# --- looking everywhere -------------------------------------------------------------------------------------------


def found_in_tables(tx: Connection) -> set[str]:
    """``table.column: word`` for each canary in any column of any table; bytes are read as text."""
    found = set()
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            for (value,) in tx.execute(
                select(cast(column, Text) if column.name != "data" else column).select_from(table)
            ):
                text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
                found |= {f"{table.name}.{column.name}: {word}" for word in words_in(text)}
    return found


def found_in_files(folder: Path) -> set[str]:
    """``file: word`` for each canary in the bytes or the name of any file below this folder."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.name + path.read_bytes().decode(errors="replace")
            found |= {f"{path.relative_to(folder)}: {word}" for word in words_in(text)}
    return found


def words_in(text: str) -> set[str]:
    """Which canaries are in a text. The address of somebody else only ends like theirs."""
    lower = text.lower().replace("notzebra.canary", "")
    return {word for word in WORDS if word in lower}
