"""Does publishing do what was looked at, keep the last good state through any mishap, and bring any state back?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.db import content, releases
from nurture.model.errors import NotFoundError, NurtureError, ProblemsFound
from nurture.services.consent import choosing as resting
from nurture.services.files import project_files
from nurture.services.releases import planning
from nurture.services.releases.plan_values import Fate, Plan
from nurture.services.releases.plan_words import questions, volume
from nurture.services.releases.publish import make_live
from nurture.services.releases.release_list import listing
from nurture.services.running import brakes, pausing
from nurture.services.running.pausing import Scope
from tests.support.commands import answer, mend, run
from tests.support.running import Running, a_nurture

WORKFLOW = """\
workflow: one
purpose: nurture
stages:
  - stage: first
    need: Know more
    trigger: a.happened
    validate: b.happened
    steps:
      - {email: hello}
      - {email: again, after: 2 days}
      - {email: again, id: more, after: 1 day}
    loss: [{after: 30 days, reason: timed-out}]
"""


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello", "again"))
    running.write("workflows/one.yaml", WORKFLOW)
    running.publish()
    running.add()
    yield running
    running.nurture.close()


def live(running: Running) -> tuple[dict[str, str], dict[str, str]]:
    with running.nurture.database.read() as tx:
        return content.workflow_heads(tx), content.publications(tx)


def plan_of(running: Running) -> Plan:
    return planning.plan(running.nurture.runtime, running.project)


# --- what goes live is what was looked at -------------------------------------------------------------------------


def test_a_file_that_changes_after_the_plan_does_not_go_live_with_it(running: Running) -> None:
    mend(running.project / "workflows/one.yaml", "2 days", "3 days")
    plan = plan_of(running)
    running.write("workflows/one.yaml", "workflow: one\nstages: [")

    make_live(running.nurture.runtime, plan)

    assert live(running)[0] == {"one": plan.workflows[0].after}


def test_a_plan_is_known_again_by_its_seal_as_long_as_nothing_changed(running: Running) -> None:
    mend(running.project / "workflows/one.yaml", "2 days", "3 days")
    first, again = plan_of(running).seal, plan_of(running).seal

    mend(running.project / "workflows/one.yaml", "3 days", "4 days")

    assert first == again
    assert plan_of(running).seal != first


def test_a_plan_that_another_release_overtook_is_refused(running: Running) -> None:
    mend(running.project / "workflows/one.yaml", "2 days", "3 days")
    plan = plan_of(running)
    running.publish()

    with pytest.raises(NurtureError, match="something else was published"):
        make_live(running.nurture.runtime, plan)


def test_a_file_that_is_being_saved_is_waited_for_and_never_read_half(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = mended(running.project / "workflows/one.yaml")
    read, reads = project_files.project_files, iter(range(10))

    def read_while_somebody_saves(folder: Path) -> dict[str, bytes]:
        if next(reads) == 0:
            half, whole = saved[: len(saved) // 2], saved
            (folder / "workflows/one.yaml").write_text(half)
            files = read(folder)
            (folder / "workflows/one.yaml").write_text(whole)
            return files
        return read(folder)

    monkeypatch.setattr(project_files, "project_files", read_while_somebody_saves)

    assert project_files.read_folder(running.project)["workflows/one.yaml"].decode() == saved


def mended(file: Path) -> str:
    return file.read_text().replace("2 days", "3 days")


def test_files_that_never_rest_are_refused_with_a_sentence(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(100))
    read = project_files.project_files

    def somebody_types(folder: Path) -> dict[str, bytes]:
        running.write("templates/email/hello.md", "x" * (next(times) + 1))
        return read(folder)

    monkeypatch.setattr(project_files, "project_files", somebody_types)

    with pytest.raises(NurtureError, match="being changed at this moment"):
        plan_of(running)


# --- mishaps with files: the last good state goes on --------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "workflow: one\nstages: [", WORKFLOW[: len(WORKFLOW) // 2], "\x00\x01"])
def test_a_broken_or_half_written_file_publishes_nothing_and_is_told_at_its_line(
    running: Running, text: str
) -> None:
    before = live(running)
    running.write("workflows/one.yaml", text)

    with pytest.raises(ProblemsFound) as found:
        plan_of(running)

    assert {problem.place.file for problem in found.value.problems} == {"workflows/one.yaml"}
    assert live(running) == before
    running.track("a.happened")
    running.run()
    assert running.states() == [("hello", "sent", None)]


def test_a_file_that_cannot_be_read_stops_publishing_and_is_named(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)

    with pytest.raises(ProblemsFound) as found:
        project_files.read_folder(running.project)

    assert "unreadable-file" in {problem.code for problem in found.value.problems}


def test_what_editors_and_systems_keep_beside_a_file_never_goes_live(running: Running) -> None:
    running.write("workflows/._one.yaml", "\x00\x05\x16\x07")
    running.write("templates/email/.old/hello.md", "half a")
    running.write("assets/.DS_Store", "x")
    (running.project / "workflows" / ".#one.yaml").symlink_to("sam@desk.4711")

    found = project_files.read_folder(running.project)
    running.publish()

    assert not [name for name in found if "/." in name]
    assert "workflows/one.yaml" in found


def test_a_removed_workflow_is_never_withdrawn_in_silence(running: Running) -> None:
    running.track("a.happened")
    running.run()
    (running.project / "workflows/one.yaml").unlink()

    plan = plan_of(running)

    (one,) = plan.workflows
    assert (one.fate, one.under_way, plan.needs_a_yes) == (Fate.WITHDRAWN, 1, True)
    assert list(questions(plan)) == ["one takes nobody new; 1 contact goes on in the version they entered"]


def test_an_older_state_of_the_folder_is_a_release_like_any_other(running: Running) -> None:
    first = live(running)
    mend(running.project / "workflows/one.yaml", "2 days", "3 days")
    running.publish()

    running.write("workflows/one.yaml", WORKFLOW)  # git checkout of what was before
    running.publish()

    assert live(running) == first
    assert [line.id for line in listing(running.nurture.runtime)] == [3, 2, 1]


# --- releases -----------------------------------------------------------------------------------------------------


def test_a_rollback_brings_the_state_before_back_and_is_a_release_itself(running: Running) -> None:
    first = live(running)
    mend(running.project / "workflows/one.yaml", "2 days", "3 days")
    running.write("templates/email/extra.md", "---\nsubject: x\n---\ny\n")
    running.publish()

    plan = planning.plan_rollback(running.nurture.runtime)
    made = make_live(running.nurture.runtime, plan, "kim@example.org")

    assert (plan.release, made.release) == (1, 3)
    assert live(running) == first
    newest = listing(running.nurture.runtime)[0]
    assert (newest.kind, newest.actor, newest.live, newest.workflows) == (
        releases.ReleaseKind.ROLLBACK,
        "kim@example.org",
        True,
        ("one",),
    )


def test_any_release_can_be_named_and_one_that_never_was_is_told(running: Running) -> None:
    for span in ("3 days", "4 days"):
        mend(running.project / "workflows/one.yaml", "2 days" if span == "3 days" else "3 days", span)
        running.publish()

    make_live(running.nurture.runtime, planning.plan_rollback(running.nurture.runtime, 1))

    assert [line.id for line in listing(running.nurture.runtime)] == [4, 3, 2, 1]
    with pytest.raises(NotFoundError, match="there is no release 9"):
        planning.plan_rollback(running.nurture.runtime, 9)


def test_what_was_live_before_releases_were_kept_can_come_back(running: Running) -> None:
    with running.nurture.database.write() as tx:
        tx.execute(releases.R.delete())
    first = live(running)
    mend(running.project / "workflows/one.yaml", "2 days", "3 days")
    running.publish()

    make_live(running.nurture.runtime, planning.plan_rollback(running.nurture.runtime))

    assert live(running) == first


def test_publishing_what_is_live_already_is_no_release(running: Running) -> None:
    assert make_live(running.nurture.runtime, plan_of(running)).release is None
    assert len(listing(running.nurture.runtime)) == 1


# --- what the plan says -------------------------------------------------------------------------------------------


def test_changed_settings_are_named_by_their_keys(running: Running) -> None:
    toml = (running.project / "nurture.toml").read_text()
    running.write("nurture.toml", toml + '\n[caps]\nmessages = "3 per 7 days"\n')
    mend(running.project / "templates/email/hello.md", "This is hello", "Here is hello")

    found = {one.path: (one.how, one.keys) for one in plan_of(running).file_changes}

    assert found == {
        "nurture.toml": ("changed", ("caps.messages",)),
        "templates/email/hello.md": ("changed", ()),
    }


def test_a_plan_beyond_the_limit_needs_a_yes(running: Running) -> None:
    for number in range(4):
        running.add(f"p{number}@example.org")
        running.track("a.happened", f"p{number}@example.org")
    running.run()
    toml = (running.project / "nurture.toml").read_text()
    running.write("nurture.toml", toml + "\n[limits]\nmessages = 7\n")

    plan = plan_of(running)

    assert (plan.forecast.messages, plan.too_many, plan.needs_a_yes) == (8, True, True)
    assert list(questions(plan)) == [
        "The next 14 days would bring 8 messages, and [limits] in nurture.toml lets 7 through"
    ]


def test_new_contacts_come_as_lately_and_are_counted_apart(running: Running) -> None:
    for number in range(10):
        running.add(f"p{number}@example.org")
        running.track("a.happened", f"p{number}@example.org")
        running.advance(step_hours=24, days=1)

    seen = plan_of(running).forecast

    assert seen.entries["one"] == pytest.approx(1, abs=0.01)
    assert [day.messages_of_new for day in seen.days][:5] == [1, 1, 2, 3, 3]
    assert "1.0 new ones a day as lately" in volume(seen)


def test_of_very_many_contacts_a_sample_is_played_and_the_number_is_said(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurture.services.releases.forecast.SAMPLE", 10)
    for number in range(30):
        running.add(f"p{number}@example.org")
        running.track("a.happened", f"p{number}@example.org")
    running.run()

    seen = plan_of(running).forecast

    assert (seen.contacts, 4 <= seen.played <= 16) == (30, True)
    assert seen.messages == pytest.approx(60, abs=2)
    assert f"(n = {seen.played})" in volume(seen)


def test_who_rests_is_counted_from_the_day_on_which_their_rest_ends(running: Running) -> None:
    running.track("a.happened")
    running.run()
    resting.rest(running.nurture.runtime, running.deliveries()[0].key, weeks=2)
    running.run()
    during = [day.messages for day in plan_of(running).forecast.days]
    running.advance(step_hours=24, days=5)

    seen = plan_of(running).forecast

    assert sum(during) == 0
    assert [day.messages for day in seen.days] == [0] * 9 + [1, 1, 0, 0, 0]


def test_an_unknown_old_name_is_noted(running: Running) -> None:
    mend(
        running.project / "workflows/one.yaml",
        "{email: again, after",
        "{email: again, was: never-there, after",
    )

    assert any("'never-there' names nothing that was ever live" in note for note in plan_of(running).notes)


# --- the commands -------------------------------------------------------------------------------------------------


def test_the_command_rolls_back_lists_and_says_when_nothing_changed(company: Path) -> None:
    mend(company / "workflows" / "win-back.yaml", "after: 12 days", "after: 13 days")
    run("publish", project=company)

    nothing = run("publish", project=company)
    back = answer("publish", "--rollback", project=company)
    listed = answer("releases", project=company)["releases"]
    wrong = run("publish", "--rollback", "yesterday", project=company)

    assert (nothing.exit_code, nothing.stdout) == (0, "Nothing changed.\n")
    assert (back["rolls_back_to"], back["release"]) == (1, 3)
    assert [(one["id"], one["kind"], one["live"]) for one in listed] == [
        (3, "rollback", True),
        (2, "publish", False),
        (1, "publish", False),
    ]
    assert wrong.exit_code == 2


def test_people_read_the_whole_plan(company: Path) -> None:
    run("enroll", "ana@example.org", "win-back", project=company)
    mend(company / "workflows" / "win-back.yaml", "after: 12 days", "after: 13 days")

    told = run("plan", project=company).stdout
    moved = answer("publish", "--migrate", "win-back", project=company)

    assert "waits longer, after 13 days" in told
    assert (
        "1 contact stays in the version they entered; taken along with --migrate win-back, 1 would go on"
        in told
    )
    assert "1 at still-on-your-mind → still-on-your-mind" in told
    assert "In the next 14 days" in told
    (one,) = (each for each in moved["workflows"] if each["name"] == "win-back")
    assert (one["staying"], one["mapped"], one["unmappable"]) == (0, 1, 0)
    assert (
        answer("contacts", "show", "ana@example.org", project=company)["enrollments"][0]["version"]
        == one["to"]
    )


# --- a pause of days ----------------------------------------------------------------------------------------------


def test_after_ten_days_of_pause_nothing_stale_leaves_and_it_was_said_before(running: Running) -> None:
    mend(
        running.project / "workflows/one.yaml", "{email: again, after", "{email: again, if_late: skip, after"
    )
    running.publish()
    for number in range(3):
        running.add(f"p{number}@example.org")
        running.track("a.happened", f"p{number}@example.org")
    running.run()
    running.clock.advance(days=1)

    pausing.pause(running.nurture.runtime, Scope(workflow="one"), "the letter is wrong")
    running.advance(step_hours=24, days=10)
    seen = brakes.look(running.nurture.runtime, "one")
    pausing.resume(running.nurture.runtime, Scope(workflow="one"), "it is mended")
    running.run()

    assert (seen.enrollments, seen.due_at_once, seen.skipped, seen.run) == (3, 3, 3, 0)
    assert [state for _, state, _ in running.states("p0@example.org")] == ["sent", "skipped"]


def test_a_message_that_stood_ready_when_the_pause_began_is_judged_by_its_age(running: Running) -> None:
    mend(running.project / "workflows/one.yaml", "{email: hello}", "{email: hello, if_late: skip}")
    running.publish()
    running.track("a.happened")
    running.nurture.advance.batch()
    pausing.pause(running.nurture.runtime, Scope(), "stop")
    running.clock.advance(days=10)

    seen = brakes.look(running.nurture.runtime)
    pausing.resume(running.nurture.runtime, Scope(), "go on")
    running.run()

    assert (seen.ready, seen.messages, seen.skipped) == (1, 1, 1)
    assert running.states()[0] == ("hello", "skipped", "late")
    assert running.mails() == []


@pytest.mark.parametrize(
    "clock", ["after: 2 days}", "wait: 2 days}", "wait_until: email.clicked, timeout: 2 days}"]
)
def test_many_who_fell_due_meanwhile_take_their_turns_over_minutes(
    running: Running, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    monkeypatch.setattr("nurture.services.spread.A_MINUTE", 2)
    if not clock.startswith("after"):
        step = "{email: again, after: 2 days}"
        mend(running.project / "workflows/one.yaml", step, f"{{{clock}\n      - {{email: again}}")
        running.publish()
    for number in range(5):
        running.add(f"p{number}@example.org")
        running.track("a.happened", f"p{number}@example.org")
    running.run()
    pausing.pause(running.nurture.runtime, Scope(workflow="one"), "stop")
    running.clock.advance(days=2, hours=1)

    seen = brakes.look(running.nurture.runtime, "one")
    pausing.resume(running.nurture.runtime, Scope(workflow="one"), "go on")
    went = []
    for _ in range(4):
        running.run()
        went.append(len(running.mails()) - 5)
        running.clock.advance(minutes=1)

    assert (seen.due_at_once, seen.minutes) == (5, 3)
    assert went == [2, 4, 5, 5]
