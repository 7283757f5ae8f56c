"""Segments by name: counted, listed, saved, enrolled, from the command line and in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.db import audit
from nurture.model.accounts import Role
from nurture.model.errors import NotFoundError, NurtureError
from nurture.services.contacts.by_hand import enroll_all
from nurture.services.events import segment_list
from nurture.services.events.segment_list import ConditionError
from tests.support.browsing import a_browser
from tests.support.commands import answer, run
from tests.support.running import Running, a_nurture

WORKFLOW = """\
workflow: short
title: Short
purpose: nurture
stages:
  - stage: first
    need: Know where I stand
    trigger: manual
    validate: b.happened
    steps: [{email: hello}]
    loss: [{after: 60 days, reason: silent}]
"""


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello",))
    running.write("workflows/short.yaml", WORKFLOW)
    running.write("segments/warm.yaml", "segment: warm\ntitle: Ready to talk\nwhere: contact.score >= 20\n")
    running.publish()
    for number in range(3):
        running.add(f"c{number}@example.org", score=15 * number, tags=frozenset({"vip"} if number else ()))
    yield running
    running.nurture.close()


def save(running: Running, name: str, where: str, *, new: bool = True) -> None:
    segment_list.save(running.nurture.runtime, name, "", where, "mia@example.org", new=new)


def test_every_segment_is_listed_with_who_fits_it_now(running: Running) -> None:
    save(running, "vips", '"vip" in contact.tags')

    lines = segment_list.listing(running.nurture.runtime)

    assert [(one.segment.name, one.count, bool(one.segment.saved)) for one in lines] == [
        ("vips", 2, True),
        ("warm", 1, False),
    ]


def test_members_come_a_page_at_a_time(running: Running) -> None:
    save(running, "everyone", "contact.email is not none")

    first = segment_list.show(running.nurture.runtime, "everyone", most=2)
    second = segment_list.show(running.nurture.runtime, "everyone", most=2, after=first.older or 0)

    assert [one.email for one in (*first.members, *second.members)] == [f"c{n}@example.org" for n in range(3)]
    assert (first.count, second.older) == (3, None)


def test_a_name_of_a_file_is_not_saved_and_the_file_goes_first(running: Running) -> None:
    save(running, "vips", '"vip" in contact.tags')
    running.write("segments/vips.yaml", "segment: vips\nwhere: contact.score > 100\n")
    running.publish()

    with pytest.raises(NurtureError, match=r"segments/warm\.yaml defines 'warm'"):
        save(running, "warm", "contact.score > 1")
    shown = segment_list.show(running.nurture.runtime, "vips")

    assert (shown.count, shown.segment.saved) == (0, None)


@pytest.mark.parametrize(
    ("where", "column", "said"),
    [
        ("contact.score >= ", 17, "ends too early"),
        ("contact.scor >= 20", 1, "no field 'scor'"),
        ("contact.score >= 20 and stage == 'first'", 25, "no meaning here"),
        ('contact.score >= "20"', 1, "never alike"),
    ],
)
def test_a_condition_that_cannot_be_used_is_told_at_its_column(
    running: Running, where: str, column: int, said: str
) -> None:
    with pytest.raises(ConditionError) as refused:
        save(running, "odd", where)

    problem = refused.value.problems[0]
    assert problem.place.column == column
    assert said in problem.message


def test_names_that_nobody_could_write_down_are_refused(running: Running) -> None:
    for name in ("", "Warm", "a b", "+new", "x" * 61, "../etc"):
        with pytest.raises(NurtureError, match="no name for a segment"):
            save(running, name, "contact.score > 1")


def test_a_saved_segment_enrolls_and_a_workflow_file_may_not_name_it(running: Running) -> None:
    save(running, "vips", '"vip" in contact.tags')

    entered = enroll_all(running.nurture.runtime, "short", "the fair", segment="vips")
    running.write("workflows/short.yaml", WORKFLOW.replace("manual", "segment vips"))

    assert entered.enrolled == 2
    with pytest.raises(NurtureError, match="problem"):
        running.publish()
    with pytest.raises(NotFoundError, match="no segment 'vipz'"):
        enroll_all(running.nurture.runtime, "short", "the fair", segment="vipz")


def test_the_command_counts_and_lists_members(
    running: Running, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(running, "vips", '"vip" in contact.tags')
    monkeypatch.setenv("NURTURE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("NURTURE_SECRET_KEY", "a-test-key-that-is-long-enough" * 2)

    listed = answer("segment", "list", project=running.project)
    shown = answer("segment", "show", "vips", "--limit", "1", project=running.project)
    unknown = run("segment", "show", "vipz", project=running.project)

    assert [(one["segment"], one["count"], one["kept_in"]) for one in listed["segments"]] == [
        ("vips", 2, "saved"),
        ("warm", 1, "file"),
    ]
    assert (shown["count"], [one["email"] for one in shown["members"]]) == (2, ["c1@example.org"])
    assert shown["next"] == shown["members"][-1]["id"]
    assert (unknown.exit_code, "did you mean 'vips'" in unknown.stderr) == (1, True)


def test_marketers_write_change_and_delete_a_segment_in_the_browser(running: Running) -> None:
    browser = a_browser(running, Role.MARKETER)

    counted = browser.get("/admin/segments/+new?where=contact.score+%3E%3D+15").text
    wrong = browser.get("/admin/segments/+new?where=contact.scor").text
    made = browser.post(
        "/admin/segments/+new",
        _from="/admin/segments/+new",
        name="tepid",
        title="",
        where="contact.score >= 15",
    )
    listed = browser.get("/admin/segments").text
    page = browser.get("/admin/segments/tepid").text
    changed = browser.post(
        "/admin/segments/tepid/edit",
        _from="/admin/segments/tepid/edit",
        name="tepid",
        title="T",
        where="contact.score >= 30",
    )
    fewer = browser.get("/admin/contacts?segment=tepid").text
    gone = browser.post("/admin/segments/tepid/delete", _from="/admin/segments/tepid")

    assert "<strong>2</strong> contacts fit" in counted
    assert "Column 1" in wrong
    assert "no field" in wrong
    assert (made.status_code, changed.status_code, gone.status_code) == (303, 303, 303)
    assert "tepid" in listed
    assert "segment: tepid\nwhere: &#39;contact.score &gt;= 15&#39;" in page
    assert "c2@example.org" in fewer
    assert "c1@example.org" not in fewer
    assert browser.get("/admin/segments/tepid").status_code == 404
    with running.nurture.database.read() as tx:
        done = [entry.action for entry in audit.latest(tx, limit=10)]
    assert done.count("save-segment") == 2
    assert "delete-segment" in done


def test_a_form_with_a_wrong_name_and_a_wrong_condition_is_told_both_and_what_can_be_asked(
    running: Running,
) -> None:
    browser = a_browser(running, Role.MARKETER)

    refused = browser.post(
        "/admin/segments/+new",
        _from="/admin/segments/+new",
        name="My segment!",
        title="",
        where="contact.scor >= 15",
    )

    assert refused.status_code == 422
    assert "is no name for a segment" in refused.text
    assert "no field" in refused.text
    assert "<code>contact.is_competitor</code> (yes or no)" in refused.text
    assert "<code>contact.plan</code>: basic, plus" in refused.text


def test_who_only_looks_sees_members_and_writes_nothing(running: Running) -> None:
    browser = a_browser(running, Role.VIEWER)

    page = browser.get("/admin/segments/warm").text

    assert "c2@example.org" in page
    assert "Change" not in page
    assert browser.get("/admin/segments/+new").status_code == 403


def test_a_hostile_condition_stays_text(running: Running) -> None:
    browser = a_browser(running, Role.MARKETER)

    page = browser.get("/admin/segments/+new?where=%3Cscript%3Ealert(1)%3C/script%3E").text

    assert "<script>alert" not in page


def test_the_yaml_of_a_saved_segment_is_the_segment(running: Running, tmp_path: Path) -> None:
    save(running, "quoted", """contact.first_name == "it's" or "vip" in contact.tags""")
    named = segment_list.show(running.nurture.runtime, "quoted").segment

    running.write("segments/quoted.yaml", named.as_file)
    running.publish()

    assert segment_list.show(running.nurture.runtime, "quoted").segment.where == named.where


def test_a_long_condition_is_counted_and_changed_whole(running: Running) -> None:
    browser = a_browser(running, Role.MARKETER)
    where = " or ".join(f"contact.score == {number}" for number in range(15, 45))
    save(running, "long", where)

    counted = browser.get("/admin/segments/+new", query_string={"where": where}).text
    edited = browser.get("/admin/segments/long/edit", query_string={"where": where}).text

    assert len(where) > 500
    assert "<strong>2</strong> contacts fit" in counted
    assert "contact.score == 44</textarea>" in edited
