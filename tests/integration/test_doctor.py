"""Does the doctor call a healthy installation healthy, and find every row that was broken by hand?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from nurture.db import contradictions, state
from nurture.db.contradictions import Found
from nurture.model.errors import Severity
from nurture.services.running import pausing
from nurture.services.running.doctor import Diagnosis, Finding, examine
from nurture.services.running.findings import FINDINGS
from nurture.services.running.pausing import Scope
from tests.support.commands import run
from tests.support.running import Running, a_nurture

WORKFLOW = """\
    workflow: short
    purpose: nurture
    stages:
      - stage: first
        need: Know where I stand
        trigger: a.happened
        validate: b.happened
        steps:
          - email: hello
          - call_task: talk
            assign: round-robin sales
          - {email: later, after: 5 days}
        loss:
          - {after: 60 days, reason: silent}
    """


def a_healthy_one(database_url: str, folder: Path) -> Running:
    """Ana is to be called, Bea left after her mail, Carl waits for his second mail, Dora's first is about to leave."""
    running = a_nurture(database_url, folder, mails=("hello", "later"))
    running.write("workflows/short.yaml", WORKFLOW)
    running.write("templates/call/talk.txt", "Ask how they are.\n")
    running.publish()
    for name in ("ana", "bea", "carl", "dora"):
        running.add(f"{name}@example.org")
    for name in ("ana", "bea", "carl"):
        running.track("a.happened", f"{name}@example.org")
    running.run()
    running.track("consent.withdrawn", "bea@example.org", purpose="nurture")
    running.track("call.outcome", "carl@example.org", outcome="reached")
    running.run()
    running.clock.advance(minutes=5)
    running.track("a.happened", "dora@example.org")
    running.nurture.advance.batch()
    return running


@pytest.fixture(params=["sqlite", "postgres"])
def healthy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    running = a_healthy_one(request.getfixturevalue(f"{request.param}_url"), tmp_path)
    yield running
    running.nurture.database.dispose()


@pytest.fixture
def embedded(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_healthy_one(sqlite_url, tmp_path)
    yield running
    running.nurture.database.dispose()


PAST = "'2020-01-01 00:00:00.000000'"
SAID = (
    "INSERT INTO outcomes (task_id, outcome, data, actor, reported_at, settles_at, undone_at, settled_at)"
    " SELECT id, 'reached', '{{}}', 'kim@example.org', {0}, {0}, {1}, {1} FROM tasks WHERE state = 'open'"
)
NOTICE = (
    "INSERT INTO notices (key, kind, sender, recipient, subject, data, message_id, planned_at, state, attempts, ended_at)"
    " VALUES ('k', 'digest', 'a@example.org', 'b@example.org', 'Hello', '', '<k@example.org>', {0}, {1}, 1, {2})"
)
RIGHT_NOW = "'2026-03-02 14:05:00.000000'"
SOON = "'2026-03-02 14:07:00.000000'"
BROKEN = {
    "overdue-outcomes": SAID.format(PAST, "NULL"),
    "outcome-of-two-minds": SAID.format(PAST, PAST),
    "two-outcomes-wait": SAID.format(SOON, "NULL").replace(
        "FROM tasks", "FROM tasks CROSS JOIN (SELECT 1 AS one UNION ALL SELECT 2) AS twice"
    ),
    "call-without-outcome": f"UPDATE tasks SET state = 'done', ended_at = {PAST} WHERE state = 'open'",
    "overdue-notices": NOTICE.format(PAST, "'pending'", "NULL"),
    "notice-in-doubt": NOTICE.format(PAST, "'ambiguous'", RIGHT_NOW),
    "notice-failed": NOTICE.format(PAST, "'failed'", RIGHT_NOW),
    "unforgotten-requests": (
        "INSERT INTO requests (key, email, email_key, offer, answers, consent, proof, at)"
        f" VALUES ('r', 'a@example.org', 'a@example.org', 'guide', '{{}}', '{{}}', '{{}}', {PAST})"
    ),
    "half-ended": f"UPDATE enrollments SET ended_at = {PAST} WHERE status = 'active'",
    "stages-do-not-add-up": "DELETE FROM transitions WHERE change = 'lost'",
    "entered-twice": (
        "INSERT INTO transitions (enrollment_id, contact_id, workflow, stage, visit, change, at, reason)"
        " SELECT enrollment_id, contact_id, workflow, stage, visit, change, at, reason FROM transitions"
        " WHERE change = 'entered'"
    ),
    "overdue-turns": f"UPDATE enrollments SET wake_at = {PAST} WHERE status = 'active'",
    "overdue-messages": f"UPDATE deliveries SET due = {PAST} WHERE state = 'pending'",
    "overdue-calls": f"UPDATE tasks SET expires = {PAST} WHERE state = 'open'",
    "lapsed-claims": f"UPDATE deliveries SET state = 'claimed', lease_until = {PAST} WHERE state = 'pending'",
    "undecidable": "UPDATE enrollments SET trouble = 'ValueError: odd' WHERE status = 'active'",
    "nothing-wakes": "UPDATE enrollments SET wake_at = NULL WHERE step = 'later'",
    "unread-event": "UPDATE enrollments SET last_event = cursor + 1 WHERE step = 'later'",
    "unread-receipt": "UPDATE tasks SET state = 'done', ended_at = due WHERE state = 'open'",
    "acting-on-nothing": "DELETE FROM tasks WHERE state = 'open'",
    "message-of-ended": (
        "UPDATE enrollments SET status = 'lost', ended_at = entered_at, step = NULL, wake_at = NULL"
        " WHERE id IN (SELECT enrollment_id FROM deliveries WHERE state = 'pending')"
    ),
    "call-of-ended": (
        "UPDATE enrollments SET status = 'lost', ended_at = entered_at, step = NULL, wake_at = NULL"
        " WHERE id IN (SELECT enrollment_id FROM tasks WHERE state = 'open')"
    ),
    "sent-early": f"UPDATE deliveries SET ended_at = {PAST} WHERE state = 'sent'",
    "sent-unnamed": "UPDATE deliveries SET message_id = NULL WHERE state = 'sent'",
    "mailed-after-suppression": (
        "INSERT INTO suppressions (address_hash, channel, reason, at, source)"
        f" SELECT email_hash, 'email', 'hard-bounce', {PAST}, 'by hand' FROM contacts"
    ),
    "mailed-after-withdrawal": (
        "INSERT INTO consents (contact_id, channel, purpose, action, at, source, proof)"
        f" SELECT contact_id, channel, purpose, 'withdrawn', {PAST}, source, proof FROM consents"
        " WHERE action = 'granted'"
    ),
    "orphans": "UPDATE enrollments SET evidence = 987654321, parent = 987654321",
    "held-by-a-rate": (
        "UPDATE deliveries SET state = 'skipped', reason = 'held-too-long', detail = 'rate-limit, at most 5 a day',"
        f" ended_at = {RIGHT_NOW} WHERE state = 'pending'"
    ),
    "ambiguous": "UPDATE deliveries SET state = 'ambiguous' WHERE state = 'sent'",
    "nobody-calls": "UPDATE tasks SET assignee = NULL WHERE state = 'open'",
}


def found_after(running: Running, *statements: str) -> dict[str, Found]:
    """What is found in the tables as these statements would leave them."""
    clock = running.clock
    with running.nurture.database.write() as tx:
        for statement in statements:
            tx.exec_driver_sql(statement)
        found = contradictions.find_contradictions(tx, clock.now(), clock.operational())
        tx.rollback()
    return found


def findings(diagnosis: Diagnosis) -> dict[str, Finding]:
    return {finding.code: finding for finding in diagnosis.findings}


def break_it(running: Running, statement: str) -> None:
    with running.nurture.database.write() as tx:
        tx.exec_driver_sql(statement)


def test_a_healthy_installation_is_in_order_and_its_books_add_up(healthy: Running) -> None:
    diagnosis = examine(healthy.nurture.runtime)

    assert (diagnosis.ok, diagnosis.findings) == (True, ())
    tally = diagnosis.tally
    assert (tally.planned, tally.sent, tally.pending) == (4, 3, 1)
    assert (tally.opened, tally.done, tally.cancelled, tally.open) == (3, 1, 1, 1)
    assert tally.adds_up


def test_every_row_that_is_broken_by_hand_is_found(healthy: Running) -> None:
    missed = {code: found for code, sql in BROKEN.items() if code not in (found := found_after(healthy, sql))}

    assert missed == {}


def test_a_finding_counts_its_rows_and_names_whom_they_are_about(healthy: Running) -> None:
    late = found_after(healthy, BROKEN["overdue-messages"])["overdue-messages"]
    early = found_after(healthy, BROKEN["sent-early"])["sent-early"]
    unsure = found_after(healthy, BROKEN["ambiguous"])["ambiguous"]

    assert late == Found(1, ("dora@example.org short/hello",))
    assert early.count == 3
    assert early.examples[0] == "ana@example.org short/hello"
    message_id = healthy.deliveries("ana@example.org")[0].message_id
    assert unsure.examples[0] == f"ana@example.org short/hello {message_id}"


def test_there_is_a_row_to_break_for_every_finding_of_the_tables() -> None:
    assert set(BROKEN) == set(contradictions.QUERIES) | set(contradictions.TOO_LATE)


def test_every_finding_of_the_tables_has_its_meaning_and_remedy() -> None:
    assert set(BROKEN) < set(FINDINGS)


def test_a_mail_that_was_already_in_its_dialogue_when_the_way_was_closed_is_no_finding(
    healthy: Running,
) -> None:
    closing = (
        "INSERT INTO suppressions (address_hash, channel, reason, at, source)"
        " SELECT email_hash, 'email', 'hard-bounce', '2026-03-02 13:59:55.000000', 'by hand' FROM contacts"
    )

    assert "mailed-after-suppression" not in found_after(healthy, closing)


def test_mail_after_leaving_is_found_only_when_it_was_marketing(healthy: Running) -> None:
    left = BROKEN["mailed-after-suppression"].replace("hard-bounce", "unsubscribed")

    assert "mailed-after-suppression" in found_after(healthy, left)
    assert "mailed-after-suppression" not in found_after(
        healthy, left, "UPDATE deliveries SET marketing = false"
    )


def test_what_is_paused_is_not_stuck(healthy: Running) -> None:
    pausing.pause(healthy.nurture.runtime, Scope(), "a look at the letter")
    healthy.run()
    healthy.clock.advance(days=3)

    found = findings(examine(healthy.nurture.runtime))

    assert "overdue-messages" not in found
    assert "nothing-wakes" not in found


def test_a_pause_of_everything_is_told_and_spoils_nothing(embedded: Running) -> None:
    pausing.pause(embedded.nurture.runtime, Scope(), "a look at the letter")

    diagnosis = examine(embedded.nurture.runtime)

    assert diagnosis.ok
    assert "a look at the letter" in findings(diagnosis)["everything-paused"].example


def test_messages_whose_end_nobody_saw_are_listed_with_their_message_id_and_spoil_nothing(
    embedded: Running,
) -> None:
    break_it(embedded, BROKEN["ambiguous"])

    diagnosis = examine(embedded.nurture.runtime)

    assert diagnosis.ok
    assert diagnosis.tally.ambiguous == 3
    assert diagnosis.tally.adds_up
    assert findings(diagnosis)["ambiguous"].severity is Severity.WARNING
    assert all("@example.org>" in example for example in findings(diagnosis)["ambiguous"].examples)


def test_work_that_nobody_does_is_told_with_who_is_missing(embedded: Running) -> None:
    break_it(embedded, BROKEN["overdue-messages"])
    embedded.nurture.beat("scheduler:here:1")

    diagnosis = examine(embedded.nurture.runtime)

    assert not diagnosis.ok
    assert findings(diagnosis)["nobody-works"].examples == ("no worker",)


def test_a_mail_server_that_refuses_us_is_told_in_its_own_words(embedded: Running) -> None:
    operational = embedded.clock.operational()
    with embedded.nurture.database.write() as tx:
        state.pause_channel(
            tx, "email", operational + timedelta(minutes=5), "535 bad credentials", operational
        )

    diagnosis = examine(embedded.nurture.runtime)

    assert not diagnosis.ok
    assert "535 bad credentials" in findings(diagnosis)["channel-paused"].example


def test_a_state_that_nobody_knows_breaks_the_books(embedded: Running) -> None:
    def spoil(tx: Connection) -> None:
        tx.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        tx.exec_driver_sql("UPDATE deliveries SET state = 'vanished' WHERE state = 'sent'")
        tx.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")

    embedded.nurture.database.retrying(spoil)

    diagnosis = examine(embedded.nurture.runtime)

    assert not diagnosis.ok
    assert findings(diagnosis)["does-not-add-up"].count == 3


def test_the_command_exits_with_zero_when_all_is_well_and_with_one_when_not(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = a_healthy_one(sqlite_url, tmp_path)
    running.run()
    monkeypatch.setenv("NURTURE_DATABASE_URL", sqlite_url)
    well = run("doctor", "--json", project=running.project)
    break_it(running, BROKEN["sent-unnamed"])

    ill = run("doctor", "--json", project=running.project)
    told = run("doctor", project=running.project)

    document = json.loads(ill.stdout)
    assert ill.exit_code == told.exit_code == 1
    assert document["ok"] is False
    assert document["planned"] == document["sent"] == 4
    finding = next(one for one in document["findings"] if one["code"] == "sent-unnamed")
    assert finding["count"] == 4
    assert finding["remedy"]
    assert "sent-unnamed (4)" in told.stdout
    assert "4 planned = 4 sent" in told.stdout
    # By the system's clock, months after March 2026, the rest is overdue; the books still add up.
    assert {one["code"] for one in json.loads(well.stdout)["findings"]} <= {
        "overdue-turns",
        "overdue-calls",
        "nobody-works",
    }
    running.nurture.database.dispose()


def test_calls_on_the_list_of_somebody_who_is_gone_are_told(embedded: Running) -> None:
    break_it(embedded, "UPDATE tasks SET assignee = 'mo@example.org' WHERE state = 'open'")

    finding = findings(examine(embedded.nurture.runtime))["gone-callers"]

    assert (finding.severity, finding.examples) == (Severity.WARNING, ("mo@example.org: 1",))
