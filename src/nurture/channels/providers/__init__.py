"""What the companies that send mail for us report by webhook: who signed it, and what it says in our words.

One file a provider: it checks the signature over the very bytes, and reads each event into the same `Report` that a mail
becomes. Nothing is recorded here. `PROVIDERS` is all of them by the name in `/hooks/NAME`.
"""

from __future__ import annotations

from collections.abc import Mapping

from nurture.channels.providers.base import (
    AwayError,
    Confirms,
    Event,
    Fetch,
    ForgedError,
    Posted,
    Provider,
    ShutError,
    UnreadableError,
)
from nurture.channels.providers.mailgun import Mailgun
from nurture.channels.providers.postmark import Postmark
from nurture.channels.providers.sendgrid import SendGrid
from nurture.channels.providers.ses import Ses

PROVIDERS: Mapping[str, type[Provider]] = {
    "ses": Ses,
    "postmark": Postmark,
    "mailgun": Mailgun,
    "sendgrid": SendGrid,
}

__all__ = [
    "PROVIDERS",
    "AwayError",
    "Confirms",
    "Event",
    "Fetch",
    "ForgedError",
    "Posted",
    "Provider",
    "ShutError",
    "UnreadableError",
]
