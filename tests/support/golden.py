"""Whole messages of the sample company, kept to be read: what a change of a template or of the program does to each.

``python -m tests.support.golden`` writes them all anew; read the difference before it is kept. Each file is a message
that mail programs open: the headers as people read them, both parts as they are, nothing encoded or folded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path

from nurture.model.words import Contact
from nurture.rendering.links import Links
from nurture.rendering.mime import build_message
from nurture.rendering.templates import is_sent
from nurture.services.files.folder import open_sound
from nurture.services.files.preview import EMAIL, letter_of, uses
from nurture.services.rehearsing.rehearsal import of_folder
from nurture.services.sending.compose import compose

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "tests" / "unit" / "golden" / "company"
NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
LINKS = Links("https://tamarack.example.org", ("a key that signs nothing",))
CONTACTS = {
    "ana": Contact(
        id=1,
        email="ana@example.org",
        first_name="Ana",
        last_name="Ferreira",
        timezone="America/Toronto",
        locale="en-CA",
        owner="kim@example.org",
    ),
    "zoe": Contact(
        id=2,
        email="zoe@bücher.example",
        first_name="Zoë-Renée 🎉 <b>",
        last_name="d’Aubigné, née O'Brien-Łukaszewicz",
        timezone="America/Halifax",
        locale="fr_CA",
    ),
}
"""One as the sample's personas are; one with everything that could go wrong in a header or in HTML, who reads French."""


def messages() -> Iterator[tuple[str, bytes]]:
    """Every message of the sample company to each contact, as it would leave: the name of its file, and its bytes."""
    ground = of_folder(open_sound(PROJECT))
    for template in sorted(
        name for name in ground.templates.names if name.startswith(EMAIL) and is_sent(name)
    ):
        use = next(uses(ground, template), None)
        for name, contact in CONTACTS.items():
            letter = letter_of(ground, template, contact, use, NOW)
            mail = compose(letter, ground.workspace, ground.templates, LINKS, NOW).mail
            yield f"{template.removeprefix(EMAIL)}.{name}.eml", build_message(mail)


def to_read(raw: bytes) -> str:
    """The same message with nothing encoded and nothing folded, in LF lines."""
    message = message_from_bytes(raw, policy=policy.SMTP.clone(utf8=True))
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    parts = list(message.iter_parts()) if message.is_multipart() else [message]
    plain = message_from_bytes(
        raw, policy=policy.compat32
    )  # its decoder keeps the spaces of a long name as they were
    head = [
        f"{name}: {_decoded(str(value))}"
        for name, value in plain.items()
        if name != "Content-Transfer-Encoding"
    ]
    if not message.is_multipart():
        return "\n".join([*head, "Content-Transfer-Encoding: 8bit", "", _text(message)])
    boundary = str(message.get_boundary())
    out = [*head, ""]
    for part in parts:
        out += [
            f"--{boundary}",
            f"Content-Type: {part['Content-Type']}",
            "Content-Transfer-Encoding: 8bit",
            "",
            _text(part),
        ]
    return "\n".join([*out, f"--{boundary}--", ""])


def _decoded(value: str) -> str:
    """A header as people read it, on one line."""
    return str(make_header(decode_header(value.replace("\r\n", "").replace("\n", ""))))


def _text(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n").rstrip("\n") + "\n"


def renew() -> int:
    """Write every file anew, and remove those of messages that are gone; returns how many there are."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    texts = {name: to_read(raw) for name, raw in messages()}
    for file in FOLDER.glob("*.eml"):
        if file.name not in texts:
            file.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return len(texts)


if __name__ == "__main__":
    sys.stdout.write(f"{renew()} messages are in {FOLDER}; read the difference before you keep it\n")
