"""Do plan and publish say what goes live, refuse faulty files whole, and leave those under way alone?"""

from __future__ import annotations

from pathlib import Path

from nurture.services.demo.sample import copy_sample
from tests.support.commands import answer, mend, run


def test_a_plan_changes_nothing_and_publishing_does_what_it_said(tmp_path: Path) -> None:
    copy_sample(tmp_path / "new")

    planned = answer("plan", project=tmp_path / "new")
    again = answer("plan", project=tmp_path / "new")
    published = answer("publish", "--yes", project=tmp_path / "new")
    after = answer("plan", project=tmp_path / "new")

    assert planned == again
    assert planned["workflows"] == published["workflows"]
    assert (published["changed"], published["release"]) == (True, 1)
    assert {one["name"]: one["from"] for one in planned["workflows"]} == dict.fromkeys(
        ("loyalty", "retirement-readiness", "win-back", "workshop")
    )
    assert all(one["from"] == one["to"] is not None for one in after["workflows"])


def test_who_is_under_way_stays_in_the_version_they_entered(company: Path) -> None:
    run("enroll", "ana@example.org", "win-back", project=company)
    before = answer("contacts", "show", "ana@example.org", project=company)["enrollments"][0]["version"]
    mend(company / "workflows" / "win-back.yaml", "after: 12 days", "after: 13 days")

    published = answer("publish", "--yes", project=company)

    (changed,) = (one for one in published["workflows"] if one["from"] != one["to"])
    assert (changed["name"], changed["from"], changed["staying"]) == ("win-back", before, 1)
    assert (changed["mapped"], changed["unmappable"]) == (0, 0)
    after = answer("contacts", "show", "ana@example.org", project=company)["enrollments"][0]["version"]
    assert after == before


def test_a_workflow_whose_file_is_gone_takes_nobody_new(company: Path) -> None:
    (company / "workflows" / "workshop.yaml").unlink()

    refused = run("publish", project=company)
    published = answer("publish", "--yes", project=company)

    assert (refused.exit_code, "say --yes" in refused.stderr) == (1, True)
    (withdrawn,) = (one for one in published["workflows"] if one["to"] is None)
    assert withdrawn["name"] == "workshop"
    assert run("enroll", "ana@example.org", "workshop", project=company).exit_code == 1


def test_faulty_files_publish_nothing_and_every_fault_is_listed(company: Path) -> None:
    mend(company / "workflows" / "win-back.yaml", "email: still-on-your-mind", "emial: still-on-your-mind")
    mend(company / "workflows" / "loyalty.yaml", "persona: newly-retired", "persona: nobody")

    for command in ("plan", "publish"):
        told = run(command, project=company)
        document = answer(command, project=company, exit_code=1)

        assert told.exit_code == 1
        assert "workflows/win-back.yaml:17:" in told.stderr
        assert "workflows/loyalty.yaml:5:" in told.stderr
        assert "nurture: 2 problems in the project's files" in told.stderr
        assert {(one["file"], one["line"]) for one in document["problems"]} >= {
            ("workflows/win-back.yaml", 17),
            ("workflows/loyalty.yaml", 5),
        }
    run("enroll", "ana@example.org", "win-back", project=company)
    assert answer("why", "ana@example.org", project=company)["next"][0]["step"] == "still-on-your-mind"


def test_what_check_does_not_read_does_not_go_live(company: Path) -> None:
    (company / "offers" / "old").mkdir()
    (company / "offers" / "old" / "half-written.yaml").write_text("offer: half-written\nkind: down")
    (company / "offers" / "notes.txt").write_text("ask Kim about the wording")

    assert answer("publish", project=company)["problems"] == []
    assert (
        answer("contacts", "show", "ana@example.org", project=company)["contact"]["email"]
        == "ana@example.org"
    )


def test_people_read_what_happens_to_each_workflow(company: Path) -> None:
    mend(company / "workflows" / "win-back.yaml", "after: 12 days", "after: 13 days")

    told = run("plan", project=company)

    lines = {line.split()[0]: line for line in told.stdout.splitlines() if line.strip()}
    assert "new version" in lines["win-back"]
    assert "unchanged" in lines["loyalty"]


def test_commands_before_the_first_publishing_say_what_to_do(tmp_path: Path) -> None:
    copy_sample(tmp_path / "new")

    told = run("track", "ana@example.org", "sale.closed", project=tmp_path / "new")

    assert told.exit_code == 1
    assert told.stderr == "nurture: nothing has been published yet (run `nurture publish`)\n"
