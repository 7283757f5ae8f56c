"""Whatever the workflow, whatever happens to whom in whichever order, and wherever a process dies: the promises hold.

Generated workflows run in a real database by the real services, while processes die between, before and after any two
commits, oversleep their leases, and are interrupted by other workers and by the people they work for. After each fault
and at the end of each life an auditor asks for the invariants.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from nurture.services import published
from nurture.services.published import Published
from nurture.settings import Settings
from tests.support.auditor import audit, settled
from tests.support.generated import EVENTS, workflow_texts
from tests.support.lives import PEOPLE, Deed, Fault, Script
from tests.support.mortal import Ground, Life
from tests.support.scripted_server import OUTCOMES

HAPPENS = (
    *EVENTS,
    *EVENTS,
    *EVENTS,
    *("email.clicked", "email.replied", "machine-click", "sale.refunded", "again:a.happened"),
    *("call:voicemail", "call:reached", "report:voicemail", "report:call-back", "report:do-not-call"),
    *("consent.withdrawn", "consent.granted", "bounce:soft", "bounce:hard", "email.complained"),
    *("pause:contact", "resume:contact", "pause:workflow", "resume:workflow", "pause:all", "resume:all"),
    *("publish", "move", "competitor", "enroll:one", "enroll:two", "skip", "end", "nobody works"),
)
GETS_BETWEEN = (
    *("dies", "sleeps", "turns", "sends", "sweeps") * 3,
    *("consent.withdrawn", "email.complained", "b.happened", "sale.closed", "pause:all", "resume:all"),
    *("publish", "competitor", "call:reached", "end", "skip"),
)
HOURS = (0, 0, 1, 7, 26, 75, 200)


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    one, two, later = (
        draw(workflow_texts(name, most_stages=3, sends_on_to=onward))
        for name, onward in (("one", "two"), ("two", None), ("one", "two"))
    )
    deeds = st.builds(Deed, st.sampled_from(HOURS), st.sampled_from(PEOPLE), st.sampled_from(HAPPENS))
    what, who = st.sampled_from(GETS_BETWEEN), st.sampled_from(PEOPLE)
    anywhere = st.builds(Fault, st.integers(0, 400), what, who)
    in_dialogue = st.builds(Fault, st.integers(0, 40), what, who, st.just(True))
    faults = anywhere | in_dialogue
    return Script(
        one=one,
        two=two,
        later=later,
        manners=draw(st.booleans()),
        poison=draw(st.sampled_from(("none", "template", "zone"))),
        deeds=tuple(draw(st.lists(deeds, max_size=14))),
        faults=tuple(draw(st.lists(faults, min_size=4, max_size=10))),
        answers=tuple(draw(st.lists(st.sampled_from(["takes"] * 6 + list(OUTCOMES)), max_size=20))),
    )


SEED, LIVES = "NURTURE_TEST_SEED", "NURTURE_TEST_LIVES"
PLAIN = settings(
    deadline=None,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def live(ground: Ground, script: Script) -> list[str]:
    """Live through this; returns what was promised and not kept."""
    ground.renew()
    given_ = Settings(project=Path(__file__).parent, database_url=ground.url, secret_keys=("a-key" * 10,))
    life = Life(ground, given_, script, look=settled)
    try:
        life.play()
        return [*life.found, *audit(life)]
    finally:
        life.close()


def live_many(ground: Ground, lives: int, number: int) -> None:
    """Live through ``lives`` scripts of this seed; on a failure the smallest script that fails is told."""

    @settings(PLAIN, max_examples=lives)
    @seed(number)
    @given(scripts())
    def every_promise_is_kept(script: Script) -> None:
        assert live(ground, script) == []

    try:
        every_promise_is_kept()
    except BaseException as failure:
        name, kind = os.path.relpath(__file__), "sqlite" if ground.files else "postgres"
        failure.add_note(
            f"To see it again: {SEED}={number} {LIVES}={lives} python -m pytest -n 0 '{name}' -k '{kind}-1-'"
        )
        raise


@pytest.fixture(params=["sqlite", "postgres"])
def ground(
    request: pytest.FixtureRequest, _migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ground]:
    """A database in memory where there is one; what is published is read once, however many processes ask."""
    read, known = published._read, dict[str, Published]()

    def remembered(tx: Connection, fingerprint: str) -> Published:
        if fingerprint not in known:
            known[fingerprint] = read(tx, fingerprint)
        return known[fingerprint]

    monkeypatch.setattr(published, "_read", remembered)
    monkeypatch.setattr(published, "_workflow", cache(published._workflow))
    monkeypatch.setattr(published, "FRESH", float("inf"))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    file = folder / "nurture.db"
    if request.param == "sqlite":
        made = Ground(f"sqlite:///{file}", (file, _migrated_sqlite))
    else:
        made = Ground(str(request.getfixturevalue("postgres_url")))
    yield made
    made.dispose()
    structlog.reset_defaults()
    shutil.rmtree(folder)


OFTEN = [pytest.mark.slow, pytest.mark.timeout(900)]
"""Minutes of two cores: each script holds three generated workflows and five people, so that these are some two thousand
workflows and three thousand lives. Each seed lives others, and one that fails is named with the command to live it again."""


@pytest.mark.parametrize(
    ("number", "lives"), [(1, 8), *(pytest.param(number, 160, marks=OFTEN) for number in (2, 3, 4))]
)
def test_every_promise_is_kept_wherever_a_process_dies(ground: Ground, number: int, lives: int) -> None:
    if not ground.files:
        lives //= 3  # a real server is asked less often: it takes three times as long

    live_many(ground, int(os.environ.get(LIVES, lives)), int(os.environ.get(SEED, number)))
