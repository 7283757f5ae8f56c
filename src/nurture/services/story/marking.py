"""Puts the touchpoints of one contact into words: the subject of each mail, and the decision behind everything.

Knows no stages and no order; it only answers for one message, call or event at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from nurture.db.deliveries import Delivery
from nurture.db.tasks import Task
from nurture.engine.explain import in_words, moment, sentence
from nurture.engine.foresee import Foreseen
from nurture.model.contact_values import as_text
from nurture.model.decisions import Branch, Call, Decision, Finish, HandOver, Move, Send, Shift, Skip, Wait
from nurture.model.errors import NurtureError
from nurture.model.words import Channel, Contact, DeliveryState, Event, TaskState
from nurture.rendering.links import Links
from nurture.services.advancing.stages import find_stage
from nurture.services.events.ingest import CALL_OUTCOME
from nurture.services.published import Published
from nurture.services.sending.compose import Letter, context
from nurture.services.story.became import said_of, said_of_call
from nurture.services.story.marks import (
    Kind,
    Mark,
    State,
    in_plain,
    mark_of_call,
    mark_of_delivery,
    mark_of_event,
)
from nurture.services.story.visit_words import what_shows
from nurture.workflow.model import Workflow

NOWHERE = Links("https://nowhere.invalid", ("a subject holds no link",))


@dataclass
class Marker:
    """What is known of a contact while their touchpoints are put into words. ``decisions`` is by enrollment, in order."""

    contact: Contact
    published: Published
    versions: Mapping[str, Workflow]
    now: datetime
    zone: ZoneInfo
    events: Mapping[int, Event]
    sources: Mapping[int, str]
    decisions: Mapping[int, Sequence[Decision]]
    _subjects: dict[tuple[str, str, int | None], str] = field(default_factory=dict)

    # --- one touchpoint -------------------------------------------------------------------------------------

    def of_delivery(self, delivery: Delivery) -> Mark:
        """A mail or a handed-over offer; its why is the decision, or what kept it from going."""
        own = self.decisions.get(delivery.enrollment_id or 0, ())
        decision = _about(own, (Send, HandOver, Skip), delivery.step, delivery.visit)
        went = delivery.state in (DeliveryState.SENT, DeliveryState.PENDING, DeliveryState.CLAIMED)
        why = self.said(decision) if decision and (went or isinstance(decision, Skip)) else said_of(delivery)
        if delivery.enrollment_id is None:
            why = "They asked for the offer, and no workflow delivers it: it goes out by itself."
        title = (
            in_plain(delivery.offer or "") if delivery.channel is Channel.PORTAL else self.subject(delivery)
        )
        return mark_of_delivery(delivery, title, self.now, why, decision.place if decision else None)

    def of_call(self, task: Task) -> Mark:
        own = self.decisions.get(task.enrollment_id, ())
        decision = _about(own, (Call, Skip), task.step, task.visit)
        is_open = task.state is TaskState.OPEN
        why = (
            self.said(decision)
            if decision and (is_open or isinstance(decision, Skip))
            else said_of_call(task)
        )
        why = " ".join((why, *self._written_about(task)))
        return mark_of_call(task, why, decision.place if decision else None)

    def of_event(self, event: Event, stage: str, enrollment: int | None = None) -> Mark:
        """Something that happened; its why is what it moved in this enrollment, if it moved anything."""
        moved = [one for one in self.decisions.get(enrollment or 0, ()) if one.event == event.id]
        told = [one for one in moved if isinstance(one, Move | Finish | Branch)]
        if told:
            why = " ".join(self.said(one) for one in told[:2])
        elif event.name == "note.added":
            why = str(event.data.get("text", ""))
        else:
            why = (
                what_shows(event) or "A scanner or a mail program did it: it proves nothing."
                if not event.human
                else "It moved nothing."
            )
        proof = any(isinstance(one, Move | Finish) for one in told)
        place = next((one.place for one in told if one.place), None)
        return mark_of_event(event, stage, self.published.workspace.currency, why, place, proof=proof)

    def of_foreseen(self, one: Foreseen) -> Mark | None:
        """What is to come, with what brings it about; None for a change of stage."""
        match one.decision:
            case Send(template=template, offer=offer):
                kind, what = Kind.MAIL, template
                title = self._subject_of(one.workflow, one.decision.stage, template, offer, None)
                status = "will leave"
            case Call(script=script, due=due):
                kind, what, title = Kind.CALL, script, in_plain(script)
                status = f"to be made by {moment(due, self.zone)}"
            case HandOver(offer=handed):
                kind, what, title, status = Kind.OFFER, handed, in_plain(handed), "will be handed over"
            case Skip(what=skipped, channel=channel):
                kind = Kind.CALL if channel is Channel.PHONE else Kind.MAIL
                what, title, status = skipped, in_plain(skipped), "will be skipped"
            case _:
                return None
        return Mark(
            at=one.at,
            kind=kind,
            state=State.SKIPPED if isinstance(one.decision, Skip) else State.NEXT,
            stage=one.decision.stage,
            what=what,
            title=title,
            status=status,
            why=self._foreseen_why(one),
            place=one.decision.place,
            step=one.decision.step,
        )

    def _written_about(self, task: Task) -> list[str]:
        """What callers wrote down when they told how this call went; several after one was called back."""
        about = (task.enrollment_id, task.step, task.visit)
        return [
            f"{self.sources.get(event.id, 'The caller')} wrote: \u201c{as_text(note)}\u201d"
            for event in sorted(self.events.values(), key=lambda one: one.id)
            if event.name == CALL_OUTCOME and (event.enrollment_id, event.step, event.visit) == about
            if (note := event.data.get("note"))
        ]

    def said(self, decision: Decision) -> str:
        return sentence(decision, self.zone, {number: event.name for number, event in self.events.items()})

    # --- why ------------------------------------------------------------------------------------------------

    def _foreseen_why(self, one: Foreseen) -> str:
        """The rule that gives its time, what moves it, and, where it will not go, the gate that is closed."""
        own = [*self.decisions.get(one.enrollment, ()), *one.led]
        step, visit = one.decision.step, one.decision.visit
        waits = [each for each in own if isinstance(each, Wait) and (each.step, each.visit) == (step, visit)]
        said = []
        if waits and waits[-1].because:
            said.append(f"By its rule: {'; '.join(waits[-1].because)}.")
        shifts = [each for each in one.led if isinstance(each, Shift) and each.step == step]
        said += [f"Moved there, because {in_words(each.reason)}." for each in shifts]
        said += [self.said(each) for each in one.led if isinstance(each, Branch)]
        if isinstance(one.decision, Skip):
            said.append(f"It will not go: {in_words(one.decision.reason)}.")
        return " ".join(said) or "It follows at once on the step before it."

    # --- subjects -------------------------------------------------------------------------------------------

    def subject(self, delivery: Delivery) -> str:
        """The subject as the contact gets it. A template that has changed since is told by its name."""
        workflow, stage = delivery.workflow or "", delivery.stage
        title = self._subject_of(workflow, stage, delivery.template, delivery.offer, delivery.event_id)
        if delivery.template_hash and delivery.template_hash != self._hash(delivery.template):
            return in_plain(delivery.template)
        return title

    def _hash(self, template: str) -> str | None:
        try:
            return self.published.templates.message(template, self.contact.locale).hash
        except NurtureError:
            return None

    def _subject_of(
        self, workflow: str, stage: str, template: str, offer: str | None, event: int | None
    ) -> str:
        key = (template, offer or "", event)
        if key not in self._subjects:
            self._subjects[key] = self._rendered_subject(workflow, stage, template, offer, event)
        return self._subjects[key]

    def _rendered_subject(
        self, workflow: str, stage: str, template: str, offer: str | None, event: int | None
    ) -> str:
        letter = Letter(
            key="subject",
            template=template,
            contact=self.contact,
            stage=find_stage(self.published, workflow, stage, self.versions.values()),
            offer=self.published.offers.get(offer or ""),
            event=self.events.get(event or 0),
        )
        try:
            message = self.published.templates.message(template, self.contact.locale)
            return message.subject_line(context(letter, self.published.workspace, NOWHERE, self.now))
        except (NurtureError, ValueError):
            return in_plain(template)  # it cannot be rendered for them: its row says so when it is due


def _about(
    decisions: Iterable[Decision], kinds: tuple[type[Decision], ...], step: str, visit: int
) -> Decision | None:
    """The last decision of these kinds on this step in this visit."""
    found = [one for one in decisions if isinstance(one, kinds) and (one.step, one.visit) == (step, visit)]
    return found[-1] if found else None
