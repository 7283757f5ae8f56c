"""A message as it travels, read back by the standard library: what went in comes out, and nothing else can get in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nurture.model.addresses import AddressError, Mailbox, parse_mailbox, wire_address
from nurture.rendering.mime import Mail, UnsendableError, build_message, preview_headers
from nurture.rendering.templates import Library, TemplateSource
from tests.support.messages import LAYOUT, a_contact, a_mail

GOLDEN = Path(__file__).parent / "golden"

# Text that a header may hold: no control characters, no half characters.
HEADER_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
BODY = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\r\n.=- \tFrom_")), max_size=3000
)


def read_back(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.SMTP.clone(utf8=True))
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def assert_it_may_travel(raw: bytes) -> None:
    """RFC 5322, 2.1.1 and 2.3: CRLF only, lines of at most 998 octets, no NUL."""
    assert re.search(rb"(?<!\r)\n|\r(?!\n)|\0", raw) is None
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.endswith(b"\r\n")


def normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def body_of(message: EmailMessage) -> str:
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return normal(payload.decode())


def test_a_marketing_mail_has_each_header_once_and_both_parts_text_first():
    message = read_back(build_message(a_mail(reply_to=Mailbox("kim@example.org"))))

    assert [(name, str(value)) for name, value in message.items()] == [
        ("Date", "Mon, 02 Mar 2026 09:30:00 +0000"),
        ("From", "Claire Novak <claire@example.org>"),
        ("Reply-To", "kim@example.org"),
        ("To", "ana@example.org"),
        ("Subject", "Your guide"),
        ("Message-ID", "<3awt2zs2fwblolh3qmqnx7xski@example.org>"),
        ("List-Id", "<retirement.example.org>"),
        ("List-Unsubscribe", "<https://example.org/u/token>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
        ("Content-Type", str(message["Content-Type"])),
    ]
    assert message.get_content_type() == "multipart/alternative"
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [body_of(part) for part in parts] == ["Hello Ana\n", "<p>Hello Ana</p>\n"]


def test_a_transactional_mail_in_plain_text_is_one_part_without_list_headers():
    message = read_back(build_message(a_mail(html=None, unsubscribe_link=None, list_id=None)))

    assert message.get_content_type() == "text/plain"
    assert body_of(message) == "Hello Ana\n"
    assert not [name for name in message.keys() if name.startswith("List-")]  # noqa: SIM118 (a message is no dict)


def test_the_same_mail_is_the_same_bytes_and_the_boundary_follows_the_message_id():
    assert build_message(a_mail()) == build_message(a_mail())
    assert build_message(a_mail()) != build_message(a_mail(message_id="<other@example.org>"))


@settings(max_examples=300, deadline=None)
@given(subject=HEADER_TEXT)
@example("a" * 70)
@example("=?utf-8?q?x?=")
@example(" leading and trailing ")
@example("two  spaces" * 10)
@example("word " * 60)
@example("🎉" * 80)
@example("")
def test_any_subject_comes_out_as_it_went_in(subject: str):
    raw = build_message(a_mail(subject=subject))

    assert_it_may_travel(raw)
    assert read_back(raw)["Subject"] == subject.lstrip(" ") or _decoded(raw, "Subject") == subject


def _decoded(raw: bytes, name: str) -> str:
    """The header by the older, separate decoder of the standard library."""
    return str(make_header(decode_header(_unfolded(raw, name))))


def _unfolded(raw: bytes, name: str) -> str:
    return str(BytesHeaderParser(policy=policy.compat32).parsebytes(raw)[name]).replace("\r\n", "")


@settings(max_examples=300, deadline=None)
@given(name=HEADER_TEXT)
@example('Claire "CN" Novak, Tamarack \\ Lane')
@example("Zoë Ångström-Nuñez at a company with a rather long name indeed, Toronto")
@example("a" * 200)
@example("=?utf-8?b?eA==?=")
def test_any_name_comes_out_as_it_went_in(name: str):
    raw = build_message(a_mail(from_=Mailbox("claire@example.org", name)))

    assert_it_may_travel(raw)
    # The newer parser puts spaces between encoded words of one name; the older one keeps to RFC 2047, 6.2.
    assert [each.addr_spec for each in read_back(raw)["From"].addresses] == ["claire@example.org"]
    shown, address = parseaddr(_unfolded(raw, "From"))
    assert address == "claire@example.org"
    assert str(make_header(decode_header(shown))) == name.strip(" ")


@settings(max_examples=300, deadline=None)
@given(text=BODY, html=BODY)
@example(".\r\n..\r\n.x", "\r\n.\r\n")
@example("x" * 5000, "ü" * 5000)
@example("trailing \t\n \n", "From here\n--=_")
@example("a\rb\r\r\nc", "=\n=20")
def test_any_body_comes_out_as_it_went_in(text: str, html: str):
    raw = build_message(a_mail(text=text, html=html))

    assert_it_may_travel(raw)
    plain, rich = read_back(raw).iter_parts()
    assert [body_of(plain), body_of(rich)] == [normal(text), normal(html)]
    assert raw.count(b"--=_") == 3
    assert b"\r\n.\r\n" not in raw


LINE = HEADER_TEXT.map(lambda text: " ".join(text.split())).filter(bool)
"""As templates and names give it: one line, no space at its ends."""


@settings(max_examples=60, deadline=None)
@given(
    subject=LINE,
    text=BODY,
    html=st.none() | BODY,
    marketing=st.booleans(),
    long=st.integers(1, 900),
)
@example("Zoë " * 59 + "Zoë", "é" * 2000, "<p>" + "漢字" * 900, True, 900)
def test_what_we_build_reads_like_what_the_standard_library_builds(
    subject: str, text: str, html: str | None, marketing: bool, long: int
):
    """But for names of senders: the library's own builder loses spaces of long ones."""
    link, list_id = f"https://example.org/u/{'t' * long}", f"{'l' * (long // 10 + 1)}.example.org"
    mail = a_mail(
        from_=Mailbox("claire@bücher.example", "Claire Novak, Tamarack Lane"),
        subject=subject,
        text=text,
        html=html,
        unsubscribe_link=link if marketing else None,
        list_id=list_id if marketing else None,
    )

    raw, theirs = build_message(mail, signed), message_from_bytes(built_by_the_library(mail))

    assert_it_may_travel(raw)
    ours = message_from_bytes(raw)
    assert {name: _decoded_header(ours, name) for name in theirs} == {
        name: _decoded_header(theirs, name) for name in theirs
    }
    assert set(ours.keys()) - set(theirs.keys()) == {"DKIM-Signature"}
    assert [leaf(part) for part in ours.walk()] == [leaf(part) for part in theirs.walk()]


def signed(headers: Sequence[tuple[str, str]], body: bytes) -> Sequence[tuple[str, str]]:
    return [("DKIM-Signature", "v=1; b=" + "x" * 60)]


def built_by_the_library(mail: Mail) -> bytes:
    """The same message, slowly."""
    message = EmailMessage(policy=policy.SMTP)
    message["Date"] = mail.date
    local, _, domain = mail.from_.address.rpartition("@")
    message["From"] = Address(mail.from_.name, local, domain.encode("idna").decode())
    message["To"] = mail.to.address
    message["Subject"] = mail.subject
    message["Message-ID"] = mail.message_id
    if mail.list_id and mail.unsubscribe_link:
        message["List-Id"] = f"<{mail.list_id}>"
        message["List-Unsubscribe"] = f"<{mail.unsubscribe_link}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, cte="base64")
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html", cte="base64")
    return message.as_bytes()


def _decoded_header(message: Message, name: str) -> str:
    """What a reader sees of it; of parts and encodings only what kind they are."""
    value = str(make_header(decode_header(str(message[name]).replace("\r\n", "").replace("\n", ""))))
    if name == "Content-Transfer-Encoding":
        return "any"
    value = value.strip()
    return value.partition(";")[0] if name == "Content-Type" else value.replace('"', "").replace("\\", "")


def leaf(part: Message) -> tuple[str, str]:
    payload = b"" if part.is_multipart() else part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return part.get_content_type(), normal(payload.decode()).rstrip("\n")


def test_mostly_ascii_stays_readable_and_the_rest_is_base64():
    plain, rich = read_back(
        build_message(a_mail(text="Viele liebe Grüße an alle hier, bis bald\n", html="これは日本語です\n"))
    ).iter_parts()

    assert (plain["Content-Transfer-Encoding"], rich["Content-Transfer-Encoding"]) == (
        "quoted-printable",
        "base64",
    )


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(min_codepoint=0x80, exclude_categories=["Cs", "Cc"]), min_size=1))
def test_encoded_words_and_their_lines_are_short_enough(text: str):
    raw = build_message(a_mail(subject=text, from_=Mailbox("claire@example.org", text)))

    header = raw.partition(b"\r\n\r\n")[0]
    encoded_lines = [line for line in header.split(b"\r\n") if b"=?utf-8?" in line]
    assert encoded_lines
    assert all(len(line) <= 76 for line in encoded_lines)
    assert all(len(word) <= 75 for line in encoded_lines for word in line.split() if word.startswith(b"=?"))


@pytest.mark.parametrize("bad", ["a\r\nBcc: eve@example.org", "a\nb", "a\rb", "a\0b", "a\x1b[0m", "\ud800"])
def test_nothing_can_break_out_of_a_header(bad: str):
    for change in (
        {"subject": bad},
        {"from_": Mailbox("claire@example.org", bad)},
        {"to": Mailbox(f"{bad}@example.org")},
        {"to": Mailbox(f"ana@{bad}")},
        {"reply_to": Mailbox("claire@example.org", bad)},
        {"message_id": f"<{bad}@example.org>"},
        {"unsubscribe_link": f"https://example.org/{bad}"},
        {"list_id": f"{bad}.example.org"},
        {"auto_submitted": bad},
        {"extra": {"X-Campaign": bad}},
        {"extra": {f"X-{bad}": "x"}},
    ):
        with pytest.raises(UnsendableError):
            build_message(a_mail(**change))


@pytest.mark.parametrize("name", ["Subject", "bcc", "To", "X Y", "X:", "", "DKIM-Signature", "Content-Type"])
def test_an_extra_header_is_one_of_its_own(name: str):
    with pytest.raises(UnsendableError):
        build_message(a_mail(extra={name: "x"}))


@pytest.mark.parametrize(
    "change",
    [
        {"unsubscribe_link": "mailto:x@example.org"},
        {"unsubscribe_link": "https://example.org/" + "x" * 1000},
        {"message_id": "no brackets@example.org"},
        {"list_id": "no dots"},
        {"date": datetime(2026, 3, 2)},  # noqa: DTZ001 (that is the point)
        {"text": "\ud800"},
        {"to": Mailbox("no address")},
        {"to": Mailbox("two@example.org, three@example.org")},
        {"to": Mailbox("ana@example..org")},
    ],
)
def test_what_cannot_be_right_is_refused(change: dict[str, object]):
    with pytest.raises(UnsendableError):
        build_message(a_mail(**change))


def test_international_domains_travel_as_a_labels_and_local_parts_as_they_are():
    raw = build_message(a_mail(to=Mailbox("jürgen+a.b@Bücher.example", "Jürgen")))

    assert "\r\nTo: =?utf-8?b?SsO8cmdlbg==?= <jürgen+a.b@xn--bcher-kva.example>\r\n".encode() in raw


def test_a_signature_stands_on_top_and_sees_what_travels():
    seen: list[tuple[list[str], bytes]] = []

    def sign(headers: object, body: bytes) -> list[tuple[str, str]]:
        assert isinstance(headers, list)
        seen.append(([name for name, _ in headers], body))
        return [("DKIM-Signature", "v=1")]

    raw = build_message(a_mail(), sign)

    assert raw.startswith(b"DKIM-Signature: v=1\r\nDate:")
    ((names, body),) = seen
    assert {"From", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post", "Content-Type"} <= set(names)
    assert raw.endswith(b"\r\n\r\n" + body)


def test_the_headers_can_be_shown_without_the_body():
    headers = dict(preview_headers(a_mail()))

    assert headers["List-Unsubscribe"] == "<https://example.org/u/token>"
    assert headers["Content-Type"].startswith("multipart/alternative")


def test_the_date_keeps_its_zone():
    date = datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=-5)))

    assert read_back(build_message(a_mail(date=date)))["Date"].datetime == date


# Addresses


@pytest.mark.parametrize(
    ("text", "address", "name"),
    [
        ("claire@example.org", "claire@example.org", ""),
        ("<claire@example.org>", "claire@example.org", ""),
        (
            "Claire Novak, Tamarack Lane <claire@example.org>",
            "claire@example.org",
            "Claire Novak, Tamarack Lane",
        ),
        ('"Novak, \\"CN\\"" <claire@example.org>', "claire@example.org", 'Novak, "CN"'),
    ],
)
def test_a_sender_is_written_as_people_write_it(text: str, address: str, name: str):
    assert parse_mailbox(text) == Mailbox(address, name)


@pytest.mark.parametrize(
    "text", ["", "Claire", "Claire <claire>", "Claire <claire@example.org", "a@b@c", "<a@b.c> x"]
)
def test_what_is_no_sender_is_said(text: str):
    with pytest.raises(AddressError):
        parse_mailbox(text)


@pytest.mark.parametrize(
    "address",
    ["a b@c.d", "<a@b.c>", "a@", "@b.c", ".a@b.c", "a..b@c.d", "a@-b.c", "a@b c", "x" * 65 + "@b.c"],
)
def test_what_is_no_address_never_reaches_an_envelope(address: str):
    with pytest.raises(AddressError):
        wire_address(address)


# Snapshots: what a whole message looks like. To renew one after a wanted change, delete it and run this test once: it
# writes the file and fails, so that the new text is read before it is kept.

GOLDEN_SOURCES = {
    "marketing": TemplateSource.at(
        "email/marketing.md",
        "---\nsubject: \"{{ contact.first_name or 'Hello' }}, your guide\"\npreheader: Five numbers\nlayout: plain\n---\n"
        "Hi {{ contact.first_name or 'there' }},\n\nhere is **the guide**: [download it]({{ offer.link }}).\n\n"
        "{% for tag in contact.tags %}\n- you are {{ tag }}\n{% endfor %}\n\nClaire\n",
    ),
    "plain": TemplateSource.at(
        "email/plain.txt", "---\nsubject: Plainly\n---\nHi {{ contact.first_name }}.\n.\nBye.\n"
    ),
}
GOLDEN_CONTACTS = {
    "ana": a_contact(),
    "zoe": a_contact(first_name="Zoë <Ünal> 🎉", email="zoë@bücher.example"),
}


@pytest.mark.parametrize("contact", GOLDEN_CONTACTS)
@pytest.mark.parametrize("source", GOLDEN_SOURCES)
def test_whole_messages_look_as_they_did(source: str, contact: str):
    layout = TemplateSource.at("email/layouts/plain.html", LAYOUT)
    facts = GOLDEN_CONTACTS[contact]
    person = facts["contact"]
    assert isinstance(person, dict)
    message = Library([GOLDEN_SOURCES[source], layout]).message(source).render(facts)
    mail = Mail(
        from_=parse_mailbox("Claire Novak, Tamarack Lane <claire@example.org>"),
        to=Mailbox(str(person["email"])),
        subject=message.subject,
        text=message.text,
        html=message.html,
        message_id="<3awt2zs2fwblolh3qmqnx7xski@example.org>",
        date=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        unsubscribe_link="https://example.org/u/token" if source == "marketing" else None,
        list_id="retirement.example.org" if source == "marketing" else None,
    )
    raw = build_message(mail)

    snapshot = GOLDEN / f"{source}-{contact}.eml"
    if not snapshot.exists():
        snapshot.write_bytes(raw)
        pytest.fail(f"{snapshot.name} was not there and is written now: read it, then run again")
    assert raw == snapshot.read_bytes()
