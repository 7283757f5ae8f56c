"""What people, other systems and contacts do to an installation, deed by deed, by the services they really use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from nurture.db import contacts, content, enrollments, pauses, tasks
from nurture.db.content import Version
from nurture.model.accounts import Account, Role
from nurture.model.clock import FrozenClock
from nurture.model.errors import NurtureError
from nurture.model.words import EnteredBy
from nurture.services.advancing import enroll
from nurture.services.advancing.enroll import Request
from nurture.services.contacts import steering
from nurture.services.events import ingest, storing
from nurture.services.events.ingest import Happening
from nurture.services.phone import calls
from nurture.services.published import _workflow
from nurture.wiring import Nurture
from tests.support.lives import BYSTANDER, PEOPLE, POISON, Deed, Journal, Script, project

KIM = Account(1, "kim@example.org", "Kim", Role.SALES)


@dataclass
class Outside:
    """Whoever is not the program itself. Each deed may be done again under the same id, by whichever process answers."""

    script: Script
    journal: Journal
    clock: FrozenClock

    def do(self, nurture: Nurture, deed: Deed, once: str) -> None:
        """What the outside does; it repeats what nobody answered, under the same id."""
        runtime, who = nurture.runtime, deed.who
        match deed.what.split(":"):
            case ["nobody works"]:
                pass
            case ["pause" | "resume" as word, scope]:
                self.brake(nurture, word, scope, who)
            case ["publish"]:
                self.publish(nurture, self.script.later if once else self.script.one)
            case ["move"]:
                self.journal.moved.add(who)
                form = {"email": f"{who}@example.org", "timezone": "Pacific/Auckland"}
                storing.store_batch(runtime, form, source="an import")
            case ["competitor"]:
                form = {"email": f"{who}@example.org", "fields": {"is_competitor": True}}
                storing.store_batch(runtime, form, source="an import")
            case ["enroll", workflow]:
                self.enroll(nurture, who, workflow)
            case ["report", outcome]:
                self.report(nurture, who, outcome)
            case ["skip" | "end" as word]:
                self.steer(nurture, who, word)
            case ["call", outcome]:
                self.track(nurture, who, "call.outcome", {"outcome": outcome}, id_=once)
            case ["machine-click"]:
                self.track(nurture, who, "email.clicked", human=False, id_=once)
            case ["bounce", kind]:
                self.track(nurture, who, "email.bounced", {"kind": kind}, id_=once)
                if kind == "hard":
                    self.journal.close(f"{who}@example.org", "dead")
            case ["email.complained" as name]:
                self.track(nurture, who, name, id_=once)
                self.journal.close(f"{who}@example.org", "complained")
            case ["consent.withdrawn" as name]:
                self.track(nurture, who, name, {"purpose": "nurture"}, id_=once)
                self.journal.close(f"{who}@example.org", "unsubscribed")
            case ["consent.granted" as name]:
                self.journal.open(f"{who}@example.org", "unsubscribed")
                self.track(nurture, who, name, {"purpose": "nurture"}, id_=once)
            case ["again", name]:
                self.track(nurture, who, name, id_=once)
                self.track(nurture, who, name, id_=once)
            case _:
                self.track(nurture, who, deed.what, id_=once)

    def track(
        self,
        nurture: Nurture,
        who: str,
        name: str,
        data: Mapping[str, str] | None = None,
        *,
        id_: str,
        human: bool = True,
    ) -> None:
        one = self.contact_of(nurture, who)
        happening = Happening(contact_id=one, name=name, data=data or {}, id=id_, human=human)
        ingest.track(nurture.runtime, [happening])

    def contact_of(self, nurture: Nurture, who: str) -> int:
        with nurture.database.read() as tx:
            return next(iter(contacts.by_email(tx, [f"{who}@example.org"]).values())).id

    def enroll(self, nurture: Nurture, who: str, workflow: str) -> None:
        one = self.contact_of(nurture, who)
        runtime = nurture.runtime
        request = Request(one, workflow, EnteredBy.HAND, "a test says so")
        runtime.database.retrying(
            lambda tx: enroll.enter_all(tx, runtime.shelf, [request], self.clock.now(), "a test")
        )

    def report(self, nurture: Nurture, who: str, outcome: str) -> None:
        """Whoever called says how it went, if there is a call."""
        with nurture.database.read() as tx:
            own = next(iter(contacts.by_email(tx, [f"{who}@example.org"]).values()))
            found = tasks.open_of_each(tx, [own.id]).get(own.id, [])
        if found:
            again = self.clock.now() + timedelta(days=1) if outcome == "call-back" else None
            calls.report(nurture.runtime, found[-1].id, outcome, KIM, at=again)

    def steer(self, nurture: Nurture, who: str, word: str) -> None:
        """A person takes the wheel, where there is somebody to steer; some wishes are refused."""
        one = self.contact_of(nurture, who)
        with nurture.database.read() as tx:
            live = enrollments.live_of(tx, [one])
        try:
            if live and word == "end":
                steering.end(nurture.runtime, live[0].id, "a test says so", "kim@example.org")
            elif live and live[0].step:
                step = live[0].step
                steering.skip(nurture.runtime, live[0].id, step, "a test says so", "kim@example.org")
        except NurtureError as refusal:
            self.journal.told.append(str(refusal))

    def brake(self, nurture: Nurture, word: str, scope: str, who: str) -> None:
        one = self.contact_of(nurture, who) if scope == "contact" else None
        workflow = "one" if scope == "workflow" else None
        now = self.clock.now()
        with nurture.database.write() as tx:
            if word == "pause":
                pauses.begin(tx, now, workflow=workflow, contact_id=one, reason="a test", actor="kim")
            else:
                pauses.end(tx, now, workflow=workflow, contact_id=one)

    def publish(self, nurture: Nurture, one: str) -> None:
        """The project goes live with ``one`` as its first workflow."""
        files, now = project(self.script, one), self.clock.now()
        with nurture.database.write() as tx:
            hashes = content.publish_contents(tx, files, now)
            heads = {}
            for path in (path for path in files if path.startswith("workflows/")):
                workflow = _workflow(path, files[path])
                heads[workflow.name] = workflow.version
                version = Version(workflow.version, workflow.name, hashes[path], path, now)
                content.publish_versions(tx, [version])
            content.set_heads(tx, heads, now)

    def begin(self, nurture: Nurture) -> None:
        """Everybody is there, agreed to be written to, and enters; some get the daily mail too."""
        forms = [
            {
                "email": f"{name}@example.org",
                "first_name": name.title(),
                "phone": f"+1416555010{number}",
                "timezone": "America/Toronto",
                "consent": {"purpose": "nurture", "source": "a test"},
            }
            for number, name in enumerate((*PEOPLE, BYSTANDER, POISON))
        ]
        if self.script.poison == "template":
            forms[-1]["fields"] = {"plan": "plus"}
        storing.store_batch(nurture.runtime, forms, source="a test")
        for name in (BYSTANDER, POISON, *PEOPLE[:2]):
            self.enroll(nurture, name, "steady")
        for name in (*PEOPLE, POISON):
            self.track(nurture, name, "a.happened", id_=f"enter-{name}")
