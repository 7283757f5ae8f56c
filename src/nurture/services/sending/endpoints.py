"""What a person asks of the endpoints that webhooks go to: how they do, the secret, a trial, to be switched on, once more.

Sending is ``services.sending.hooks``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from sqlalchemy import Connection

from nurture.channels.reach import UnreachableError
from nurture.channels.webhook import Answer, as_words
from nurture.db import hooks
from nurture.db.deliveries import by_key
from nurture.db.hooks import Closed
from nurture.model.errors import NotFoundError, NurtureError, did_you_mean
from nurture.model.words import Channel, DeliveryState
from nurture.model.workspace import Endpoint
from nurture.rendering.links import delivery_key
from nurture.services.runtime import Runtime
from nurture.services.sending.hooks import as_bytes, host_of, is_listed

PING = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one endpoint does. ``url`` is None when ``nurture.toml`` names it no more; times are business time, but for
    those of ``closed``.
    """

    name: str
    url: str | None
    closed: Closed | None
    waiting: int
    sent: int
    failed: int
    last_sent: datetime | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What an endpoint answered to a ping. ``status`` is None when no answer came; ``said`` then says why."""

    name: str
    id: str
    taken: bool
    status: int | None
    said: str
    seconds: float


def everything(runtime: Runtime) -> list[Standing]:
    """Every endpoint of the workspace, and those that only messages know, by name."""
    operational = runtime.clock.operational()
    with runtime.database.read() as tx:
        known = runtime.shelf.published(tx).workspace.webhooks
        shut = {name: one for name, one in hooks.closed(tx).items() if one.at(operational)}
        counted = hooks.counts(tx)
    found = []
    for name in sorted({*known, *(one.endpoint for one in counted)}):
        own = {one.state: one for one in counted if one.endpoint == name}
        sent = own.get(DeliveryState.SENT)
        ended = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SKIPPED)
        found.append(
            Standing(
                name=name,
                url=known[name].url if name in known else None,
                closed=shut.get(name),
                waiting=sum(one.number for state, one in own.items() if state not in ended),
                sent=sent.number if sent else 0,
                failed=own[DeliveryState.FAILED].number if DeliveryState.FAILED in own else 0,
                last_sent=sent.last if sent else None,
            )
        )
    return found


def secrets(runtime: Runtime, name: str) -> list[str]:
    """The secrets that requests to this endpoint are signed with, as ``whsec_…``: the one to use first.

    Each key of NURTURE_SECRET_KEY gives one; the later ones end when their key is removed. Raises NotFoundError.
    """
    with runtime.database.read() as tx:
        _known(tx, runtime, name)
    return [as_words(secret) for secret in runtime.webhooks.secrets(name)]


def ping(runtime: Runtime, name: str) -> Trial:
    """Send a message of the type ``ping`` now, whatever else waits, and tell the answer. Changes nothing here.

    Raises NotFoundError, and NurtureError where nothing may leave for that system.
    """
    with runtime.database.read() as tx:
        endpoint = _known(tx, runtime, name)
    _refuse_to_leave(runtime, endpoint.url)
    at = runtime.clock.operational()
    id_ = delivery_key(0, f"{PING} {name} {at.isoformat()}", 1, PING)
    body = as_bytes(
        {"id": id_, "type": PING, "timestamp": at.isoformat(timespec="seconds"), "endpoint": name}
    )
    begun = monotonic()
    reply = runtime.webhooks.post(name, endpoint.url, id_, body, at)
    seconds = round(monotonic() - begun, 3)
    if isinstance(reply, Answer):
        return Trial(name, id_, reply.taken, reply.status, reply.text, seconds)
    return Trial(name, id_, False, None, reply.text, seconds)


def enable(runtime: Runtime, name: str, *, actor: str) -> int:
    """Switch an endpoint on, or end its rest; returns how many messages wait for it, all of which go at once.

    Raises NotFoundError for an unknown endpoint, NurtureError for one that is neither off nor at rest.
    """

    def write(tx: Connection) -> int:
        _known(tx, runtime, name)
        if not hooks.works(tx, name):
            raise NurtureError(f"endpoint '{name}' is neither off nor at rest")
        runtime.audit(tx, actor, "webhook-on", f"webhook:{name}")
        return hooks.hurry(tx, name)

    return runtime.database.retrying(write)


def redeliver(runtime: Runtime, name: str, ids: Collection[str] | None = None, *, actor: str) -> list[str]:
    """Send messages that ended once more, under the same ids; returns those ids.

    Without ``ids`` all that failed; with them these, failed or sent. Raises NotFoundError for an unknown endpoint, and for an
    id that is none of its messages that ended.
    """

    def write(tx: Connection) -> list[str]:
        _known(tx, runtime, name)
        for id_ in ids or ():
            _require_ended(tx, name, id_)
        again = sorted(hooks.again(tx, name, ids))
        if again:
            runtime.audit(
                tx, actor, "webhook-again", f"webhook:{name}", {"ids": again[:100], "count": len(again)}
            )
        return again

    return runtime.database.retrying(write)


def _refuse_to_leave(runtime: Runtime, url: str) -> None:
    """A copy for trials calls nobody's real system, not even to say hello."""
    if not is_listed(runtime, url):
        raise NurtureError(
            f"NURTURE_ALLOW_RECIPIENTS does not list {host_of(url)}",
            hint="add the host to it, if this installation may write there",
        )
    try:
        caught = runtime.webhooks.keeps(url)
    except UnreachableError:
        return  # which the trial itself will tell
    if caught:
        raise NurtureError(
            f"while NURTURE_SMTP_URL is catch: nothing leaves for {host_of(url)}",
            hint="list the host in NURTURE_WEBHOOK_ALLOW, or set NURTURE_SMTP_URL",
        )


def _require_ended(tx: Connection, name: str, id_: str) -> None:
    found = by_key(tx, id_)
    if found is None or found.channel is not Channel.WEBHOOK or found.team != name:
        raise NotFoundError(f"no message '{id_}' was ever made for endpoint '{name}'")
    if found.state not in (DeliveryState.SENT, DeliveryState.FAILED):
        raise NotFoundError(f"message '{id_}' is {found.state}, so that it cannot go once more")


def _known(tx: Connection, runtime: Runtime, name: str) -> Endpoint:
    known = runtime.shelf.published(tx).workspace.webhooks
    if name not in known:
        listed = f"known: {', '.join(sorted(known))}" if known else "add [webhooks.NAME] to nurture.toml"
        raise NotFoundError(f"there is no endpoint '{name}'", hint=did_you_mean(name, tuple(known)) or listed)
    return known[name]
