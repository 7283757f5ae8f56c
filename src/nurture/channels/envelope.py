"""One message in the words of the mail dialogue: sender, recipient and body, for a server with these offers.

Pure. Addresses have been checked when the message was made; nothing else of a message goes into a command.
"""

from __future__ import annotations

from collections.abc import Mapping

from nurture.channels.base import Message, Outcome, RefusedMessage
from nurture.model.addresses import needs_smtputf8, wire_address


def unfit(message: Message, offers: Mapping[str, str]) -> Outcome | None:
    """Why this server can never take this message, as it told us in its greeting."""
    if needs_smtputf8(message.recipient) and "SMTPUTF8" not in offers:
        return RefusedMessage(
            None, "5.6.7", "the mail server takes no address with letters beyond ASCII (no SMTPUTF8)"
        )
    largest = offers.get("SIZE", "")
    if largest.isdigit() and 0 < int(largest) < len(message.data):
        return RefusedMessage(
            None, "5.3.4", f"{len(message.data)} bytes are more than the {largest} the mail server takes"
        )
    return None


def mail_command(message: Message, offers: Mapping[str, str]) -> bytes:
    """MAIL, with what this server likes to know beforehand: the size, and whether there are letters beyond ASCII."""
    sender = wire_address(message.sender) if message.sender else ""
    words = [f"MAIL FROM:<{sender}>"]
    if "SIZE" in offers:
        words.append(f"SIZE={len(message.data)}")
    if needs_smtputf8(message.recipient) or needs_smtputf8(message.sender):
        words.append("SMTPUTF8")
    if "8BITMIME" in offers and not message.data.isascii():
        words.append("BODY=8BITMIME")
    return f"{' '.join(words)}\r\n".encode()


def stuffed(data: bytes) -> bytes:
    """The body with its dots doubled and its last line ended (RFC 5321, 4.5.2)."""
    if b"\r\n." in data:
        data = data.replace(b"\r\n.", b"\r\n..")
    if data.startswith(b"."):
        data = b"." + data
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def rcpt_command(message: Message) -> bytes:
    """RCPT, from the stored address only."""
    return f"RCPT TO:<{wire_address(message.recipient)}>\r\n".encode()
