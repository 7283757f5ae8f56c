"""The ways out: one file for each channel. Nothing here decides whether a message may go."""

from __future__ import annotations

from pathlib import Path

from nurture.channels import mailgun
from nurture.channels.base import Channel
from nurture.channels.catch import CatchChannel
from nurture.channels.mailgun import MailgunChannel
from nurture.channels.smtp import SmtpChannel
from nurture.channels.smtp_url import parse_smtp_url
from nurture.model.errors import SettingsError


def channel_for(url: str, *, mail_folder: Path, helo: str | None = None) -> Channel:
    """A new channel for NURTURE_SMTP_URL, for one thread. Nothing is connected before the first message.

    ``mail_folder`` is where ``catch:`` writes, ``helo`` the name we give ourselves. Raises SettingsError.
    """
    if url.strip() in ("catch:", "catch"):
        return CatchChannel(mail_folder)
    if not url.strip():
        raise SettingsError(
            "NURTURE_SMTP_URL is empty", hint="leave it out for catch:, or name a mail server"
        )
    if url.strip().startswith(f"{mailgun.SCHEME}:"):
        return MailgunChannel(mailgun.parse_mailgun_url(url.strip()))
    return SmtpChannel(parse_smtp_url(url.strip(), helo=helo))
