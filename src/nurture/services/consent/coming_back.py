"""Somebody who left wants to hear from us again: they are mailed a button, and only that button gives a permission.

The click on the page gives nothing: whoever got a message forwarded holds its link too. After a complaint nobody is asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from nurture.model.words import Channel, SuppressionReason
from nurture.services.consent.recipient import Recipient, Stand, find
from nurture.services.forms.requests import ask_back
from nurture.services.runtime import Runtime
from nurture.workflow.documents import ConsentWording


def come_back(runtime: Runtime, key: str, proof: Mapping[str, str]) -> bool:
    """Mail the question whether we may write again; False where nobody can be asked.

    Asked twice it mails once: a day must have passed, and for an address that was closed thirty.
    """
    now = runtime.now()

    def ask(tx: Connection) -> bool:
        one = find(runtime, tx, key, now)
        words = words_of(one) if one else None
        if one is None or words is None:
            return False
        ask_back(tx, runtime, one.contact.email, words, proof)
        return True

    return runtime.database.retrying(ask)


def words_of(one: Recipient) -> ConsentWording | None:
    """What they would agree to: the words of their last yes, else plain ones; None for who must not be asked."""
    if one.stand in (Stand.WRITTEN_TO, Stand.UNKNOWN) or SuppressionReason.COMPLAINT in one.closed:
        return None
    purpose = one.purpose or (one.yes.purpose if one.yes else None)
    if purpose is None:
        return None
    if one.yes and one.yes.wording:
        return ConsentWording(purpose, (Channel.EMAIL,), one.yes.wording, one.yes.wording_version or "")
    plain = f"Yes, {one.published.workspace.name} may write to me again. I can stop at any time."
    return ConsentWording(purpose, (Channel.EMAIL,), plain, "page")
