"""Does a provider's door stay shut for what is no request of one, and for everything but a post?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from nurture.web import create_app
from tests.support import provider_posts as posts
from tests.support.returning import MAILS, closed, id_of, live, noted
from tests.support.running import Running, a_nurture

ANA = "ana@example.org"
HALF = '"\\ud800"'
"""Half of a character, as JSON can hold it."""
NONSENSE = {
    "nothing": b"",
    "null": b"null",
    "no JSON": b"\xff\xfe\x00",
    "deep": b'{"a":' * 100_000,
    "deeper": b"[" * 200_000,
    "a long number": b"1" * 5_000,
    "lists": b'{"signature": [1], "TopicArn": [1]}',
    "half a topic": f'{{"TopicArn": {HALF}}}'.encode(),
    "half a signature": f'{{"signature": {{"timestamp": {HALF}, "token": {HALF}, "signature": {HALF}}}}}'.encode(),
    "half a message": f'{{"TopicArn": "{posts.TOPIC}", "Type": "Notification", "Signature": "AAAA", "Message": {HALF}, '
    f'"SigningCertURL": "{posts.CERTIFICATE}"}}'.encode(),
    "an endless time": b'{"signature": {"timestamp": 1e400, "token": 1e400, "signature": "x"}}',
}


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(
        sqlite_url,
        tmp_path,
        mails=MAILS,
        hook_ses_topic=(posts.TOPIC,),
        hook_postmark_key=(posts.PASSWORD,),
        hook_mailgun_key=(posts.SIGNING_KEY,),
        hook_sendgrid_key=(posts.sendgrid_public(),),
    )
    running.nurture.runtime.providers["ses"].fetch = lambda url: posts.amazons_certificate()
    yield live(running)
    running.nurture.database.dispose()


def browser(running: Running) -> FlaskClient:
    return create_app(running.nurture.settings, running.nurture).test_client()


def test_what_is_no_request_of_a_provider_is_refused_and_breaks_nothing(running: Running) -> None:
    strange = {"Authorization": "Basic //46/w==", "X-Twilio-Email-Event-Webhook-Signature": "\xe9"}
    client = browser(running)

    answers = {
        (name, what): client.post(f"/hooks/{name}", data=body, headers=headers).status_code
        for name in running.nurture.runtime.providers
        for what, body in NONSENSE.items()
        for headers in ({}, strange)
    }

    assert {key: code for key, code in answers.items() if code not in (400, 401)} == {}
    assert (len(answers), noted(running), closed(running)) == (4 * len(NONSENSE), [], set())


def test_looking_at_a_webhook_does_nothing(running: Running) -> None:
    client = browser(running)
    about = id_of(running)
    posted = {
        "ses": posts.from_ses(posts.ses_bounce(ANA, about=about)),
        "postmark": posts.from_postmark(posts.postmark("HardBounce", ANA, "550 5.1.1 no such user")),
        "mailgun": posts.from_mailgun(posts.failed(ANA, about), running.clock.operational()),
        "sendgrid": posts.from_sendgrid(
            posts.sendgrid("bounce", ANA, about, type="bounce", reason="550 5.1.1")
        ),
    }

    codes = {
        client.open(f"/hooks/{name}", method=method, data=what.body, headers=dict(what.headers)).status_code
        for name, what in posted.items()
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE")
    }
    asked = {client.options(f"/hooks/{name}").status_code for name in posted}

    assert (codes, asked) == ({405}, {200})
    assert (noted(running), closed(running)) == ([], set())
