"""``[senders.NAME]`` in nurture.toml: whom mail comes from, how it is signed, and how much of it leaves.

Keys are named, never held: what is published says which file signs, and the machine that sends has the file.
"""

from __future__ import annotations

from datetime import date
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from nurture.model import warm_up
from nurture.model.addresses import AddressError, is_selector, parse_mailbox, wire_domain
from nurture.model.errors import TextError
from nurture.model.timing import Duration, Unit
from nurture.model.warm_up import WarmUp
from nurture.model.workspace import Sender
from nurture.steps.base import DurationText


def read_address(text: str) -> str:
    """``Name <address>`` or an address alone, as mail headers want it; nothing in it may break out of one."""
    hint = "write Name <name@example.org>"
    try:
        mailbox = parse_mailbox(text)
    except AddressError as error:
        raise TextError(f"'{text}' is no mail address", hint=hint) from error
    name = mailbox.name
    if "." not in mailbox.domain or not name.isprintable() or not set(name).isdisjoint('"\\'):
        raise TextError(f"'{text}' is no mail address", hint=hint)
    if not name:
        return mailbox.address
    quoted = name if set(name).isdisjoint("()<>[]:;@,.") else f'"{name}"'
    return f"{quoted} <{mailbox.address}>"


def _domain(text: str) -> str:
    try:
        domain = wire_domain(text)
    except AddressError as error:
        raise TextError(
            f"'{text[:80]}' is no domain", hint="write for example bounces.example.org"
        ) from error
    if "." not in domain:
        raise TextError(f"'{text}' is no domain", hint="write for example bounces.example.org")
    return domain


def _selector(text: str) -> str:
    if not is_selector(text):
        raise TextError(
            f"'{text[:80]}' is no selector", hint="write a word of letters, digits and -, such as s2026"
        )
    return text


def _file(text: str) -> str:
    if not text.strip() or not text.isprintable() or PurePosixPath(text).name in ("", ".."):
        raise TextError(f"'{text[:80]}' is no file", hint="write for example var/dkim/s2026.pem")
    return text


def _day(value: object) -> object:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise TextError(f"'{value[:80]}' is no day", hint="write it as 2026-12-24") from None
    return value


def _days(duration: Duration) -> Duration:
    if duration.unit not in (Unit.DAYS, Unit.WEEKS) or not duration.amount:
        raise TextError(f"'{duration}' are no whole days", hint="write for example 2 days, or 1 week")
    return duration


Address = Annotated[str, AfterValidator(read_address)]
Rate = Annotated[int, Field(gt=0)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class WarmUpForm(_Form):
    """``warm_up = { since = "2026-12-01", start = 50, double_every = "2 days" }``."""

    since: Annotated[date, BeforeValidator(_day)]
    start: Rate = warm_up.START
    double_every: Annotated[DurationText, AfterValidator(_days)] | None = None

    def warm_up(self) -> WarmUp:
        if self.double_every is None:
            return WarmUp(self.since, self.start)
        days = self.double_every.amount * (7 if self.double_every.unit is Unit.WEEKS else 1)
        return WarmUp(self.since, self.start, days)


class SenderForm(_Form):
    """One sender. A key without the selector that leads others to it would sign for nobody."""

    address: Address = Field(alias="from")
    reply_to: Address | None = None
    return_path_domain: Annotated[str, AfterValidator(_domain)] | None = None
    dkim_selector: Annotated[str, AfterValidator(_selector)] | None = None
    dkim_key_file: Annotated[str, AfterValidator(_file)] | None = None
    per_domain_rate: Rate | None = None
    rate: Rate | None = None
    warm_up: WarmUpForm | None = None

    def sender(self, name: str) -> Sender:
        return Sender(
            name=name,
            address=self.address,
            reply_to=self.reply_to,
            return_path_domain=self.return_path_domain,
            dkim_selector=self.dkim_selector,
            dkim_key_file=self.dkim_key_file,
            rate=self.rate,
            per_domain_rate=self.per_domain_rate,
            warm_up=self.warm_up.warm_up() if self.warm_up else None,
        )
