"""Colleagues click, contacts act and workers work, all at once: the books stay right, and the funnel counts everybody."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from threading import Event

from sqlalchemy import select

from nurture.db import contacts, enrollments, outcomes, tasks
from nurture.db.tables import EnrollmentRow, TransitionRow, table_of
from nurture.model.accounts import Account, Role
from nurture.model.errors import NurtureError
from nurture.reports import funnel
from nurture.services.contacts import hands, steering
from nurture.services.contacts.hands import Told
from nurture.services.phone import calls
from nurture.services.running import pausing
from nurture.services.running.doctor import examine
from nurture.services.running.pausing import Scope
from nurture.services.story.path import path
from tests.support.running import Running, a_nurture

KIM = Account(1, "kim@example.org", "Kim", Role.SALES, "America/Toronto")
PEOPLE = ("ana@example.org", "bea@example.org", "carl@example.org")
MAILS = ("hello", "sorry", "nudge", "late", "story", "welcome", "come-back")
ONE = """\
    workflow: one
    title: One
    purpose: nurture
    calendar: business
    reentry: always
    stages:
      - stage: first
        need: Know more
        trigger: a.happened
        reenter: yes
        validate: b.happened
        steps:
          - {email: hello, purpose: transactional}
          - {call_task: soft, hold: no, assign: owner}
          - call_task: ring
            after: 1 day
            assign: round-robin sales
            outcomes:
              voicemail: [{call_task: ring-again, after: 1 day}, {email: sorry}]
              not-interested: [{lose: not-interested}]
          - wait_until: email.clicked, quote.requested
            timeout: 2 days
            on_timeout: [{email: nudge}]
          - {email: late, after: 3 days}
        loss:
          - {after: 20 days, reason: timed-out, enroll: two}
      - stage: second
        need: See more
        trigger: meeting.booked
        reenter: yes
        validate: sale.closed
        steps:
          - {email: story, after: 2 hours}
          - {call_task: ring-second, after: 1 day}
          - {jump: first, after: 5 days}
        loss:
          - {on: sale.refunded, reason: refunded}
          - {after: 15 days, reason: slow}
      - stage: third
        need: Feel good
        validate: a.happened
        steps:
          - {email: welcome, after: 1 hour}
        loss:
          - {silent: 6 days, reason: silent}
          - {after: 25 days, reason: never}
"""
TWO = """\
    workflow: two
    title: Two
    purpose: nurture
    reentry: 2 days
    stages:
      - stage: again
        need: Come back
        trigger: quote.requested
        validate: sale.closed
        steps:
          - {email: come-back, after: 1 day}
          - {call_task: ring-third, after: 1 day}
        loss:
          - {after: 10 days, reason: timed-out}
"""
EVENTS = ("a.happened", "b.happened", "meeting.booked", "quote.requested", "sale.refunded", "email.clicked")
OUTCOMES = ("reached", "voicemail", "not-interested", "do-not-call", "call-back", "booked")
ROUNDS = 40


def a_company(database_url: str, folder: Path) -> Running:
    running = a_nurture(database_url, folder, mails=MAILS)
    for script in ("soft", "ring", "ring-again", "ring-second", "ring-third"):
        running.write(f"templates/call/{script}.txt", "Call.\n")
    running.write("workflows/one.yaml", ONE)
    running.write("workflows/two.yaml", TWO)
    running.publish()
    for email in PEOPLE:  # Ana and Bea share a phone
        running.add(email, phone="+14165550101" if email == PEOPLE[2] else "+14165550100")
    return running


def chosen(*seed: object) -> Callable[[int], int]:
    """A choice below a number, another one each time, the same in every run."""
    count = 0

    def choose(most: int) -> int:
        nonlocal count
        count += 1
        return int.from_bytes(sha256(repr((seed, count)).encode()).digest()[:8]) % most

    return choose


def act(running: Running, choose: Callable[[int], int], once: str) -> None:
    """One deed of a colleague or a contact, whatever comes to mind; what makes no sense by now is refused."""
    runtime, email = running.nurture.runtime, PEOPLE[choose(len(PEOPLE))]
    with running.nurture.database.read() as tx:
        person = contacts.by_email(tx, [email])[email]
        journeys = enrollments.live_of(tx, [person.id])
        open_calls = tasks.of_contact(tx, person.id)
        told = [one for call in open_calls for one in outcomes.of_task(tx, call.id)]
    journey = journeys[choose(len(journeys))] if journeys else None
    match choose(16):
        case 0 if told:
            calls.undo(runtime, told[-1].id, KIM)
        case 1 if journey:
            stage = ("first", "second", "third", "again")[choose(4)]
            steering.move(runtime, journey.id, stage, "a feeling", "kim")
        case 2 | 3 if journey and journey.step:
            steering.skip(runtime, journey.id, journey.step, "a feeling", "kim")
        case 4 if journey:
            steering.end(runtime, journey.id, "a feeling", "kim")
        case 5:
            steering.hold(runtime, person.id, "a feeling", "kim")
        case 6:
            steering.let_go(runtime, person.id, "", "kim")
        case 7:
            steering.enroll(runtime, person.id, ("one", "two")[choose(2)], "a feeling", "kim")
        case 8:
            hands.happened(runtime, person.id, Told("sale.closed", once, amount=5), "kim")
        case 9 | 10 | 11 if open_calls:
            outcome = OUTCOMES[choose(len(OUTCOMES))]
            again = running.clock.now() + timedelta(hours=5) if outcome == "call-back" else None
            calls.report(runtime, open_calls[-1 - choose(min(3, len(open_calls)))].id, outcome, KIM, at=again)
        case _:
            running.track(EVENTS[choose(len(EVENTS))], email)


def everybody_at_once(running: Running) -> None:
    """Three colleagues and two workers, while the clock goes on by hours."""
    over = Event()

    def work() -> None:
        while not over.wait(0.002):
            running.nurture.sweep()
            running.nurture.advance.batch(3)
            running.nurture.deliver.batch()
            running.nurture.send_notices()

    def colleague(number: int) -> None:
        choose = chosen("colleague", number)
        for deed in range(ROUNDS):
            with suppress(NurtureError):
                act(running, choose, f"form-{number}-{deed}")
            if number == 0:
                running.clock.advance(hours=(0.02, 0.05, 1, 5, 20)[choose(5)])

    with ThreadPoolExecutor(5) as together:
        workers = [together.submit(work) for _ in range(2)]
        colleagues = [together.submit(colleague, number) for number in range(3)]
        try:
            for one in colleagues:
                one.result()
        finally:
            over.set()
        for one in workers:
            one.result()


def counted_by_hand(running: Running) -> dict[tuple[str, str], Counter[str]]:
    """The funnel as one would count it from the log, one journey at a time."""
    with running.nurture.database.read() as tx:
        moves = tx.execute(select(table_of(TransitionRow))).all()
    met: dict[tuple[int, str, str], set[str]] = defaultdict(set)
    for one in moves:
        met[one.enrollment_id, one.workflow, one.stage].add("before" if one.before else one.change)
    counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (_, workflow, stage), changes in met.items():
        counted[workflow, stage].update(
            {"came": 1} | {name: 1 for name in ("entered", "validated", "lost") if name in changes}
        )
    return counted


def test_whatever_people_and_workers_do_at_once_the_books_stay_right(
    any_database: str, tmp_path: Path
) -> None:
    running = a_company(any_database, tmp_path)
    running.clock.operational_at = running.clock.now()  # leases last while business time flies

    everybody_at_once(running)
    for email in PEOPLE:
        pausing.resume(running.nurture.runtime, Scope(email=email), "enough")
    running.run()
    running.clock.advance(minutes=20)
    running.run()

    found = {one.code: one.examples for one in examine(running.nurture.runtime).findings}
    found.pop("notice-failed", None)  # a list that the flying clock made useless while it waited for a worker
    assert found == {}
    by_hand = counted_by_hand(running)
    with running.nurture.database.read() as tx:
        funnels = funnel.read(tx, running.nurture.runtime.shelf.published(tx).workflows)
        rows = tx.execute(select(table_of(EnrollmentRow))).all()
        stages = [stage for one in funnels for stage in one.stages]
    for stage in stages:
        fates = stage.validated + stage.lost - stage.also_lost + stage.skipped + stage.exited
        assert stage.came == fates + stage.went_back + stage.under_way
        counted = {"came": stage.came, "entered": stage.entered, "validated": stage.validated}
        assert by_hand[stage.workflow, stage.stage] == Counter(counted | {"lost": stage.lost})
    assert sum(stage.now + stage.resting for stage in stages) == sum(row.status == "active" for row in rows)
    assert all(path(running.nurture.runtime, number).trouble is None for number in (1, 2, 3))
    running.nurture.close()
