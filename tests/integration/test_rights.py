"""Does somebody get to see everything we hold about them, and is nothing of them left when they want to be forgotten?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.db import personal
from nurture.db.tables import Base
from nurture.services import erasing, rights
from nurture.model.errors import NotFoundError
from tests.support.running import Running, a_nurture


def test_every_table_says_whether_it_holds_people() -> None:
    told = {one.table for one in personal.HOLDINGS} | set(personal.NO_PERSON)

    assert told == set(Base.metadata.tables.values())
    assert not {one.table for one in personal.HOLDINGS} & set(personal.NO_PERSON)


@pytest.fixture
def here(any_database: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(any_database, tmp_path, mails=("hello", "again"))
    running.write(
        "workflows/w.yaml",
        """\
        workflow: w
        purpose: nurture
        stages:
          - stage: first
            need: Know
            trigger: a.happened
            validate: b.happened
            steps:
              - email: hello
              - {email: again, after: 2 days}
            loss: [{after: 30 days, reason: gone}]
        """,
    )
    running.publish()
    yield running
    running.nurture.close()


def folder(running: Running) -> Path:
    return running.project / "var" / "mail"


def test_a_forgotten_person_is_nowhere(here: Running) -> None:
    here.add("canary@example.org", first_name="Canaria")
    here.track("a.happened", "canary@example.org", note="canary-note")
    here.run()

    shown = rights.everything(here.nurture.runtime, "canary@example.org", folder(here), "kim@example.org")
    print(shown.counts, [one.name for one in shown.caught])
    gone = erasing.erase(here.nurture.runtime, "Canary@Example.ORG", folder(here), "kim@example.org", "asked by Canaria")

    print(gone)
    with pytest.raises(NotFoundError):
        erasing.erase(here.nurture.runtime, "canary@example.org", folder(here), "kim@example.org")
