"""A world in which somebody looks on: every message is really rendered the moment it leaves, and all is noted.

Decides nothing; the contact's life is played by ``engine.world``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from nurture.engine import explain
from nurture.engine.world import World
from nurture.model.decisions import (
    Branch,
    Call,
    Change,
    Clear,
    Decision,
    Finish,
    HandOver,
    Move,
    Refuse,
    Send,
    SetFields,
    Shift,
    Skip,
    Wait,
)
from nurture.model.errors import NurtureError
from nurture.model.words import (
    NOTHING,
    Channel,
    Payload,
    Reason,
    Scalar,
    about_a_touch,
)
from nurture.rendering.links import Links, delivery_key
from nurture.rendering.templates import Library
from nurture.services.sending.compose import Composed, Letter, chat_words, compose, context, team_address
from nurture.workflow.documents import Offer

MOST_TOUCHPOINTS = 2_000
"""A mail a day for five years. A journey with more turns in a circle, and nobody would wait for its end."""
KIND_OF: Mapping[Channel, str] = {
    Channel.EMAIL: "email",
    Channel.PHONE: "call_task",
    Channel.PORTAL: "offer",
    Channel.TEAM: "notify",
    Channel.WEBHOOK: "webhook",
}
"""What a touchpoint is called: the word of the step that makes it, as workflows and scenarios write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touchpoint:
    """One thing the contact, or the person who calls them, would notice; or, backstage, our own people and systems.

    ``kind``: email, call_task, offer, notify, webhook, event or stage. ``status``: a message is sent, skipped or failed; a
    call opened, skipped, expired or cancelled; an offer handed-over or skipped; an event counted or unused; a stage
    entered, validated, skipped, reopened, lost, exited, completed, or its workflow's entry refused.
    """

    at: datetime
    workflow: str
    stage: str
    kind: str
    status: str
    what: str
    """The template, script, offer, event or stage."""
    step: str | None = None
    reason: str | None = None
    why: tuple[str, ...] = ()
    """Sentences: how the time came about, and what was decided."""
    mail: Composed | None = None
    script: str | None = None
    fault: str | None = None
    """Why the template could not be rendered for this contact."""
    data: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)
    """What an event said."""
    payload: Payload | None = None
    """What a webhook, or a notice by webhook, says."""
    due: datetime | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """What messages are made with: templates, offers, and links that lead nowhere."""

    templates: Library
    offers: Mapping[str, Offer]
    links: Links


@dataclass
class Walked(World):
    """A contact's life with notes. ``press`` is needed; it has a default only because every field here has one."""

    press: Press = field(default_factory=lambda: Press(Library([]), {}, Links("", ("walk",))))
    notes: list[Touchpoint] = field(default_factory=list)
    _grounds: dict[int, list[Decision]] = field(default_factory=dict)
    _open: list[tuple[int, Touchpoint]] = field(default_factory=list)
    _told: list[tuple[int, int]] = field(default_factory=list)
    """Where an event is noted, and its id."""

    # --- what the walk does ---------------------------------------------------------------------------------

    def go_to(self, at: datetime, event: str) -> None:
        """On to the moment of an event. It precedes what falls due at that very moment, except the message it is about."""
        self.advance_to(max(self.now, at if about_a_touch(event) else at - timedelta.resolution))
        self.now = max(self.now, at)

    def tell(self, name: str, data: Mapping[str, Scalar] = NOTHING) -> None:
        """The contact does something now."""
        self._note_expired()
        where = len(self.notes)
        place = next((one for one in reversed(self.live())), None)
        concerned = self._concerned(name)
        if concerned and name == "call.outcome" and data.get("outcome") != "call-back":
            self._open = [one for one in self._open if (one[0], one[1].step) != concerned[:2]]
        event = self.track(name, data)
        self._redate()
        needs_a_touch = event.concerns_a_touch and concerned is None
        note = Touchpoint(
            at=self.now,
            workflow=place.workflow if place else "",
            stage=place.stage if place else "",
            kind="event",
            status="counted",
            what=name,
            step=concerned[1] if concerned else None,
            reason="concerns-nothing" if needs_a_touch else None,
            data=data,
        )
        self.notes.insert(where, note)
        self._told.append((where, event.id))

    def finish(self, until: datetime | None = None) -> None:
        """Play on, to the end or ``until``; only then is it known which events counted, since a wait may look back."""
        if until is None:
            self.run()
        else:
            self.advance_to(until)
        self._note_expired()
        used = {decision.event for _, _, decision in self.log}
        for where, event in self._told:
            note = self.notes[where]
            if event not in used:
                self.notes[where] = replace(note, status="unused", reason=note.reason or "moved-nothing")

    # --- what the world tells -------------------------------------------------------------------------------

    def hear(self, enrollment: int, decision: Decision) -> None:
        self._note_expired()
        self.failing = frozenset()
        match decision:
            case Wait() | Shift() | Branch() | SetFields():
                self._grounds.setdefault(enrollment, []).append(decision)
            case Send(channel=Channel.WEBHOOK):
                self._note_webhook(enrollment, decision)
            case Send():
                self._note_message(enrollment, decision)
            case Call():
                self._note_call(enrollment, decision)
            case Skip():
                kind = KIND_OF[decision.channel]
                self._note(enrollment, decision, kind, "skipped", decision.what, reason=decision.reason)
            case HandOver():
                self._note(enrollment, decision, "offer", "handed-over", decision.offer)
            case Move() | Finish():
                self._note(
                    enrollment,
                    decision,
                    "stage",
                    explain.verb(decision),
                    decision.stage,
                    reason=decision.reason,
                )
            case Clear():
                self._note_cancelled(enrollment)

    def hear_refusal(self, refused: Refuse) -> None:
        note = Touchpoint(
            at=self.now,
            workflow=refused.workflow,
            stage=refused.stage,
            kind="stage",
            status="refused",
            what=refused.stage,
            reason=refused.reason,
            why=(self._said(refused),),
        )
        self.notes.append(note)

    # --- notes ----------------------------------------------------------------------------------------------

    def _note_message(self, key: int, send: Send) -> None:
        mail, fault = None, None
        try:
            mail = self._composed(key, send)
        except (NurtureError, ValueError) as error:  # as at delivery: this message fails, the journey goes on
            fault = str(error)
            self.failing = frozenset({send.step or ""})
        status, reason = ("failed", Reason.TEMPLATE_FAILED) if fault else ("sent", None)
        self._note(
            key, send, KIND_OF[send.channel], status, send.template, reason=reason, mail=mail, fault=fault
        )

    def _note_webhook(self, key: int, send: Send) -> None:
        payload, fault, kind = send.payload, None, KIND_OF[send.channel]
        if not payload:  # a notice: its words are made as it leaves
            kind = KIND_OF[Channel.TEAM]
            try:
                letter = self._letter(key, send, send.template)
                payload = chat_words(letter, self.workspace, self.press.templates, self.press.links, self.now)
            except NurtureError as error:
                fault = str(error)
                self.failing = frozenset({send.step or ""})
        status, reason = ("failed", Reason.TEMPLATE_FAILED) if fault else ("sent", None)
        self._note(key, send, kind, status, send.template, reason=reason, fault=fault, payload=payload)

    def _note_call(self, key: int, call: Call) -> None:
        if call.assign == "owner" and not self.contact.owner:
            # As when it is assigned: whoever makes the first call looks after the contact from then on.
            members = [member for team in self.workspace.teams.values() for member in team.members]
            self.contact = replace(self.contact, owner=next(iter(members), None))
        script, fault = None, None
        try:
            script = self.press.templates.script(call.script, self.contact.locale).render(
                context(self._letter(key, call, call.script), self.workspace, self.press.links, self.now)
            )
        except NurtureError as error:
            fault = str(error)
        note = self._note(
            key,
            call,
            KIND_OF[Channel.PHONE],
            "opened",
            call.script,
            script=script,
            fault=fault,
            due=call.due,
            expires=call.expires,
        )
        self._open.append((key, note))

    def _composed(self, key: int, send: Send) -> Composed:
        letter = self._letter(key, send, send.template)
        composed = compose(letter, self.workspace, self.press.templates, self.press.links, self.now)
        composed.message(letter.key)  # a header that cannot travel shows only here
        return composed

    def _letter(self, key: int, decision: Send | Call, template: str) -> Letter:
        enrollment = self.enrollments[key]
        offer = decision.offer if isinstance(decision, Send) else None
        to_team = isinstance(decision, Send) and decision.channel is Channel.TEAM
        wanted = decision.to if isinstance(decision, Send) else None
        return Letter(
            key=delivery_key(key, decision.step or "", decision.visit, "walk"),
            template=template,
            contact=self.contact,
            marketing=decision.marketing if isinstance(decision, Send) else False,
            purpose=decision.purpose,
            stage=self.workflows[enrollment.workflow].stage(decision.stage),
            offer=self.press.offers.get(offer) if offer else None,
            event=self.events[decision.event - 1] if decision.event else None,
            to=team_address(wanted, self.contact, self.workspace) if to_team else None,
        )

    def _note_expired(self) -> None:
        """Calls that nobody made in time; the world has ended them before it goes on."""
        for key, call in [one for one in self._open if one[1].expires and one[1].expires <= self.now]:
            self._open.remove((key, call))
            if call.expires:
                self.notes.append(_ended(call, call.expires, "expired", "Nobody made the call in time."))

    def _redate(self) -> None:
        """A call that is to be made again expires later than it was noted."""
        ends = {(one.enrollment, one.call.step): one.expires for one in self.calls}
        self._open = [
            (key, replace(note, expires=ends.get((key, note.step), note.expires))) for key, note in self._open
        ]

    def _note_cancelled(self, key: int) -> None:
        for one in [one for one in self._open if one[0] == key]:
            self._open.remove(one)
            why = "The contact has left the stage, so the call is called off."
            self.notes.append(_ended(one[1], self.now, "cancelled", why, Reason.STAGE_LEFT))

    def _note(
        self,
        key: int,
        decision: Decision,
        kind: str,
        status: str,
        what: str,
        *,
        reason: str | None = None,
        mail: Composed | None = None,
        script: str | None = None,
        fault: str | None = None,
        payload: Payload | None = None,
        due: datetime | None = None,
        expires: datetime | None = None,
    ) -> Touchpoint:
        if len(self.notes) >= MOST_TOUCHPOINTS:
            raise NurtureError(
                f"this journey has more than {MOST_TOUCHPOINTS:,} touchpoints by {self.now:%Y-%m-%d}",
                hint=f"does a jump or an enrollment lead back into '{decision.stage}' too soon?",
            )
        note = Touchpoint(
            at=self.now,
            workflow=self.enrollments[key].workflow,
            stage=decision.stage,
            kind=kind,
            status=status,
            what=what,
            step=decision.step,
            reason=str(reason) if reason else None,
            why=self._why(key, decision),
            mail=mail,
            script=script,
            fault=fault,
            payload=payload,
            due=due,
            expires=expires,
        )
        self.notes.append(note)
        return note

    def _why(self, key: int, decision: Decision) -> tuple[str, ...]:
        """What led here since the last touchpoint, then the decision itself; of waits only those for this step."""
        grounds = self._grounds.pop(key, [])
        led = [
            one for one in grounds if not isinstance(one, Wait) or one.step == decision.step or one.for_events
        ]
        if (isinstance(decision, Move) and decision.change is not Change.ENTERED) or isinstance(
            decision, Finish
        ):
            led = []
        return tuple(self._said(one) for one in (*led, decision))

    def _said(self, decision: Decision) -> str:
        zone = self.workspace.zone_of(self.contact.timezone)
        # A number means nothing to whoever walks; the event's name does.
        return explain.sentence(decision, zone, {event.id: event.name for event in self.events})


def _ended(call: Touchpoint, at: datetime, status: str, why: str, reason: str | None = None) -> Touchpoint:
    return replace(
        call,
        at=at,
        status=status,
        reason=str(reason) if reason else None,
        why=(why,),
        script=None,
        fault=None,
    )
