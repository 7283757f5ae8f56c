"""A walk becomes a story in chapters, one for each stage the contact came through.

Chooses words and order only; the page itself is `rendering.storyboard`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from nurture.engine.explain import moment
from nurture.model.addresses import Mailbox
from nurture.model.words import Status
from nurture.model.workspace import Workspace
from nurture.rendering.storyboard import Chapter, Frame, Leg, Page, Story, WhatIf
from nurture.services.rehearsing import walk_words as words
from nurture.services.rehearsing.walk import Walk
from nurture.services.rehearsing.walk_world import Touchpoint
from nurture.services.rehearsing.what_ifs import Alternative

KINDS = {
    "email": "E-mail",
    "call_task": "Call",
    "offer": "Offer",
    "notify": "Notice to our team",
    "webhook": "Webhook, backstage",
    "event": "",
    "stage": "",
}
COUNTED = (("email", "sent", "e-mail"), ("call_task", "opened", "call"), ("offer", "handed-over", "offer"))
NOT_SENT = ("skipped", "failed")


def story_of(walked: Walk, workspace: Workspace, what_ifs: Sequence[Alternative] = ()) -> Story:
    """Everything the storyboard shows of this walk, and of its alternatives."""
    persona = walked.persona
    wanted = (("Goals", persona.goals), ("Needs", persona.needs), ("Pains", persona.pains)) if persona else ()
    ends = (walked.outcome, *walked.elsewhere)
    return Story(
        company=workspace.name,
        title=walked.workflow.title or walked.workflow.name,
        workflow=walked.workflow.name,
        name=words.name_of(walked),
        persona=persona.name if persona else None,
        about=tuple((what, each) for what, each in wanted if each),
        zone=str(walked.zone),
        starts=moment(walked.start, walked.zone),
        counts=tuple(_counts(walked)),
        legs=tuple(_legs(walked)),
        chapters=tuple(_chapters(walked)),
        ending=tuple(words.ending(walked, end) for end in ends),
        happy=walked.outcome.status == Status.COMPLETED,
        movers=tuple((mover.stage, mover.event, mover.option) for mover in walked.movers),
        what_ifs=tuple(_what_if(one) for one in what_ifs),
    )


def _what_if(one: Alternative) -> WhatIf:
    walked = one.walk
    return WhatIf(
        anchor=f"what-if-{one.what_if.name}",
        title=one.what_if.title,
        path=one.path,
        summary=words.counted(one),
        ending=words.ending(walked, walked.outcome),
        happy=one.happy,
        lines=tuple(
            (words.moment_of(touch, walked), KINDS[touch.kind] or touch.kind, words.line_of(touch))
            for touch in walked.touchpoints
        ),
        options=one.what_if.options,
    )


def _counts(walked: Walk) -> Iterator[tuple[int, str]]:
    last = max((touch.at for touch in walked.touchpoints), default=walked.start)
    yield _count(words.day_number(last, walked), "day")
    for kind, status, word in COUNTED:
        number = sum(touch.kind == kind and touch.status == status for touch in walked.touchpoints)
        if number:
            yield _count(number, word)
    held = sum(touch.kind != "stage" and touch.status in NOT_SENT for touch in walked.touchpoints)
    if held:
        yield held, "not sent"


def _count(number: int, word: str) -> tuple[int, str]:
    return number, word if number == 1 else f"{word}s"


def _legs(walked: Walk) -> Iterator[Leg]:
    for stage in walked.workflow.stages:
        moves = [
            touch
            for touch in walked.touchpoints
            if touch.kind == "stage" and touch.stage == stage.name and touch.workflow == walked.workflow.name
        ]
        state, note = "ahead", "not reached"
        if moves:
            last = moves[-1]
            state = {"entered": "here", "reopened": "here", "completed": "validated", "refused": "ahead"}.get(
                last.status, last.status
            )
            note = f"{last.status}, day {words.day_number(last.at, walked)}"
        yield Leg(stage.name, stage.need, stage.bucket, state, note)


def _chapters(walked: Walk) -> Iterator[Chapter]:
    """A chapter begins where a stage is entered; the event that brought the contact there belongs to it."""
    for _, told in groupby(_numbered(walked.touchpoints), key=lambda one: one[0]):
        touches = [touch for _, touch in told]
        place = next((touch for touch in touches if touch.stage), touches[0])
        own = place.workflow in ("", walked.workflow.name)
        need = walked.workflows[place.workflow].stage(place.stage).need if place.workflow else ""
        frames = tuple(_frame(touch, walked) for touch in touches)
        yield Chapter(place.stage, None if own else place.workflow, need, frames)


def _numbered(touches: Sequence[Touchpoint]) -> Iterator[tuple[int, Touchpoint]]:
    number = 0
    for touch in touches:
        if touch.kind == "stage" and touch.status == "entered" and touch is not _first_entry(touches):
            number += 1
        yield number, touch


def _first_entry(touches: Sequence[Touchpoint]) -> Touchpoint | None:
    return next((touch for touch in touches if touch.kind == "stage" and touch.status == "entered"), None)


def _frame(touch: Touchpoint, walked: Walk) -> Frame:
    local = touch.at.astimezone(walked.zone)
    mail, rendered = (touch.mail.mail, touch.mail.rendered) if touch.mail else (None, None)
    told = touch.kind in ("stage", "event")
    return Frame(
        iso=local.isoformat(timespec="minutes"),
        when=local.strftime("%a %-d %b %Y"),
        clock=local.strftime("%H:%M"),
        day=words.day_number(touch.at, walked),
        kind=touch.kind,
        status=touch.status,
        label=KINDS[touch.kind],
        title=rendered.subject if rendered else (words.line_of(touch) if told else touch.what),
        why=() if told else touch.why,
        reason=words.reason_of(touch) if touch.reason and not told else None,
        sender=_shown(mail.from_) if mail else None,
        to=_shown(mail.to) if mail else None,
        preheader=rendered.preheader if rendered else "",
        html=rendered.html if rendered else None,
        text=rendered.text if rendered else words.payload_of(touch),
        script=touch.script,
        fault=touch.fault,
        page=_page(touch, walked),
    )


def _page(touch: Touchpoint, walked: Walk) -> Page | None:
    """The page of ours on which the contact did this: the form of an offer, or its download."""
    offer = walked.offers.get(str(touch.data.get("offer"))) if touch.kind == "event" else None
    if offer is None or touch.what not in ("offer.requested", "offer.downloaded"):
        return None
    if touch.what == "offer.downloaded":
        return Page("Download page", "/d/…", offer.title, offer.promise, button="Download")
    asks = tuple(
        f"{one.name.replace('_', ' ')}{'' if one.required else ' (may stay empty)'}" for one in offer.fields
    )
    wording = offer.consent.wording if offer.consent else None
    return Page("Form page", f"/o/{offer.name}", offer.title, offer.promise, asks, wording, "Send")


def _shown(mailbox: Mailbox) -> str:
    return f"{mailbox.name} <{mailbox.address}>" if mailbox.name else mailbox.address
