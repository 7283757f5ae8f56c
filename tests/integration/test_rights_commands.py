"""Can somebody's data be handed out and erased by a command and by a page, with no word too much and no slip of the hand?"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.db import audit, contacts
from nurture.model.accounts import Role
from tests.support.browsing import Browser, a_browser
from tests.support.canary import EMAIL, FIRST, KEY, a_company, them
from tests.support.commands import answer, run
from tests.support.running import Running

ANA = "ana@example.org"

# --- commands -------------------------------------------------------------------------------------------------------


def test_everything_is_one_document(company: Path) -> None:
    run("track", ANA, "offer.requested", "offer=readiness-guide", project=company)

    found = answer("contacts", "export", ANA, project=company)

    (contact,) = found["tables"]["contacts"]["rows"]
    assert (contact["email"], contact["first_name"]) == (ANA, "Ana")
    assert [one["name"] for one in found["tables"]["events"]["rows"]] == ["offer.requested"]
    assert all(part["about"].endswith(".") and part["rows"] for part in found["tables"].values())
    assert (found["caught_mails"], found["named_elsewhere"]) == ([], [])


def test_a_file_is_for_its_owner_and_never_overwritten(company: Path, tmp_path: Path) -> None:
    out = tmp_path / "ana.json"

    told = answer("contacts", "export", ANA, "--out", out, project=company)
    again = run("contacts", "export", ANA, "--out", out, project=company)

    assert told["file"] == str(out)
    assert told["rows"]["contacts"] == 1
    assert json.loads(out.read_text())["email"] == ANA
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert again.exit_code == 2
    assert "is there already" in again.stderr


def test_people_read_how_much_there_is(company: Path) -> None:
    told = run("contacts", "export", ANA, project=company)

    assert told.exit_code == 0
    assert "Who you are to us" in told.stdout
    assert "--out FILE writes all of it" in told.stdout


def test_a_no_erases_nothing(company: Path) -> None:
    told = run("contacts", "erase", ANA, project=company, stdin="n\n")

    assert told.exit_code == 1
    assert f"Of {ANA} there are 1 contacts" in told.stdout
    assert answer("contacts", "show", ANA, project=company)["contact"]["email"] == ANA


def test_a_dry_run_counts_and_a_program_says_yes(company: Path) -> None:
    counted = answer("contacts", "erase", ANA, "--dry-run", project=company)
    unsure = run("contacts", "erase", ANA, "--json", project=company)

    erased = answer("contacts", "erase", ANA, "--yes", "--reason", "asked", project=company)
    again = run("contacts", "erase", ANA, "--yes", project=company)

    assert unsure.exit_code == 2
    assert counted["would_erase"]["contacts"] == erased["erased"]["contacts"] == 1
    assert (counted["rows"], erased["wiped"], erased["account"]) == (erased["rows"], True, False)
    assert (again.exit_code, again.stderr.partition(" (")[0]) == (1, f"nurture: nothing is known of {ANA}")


def test_an_erased_person_is_rejected_by_an_import(company: Path, tmp_path: Path) -> None:
    run("contacts", "erase", ANA, "--yes", project=company)
    (tmp_path / "fair.csv").write_text(f"email\n{ANA}\n")

    report = answer("contacts", "import", tmp_path / "fair.csv", project=company, exit_code=1)

    assert (report["created"], report["rejected"]) == (0, 1)


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    with a_company(sqlite_url, tmp_path) as one:
        one.add(KEY, first_name=FIRST)
        yield one


@pytest.fixture
def browser(running: Running) -> Browser:
    return a_browser(running)


def test_an_admin_sees_what_is_held_and_takes_it_out(running: Running, browser: Browser) -> None:
    number = them(running).id

    page = browser.get(f"/admin/contacts/{number}/rights")
    given = browser.post(f"/admin/contacts/{number}/export")

    assert "Who you are to us" in page.text
    assert given.headers["Content-Disposition"] == f'attachment; filename="contact-{number}.json"'
    assert given.json is not None
    assert given.json["tables"]["contacts"]["rows"][0]["email"] == KEY
    with running.nurture.database.read() as tx:
        assert [(one.action, one.subject) for one in audit.latest(tx, limit=1)] == [
            ("export", f"contact:{number}")
        ]


@pytest.mark.parametrize("typed", ["", "somebody@example.org", "no address"])
def test_without_the_right_address_nothing_is_erased(running: Running, browser: Browser, typed: str) -> None:
    number = them(running).id

    refused = browser.post(f"/admin/contacts/{number}/erase", address=typed, reason="asked")

    assert refused.status_code == 422
    assert them(running).id == number


def test_with_it_they_are_gone_and_the_log_does_not_say_who(running: Running, browser: Browser) -> None:
    number = them(running).id
    running.nurture.runtime.database.retrying(
        lambda tx: running.nurture.runtime.audit(
            tx, "kim@example.org", "note", f"contact:{number}", {"said": FIRST}
        )
    )

    gone = browser.post(f"/admin/contacts/{number}/erase", address=f" {EMAIL} ", reason=f"{FIRST} wrote")

    assert gone.status_code == 303
    assert browser.get(f"/admin/contacts/{number}").status_code == 404
    log = browser.get("/admin/audit").text
    assert "contact erased" in log
    assert FIRST not in log
    assert KEY not in log
    with running.nurture.database.read() as tx:
        assert contacts.count(tx) == 0


def test_only_admins_are_led_there(running: Running) -> None:
    number = them(running).id

    assert "/rights" in a_browser(running).get(f"/admin/contacts/{number}").text
    assert "/rights" not in a_browser(running, Role.MARKETER).get(f"/admin/contacts/{number}").text
