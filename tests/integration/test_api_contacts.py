"""Do contacts of other systems come in typed and whole, without reviving anybody who said no?"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sql_event

from nurture.db import consents, contacts, suppressions
from nurture.db.suppressions import Suppression
from nurture.model.accounts import Scope
from nurture.model.words import Channel, Contact, SuppressionReason
from nurture.services.staff import tokens
from tests.integration.test_leave_page import live
from tests.support.api import Shop, a_shop
from tests.support.running import Running, a_nurture

ANA = {
    "email": "ana@example.org",
    "first_name": "Ana",
    "phone": "(416) 555-0100",
    "timezone": "america/toronto",
    "fields": {"plan": "plus", "is_competitor": False},
    "add_tags": ["client"],
}
ANSWERS = {"200", "400", "401", "403", "409", "413", "415", "422", "429", "500", "503"}
CONSENT = {"purpose": "nurture", "source": "Checkout", "wording": "Yes, write to me", "version": "2026-03"}


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    yield (one := live(a_nurture(url, tmp_path, mails=("receipt", "hello", "later"))))
    one.nurture.database.dispose()


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (one := live(a_nurture(sqlite_url, tmp_path, mails=("receipt", "hello", "later"))))
    one.nurture.database.dispose()


@pytest.fixture
def shop(either: Running) -> Shop:
    """One for all bodies of a property; it may ask as often as it likes."""
    shop = a_shop(either)
    shop.client.application.extensions["nurture.limiter"].enabled = False
    return shop


def contact(running: Running, email: str = "ana@example.org") -> Contact:
    with running.nurture.database.read() as tx:
        return contacts.by_email(tx, [email])[email]


def ledger(running: Running) -> list[tuple[str, str, str, str | None]]:
    with running.nurture.database.read() as tx:
        found = consents.history(tx, contacts.by_email(tx, ["ana@example.org"])["ana@example.org"].id)
    return [(one.action.value, one.purpose, one.source, one.wording_version) for one in found]


def test_contacts_are_made_completed_and_left_alone(either: Running) -> None:
    shop = a_shop(either)

    first = shop.store([ANA, {"email": "bea@example.org"}])
    again = shop.store(
        [
            ANA | {"email": "ANA@Example.org", "add_tags": ["vip"], "last_name": None},
            {"email": "bea@example.org"},
        ]
    )

    counts = {"consented": 0, "consent_refused": [], "erased": []}
    assert first.json == counts | {"created": 2, "updated": 0, "unchanged": 0}
    assert again.json == counts | {"created": 0, "updated": 1, "unchanged": 1}
    ana = contact(either)
    assert (ana.first_name, ana.phone, ana.timezone) == ("Ana", "+14165550100", "America/Toronto")
    assert (ana.fields, ana.tags) == ({"plan": "plus", "is_competitor": False}, {"client", "vip"})


def test_one_contact_needs_no_list(running: Running) -> None:
    assert a_shop(running).store(ANA).json["created"] == 1


def test_consent_is_written_once_with_its_proof_and_counts_as_an_event(either: Running) -> None:
    shop = a_shop(either)

    first = shop.store(ANA | {"consent": CONSENT})
    again = shop.store(ANA | {"consent": CONSENT})

    assert (first.json["consented"], again.json["consented"]) == (1, 0)
    assert ledger(either) == [("granted", "nurture", "Checkout", "2026-03")]


def test_of_two_permissions_for_one_person_in_one_list_none_is_lost(either: Running) -> None:
    by_phone = CONSENT | {"channel": "phone"}

    answer = a_shop(either).store([ANA | {"consent": one} for one in (CONSENT, by_phone, by_phone)])

    assert answer.json["consented"] == 2
    with either.nurture.database.read() as tx:
        (live,) = consents.grants(tx, [contact(either).id], either.clock.now()).values()
    assert {(one.purpose, one.channel) for one in live} == {
        ("nurture", Channel.EMAIL),
        ("nurture", Channel.PHONE),
    }


def test_who_withdrew_is_not_revived_and_the_rest_is_stored(either: Running) -> None:
    either.add()
    either.track("consent.withdrawn", purpose="nurture")

    answer = a_shop(either).store(
        [{"email": "bea@example.org", "consent": CONSENT}, ANA | {"consent": CONSENT}]
    )

    assert answer.json["consented"] == 1
    assert answer.json["consent_refused"] == [{"index": 1, "reason": "withdrawn"}]
    assert [action for action, *_ in ledger(either)] == ["granted", "withdrawn"]
    assert contact(either).tags == {"client"}


def test_a_no_to_calls_refuses_no_yes_to_mail(either: Running) -> None:
    either.add(consent=None)
    either.track("consent.withdrawn", purpose="nurture", channel="phone")
    shop = a_shop(either)

    by_mail = shop.store(ANA | {"consent": CONSENT})
    by_both = shop.store(ANA | {"consent": CONSENT | {"channel": "email, phone"}})

    assert (by_mail.json["consented"], by_mail.json["consent_refused"]) == (1, [])
    assert by_both.json["consent_refused"] == [{"index": 0, "reason": "withdrawn"}]


def test_a_suppressed_address_stays_suppressed(either: Running) -> None:
    ana = either.add(consent=None)
    with either.nurture.database.write() as tx:
        hashed = suppressions.hashes_of(tx, [ana.id])[ana.id][0]
        entry = Suppression(
            address_hash=hashed,
            channel=Channel.EMAIL,
            reason=SuppressionReason.COMPLAINT,
            at=either.clock.now(),
            source="a test",
        )
        suppressions.add(tx, [entry])

    answer = a_shop(either).store(ANA | {"consent": CONSENT})

    assert answer.json["consent_refused"] == [{"index": 0, "reason": "suppressed"}]
    with either.nurture.database.read() as tx:
        assert suppressions.of(tx, [ana.id]) == {ana.id: {Channel.EMAIL: {SuppressionReason.COMPLAINT}}}


def test_who_is_on_the_way_reads_that_fields_changed(running: Running) -> None:
    running.write(
        "workflows/short.yaml",
        (running.project / "workflows/short.yaml")
        .read_text()
        .replace("purpose: nurture\n", "purpose: nurture\nexit_when: contact.is_competitor\n", 1),
    )
    running.publish()
    running.add()
    running.track("a.happened")
    running.run()

    a_shop(running).store({"email": "ana@example.org", "fields": {"is_competitor": True}})
    running.run()

    assert running.enrollments()[0].status == "exited"


def test_every_problem_of_a_list_is_told_and_nothing_is_stored(running: Running) -> None:
    answer = a_shop(running).store(
        [
            {"email": "bea@example.org"},
            {"email": "ana@@example", "fields": {"plan": "pluss", "is_competiter": True}},
            {
                "email": "ana@example.org",
                "fields": {"plan": "pluss", "is_competiter": 1, "is_competitor": "maybe"},
            },
            {"email": "ana@example.org", "phone": "12", "timezone": "Mars/Base", "locale": "??"},
            {"email": "ana@example.org", "consent": {"purpose": "nurture"}},
            {"email": "ana@example.org", "consent": {"purpose": "transactional", "source": "x"}},
            {"email": "ana@example.org", "tags": ["client"], "first_name": 7},
        ]
    )

    assert answer.status_code == 422
    assert [(one["index"], one["field"]) for one in answer.json["problems"]] == [
        (1, "email"),
        (2, "fields.is_competiter"),
        (2, "fields.is_competitor"),
        (2, "fields.plan"),
        (3, "locale"),
        (3, "phone"),
        (3, "timezone"),
        (4, "consent.source"),
        (5, "consent"),
        (6, "first_name"),
        (6, "tags"),
    ]
    hints = {one["field"]: one["hint"] for one in answer.json["problems"]}
    assert hints["fields.is_competiter"] == "did you mean 'is_competitor'?"
    assert hints["fields.plan"] == "did you mean 'plus'?"
    assert hints["tags"] == "did you mean 'add_tags'?"
    with running.nurture.database.read() as tx:
        assert contacts.count(tx) == 0


def test_a_token_for_events_stores_no_contact(running: Running) -> None:
    shop = a_shop(running, Scope.EVENTS_WRITE)

    assert shop.store(ANA).status_code == 403


def test_a_revoked_token_is_worth_nothing(running: Running) -> None:
    shop = a_shop(running)
    tokens.revoke(running.nurture.runtime, "web-shop", actor="a test")

    assert shop.store(ANA).status_code == 401


def test_a_list_asks_the_database_no_more_often_the_longer_it_is(running: Running) -> None:
    shop = a_shop(running)
    people = [{"email": f"p{n}@example.org", "consent": CONSENT, "add_tags": ["x"]} for n in range(200)]
    happenings = [
        {"email": f"p{n}@example.org", "event": name}
        for n in range(200)
        for name in ("email.clicked", "call.outcome", "b.happened")
    ]
    shop.store(people[:2])
    asked: list[str] = []
    sql_event.listen(
        running.nurture.database._writer, "before_cursor_execute", lambda *args: asked.append(args[2])
    )

    shop.store(people[2:4])
    shop.report(happenings[:6])
    few = len(asked)
    shop.store(people[4:])
    shop.report(happenings[12:])

    assert len(asked) - few <= few + 5


def test_no_secret_reaches_a_log_or_an_error(
    running: Running,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = a_shop(running)
    app = shop.client.application
    monkeypatch.setattr("nurture.services.events.storing.upsert", lambda *_: 1 / 0)

    with caplog.at_level(logging.DEBUG):
        broken = shop.store(ANA)
        refused = shop.client.get(f"/api/v1/{shop.token}", headers=shop.headers)
        forbidden = app.test_client().put(
            "/api/v1/contacts", json=ANA, headers={"Authorization": f"Bearer {shop.token}x"}
        )

    assert (broken.status_code, refused.status_code, forbidden.status_code) == (500, 404, 401)
    assert broken.json["error"]["message"] == "this is a mistake in nurture itself"
    written = caplog.text + "".join(capfd.readouterr())
    for secret in (shop.token, "ana@example.org", running.nurture.settings.secret_keys[0]):
        assert secret not in written
        assert all(secret not in answer.text for answer in (broken, refused, forbidden))


def test_the_description_names_every_route_scope_and_answer(running: Running) -> None:
    document = a_shop(running).client.get("/api/v1/openapi.json").json

    assert document["openapi"] == "3.1.0"
    operations = {
        (path, method): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    assert set(operations) == {
        ("/api/v1/events", "post"),
        ("/api/v1/contacts", "put"),
        ("/api/v1/contacts/why", "get"),
        ("/api/v1/contacts/permission", "get"),
        ("/api/v1/suppressions", "put"),
    }
    schemes, schemas = document["components"]["securitySchemes"], document["components"]["schemas"]
    assert schemes["token"]["scheme"] == "bearer"
    for operation in operations.values():
        ((scope,),) = [requirement["token"] for requirement in operation["security"]]
        assert scope in set(Scope)
        assert set(operation["responses"]) - {"404"} == ANSWERS
        assert operation["summary"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    if isinstance(node, list):
        for value in node:
            yield from references(value)


WORDS = st.sampled_from(["ana@example.org", "sale.closed", "call.outcome", "nurture", "plan", "", "\0", "\ud800", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00"])  # fmt: skip
KEYS = st.sampled_from(["email", "event", "data", "id", "at", "consent", "fields", "purpose", "source", "plan", "outcome", "add_tags", "phone"])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=25,
)
NEARLY = st.fixed_dictionaries(
    {"email": WORDS},
    optional={
        "event": WORDS,
        "data": st.dictionaries(KEYS, JSON, max_size=3),
        "id": WORDS,
        "at": WORDS,
        "first_name": WORDS,
        "timezone": WORDS,
        "phone": WORDS | st.text(max_size=12),
        "fields": st.dictionaries(KEYS, JSON, max_size=3),
        "consent": st.fixed_dictionaries({"purpose": WORDS, "source": WORDS}),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JSON | NEARLY | st.lists(NEARLY, max_size=3))
def test_no_body_makes_it_stumble(shop: Shop, body: Any) -> None:
    for answer in (shop.store(body), shop.report(body)):
        assert answer.status_code in (200, 400, 422), answer.text
