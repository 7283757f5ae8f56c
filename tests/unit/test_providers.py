"""Is what a provider calls permanent believed no further than a mail server, and is only the provider believed at all?"""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime

import pytest

from nurture.channels.inbound import Kind
from nurture.channels.providers import PROVIDERS, Confirms, Event, Posted, UnreadableError
from nurture.channels.providers.keys import verify_ecdsa
from tests.support import provider_posts as posts

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
HARD, SOFT, COMPLAINT = Kind.HARD, Kind.SOFT, Kind.COMPLAINT
ANA = "ana@example.org"


def told(name: str, post: posts.Post) -> tuple[Event, ...]:
    """What one request of a provider tells; its signature is the business of other tests."""
    found = PROVIDERS[name](("key",), lambda url: b"").read(Posted({}, post.body))
    assert not isinstance(found, Confirms)
    return tuple(found)


def kinds(name: str, post: posts.Post) -> list[Kind]:
    return [one.report.kind for one in told(name, post)]


@pytest.mark.parametrize(
    ("bounce", "kind"),
    [
        (posts.ses_bounce(ANA), HARD),
        (posts.ses_bounce(ANA, said="", status=""), HARD),
        (posts.ses_bounce(ANA, detail="NoEmail", status="5.0.0", said="smtp; 550 mailbox unavailable"), HARD),
        (posts.ses_bounce(ANA, detail="Suppressed"), SOFT),
        (posts.ses_bounce(ANA, detail="OnAccountSuppressionList"), SOFT),
        (posts.ses_bounce(ANA, status="5.7.1", said="smtp; 550 5.7.1 rejected as spam"), SOFT),
        (posts.ses_bounce(ANA, status="5.2.2", said="smtp; 552 5.2.2 mailbox full"), SOFT),
        (posts.ses_bounce(ANA, kind="Transient", detail="MailboxFull"), SOFT),
        (posts.ses_bounce(ANA, kind="Undetermined", detail="Undetermined"), SOFT),
        (posts.ses_complaint(ANA), COMPLAINT),
        (posts.ses_complaint(ANA, complaintFeedbackType="virus"), COMPLAINT),
        (posts.ses_complaint(ANA, complaintFeedbackType="not-spam"), Kind.NOT_BOUNCE),
        (posts.ses_complaint(ANA, complaintSubType="OnAccountSuppressionList"), SOFT),
    ],
)
def test_what_amazon_tells(bounce: dict[str, object], kind: Kind) -> None:
    assert kinds("ses", posts.from_ses(bounce)) == [kind]


def test_amazon_tells_of_each_recipient_and_of_nothing_that_arrived() -> None:
    both = told("ses", posts.from_ses(posts.ses_bounce(ANA, "bea@example.org", about="<k@example.org>")))
    other = told("ses", posts.from_ses({"notificationType": "Delivery", "mail": {}, "delivery": {}}))

    assert [one.report.recipients[0].address for one in both] == [ANA, "bea@example.org"]
    assert {one.report.message_ids for one in both} == {("<k@example.org>",)}
    assert other == ()


@pytest.mark.parametrize(
    ("type_", "details", "kind"),
    [
        ("HardBounce", "smtp;550 5.1.1 unknown user", HARD),
        ("HardBounce", "Test bounce details", HARD),
        ("HardBounce", "", HARD),
        ("HardBounce", "smtp;550 5.7.1 message refused as spam", SOFT),
        ("HardBounce", "smtp;552 5.2.2 over quota", SOFT),
        ("HardBounce", "smtp;421 too many connections", SOFT),
        ("BadEmailAddress", "", HARD),
        ("SoftBounce", "smtp;550 5.1.1 unknown user", SOFT),
        ("Transient", "", SOFT),
        ("SpamNotification", "550 5.1.1 looks like spam", SOFT),
        ("Blocked", "550 blocked", SOFT),
        ("DnsError", "", SOFT),
        ("DMARCPolicy", "", SOFT),
        ("ManuallyDeactivated", "", SOFT),
        ("AutoResponder", "", Kind.AUTOREPLY),
        ("ChallengeVerification", "", Kind.CHALLENGE),
        ("SpamComplaint", "", COMPLAINT),
    ],
)
def test_what_postmark_tells(type_: str, details: str, kind: Kind) -> None:
    assert kinds("postmark", posts.from_postmark(posts.postmark(type_, ANA, details))) == [kind]


@pytest.mark.parametrize("type_", ["Subscribe", "Unconfirmed", "SMTPApiError", "InboundError", "Something"])
def test_what_postmark_tells_that_is_nothing_of_the_sort(type_: str) -> None:
    assert told("postmark", posts.from_postmark(posts.postmark(type_, ANA))) == ()
    assert told("postmark", posts.from_postmark(posts.postmark("HardBounce", ANA, record="Delivery"))) == ()


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (posts.failed(ANA), HARD),
        (posts.failed(ANA, said=""), SOFT),
        (posts.failed(ANA, said="5.7.1 Message rejected due to policy"), SOFT),
        (posts.failed(ANA, said="5.7.26 unauthenticated mail is prohibited"), SOFT),
        (posts.failed(ANA, code=552, said="5.2.2 The account is over quota"), SOFT),
        (
            posts.failed(
                ANA, code=605, said="Not delivering to previously bounced address", reason="suppress-bounce"
            ),
            SOFT,
        ),
        (
            posts.failed(
                ANA,
                code=607,
                said="Not delivering to a user who marked your messages as spam",
                reason="suppress-complaint",
            ),
            SOFT,
        ),
        (posts.failed(ANA, code=602, said="Too old", reason="old"), SOFT),
        (posts.mailgun("complained", ANA), COMPLAINT),
    ],
)
def test_what_mailgun_tells(event: dict[str, object], kind: Kind) -> None:
    assert kinds("mailgun", posts.from_mailgun(event, NOW)) == [kind]


@pytest.mark.parametrize(
    "event",
    [posts.failed(ANA, severity="temporary"), posts.mailgun("delivered", ANA), posts.mailgun("opened", ANA)],
)
def test_what_mailgun_tells_that_is_no_end(event: dict[str, object]) -> None:
    assert told("mailgun", posts.from_mailgun(event, NOW)) == ()


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (posts.sendgrid("bounce", ANA, type="bounce", reason="500 unknown recipient", status="5.0.0"), HARD),
        (posts.sendgrid("bounce", ANA, type="bounce", reason="550 5.1.1 no such user", status="5.1.1"), HARD),
        (
            posts.sendgrid("bounce", ANA, type="bounce", reason="", bounce_classification="Invalid Address"),
            HARD,
        ),
        (posts.sendgrid("bounce", ANA, type="bounce", reason="550 5.7.1 policy", status="5.7.1"), SOFT),
        (
            posts.sendgrid("bounce", ANA, type="blocked", reason="550 5.1.1 no such user", status="5.1.1"),
            SOFT,
        ),
        (posts.sendgrid("blocked", ANA, reason="550 5.1.1 no such user", status="5.1.1"), SOFT),
        (posts.sendgrid("dropped", ANA, reason="Bounced Address"), SOFT),
        (posts.sendgrid("spamreport", ANA), COMPLAINT),
    ],
)
def test_what_sendgrid_tells(event: dict[str, object], kind: Kind) -> None:
    assert kinds("sendgrid", posts.from_sendgrid(event)) == [kind]


def test_sendgrid_tells_of_many_and_an_id_of_its_own_names_no_message() -> None:
    events = told(
        "sendgrid",
        posts.from_sendgrid(
            posts.sendgrid("delivered", ANA),
            posts.sendgrid("deferred", ANA),
            posts.sendgrid("spamreport", ANA, about="<k@example.org>"),
            posts.sendgrid("spamreport", ANA),
        ),
    )

    assert [one.report.message_ids for one in events] == [("<k@example.org>",), ()]


@pytest.mark.parametrize("name", sorted(PROVIDERS))
@pytest.mark.parametrize("body", [b"", b"{", b"[" * 50_000, b"\xff\xfe", b"7", b'"words"'])
def test_what_is_no_document_is_refused_and_breaks_nothing(name: str, body: bytes) -> None:
    with pytest.raises(UnreadableError):
        told(name, posts.Post(body))


def test_the_published_vector_of_sendgrid_holds() -> None:
    key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
    signature = b64decode(
        "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
    )
    body = (
        b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
        b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
        b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
        b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
    )

    assert verify_ecdsa(key, signature, b"1600112502" + body)
    assert not verify_ecdsa(key, signature, b"1600112503" + body)
