"""Permission through every door: who said no stays left alone, a yes ends when it says, and only a yes by mail revives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from nurture.db import consents, contacts, events, state, suppressions
from nurture.db.addresses import email_hash
from nurture.db.consents import Consent
from nurture.db.suppressions import Change, ListChange
from nurture.model.accounts import Scope
from nurture.model.errors import NurtureError
from nurture.model.words import Channel, SuppressionReason
from nurture.services.consent import permission, suppressing
from nurture.services.events.tracking import track_from_outside
from nurture.services.story.why import why
from tests.integration.test_leave_page import client_of
from tests.support.api import a_shop
from tests.support.commands import answer, run
from tests.support.running import LINKED, Running, a_nurture

WORKFLOW = """\
    workflow: short
    title: From the guide to a first review
    purpose: nurture
    stages:
      - stage: first
        need: Know where I stand
        trigger: a.happened
        validate: b.happened
        steps:
          - {email: hello}
          - {call_task: ring, after: 1 hour, hold: no}
          - {email: later, after: 30 days}
        loss:
          - {after: 90 days, reason: silent}
    """
OFFER = """\
    offer: guide
    kind: download
    title: The guide
    promise: Know in ten minutes
    asset: guide.pdf
    fields: [email]
    consent: {purpose: nurture, wording: "Yes, write to me", version: 2026-11, expires: 24 months}
    mail: handed
    """
DOUBLE = OFFER.rstrip() + "\n    double_opt_in: yes\n"
ASKED = {"email": "ana@example.org", "consent": "2026-11"}


def live(running: Running) -> Running:
    running.write("workflows/short.yaml", WORKFLOW)
    running.write("offers/guide.yaml", OFFER)
    running.write("templates/email/handed.md", LINKED.format(name="handed"))
    running.write("templates/call/ring.txt", "Hello {{ contact.first_name or 'you' }}")
    running.write("assets/guide.pdf", "%PDF-1.4 the guide")
    running.publish()
    return running


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = str(request.getfixturevalue(f"{request.param}_url"))
    yield (one := live(a_nurture(url, tmp_path, mails=("hello", "later"))))
    one.nurture.database.dispose()


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (one := live(a_nurture(sqlite_url, tmp_path, mails=("hello", "later"))))
    one.nurture.database.dispose()


@pytest.fixture
def at_the_shell(running: Running, monkeypatch: pytest.MonkeyPatch) -> Running:
    """The same, of which commands know the database."""
    address = running.nurture.database.url.render_as_string(hide_password=False)
    monkeypatch.setenv("NURTURE_DATABASE_URL", address)
    return running


def ledger(running: Running, email: str = "ana@example.org") -> list[Consent]:
    with running.nurture.database.read() as tx:
        return consents.history(tx, contacts.by_email(tx, [email])[email].id)


def listed(running: Running, email: str = "ana@example.org") -> set[str]:
    standing = suppressing.look_up(running.nurture.runtime, email)
    return {one.reason.value for one in standing.entries}


def story(running: Running, email: str = "ana@example.org") -> list[ListChange]:
    return list(suppressing.look_up(running.nurture.runtime, email).story)


def leave_alone(running: Running, reason: str, email: str = "ana@example.org") -> None:
    why, word = "a test", SuppressionReason(reason)
    if reason == "soft-bounces":
        with running.nurture.database.write() as tx:
            address = email_hash(state.hash_key(tx), email)
            entry = suppressions.Suppression(
                address_hash=address, channel=Channel.EMAIL, reason=word, at=running.clock.now(), source=why
            )
            suppressions.add(tx, [entry])
    else:
        suppressing.add(running.nurture.runtime, email, reason=word, source=why, actor="kim@example.org")


def site(running: Running) -> FlaskClient:
    """One site for all that a test posts: to build it takes longer than the posts."""
    known = _SITES.get("site")
    if known is None or known[0] is not running:
        known = _SITES["site"] = (running, client_of(running))
    return known[1]


_SITES: dict[str, tuple[Running, FlaskClient]] = {}


def ask(running: Running, answers: dict[str, str] = ASKED) -> None:
    assert site(running).post("/o/guide", data=answers).status_code == 303
    running.run()


def subjects(running: Running) -> list[str]:
    """In order of the alphabet: the clock stands still."""
    return sorted(str(mail["Subject"]) for mail in running.mails())


def say_yes(running: Running) -> str:
    body = running.mails()[-1].get_body(("plain",))
    assert body is not None
    found = re.search(r"(/confirm/\S+)", body.get_content())
    assert found is not None
    page = site(running).post(found[1], headers={"User-Agent": "Her browser"})
    running.run()
    return page.text


# --- coming back ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["hard-bounce", "manual", "unsubscribed", "soft-bounces"])
def test_a_suppressed_address_gets_the_question_alone_and_its_yes_revives_it(
    running: Running, reason: str
) -> None:
    running.add(consent=None)
    leave_alone(running, reason)

    ask(running)
    before = (subjects(running), listed(running), len(ledger(running)))
    page = say_yes(running)

    assert before[:2] == (["Please confirm: The guide"], {reason})
    assert "may write to you again" in page
    assert listed(running) == set()
    assert subjects(running) == ["Please confirm: The guide", "handed for Ana"]
    (*_, grant) = ledger(running)
    assert grant.proof["confirmed_by"] == "the link in our mail"
    assert grant.proof["asked_at"] <= grant.proof["confirmed_at"]
    changes = [(one.change, one.reason) for one in story(running)]
    assert changes == [(Change.ADDED, reason), (Change.ASKED, None), (Change.ENDED, reason)]
    assert story(running)[1].request == story(running)[2].request


def test_the_yes_of_who_left_counts_only_with_a_tick(running: Running) -> None:
    running.add(consent=None)
    leave_alone(running, "unsubscribed")
    leave_alone(running, "hard-bounce")

    ask(running, {"email": "ana@example.org"})
    say_yes(running)

    assert listed(running) == {"unsubscribed"}
    assert "handed for Ana" in subjects(running)  # what they asked for still goes
    assert [one.action for one in ledger(running)] == ["withdrawn"]


def test_a_suppressed_address_is_asked_once_in_thirty_days(running: Running) -> None:
    leave_alone(running, "hard-bounce")
    for days in (0, 1, 14, 14):
        running.clock.advance(days=days)
        ask(running)
    in_the_month = len(running.mails())

    running.clock.advance(days=1, seconds=1)
    ask(running)

    assert in_the_month == 1
    assert len(running.mails()) == 2


def test_who_bounces_again_after_a_yes_stays_left_alone(running: Running) -> None:
    running.add(consent=None)
    leave_alone(running, "hard-bounce")
    ask(running)
    say_yes(running)
    before = len(running.mails())

    running.track("email.bounced", kind="hard")
    ask(running)

    assert listed(running) == {"hard-bounce"}
    assert len(running.mails()) == before


@pytest.mark.parametrize("more", [(), ("unsubscribed", "hard-bounce")])
def test_after_a_complaint_nothing_is_asked_and_nothing_revives(
    running: Running, more: tuple[str, ...]
) -> None:
    running.add(consent=None)
    running.track("email.complained")
    for reason in more:
        leave_alone(running, reason)

    ask(running)
    running.clock.advance(days=400)
    ask(running)

    assert running.mails() == []
    assert listed(running) == {"complaint", *more}


def test_a_complaint_that_comes_before_the_yes_stays(running: Running) -> None:
    running.add(consent=None)
    leave_alone(running, "manual")
    ask(running)

    running.track("email.complained")
    say_yes(running)

    assert listed(running) == {"manual", "complaint"}
    assert subjects(running) == ["Please confirm: The guide"]


# --- what never revives ---------------------------------------------------------------------------------------------


def test_no_door_but_the_yes_by_mail_opens_a_suppressed_address(either: Running, tmp_path: Path) -> None:
    either.add()
    either.track("email.bounced", kind="hard")
    again = tmp_path / "again.csv"
    again.write_text("email,first_name\nANA@Example.ORG,Ana\n")
    shop = a_shop(either, Scope.CONTACTS_WRITE)

    from nurture.services.contacts.import_contacts import Consent as Given
    from nurture.services.contacts.import_contacts import import_contacts

    with again.open("rb") as stream:
        workspace = either.nurture.runtime.published().workspace
        report = import_contacts(
            either.nurture.database,
            workspace,
            stream,
            now=either.clock.now(),
            consent=Given("nurture", "a fair"),
        )
    stored = shop.store({"email": "ana@example.org", "consent": {"purpose": "nurture", "source": "Checkout"}})
    track_from_outside(either.nurture.runtime, "ana@example.org", "consent.granted", {"purpose": "nurture"})
    ask(either)
    either.track("a.happened")
    either.advance(hours=2)

    assert (report.suppressed, report.consented) == (1, 0)
    assert stored.json["consent_refused"] == [{"index": 0, "reason": "suppressed"}]
    assert listed(either) == {"hard-bounce"}
    assert subjects(either) == ["Please confirm: The guide"]
    assert either.states()[0] == ("hello", "skipped", "suppressed")


def test_a_list_gives_nothing_back_to_who_withdrew_and_says_so(at_the_shell: Running, tmp_path: Path) -> None:
    at_the_shell.add()
    at_the_shell.add("bea@example.org", consent=None)
    at_the_shell.track("consent.withdrawn", purpose="nurture")
    people = tmp_path / "people.csv"
    people.write_text("email\nana@example.org\nbea@example.org\n")
    told = ["contacts", "import", people, "--consent", "nurture", "--source", "a fair"]

    said = run(*told, project=at_the_shell.project)
    again = answer(*told, project=at_the_shell.project)

    assert "1 person took this permission back before: no consent was written for them." in said.output
    assert (again["withdrawn"], again["consented"]) == (1, 0)


# --- a yes that ends ------------------------------------------------------------------------------------------------


def test_an_implied_yes_of_a_list_holds_until_its_day_and_nothing_from_then_on(
    either: Running, tmp_path: Path
) -> None:
    either.add(consent=None)
    granted = {"purpose": "nurture", "source": "invoice 7", "implied": True, "expires": "30 days"}
    track_from_outside(either.nurture.runtime, "ana@example.org", "consent.granted", granted)

    either.track("a.happened")
    either.advance(hours=2)
    either.clock.advance(days=31)
    either.run()

    assert [(name, state) for name, state, _ in either.states()] == [("hello", "sent"), ("later", "skipped")]
    assert either.states()[1][2] == "no-consent"
    (line,) = permission.ledger(
        ledger(either), either.clock.now(), either.nurture.runtime.published().workspace.zone
    )
    assert line.standing is permission.Standing.EXPIRED
    assert "implied" in line.said


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ("2028-03-02", datetime(2028, 3, 2, 5, tzinfo=UTC)),  # midnight in Toronto
        ("2 years", datetime(2028, 3, 2, 15, tzinfo=UTC)),
        ("6 months", datetime(2026, 9, 2, 14, tzinfo=UTC)),  # the same clock, in summer
        ("2026-05-01T12:00:00Z", datetime(2026, 5, 1, 12, tzinfo=UTC)),
    ],
)
def test_the_end_of_a_yes_is_a_day_a_span_or_a_moment(running: Running, words: str, end: datetime) -> None:
    running.clock.at = datetime(2026, 3, 2, 15, tzinfo=UTC)
    running.add(consent=None)

    track_from_outside(
        running.nurture.runtime,
        "ana@example.org",
        "consent.granted",
        {"purpose": "nurture", "expires": words},
    )

    assert [one.expires_at for one in ledger(running)] == [end]


def test_a_yes_that_ends_does_not_cut_a_longer_one_short(running: Running) -> None:
    running.add()

    track_from_outside(
        running.nurture.runtime,
        "ana@example.org",
        "consent.granted",
        {"purpose": "nurture", "implied": True, "expires": "6 months"},
    )

    assert [(one.implied, one.expires_at) for one in ledger(running)] == [(False, None)]


def test_the_yes_of_a_form_lasts_as_long_as_its_offer_says(running: Running) -> None:
    running.clock.at = datetime(2026, 3, 2, 15, tzinfo=UTC)

    ask(running)

    assert [one.expires_at for one in ledger(running)] == [datetime(2028, 3, 2, 15, tzinfo=UTC)]


# --- what is said to a slip -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "data", "said"),
    [
        ("consent.granted", {}, "a consent says what for"),
        ("consent.granted", {"purpose": "nurtur"}, "did you mean 'nurture'"),
        ("consent.granted", {"purpose": "transactional"}, "nobody consents to 'transactional'"),
        ("consent.withdrawn", {"purpose": "newsletter"}, "leave the purpose out to withdraw everything"),
        ("consent.granted", {"purpose": "nurture", "expires": "soon"}, "does not say when"),
        ("consent.granted", {"purpose": "nurture", "expires": "2020-01-01"}, "is over already"),
        ("consent.granted", {"purpose": "nurture", "implied": True}, "6 months after an inquiry"),
        ("consent.granted", {"purpose": "nurture", "implied": "perhaps"}, "'implied' is yes or no"),
        ("consent.granted", {"purpose": "nurture", "implied": 1}, "'implied' is yes or no"),
        ("consent.granted", {"purpose": "nurture", "expiry": "24 months"}, "did you mean 'expires'"),
        ("consent.granted", {"purpose": "nurture", "channel": "fax"}, "known are email and phone"),
    ],
)
def test_a_consent_that_says_nothing_useful_is_answered_with_what_would(
    running: Running, event: str, data: dict[str, str], said: str
) -> None:
    running.add(consent=None)

    with pytest.raises(NurtureError, match=re.escape(said)):
        track_from_outside(running.nurture.runtime, "ana@example.org", event, data)

    assert ledger(running) == []


def test_a_yes_from_before_a_no_gives_nothing_back(running: Running) -> None:
    running.add()
    earlier = running.clock.now() - timedelta(days=30)
    running.track("consent.withdrawn", purpose="nurture")
    track = partial(track_from_outside, running.nurture.runtime, "ana@example.org", "consent.granted")

    with pytest.raises(
        NurtureError, match="back on Mon 2 Mar 2026 09:00, after the yes of Sat 31 Jan 2026 09:00"
    ):
        track({"purpose": "nurture"}, at=earlier)
    running.clock.advance(days=2)
    track({"purpose": "nurture"}, at=running.clock.now() - timedelta(days=1))

    assert [one.action for one in ledger(running)] == ["granted", "withdrawn", "granted"]


def test_a_yes_told_late_ends_by_when_it_was_given_and_says_so(running: Running) -> None:
    running.add(consent=None)
    bought = datetime(2026, 1, 15, 12, tzinfo=UTC)
    said = {"purpose": "nurture", "implied": True, "expires": "24 months"}

    track_from_outside(
        running.nurture.runtime, "ana@example.org", "consent.granted", said, at=bought, id="order-1"
    )

    (one,) = ledger(running)
    assert one.expires_at == datetime(2028, 1, 15, 12, tzinfo=UTC)
    assert permission.proof(one, ZoneInfo("UTC"))[0] == "given: Thu 15 Jan 2026 12:00"


def test_a_yes_told_again_under_its_id_long_after_it_ended_is_the_same_yes(running: Running) -> None:
    running.add(consent=None)
    track = partial(track_from_outside, running.nurture.runtime, "ana@example.org", id="order-1")
    said = {"purpose": "nurture", "implied": True, "expires": "24 months"}
    bought = running.clock.now()

    first = track("consent.granted", said, at=bought)
    running.clock.advance(days=900)
    again = track("consent.granted", said, at=bought)

    assert (first.duplicate, again.duplicate) == (False, True)
    assert len(ledger(running)) == 1
    with pytest.raises(NurtureError, match="something else was stored under this id"):
        track("sale.closed", {"amount": 1})


def test_what_was_granted_once_can_be_withdrawn_when_nobody_asks_for_it_any_more(running: Running) -> None:
    running.add(consent="an-older-purpose")

    track_from_outside(
        running.nurture.runtime, "ana@example.org", "consent.withdrawn", {"purpose": "an-older-purpose"}
    )

    assert [one.action for one in ledger(running)] == ["granted", "withdrawn"]


# --- channels -------------------------------------------------------------------------------------------------------


def test_a_no_to_calls_ends_the_calls_and_leaves_the_mail(running: Running) -> None:
    running.add()
    running.track("a.happened")

    track_from_outside(
        running.nurture.runtime,
        "ana@example.org",
        "consent.withdrawn",
        {"purpose": "nurture", "channel": "phone"},
    )
    running.advance(hours=2)

    assert running.states()[0] == ("hello", "sent", None)
    assert running.calls() == [("ring", "cancelled", None)]
    assert [one.live for one in running.enrollments()] == [True]
    assert [(one.channel, one.action) for one in ledger(running)] == [
        ("email", "granted"),
        ("phone", "withdrawn"),
    ]


def test_a_no_without_a_channel_ends_every_channel_that_was_spoken_of(running: Running) -> None:
    running.add()
    track = track_from_outside
    track(
        running.nurture.runtime,
        "ana@example.org",
        "consent.granted",
        {"purpose": "nurture", "channel": "phone"},
    )

    track(running.nurture.runtime, "ana@example.org", "consent.withdrawn", {"purpose": "nurture"})

    assert [(one.channel, one.action) for one in ledger(running)][2:] == [
        ("email", "withdrawn"),
        ("phone", "withdrawn"),
    ]


def test_a_no_to_everything_ends_also_what_only_an_offer_asks_for(
    at_the_shell: Running, tmp_path: Path
) -> None:
    at_the_shell.write("offers/guide.yaml", DOUBLE.replace("purpose: nurture", "purpose: research"))
    at_the_shell.publish()
    at_the_shell.add()
    ask(at_the_shell)
    at_the_shell.clock.advance(minutes=1)
    (panel := tmp_path / "panel.csv").write_text("email\nana@example.org\n", encoding="utf-8")

    track_from_outside(at_the_shell.nurture.runtime, "ana@example.org", "consent.withdrawn", {})
    run(
        "contacts",
        "import",
        panel,
        "--consent",
        "research",
        "--source",
        "Panel",
        project=at_the_shell.project,
    )
    say_yes(at_the_shell)

    assert [(one.purpose, one.action) for one in ledger(at_the_shell)] == [
        ("nurture", "granted"),
        ("nurture", "withdrawn"),
        ("research", "withdrawn"),
    ]


# --- the list -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("put", "asked", "same"),
    [
        ("Ana@Example.org", "ana@example.ORG", True),
        ("ana@bücher.example", "ana@xn--bcher-kva.example", True),
        ("josé@example.org", "jose\u0301@example.org", True),
        ("Ana <ana@example.org>", " ana@example.org ", True),
        ("ana+news@example.org", "ana@example.org", False),
        ("a.na@example.org", "ana@example.org", False),
        ("+1 416 555 0100", "(416) 555-0100", True),
    ],
)
def test_an_address_is_on_the_list_however_it_is_written(
    running: Running, put: str, asked: str, same: bool
) -> None:
    runtime = running.nurture.runtime

    suppressing.add(runtime, put, source="a test", actor="kim")

    assert bool(suppressing.look_up(runtime, asked).entries) is same


def test_the_persons_own_no_on_a_list_ends_everything_they_are_in(running: Running, tmp_path: Path) -> None:
    running.add()
    running.add("bea@example.org")
    running.track("a.happened")
    running.track("a.happened", "bea@example.org")
    running.run()

    leave_alone(running, "unsubscribed")
    leave_alone(running, "unsubscribed")
    leave_alone(running, "manual", "bea@example.org")
    running.advance(hours=2)

    assert [one.end_reason for one in running.enrollments()] == ["unsubscribed"]
    assert [one.action for one in ledger(running)] == ["granted", "withdrawn"]
    assert [one.live for one in running.enrollments("bea@example.org")] == [True]
    assert [one.actor for one in ledger(running)] == [None, "kim@example.org"]


def test_no_hand_undoes_what_a_person_or_a_mailbox_said(running: Running) -> None:
    for reason in ("unsubscribed", "hard-bounce", "complaint"):
        leave_alone(running, reason)

    with pytest.raises(NurtureError, match="no hand takes this off the list"):
        suppressing.remove(running.nurture.runtime, "ana@example.org", why="wants to", actor="kim")
    leave_alone(running, "manual")
    _, ended = suppressing.remove(running.nurture.runtime, "ana@example.org", why="wants to", actor="kim")

    assert ended == {"manual"}
    assert listed(running) == {"unsubscribed", "hard-bounce", "complaint"}


def test_the_list_of_another_tool_is_kept_before_its_contacts_come(
    at_the_shell: Running, tmp_path: Path
) -> None:
    old = tmp_path / "old.csv"
    old.write_text(
        "Email Address,Status\nzoe@example.com,x\nnobody,x\nZOE@example.com,x\nana@example.org,x\n"
    )
    at_the_shell.add()
    words = ("suppress", "import", old, "--reason", "complaint", "--source", "the old tool")

    report = answer(*words, project=at_the_shell.project, exit_code=1)
    again = answer(*words, project=at_the_shell.project, exit_code=1)
    shown = run("suppress", "show", "zoe@example.com", project=at_the_shell.project)
    nobody = run("suppress", "show", "bea@example.com", project=at_the_shell.project)

    counts = {name: report[name] for name in ("rows", "added", "known", "rejected", "contacts")}
    assert counts == {"rows": 4, "added": 2, "known": 1, "rejected": 1, "contacts": 1}
    assert (again["added"], again["known"]) == (0, 3)
    assert report["errors"][0]["row"] == 3
    assert (shown.exit_code, nobody.exit_code) == (0, 1)
    assert "complaint since" in shown.output
    assert [one.action for one in ledger(at_the_shell)] == ["granted", "withdrawn"]


def test_the_command_adds_lists_and_takes_off(at_the_shell: Running) -> None:
    project = at_the_shell.project

    added = answer("suppress", "add", "+14165550100", "--why", "told Kim", project=project)
    counted = answer("suppress", "list", project=project)
    taken = run("suppress", "remove", "+1 416 555 0100", "--why", "asks for calls", project=project)
    wrong = run(
        "suppress", "add", "ana@example.org", "--reason", "wrong-number", "--why", "x", project=project
    )

    assert (added["channel"], added["added"]) == ("phone", True)
    assert (counted["total"], counted["counts"]) == (1, {"manual": 1})
    assert "Taken off: manual" in taken.output
    assert wrong.exit_code == 1


@pytest.mark.parametrize("number", ["0", "-3", "99999999999999999999999"])
def test_a_page_of_the_list_that_cannot_be_is_wrong_usage(at_the_shell: Running, number: str) -> None:
    shown = run("suppress", "list", "--before", number, project=at_the_shell.project)

    assert (shown.exit_code, "not in the range" in shown.stderr) == (2, True)


# --- what is told -----------------------------------------------------------------------------------------------------


def test_the_ledger_says_what_was_allowed_what_shows_it_and_whether_it_holds(at_the_shell: Running) -> None:
    ask(at_the_shell)
    at_the_shell.track("consent.withdrawn", purpose="nurture", source="page", by="kim@example.org")

    told = run("contacts", "show", "ana@example.org", project=at_the_shell.project).output
    shown = answer("contacts", "show", "ana@example.org", project=at_the_shell.project)

    assert "Said yes to 'nurture' by email on" in told
    assert "“Yes, write to me” (wording 2026-11)" in told
    assert "It was taken back." in told
    assert "from network address: 127.0.0.1" in told
    assert "written down by kim@example.org" in told
    assert [one["standing"] for one in shown["consents"]] == ["taken back", "no"]


def test_a_mail_that_went_names_its_permission(running: Running) -> None:
    ask(running)
    running.track("a.happened")
    running.run()

    told = why(running.nurture.runtime, "ana@example.org", "short", "hello")

    (sent,) = [line for line in told.turns if line.decision == "sent"]
    assert "It rested on the yes to 'nurture' of" in sent.said
    assert "(form guide)" in sent.said
    assert "(form guide)" in told.next[0].said
    (mail,) = [one for one in running.deliveries() if one.template == "hello"]
    assert mail.grant_id == ledger(running)[0].id


def test_another_system_asks_what_somebody_allowed_and_leaves_addresses_alone(running: Running) -> None:
    ask(running)
    shop = a_shop(running, Scope.CONTACTS_READ, Scope.CONTACTS_WRITE)
    path = "/api/v1/contacts/permission"

    before = shop.client.get(path, query_string={"email": "ana@example.org"}, headers=shop.headers).json
    items = [
        {"email": "Ana@example.org", "reason": "unsubscribed", "source": "the old tool"},
        {"email": "zoe@example.com", "source": "the old tool"},
        {"phone": "+14165550100", "reason": "do-not-call", "source": "the old tool"},
    ]
    kept = [shop.send("PUT", "/api/v1/suppressions", items).json for _ in range(2)]
    after = shop.client.get(path, query_string={"email": "ana@example.org"}, headers=shop.headers).json

    assert before["purposes"] == ["nurture"]
    assert [(one["action"], one["standing"]) for one in before["ledger"]] == [("granted", "holds")]
    assert before["ledger"][0]["said"].startswith("Said yes to 'nurture' by email on")
    assert kept == [{"added": 3, "known": 0}, {"added": 0, "known": 3}]
    assert (after["purposes"], [one["reason"] for one in after["suppressions"]]) == ([], ["unsubscribed"])
    assert [one["standing"] for one in after["ledger"]] == ["taken back", "no"]
    assert (
        shop.client.get(path, query_string={"email": "nobody@example.org"}, headers=shop.headers).status_code
        == 404
    )


def test_a_list_of_another_system_is_kept_whole_or_not_at_all(running: Running) -> None:
    shop = a_shop(running, Scope.CONTACTS_WRITE)
    items = [
        {"email": "zoe@example.com", "source": "the old tool"},
        {"email": "zoe@example.com", "phone": "+14165550100", "source": "x"},
        {"email": "zoe@example.com", "reason": "wrong-number", "source": "x"},
        {"email": "nobody", "source": "x"},
        {"email": "zoe@example.com", "source": "told by zoe@example.com"},
        {"phone": "12", "source": "x"},
    ]

    answered = shop.send("PUT", "/api/v1/suppressions", items)

    assert answered.status_code == 422
    assert [one["index"] for one in answered.json["problems"]] == [1, 2, 3, 4, 5]
    assert listed(running, "zoe@example.com") == set()


def test_another_system_says_until_when_a_yes_holds_and_a_slip_is_told(running: Running) -> None:
    shop = a_shop(running, Scope.CONTACTS_WRITE)
    given = {"purpose": "nurture", "source": "Checkout", "implied": True}

    slips = [
        {"email": "ana@example.org", "consent": given},
        {"email": "bea@example.org", "consent": given | {"purpose": "nurtur", "expires": "1 year"}},
    ]
    refused = shop.send("PUT", "/api/v1/contacts", slips)
    short = shop.store({"email": "ana@example.org", "consent": given | {"expires": "6 months"}})
    longer = shop.store({"email": "ana@example.org", "consent": given | {"expires": "24 months"}})
    again = shop.store({"email": "ana@example.org", "consent": given | {"expires": "6 months"}})

    assert [(one["index"], one["field"]) for one in refused.json["problems"]] == [
        (0, "consent"),
        (1, "consent"),
    ]
    assert [one.json["consented"] for one in (short, longer, again)] == [1, 1, 0]
    assert [one.implied for one in ledger(running)] == [True, True]


def test_words_of_our_own_offer_stay_whole_and_others_name_nobody_in_the_ledger(running: Running) -> None:
    own, told = "Yes, write to me. Questions: us@example.org", "Yes, said Zoe\n(zoe@example.com) too"
    running.write("offers/guide.yaml", OFFER.replace("Yes, write to me", own))
    running.publish()
    running.add(consent=None)

    for words in (own, told):
        track_from_outside(
            running.nurture.runtime,
            "ana@example.org",
            "consent.granted",
            {"purpose": "nurture", "source": "Checkout", "wording": words},
        )

    assert [one.wording for one in ledger(running)] == [own, "Yes, said Zoe\n… too"]
    with running.nurture.database.read() as tx:
        kept = [one.data.get("wording") for one in events.of_contact(tx, 1)]
    assert sorted(filter(None, kept)) == sorted((own, told))  # an erasure can reach the event


def test_words_that_were_mailed_stay_whole_when_the_offer_says_others_by_the_time_of_the_yes(
    running: Running,
) -> None:
    own = "Yes, write to me. Questions: us@example.org"
    running.write("offers/guide.yaml", DOUBLE.replace("Yes, write to me", own))
    running.publish()
    ask(running)
    running.write("offers/guide.yaml", DOUBLE)
    running.publish()

    say_yes(running)

    assert [one.wording for one in ledger(running)] == [own]


def test_nobody_from_outside_tells_the_ledger_who_of_us_wrote_a_no_down(running: Running) -> None:
    shop = a_shop(running, Scope.EVENTS_WRITE)
    running.add()
    said = {"by": "kim@example.org"}

    refused = shop.send(
        "POST", "/api/v1/events", {"email": "ana@example.org", "event": "consent.withdrawn", "data": said}
    )
    with pytest.raises(NurtureError, match="'by' is who of us wrote it down"):
        track_from_outside(running.nurture.runtime, "ana@example.org", "consent.withdrawn", said)

    assert refused.status_code == 422
    assert [one.action for one in ledger(running)] == ["granted"]
