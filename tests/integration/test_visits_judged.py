"""Who is a person, and who a machine? Each row is the visits to one message, and who each of them is taken for."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from nurture.db.hits import CONTACTS, H
from nurture.engine.grading import SETTLES_AFTER
from nurture.model.visits import Grade
from nurture.services.events import visits
from tests.support.running import Running, a_nurture
from tests.support.visits import FIREFOX, Links, Reader, links_of, live

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
OUTLOOK = "Mozilla/4.0 (compatible; ms-office; MSOffice rmj)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"

WHO = {
    "ana": ("203.0.113.7", FIREFOX),
    "ana-phone": ("203.0.113.7", SAFARI),
    "on-the-train": ("2001:db8:7::1", SAFARI),
    "same-network": ("2001:db8:7::99", SAFARI),
    "scan": ("192.0.2.50", CHROME),
    "scan-2": ("192.0.2.51", CHROME),
    "scan-3": ("192.0.2.52", CHROME),
    "nameless": ("192.0.2.60", ""),
    "filter": ("209.222.82.9", CHROME),
    "microsoft": ("40.107.9.1", CHROME),
    "apple": ("17.58.1.1", "Mozilla/5.0"),
    "gmail": ("66.249.84.1", GMAIL),
    "outlook": ("40.94.1.1", OUTLOOK),
    "yahoo": ("98.137.1.1", YAHOO),
    "mimecast": ("192.0.2.70", "Mozilla/5.0 (Mimecast URL Protect)"),
    "preview": ("192.0.2.71", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
    "headless": ("192.0.2.72", "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/142.0"),
    "crawler": ("192.0.2.73", "Mozilla/5.0 (compatible; ExampleBot/2.0)"),
}
HOW = {
    "head": {"method": "HEAD"},
    "purpose": {"Purpose": "prefetch"},
    "sec-purpose": {"Sec-Purpose": "prefetch;prerender"},
    "x-moz": {"X-Moz": "prefetch"},
    "x-purpose": {"X-Purpose": "preview"},
    "accepts": {"Accept-Language": "en-CA"},
}
TABLE = """
a person reads it hours later                             | 3h ana 1                                             | human
a person clicks half a minute after it came               | 31s ana 1                                            | human
a person opens it, and clicks                             | 5m ana open; 5m20 ana 1                              | human human
a person takes two links with some reading between        | 2h ana 1; 2h01m ana 2                                | human human
a person takes all three links over ten minutes           | 1h ana 1; 1h04m ana 2; 1h10m ana 3                   | human human human
two tabs of three opened at once look like a machine      | 1h ana 1; 1h00m01 ana 2                              | probable probable
and do not, when the person comes back                    | 1h ana 1; 1h00m01 ana 2; 1h05m ana 3                 | human human human
a double click is one visit                               | 2h ana 1; 2h ana 1                                   | human
a reload after a minute is a visit of its own             | 2h ana 1; 2h01m ana 1                                | human human
computer first, then the phone                            | 2h ana 1; 9h ana-phone 1                             | human human
weeks later                                               | 900h ana 2                                           | human
within the same second                                    | 0s scan 1                                            | certain
within two seconds                                        | 2s scan 1                                            | certain
within seconds                                            | 6s scan 1                                            | probable
within seconds, and gone                                  | 14s scan 2                                           | probable
a hasty person who comes back minutes later               | 9s ana 1; 6m ana 2                                   | human human
a hasty person who comes back to the same link            | 9s ana 1; 3h ana 1                                   | human human
hasty, and somebody else comes back                       | 9s scan 1; 6m ana 2                                  | probable human
hasty, and the same place with another program            | 9s ana 1; 6m ana-phone 2                             | probable human
at once is no haste: coming back proves nothing           | 1s scan 1; 2h scan 1                                 | certain human
a scanner that takes its time                             | 9s scan 1; 17s scan 2; 29s scan 3                    | probable probable probable
a scanner, then the person it works for                   | 1s scan 1; 1s scan 2; 1s scan 3; 40m ana 1           | certain certain certain human
all links within seconds, long after it came              | 2h scan 1; 2h00m01 scan 2; 2h00m02 scan 3            | certain certain certain
all links from three machines at once                     | 2h scan 1; 2h00m01 scan-2 2; 2h00m01 scan-3 3        | certain certain certain
most links from two machines at once                      | 2h scan 1; 2h00m01 scan-2 2                          | probable probable
two links with a breath between                           | 2h ana 1; 2h00m03 ana 2                              | human human
one link from three places at once is passed around       | 2h ana 1; 2h on-the-train 1; 2h scan 1               | human human human
only the headers                                          | 2h scan 1 head                                       | certain
the headers, then the page, by a person's program         | 2h ana 1 head; 2h00m01 ana 1                         | certain human
fetched before anybody clicked                            | 2h ana 1 purpose                                     | certain
fetched before anybody clicked, as Chrome says it         | 2h ana 1 sec-purpose                                 | certain
fetched before anybody clicked, as Firefox says it        | 2h ana 1 x-moz                                       | certain
looked at before anybody clicked                          | 2h ana 1 x-purpose                                   | certain
fetched, and then really clicked                          | 2h ana 1 purpose; 2h00m12 ana 1                      | certain human
the link that nobody sees                                 | 2h scan trap                                         | certain
the link that nobody sees takes its visitor's clicks along | 2h scan 1; 2h00m05 scan trap                        | certain certain
before and after it                                       | 2h scan trap; 2h00m50 scan 2                         | certain certain
but nobody else's                                         | 2h scan trap; 2h00m05 ana 1                          | certain human
and not what the same place does an hour later            | 2h scan trap; 3h scan 1                              | certain human
the trap, found late, makes a probable machine certain    | 6s scan 1; 40s scan trap                             | certain certain
a picture within two seconds                              | 1s scan open                                         | certain
a picture within seconds                                  | 8s scan open                                         | probable
a picture hours later                                     | 4h ana open                                          | human
Apple loads pictures for nobody                           | 4h apple open                                        | probable
a person behind Apple's privacy clicks                    | 4h apple open; 5h on-the-train 1                     | probable human
Gmail's image proxy is no scanner                         | 4h gmail open                                        | human
Outlook's is none either                                  | 4h outlook open                                      | human
nor is Yahoo's                                            | 4h yahoo open                                        | human
Gmail's proxy at once is early all the same               | 1s gmail open                                        | certain
a robot that says so                                      | 4h mimecast 1                                        | probable
a preview in a chat                                       | 4h preview 1                                         | probable
a browser without a window                                | 4h headless 1                                        | probable
a crawler                                                 | 4h crawler 1                                         | probable
the network of a mail filter                              | 4h filter 1                                          | probable
the network of another                                    | 4h microsoft 2                                       | probable
a robot that comes back stays one                         | 4h mimecast 1; 5h mimecast 2                         | probable probable
no name is no sign                                        | 4h nameless 1                                        | human
a header that says nothing is no sign                     | 4h ana 1 accepts                                     | human
the network of one's home is one place                    | 9s on-the-train 1; 2h same-network 2                 | human human
"""


@dataclass(frozen=True)
class Row:
    """What one message lived through: ``(seconds after it left, who, what, how)``, and how each visit is taken."""

    name: str
    visits: tuple[tuple[int, str, str, str], ...]
    expected: tuple[Grade, ...]


GRADES = {"human": Grade.HUMAN, "probable": Grade.PROBABLE, "certain": Grade.CERTAIN}


def seconds(text: str) -> int:
    """``9s``, ``6m``, ``5m20``, ``2h00m01``."""
    hours, _, rest = text.rpartition("h") if "h" in text else ("0", "", text)
    minutes, _, last = rest.rpartition("m") if "m" in rest else ("0", "", rest)
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(last.rstrip("s") or 0)


def row(line: str) -> Row:
    name, played, expected = (part.strip() for part in line.split("|"))
    steps = []
    for visit in played.split(";"):
        at, who, what, *how = visit.split()
        steps.append((seconds(at), who, what, how[0] if how else ""))
    return Row(name, tuple(steps), tuple(GRADES[word] for word in expected.split()))


ROWS = tuple(row(line) for line in TABLE.strip().splitlines())


@pytest.fixture(scope="module")
def verdicts(
    _migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Grade | None, ...]]:
    """All rows at once: each is the message of a contact of its own, and time passes for all of them together."""
    folder = tmp_path_factory.mktemp("visits")
    url = f"sqlite:///{shutil.copy(_migrated_sqlite, folder / 'nurture.db')}"
    running = live(a_nurture(url, folder, mails=("thanks",)), tracking="[tracking]\nopens = true")
    emails = {one.name: f"reader-{number}@example.org" for number, one in enumerate(ROWS, 1)}
    for email in emails.values():
        running.add(email)
        running.track("a.happened", email)
    running.run()
    mails = {mail["To"].addresses[0].addr_spec: links_of(mail) for mail in running.mails()}
    play(running, {name: mails[email] for name, email in emails.items()})
    found = graded(running)
    running.nurture.database.dispose()
    return {name: found.get(email, ()) for name, email in emails.items()}


def play(running: Running, links: dict[str, Links]) -> None:
    start = running.clock.now()
    reader = Reader(running)
    plan = sorted(
        (visit[0], number, visit, one.name) for number, one in enumerate(ROWS) for visit in one.visits
    )
    for at, _, (_, who, what, how), name in plan:
        wait(running, (start - running.clock.now()).total_seconds() + at)
        reader.place, reader.agent = WHO[who]
        reader.visits(path_of(links[name], what), **HOW[how] if how else {})
    wait(running, 60)


def wait(running: Running, seconds: float) -> None:
    """Time passes, and a sweep comes by, as it does every few seconds."""
    soon = min(seconds, SETTLES_AFTER.total_seconds())
    for some in (soon, seconds - soon):
        if some:
            running.clock.advance(seconds=some)
            visits.settle(running.nurture.runtime)


def path_of(links: Links, what: str) -> str:
    found = {"trap": links.trap, "open": links.picture}.get(what) or links.ways[int(what) - 1]
    assert found
    return found


def graded(running: Running) -> dict[str, tuple[Grade | None, ...]]:
    query = (
        select(CONTACTS.c.email, H.c.grade)
        .join(CONTACTS, CONTACTS.c.id == H.c.contact_id)
        .order_by(H.c.at, H.c.id)
    )
    found: dict[str, tuple[Grade | None, ...]] = {}
    with running.nurture.database.read() as tx:
        for email, grade in tx.execute(query):
            found[email] = (*found.get(email, ()), Grade(grade) if grade else None)
    return found


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.name)
def test_a_visit_is_taken_for_whom_the_signs_show(one: Row, verdicts: dict[str, tuple[Grade, ...]]) -> None:
    assert verdicts[one.name] == one.expected
