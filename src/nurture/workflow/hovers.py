"""What an editor says about a key while one types: one short sentence for each, in a marketer's words.

The whole story of each key is in the documents; nothing here rules anything.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType

from nurture.steps.base import Kind

HOVERS: Mapping[str, str] = MappingProxyType(
    {
        # the workflow
        "workflow.workflow": "The workflow's name, unique in the project: lower-case words and dashes.",
        "workflow.title": "What people call it, on pages and in reports.",
        "workflow.purpose": "The permission that its marketing messages rely on, as an offer's consent names it.",
        "workflow.persona": "Whom it is for: personas/NAME.yaml. Walks and previews use this persona's example.",
        "workflow.calendar": "Whose business days and hours count: [calendars.NAME] in nurture.toml.",
        "workflow.reentry": "May who left come back: never, always (restarts), or a span since the last end.",
        "workflow.reopen": "A validation this long after a loss by timer brings the contact back.",
        "workflow.exit_when": "Ends the enrollment as soon as it is true, before anything else happens.",
        "workflow.priority": "Who goes first when workflows compete for one contact: higher wins. 0 to 100.",
        "workflow.holdout": "The share of contacts who get nothing, so that the effect can be measured: 5%.",
        "workflow.stages": "The stages in order, each with what proves that a contact got through it.",
        # a stage
        "stage.stage": "The stage's name, unique in the workflow.",
        "stage.need": "What the contact needs here, in their own words.",
        "stage.bucket": "What the CRM calls this stage, such as MQL.",
        "stage.trigger": "What begins it: EVENT [where …], segment NAME, date contact.FIELD - 90 days, lost WORKFLOW/STAGE, manual.",
        "stage.validate": "The event from outside that proves the contact got through: EVENT [where …].",
        "stage.entry": "yes: its trigger enrolls too, as that of the first stage does.",
        "stage.reenter": "yes: its trigger brings a contact back here from a later stage.",
        "stage.was": "Its name before it was renamed, so that contacts in it stay in it.",
        "stage.steps": "What we do here, one step after the other.",
        "stage.loss": "How contacts fall off, and with which reason; one of them after a time.",
        # a loss
        "loss.reason": "The reason that reports count: lower-case words and dashes.",
        "loss.after": "Falls off this long after entering the stage.",
        "loss.silent": "Falls off this long after the last human activity.",
        "loss.on": "Falls off when this event comes: EVENT [where …].",
        "loss.enroll": "The workflow that takes care of them then.",
        # every step
        "id": "A name of its own for this step, unique in the workflow.",
        "was": "The step's id before it was renamed, so that nobody gets it twice.",
        "need": "What the contact needs here, when it is not what the stage names.",
        "after": "Waits this long, counted from the end of the step before: 2 days, 3 business days, 4 hours.",
        "on": "Then for one of these days: weekdays, mon,wed, mon-fri.",
        "at": "Then for this time of day, in the contact's zone: 09:30.",
        "window": "Then until this window is open: weekdays 09:00-17:00.",
        "quiet": "And not in these hours: 21:00-08:00.",
        "if_late": "When its turn comes too late: send, skip, or shift to the rule's next match.",
        "max_late": "How late is too late; also how far quiet hours and caps may move it.",
        "purpose": "The permission it relies on; transactional for what the contact asked for.",
        "on_failure": "What follows when it could not be sent: next, lose, or a list of steps.",
        "hold": "Whether the contact waits here until it is done.",
        # single kinds
        "email.email": "The mail: templates/email/NAME.md.",
        "email.link_offer": "Puts this offer's signed link into the template, as offer.link.",
        "call_task.call_task": "The script: templates/call/NAME.txt.",
        "call_task.assign": "Who calls: owner, round-robin TEAM, a team, or an address.",
        "call_task.due": "By when, in the calendar's open hours, from when the task appears.",
        "call_task.expires": "When nobody need call any more, from when the task appears.",
        "call_task.hold": "no: goes on at once, and then has no outcomes.",
        "call_task.outcomes": "What follows each outcome: NAME, and its list of steps.",
        "offer.offer": "The offer that is handed over without a mail.",
        "notify.notify": "The mail to our own people: templates/email/NAME.md.",
        "notify.to": "Who hears of it: owner, a team, an address, or webhook NAME.",
        "webhook.webhook": "Its name, and that of the endpoint unless `to` names one.",
        "webhook.to": "The endpoint: [webhooks.NAME] in nurture.toml.",
        "webhook.data": "What is said beside who and where: names, and expressions for their values.",
        "webhook.contact": "Which of the contact's fields are told.",
        "webhook.hold": "yes: the contact waits until the other system has answered.",
        "wait.wait": "How long, or until when: 2 days, on mon at 09:00, until contact.FIELD - 3 days.",
        "wait.until": "A date that the contact carries: contact.FIELD - 3 days.",
        "wait_until.wait_until": "The events that end the wait, any of them; also those that came since the step before.",
        "wait_until.timeout": "How long it waits at most.",
        "wait_until.since": "The message or call to look back to, when it is not the last one.",
        "wait_until.on_timeout": "What follows when nothing came in time.",
        "when.when": "A question about the contact: contact.score >= 40 and contact.phone.",
        "when.do": "What follows when it is true.",
        "when.else": "What follows when it is not.",
        "split.split": "The experiment's name; a contact stays in their variant for good.",
        "split.variants": "NAME: {weight: 50, do: [steps]}, at least two.",
        "split.measure": "The event that the variants are compared by.",
        "set.set": "Fields, score, add_tag, remove_tag, and an expression for each: score: contact.score + 10.",
        "enroll.enroll": "The workflow that the contact enters as well; this one goes on.",
        "jump.jump": "The stage to go to, without fresh evidence.",
        "lose.lose": "The reason that reports count.",
        "exit.exit": "The reason, if one matters.",
        # a variant
        "variant.weight": "Its share, beside those of the others.",
        "variant.do": "What the contacts in it get.",
    }
)
"""By ``PART.KEY``, and by the key alone for what all steps share."""


def hover(part: str, key: str) -> str | None:
    """What is said about a key of ``workflow``, ``stage``, ``loss``, ``variant`` or a step kind."""
    return HOVERS.get(f"{part}.{key}") or HOVERS.get(key)


def about(kind: Kind) -> str:
    """What a step kind is: the sentence that its own file begins with."""
    told = sys.modules[kind.run.__module__].__doc__ or ""
    return " ".join(told.partition("\n\n")[0].replace("``", "`").split())
