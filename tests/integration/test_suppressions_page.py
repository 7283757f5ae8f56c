"""The page of addresses that we leave alone: asked exactly, added to with a reason, and taken from only as far as a hand may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.db import audit
from nurture.model.accounts import Role
from nurture.model.words import SuppressionReason
from nurture.services.consent import suppressing
from tests.support.browsing import a_browser
from tests.support.running import Running, a_nurture

PAGE = "/admin/suppressions"


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path)
    running.publish()
    running.add()
    yield running
    running.nurture.database.dispose()


def test_a_marketer_adds_looks_up_and_sees_the_story(running: Running) -> None:
    marketer = a_browser(running, Role.MARKETER)

    added = marketer.post(f"{PAGE}/add", target="Ana@example.org", reason="manual", why="asked Kim")
    found = marketer.post(f"{PAGE}/look-up", target=" ana@EXAMPLE.org ")
    other = marketer.post(f"{PAGE}/look-up", target="bea@example.org")
    contact = marketer.get("/admin/contacts/1")

    assert "It is on the list now" in added.text
    assert "asked Kim" in found.text
    assert 'href="/admin/contacts/1"' in found.text
    assert "Take it off" not in found.text
    assert "bea@example.org</bdi> is not on the list" in other.text
    assert ">manual</span>" in contact.text


def test_only_an_admin_takes_off_and_only_what_a_hand_put_there(running: Running) -> None:
    for reason in ("manual", "hard-bounce"):
        suppressing.add(
            running.nurture.runtime,
            "ana@example.org",
            reason=SuppressionReason(reason),
            source="x",
            actor="kim",
        )
    form = {"target": "ana@example.org", "why": "was another Ana"}

    refused = a_browser(running, Role.MARKETER).post(f"{PAGE}/remove", **form)
    admin = a_browser(running, Role.ADMIN)
    taken = admin.post(f"{PAGE}/remove", **form)
    again = admin.post(f"{PAGE}/remove", **form)

    assert refused.status_code == 403
    assert "Taken off: manual" in taken.text
    assert again.status_code == 422
    assert "No hand takes this off the list" in again.text
    standing = suppressing.look_up(running.nurture.runtime, "ana@example.org")
    assert [one.reason for one in standing.entries] == ["hard-bounce"]
    with running.nurture.database.read() as tx:
        deeds = [deed for deed in audit.latest(tx) if deed.action == "unsuppress"]
    assert [deed.detail["why"] for deed in deeds] == ["was another Ana"]
    assert "example.org" not in deeds[0].subject


def test_what_is_typed_wrongly_is_told_at_its_place_and_nothing_is_stored(running: Running) -> None:
    marketer = a_browser(running, Role.MARKETER)

    nobody = marketer.post(f"{PAGE}/look-up", target="<b>ana</b>")
    telling = marketer.post(
        f"{PAGE}/add",
        target="ana@example.org",
        reason="manual",
        why="is bea@example.org",
    )
    number = marketer.post(f"{PAGE}/add", target="+14165550100", reason="hard-bounce", why="x")

    assert [one.status_code for one in (nobody, telling, number)] == [422, 422, 422]
    assert "<b>ana</b>" not in nobody.text
    assert "names an address" in telling.text
    assert "known are manual, do-not-call, wrong-number" in number.text
    assert marketer.get(PAGE + "?reason=nonsense").status_code == 404
    assert "Nobody is left alone yet" in marketer.get(PAGE).text


def test_the_list_counts_by_reason_and_names_only_contacts(running: Running) -> None:
    runtime = running.nurture.runtime
    suppressing.add(runtime, "ana@example.org", source="asked us", actor="kim")
    suppressing.add(
        runtime, "zoe@example.com", reason=SuppressionReason.COMPLAINT, source="old tool", actor="kim"
    )

    viewer = a_browser(running, Role.VIEWER)
    everybody, complaints = viewer.get(PAGE).text, viewer.get(PAGE + "?reason=complaint").text

    assert "ana@example.org" in everybody
    assert "zoe@example.com" not in everybody
    assert "somebody we do not know" in complaints
    assert "ana@example.org" not in complaints
    assert "Put it on the list" not in everybody
