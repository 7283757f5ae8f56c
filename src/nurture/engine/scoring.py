"""What an event adds to a contact's score, by the rules of ``[[scores]]``, and until when it counts.

A machine's click adds nothing; neither does what we did ourselves, or concluded from a score. It only answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from nurture.model.expressions import Scope
from nurture.model.matching import CONTACT_CHANGED, is_own_action
from nurture.model.timing import add
from nurture.model.words import Contact, Event
from nurture.model.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Gain:
    """Points by one rule; they fade at ``fades_at``, None is never."""

    rule: str
    points: float
    fades_at: datetime | None


def scores(name: str) -> bool:
    """May events of this name bring points? A change of the score is none of them: it would never end."""
    return name != CONTACT_CHANGED and not is_own_action(name)


def gains(event: Event, contact: Contact, workspace: Workspace) -> Iterator[Gain]:
    """What this event brings the contact, by each rule that it meets."""
    if not event.human or not scores(event.name):
        return
    scope = Scope(contact, event.data, None, workspace)
    told: Counter[str] = Counter()
    for rule in workspace.scores:
        if rule.on.matches(event.name, scope):
            told[str(rule.on)] += 1
            again = f" ({told[str(rule.on)]})" if told[str(rule.on)] > 1 else ""  # each rule counts once
            fades_at = add(event.arrived_at, rule.decay, workspace.zone) if rule.decay else None
            yield Gain(f"{rule.on}{again}", rule.add, fades_at)
