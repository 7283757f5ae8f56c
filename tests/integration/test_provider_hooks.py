"""Are a provider's webhooks believed by their signature alone, taken once, and answered only after the commit?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from nurture.db.session import UnreachableError
from nurture.services.inbound import provider_hooks
from nurture.web import create_app
from tests.support import provider_posts as posts
from tests.support.provider_posts import Post
from tests.support.returning import MAILS, closed, ends, id_of, live, noted, told
from tests.support.running import Running, a_nurture

ANA = "ana@example.org"


def listening(url: str, folder: Path, **over: object) -> Running:
    keys = {
        "hook_ses_topic": (posts.TOPIC,),
        "hook_postmark_key": ("an-older-one", posts.PASSWORD),
        "hook_mailgun_key": (posts.SIGNING_KEY,),
        "hook_sendgrid_key": (posts.sendgrid_public(),),
    }
    running = live(a_nurture(url, folder, mails=MAILS, **(keys | over)))
    running.nurture.runtime.providers["ses"].fetch = lambda url: posts.amazons_certificate()
    return running


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    yield (running := listening(url, tmp_path))
    running.nurture.database.dispose()


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (running := listening(sqlite_url, tmp_path))
    running.nurture.database.dispose()


SITES: dict[Path, Flask] = {}
"""To build a site costs more than all that a test asks of it."""


def browser(running: Running) -> FlaskClient:
    if running.project not in SITES:
        SITES[running.project] = create_app(running.nurture.settings, running.nurture)
    return SITES[running.project].test_client()


def post(running: Running, name: str, what: Post) -> TestResponse:
    return browser(running).post(f"/hooks/{name}", data=what.body, headers=dict(what.headers))


def dead(running: Running, name: str) -> Post:
    """The provider says that Ana's address is dead."""
    about = id_of(running)
    match name:
        case "ses":
            return posts.from_ses(posts.ses_bounce(ANA, about=about))
        case "postmark":
            return posts.from_postmark(posts.postmark("HardBounce", ANA, "550 5.1.1 no such user"))
        case "mailgun":
            return posts.from_mailgun(posts.failed(ANA, about), running.clock.operational())
        case _:
            return posts.from_sendgrid(
                posts.sendgrid("bounce", ANA, about, type="bounce", reason="550 5.1.1 no such user")
            )


NAMES = ("ses", "postmark", "mailgun", "sendgrid")


# --- what is believed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ses", "mailgun"])
def test_a_signed_bounce_closes_the_address_and_told_again_changes_nothing(
    either: Running, name: str
) -> None:
    what = dead(either, name)

    first, again = post(either, name, what), post(either, name, what)
    either.run()

    assert (first.status_code, first.text) == (200, "Taken: 1 new, 0 known before.\n")
    assert (again.status_code, again.text) == (200, "Taken: 0 new, 1 known before.\n")
    assert (closed(either), ends(either)) == ({"hard-bounce"}, [("lost", "bounced")])
    assert len(told(either)) == len(noted(either)) == 1


@pytest.mark.parametrize(
    "name", ["mailgun", *(pytest.param(one, marks=pytest.mark.slow) for one in NAMES if one != "mailgun")]
)
def test_twenty_at_once_have_one_effect_and_all_are_thanked(either: Running, name: str) -> None:
    what = dead(either, name)
    browser(either)

    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(lambda _: post(either, name, what).status_code, range(20)))

    assert codes == [200] * 20
    assert len(told(either)) == len(noted(either)) == 1


def test_without_its_setting_a_provider_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    unset = {"hook_ses_topic": (), **{f"hook_{name}_key": () for name in NAMES if name != "ses"}}
    running = listening(sqlite_url, tmp_path, **unset)

    answers = {name: post(running, name, dead(running, name)) for name in NAMES}

    assert {name: (one.status_code, one.text) for name, one in answers.items()} == {
        name: (403, f"Refused: this installation does not listen to {name}. Nothing was changed.\n")
        for name in NAMES
    }
    assert closed(running) == set()


def test_a_provider_that_nobody_knows_is_not_there(running: Running) -> None:
    assert post(running, "elsewhere", Post(b"{}")).status_code == 404
    assert browser(running).get("/hooks/ses").status_code == 405


def test_a_changed_or_unsigned_request_is_refused_and_says_why(running: Running) -> None:
    good = {name: dead(running, name) for name in NAMES}
    bare = {
        name: Post(one.body.replace(b'"signature"', b'"signed"').replace(b'"Signature"', b'"Signed"'))
        for name, one in good.items()
    }
    changed = {  # theirs cover every byte
        name: Post(good[name].body.replace(b"ana@", b"bea@"), good[name].headers)
        for name in ("ses", "sendgrid")
    }

    answers = [post(running, name, one) for posted in (bare, changed) for name, one in posted.items()]

    assert [one.status_code for one in answers] == [401] * 6
    assert all(one.text.startswith("Refused: ") and "Nothing was changed" in one.text for one in answers)
    assert (closed(running), noted(running)) == (set(), [])


def test_nothing_above_a_megabyte_is_read(running: Running) -> None:
    assert {post(running, name, Post(b" " * 1_000_001)).status_code for name in NAMES} == {413}


def test_the_database_being_away_is_no_success(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    what = dead(running, "mailgun")

    def away(*_: object) -> None:
        raise UnreachableError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(provider_hooks, "take_within", away)
        refused = post(running, "mailgun", what)
    taken = post(running, "mailgun", what)

    assert (refused.status_code, taken.status_code) == (503, 200)
    assert closed(running) == {"hard-bounce"}


@pytest.mark.parametrize("name", ["postmark", "sendgrid"])
def test_so_do_the_others(running: Running, name: str) -> None:
    answer = post(running, name, dead(running, name))

    assert (answer.status_code, closed(running)) == (200, {"hard-bounce"})


# --- Mailgun ----------------------------------------------------------------------------------------------------------


def test_mailguns_signature_is_good_for_five_minutes(running: Running) -> None:
    now, event = running.clock.operational(), posts.failed(ANA, id_of(running))

    old = post(running, "mailgun", posts.from_mailgun(event, now, age=timedelta(minutes=6)))
    ahead = post(running, "mailgun", posts.from_mailgun(event, now, age=-timedelta(minutes=6)))
    other = post(running, "mailgun", posts.from_mailgun(event, now, key="another"))
    good = post(running, "mailgun", posts.from_mailgun(event, now, age=timedelta(minutes=4)))

    assert [one.status_code for one in (old, ahead, other, good)] == [401, 401, 401, 200]


def test_mailguns_token_vouches_for_one_event_only(running: Running) -> None:
    now = running.clock.operational()
    seen = posts.from_mailgun(posts.mailgun("complained", "carl@example.org"), now, token="t-1")
    stolen = posts.from_mailgun(posts.failed(ANA, id_of(running)), now, token="t-1")

    answers = [post(running, "mailgun", one).status_code for one in (seen, stolen, seen)]

    assert answers == [200, 401, 200]
    assert closed(running) == set()


def test_the_same_event_signed_anew_by_mailgun_is_known(running: Running) -> None:
    now, event = running.clock.operational(), posts.failed(ANA, id_of(running))

    post(running, "mailgun", posts.from_mailgun(event, now))
    again = post(running, "mailgun", posts.from_mailgun(event, now))

    assert again.text == "Taken: 0 new, 1 known before.\n"


# --- Postmark, SendGrid -----------------------------------------------------------------------------------------------


def test_any_of_postmarks_passwords_is_good_and_no_other(running: Running) -> None:
    body = posts.postmark("SoftBounce", ANA)

    codes = [
        post(running, "postmark", posts.from_postmark(body, word)).status_code
        for word in (posts.PASSWORD, "an-older-one", "", "an-older-on", posts.PASSWORD + "x")
    ]

    assert codes == [200, 200, 401, 401, 401]


def test_postmark_names_no_message_of_ours_and_is_known_by_the_address(running: Running) -> None:
    post(
        running, "postmark", posts.from_postmark(posts.postmark("SpamComplaint", ANA, record="SpamComplaint"))
    )
    post(running, "postmark", posts.from_postmark(posts.postmark("HardBounce", "stranger@example.net")))

    assert [(one.kind, one.matched_by) for one in noted(running)] == [
        ("complaint", "recipient"),
        ("hard", None),
    ]
    assert closed(running) == {"complaint"}


def test_events_of_sendgrid_out_of_order_and_of_others_messages_do_no_harm(running: Running) -> None:
    late = posts.sendgrid("bounce", ANA, id_of(running), type="blocked", reason="550 5.7.1 policy")
    foreign = posts.sendgrid("bounce", ANA, "<shop@shop.example>", type="bounce", reason="550 5.1.1 gone")
    spam = posts.sendgrid("spamreport", ANA, id_of(running))

    answer = post(running, "sendgrid", posts.from_sendgrid(spam, foreign, late, spam))

    assert answer.text == "Taken: 3 new, 0 known before.\n"
    assert closed(running) == {"complaint"}


# --- Amazon -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_of_amazons_signatures_hold(running: Running, version: str) -> None:
    what = posts.from_ses(
        posts.ses_bounce(ANA, about=id_of(running)), SignatureVersion=version, Subject="Bounce"
    )

    assert post(running, "ses", what).status_code == 200


FORGED: tuple[dict[str, str], ...] = (
    {"TopicArn": "arn:aws:sns:eu-west-1:999999999999:evil"},
    {"SigningCertURL": "https://evil.example/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"},
    {"SigningCertURL": posts.CERTIFICATE.replace("amazonaws.com", "amazonaws.com.evil.example")},
    {"SigningCertURL": posts.CERTIFICATE.replace("https://", "http://")},
    {"SigningCertURL": posts.CERTIFICATE.replace("https://", "https://x@")},
    {"SigningCertURL": posts.CERTIFICATE.replace(".com/", ".com:8443/")},
    {"SigningCertURL": posts.CERTIFICATE.replace(".pem", ".pem?x=1")},
    {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com/../evil.pem"},
    {"SigningCertURL": "https://169.254.169.254/latest/meta-data/"},
    {"SigningCertURL": "file:///etc/passwd"},
    {"Type": "Something"},
    {"Signature": "bm9ib2R5"},
    {"Signature": "no base64 at all!"},
)


def test_what_amazon_did_not_sign_for_our_topic_is_refused_and_nothing_else_is_asked(
    running: Running,
) -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return posts.amazons_certificate()

    running.nurture.runtime.providers["ses"].fetch = fetch
    bounces = [posts.from_ses(posts.ses_bounce(ANA, about=id_of(running)), **over) for over in FORGED]

    answers = [post(running, "ses", one).status_code for one in bounces]

    assert answers == [401] * len(FORGED)
    assert closed(running) == set()
    assert set(asked) == {posts.CERTIFICATE}


def test_a_certificate_that_is_over_or_is_none_vouches_for_nothing(running: Running) -> None:
    provider = running.nurture.runtime.providers["ses"]
    what = posts.from_ses(posts.ses_bounce(ANA, about=id_of(running)))

    provider.fetch = lambda url: b"<html>not here</html>"
    none = post(running, "ses", what)
    provider.fetch = lambda url: posts.amazons_certificate(ended=True)
    over = post(running, "ses", what)

    assert (none.status_code, over.status_code) == (401, 401)
    assert closed(running) == set()


def test_amazon_out_of_reach_is_asked_to_try_again(running: Running) -> None:
    def fetch(url: str) -> bytes:
        raise TimeoutError

    running.nurture.runtime.providers["ses"].fetch = fetch

    answer = post(running, "ses", posts.from_ses(posts.ses_bounce(ANA, about=id_of(running))))

    assert answer.status_code == 503
    assert closed(running) == set()


def test_a_subscription_is_confirmed_at_amazon_for_our_topic_only(running: Running) -> None:
    visited: list[str] = []

    def fetch(url: str) -> bytes:
        visited.append(url)
        return posts.amazons_certificate()

    running.nurture.runtime.providers["ses"].fetch = fetch
    good = posts.asks_to_subscribe()
    bad = [
        posts.asks_to_subscribe("https://evil.example/?Action=ConfirmSubscription"),
        posts.asks_to_subscribe("http://169.254.169.254/latest/meta-data/"),
        posts.asks_to_subscribe(
            "https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&TopicArn=" + posts.TOPIC
        ),
        posts.asks_to_subscribe(
            "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=other"
        ),
    ]

    taken = post(running, "ses", good)
    refused = [post(running, "ses", one) for one in bad]

    assert taken.status_code == 200
    assert [one.status_code for one in refused] == [401] * len(bad)
    asked = [url for url in visited if url != posts.CERTIFICATE]
    assert len(asked) == 1
    assert asked[0].startswith("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription")


def test_the_way_to_amazon_leads_to_no_machine_beside_us(running: Running) -> None:
    get = running.nurture.runtime.webhooks.get

    for url in ("https://127.0.0.1/x.pem", "https://169.254.169.254/x.pem", "http://203.0.113.9/x.pem"):
        with pytest.raises(OSError, match=r"public|https"):
            get(url)
