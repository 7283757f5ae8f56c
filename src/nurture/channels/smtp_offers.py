"""Is the way to the mail server encrypted? Asks the server what it offers, and says nothing more."""

from __future__ import annotations

import smtplib
from enum import StrEnum

from nurture.channels.mailgun import SCHEME, parse_mailgun_url
from nurture.channels.smtp_url import Tls, parse_smtp_url

SECONDS = 10.0


class Offers(StrEnum):
    """What there is, and whether it is used."""

    ENCRYPTED = "encrypted"
    UNUSED_TLS = "unused"
    PLAIN = "plain"
    UNREACHABLE = "unreachable"


def ask_offers(url: str) -> Offers:
    """Look at the way out that NURTURE_SMTP_URL names. Raises SettingsError for one that cannot be read."""
    if url.startswith(f"{SCHEME}:"):
        return Offers.ENCRYPTED if parse_mailgun_url(url).tls else Offers.PLAIN
    settings = parse_smtp_url(url)
    if settings.tls is Tls.IMPLICIT:
        return Offers.ENCRYPTED
    try:
        with smtplib.SMTP(settings.host, settings.port, settings.helo, SECONDS) as server:
            server.ehlo(settings.helo)
            offered = server.has_extn("starttls")
    except (OSError, smtplib.SMTPException):
        return Offers.UNREACHABLE
    if settings.tls is Tls.STARTTLS:
        return Offers.ENCRYPTED if offered else Offers.PLAIN
    return Offers.UNUSED_TLS if offered else Offers.PLAIN
