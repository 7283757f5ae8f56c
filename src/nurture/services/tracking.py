"""An event from outside: its name must be one we know, its contact must be there; then it is taken in once.

What we do ourselves (a mail sent, a stage entered) is refused: it proves nothing about a contact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nurture.model.errors import NurtureError, did_you_mean
from nurture.model.matching import RESERVED_EVENTS, is_own_action
from nurture.model.words import NOTHING, Event, Scalar
from nurture.model.workspace import Workspace
from nurture.services.enroll import Answer
from nurture.services.ingest import Happening, take_in
from nurture.services.people import find_contact
from nurture.services.runtime import Runtime

KNOWN = frozenset(name for name in RESERVED_EVENTS if not is_own_action(name)) - {"contact.changed"}


@dataclass(frozen=True, slots=True)
class Tracked:
    """What became of an event; ``event`` is None when it had been stored before under the same id."""

    event: Event | None
    answers: tuple[Answer, ...]

    @property
    def duplicate(self) -> bool:
        return self.event is None


def track_from_outside(
    runtime: Runtime,
    email: str,
    name: str,
    data: Mapping[str, Scalar] = NOTHING,
    *,
    id: str | None = None,  # noqa: A002 - what users call it
    at: datetime | None = None,
    source: str = "command line",
) -> Tracked:
    """Take in one event of the contact with this address.

    ``at`` is business time, now by default. Raises NotFoundError for an unknown contact, NurtureError for an event
    that nobody declared, that is our own action, or that lies in the future.
    """
    now = runtime.now()
    with runtime.database.read() as tx:
        refuse_unknown(name, runtime.shelf.published(tx).workspace)
        contact = find_contact(tx, email)
    if at is not None and at > now:
        hint = f"it is {now.isoformat(timespec='minutes')} now"
        raise NurtureError(
            f"an event cannot have happened at {at.isoformat()}, which is still to come", hint=hint
        )
    happening = Happening(contact_id=contact.id, name=name, data=data, at=at, id=id, source=source)
    taken = runtime.database.retrying(lambda tx: take_in(tx, runtime.shelf, [happening], now))
    return Tracked(taken.events[0], taken.answers)


def refuse_unknown(name: str, workspace: Workspace) -> None:
    """Raise NurtureError unless events of this name may come from outside."""
    known = KNOWN | workspace.events
    if name in known:
        return
    if is_own_action(name) or name == "contact.changed":
        raise NurtureError(
            f"'{name}' is our own action: nobody outside can report it",
            hint="name what the contact did, such as email.clicked, offer.downloaded or sale.closed",
        )
    declare = "declare it under [events] in nurture.toml and publish"
    near = did_you_mean(name, known)
    raise NurtureError(f"there is no event '{name}'", hint=f"{near} Or {declare}" if near else declare)
