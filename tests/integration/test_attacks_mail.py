"""Can a name, a field or an event change who gets a mail, what its headers say, or where it ends?"""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from nurture.rendering.dkim import KeyKind, new_key
from tests.support.running import Running, a_nurture
from tests.support.smtp_server import ScriptedServer

WORKFLOW = """\
    workflow: one
    title: One
    purpose: nurture
    stages:
      - stage: first
        need: Know more
        trigger: a.happened
        validate: b.happened
        steps:
          - email: hostile
        loss: [{after: 300 days, reason: timed-out}]
    """
MAIL = """\
    ---
    subject: "{{ contact.first_name or 'Hello' }}, read this"
    preheader: "For {{ contact.first_name or 'you' }}"
    sender: owner
    ---
    Dear {{ contact.first_name or 'you' }}, you said: {{ event.words or 'nothing' }}

    [Leave]({{ links.unsubscribe }}), {{ workspace.postal_address }}.
    """
HEADERS = [
    "DKIM-Signature",
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]
PARTS = ["multipart/alternative", "text/plain", "text/html"]
HOSTILE = {
    "a header": "Ana\r\nBcc: evil@example.net",
    "a bare line feed": "Ana\nBcc: evil@example.net",
    "a bare carriage return": "Ana\rBcc: evil@example.net",
    "a folded header": "Ana\r\n Bcc: evil@example.net",
    "an end of all": "Ana\r\n.\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<evil@example.net>\r\nDATA\r\n",
    "an end for others": "Ana\n.\nMAIL FROM:<evil@example.net>\nRCPT TO:<evil@example.net>\n",
    "another line end": "Ana\u2028Bcc: evil@example.net\u0085Bcc: evil@example.net\x0bBcc:\x0c",
    "another address": 'Ana" <evil@example.net>, "Bea',
    "an encoded line end": "=?utf-8?q?Ana=0D=0ABcc:_evil@example.net?=",
    "a template": "{{ 7 * 7 }}{% for x in range(10**9) %}{{ x }}{% endfor %}{{ ''.__class__.__mro__ }}",
    "markup": "<script>alert(1)</script>[Ana](javascript:alert(1)) <img src=x onerror=alert(1)>",
    "half a character": "Ana \ud83d".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    "a boundary": "Ana\n--=_0123456789abcdef\nContent-Type: text/html\n\n<b>evil</b>",
    "a long line": "A" * 5_000,
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(tmp_path / "mails.jsonl") as server:
        yield server


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path, server: ScriptedServer) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, smtp_url=server.url)
    (running.project / "keys").mkdir()
    (running.project / "keys" / "s1.pem").write_bytes(new_key(KeyKind.ED25519))
    toml, sender = (running.project / "nurture.toml").read_text(), "[senders.default]\n"
    keys = 'dkim_selector = "s1"\ndkim_key_file = "keys/s1.pem"\n'
    running.write("nurture.toml", toml.replace(sender, sender + keys))
    running.write("templates/email/hostile.md", MAIL)
    running.write("workflows/one.yaml", WORKFLOW)
    running.publish()
    yield running
    running.nurture.close()


def test_one_mail_to_one_person_with_our_headers_and_no_others(
    running: Running, server: ScriptedServer
) -> None:
    named = {f"named{number}@example.org": words for number, words in enumerate(HOSTILE.values())}
    said_it = {f"said{number}@example.org": "Ana" for number in range(len(HOSTILE))}
    people = named | said_it
    for (email, name), words in zip(people.items(), [*HOSTILE.values()] * 2, strict=True):
        running.add(email, first_name=name, last_name=name, owner="kim@example.org")
        running.track("a.happened", email, words=words)

    running.run()

    said = [line for dialogue in server.dialogues for line in dialogue]
    told = [line.partition("<")[2].partition(">")[0] for line in said if line.startswith("RCPT")]
    states = {email: running.states(email)[0][1] for email in people}
    assert sum(line.startswith("MAIL FROM:<kim@example.org>") for line in said) == len(told)
    assert sorted(told) == sorted(server.recipients) == sorted(one for one in people if states[one] == "sent")
    assert set(states.values()) <= {"sent", "failed"}
    assert said_it.keys() < set(told)
    for taken in server.mails:
        whole(taken["data"].encode("latin-1"), taken["to"])


def whole(data: bytes, to: str) -> None:
    """It parses to what was meant, and to nothing more."""
    mail = message_from_bytes(data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    html = mail.get_body(preferencelist=("html",))
    assert html
    assert mail.keys() == HEADERS
    assert [one.addr_spec for one in mail["To"].addresses] == [to]
    assert [one.addr_spec for one in mail["From"].addresses] == ["kim@example.org"]
    assert [part.get_content_type() for part in mail.walk()] == PARTS
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    assert not set(data.replace(b"\r\n", b"")) & set(b"\r\n")
    alive = ("<script", "<img src=x", '="javascript:', "49{%")
    assert not any(one in html.get_content() for one in alive)
