"""Do the commands for people who log in, and for tokens, show a secret once and never keep it?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import answer, run

LONG = "four words in a row"


def test_a_person_is_added_with_a_password_from_a_pipe(company: Path) -> None:
    added = run(
        "user", "add", "Kim@Example.org", "--role", "sales", "--name", "Kim", "--password-stdin",
        project=company, stdin=f"{LONG}\n",
    )  # fmt: skip

    assert (added.exit_code, added.stdout) == (0, "Kim@Example.org may log in as sales.\n")
    (kim,) = answer("user", "list", project=company)["users"]
    assert (kim["email"], kim["name"], kim["role"], kim["disabled"]) == (
        "Kim@Example.org",
        "Kim",
        "sales",
        False,
    )


def test_without_a_terminal_a_strong_password_is_made_and_shown_once(company: Path) -> None:
    added = answer("user", "add", "kim@example.org", "--role", "admin", project=company)

    assert (added["email"], added["role"]) == ("kim@example.org", "admin")
    assert len(added["password"]) > 20
    assert added["password"] not in run("user", "list", "--json", project=company).output
    assert kept_nowhere(added["password"], company)


def test_a_terminal_is_asked_twice_and_told_how_long_a_password_is(company: Path) -> None:
    keyboard, terminal = os.openpty()
    asking = subprocess.Popen(
        [sys.executable, "-m", "nurture", "user", "add", "kim@example.org", "--role", "viewer"],
        cwd=company,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert asking.stderr

    told = b""
    for question in (b"Password, 10 to 200 characters: ", b"Once more: "):
        while not told.endswith(question):
            told += asking.stderr.read(1) or pytest.fail(f"it said only {told!r}")
        os.write(keyboard, f"{LONG}\n".encode())
    said, more = asking.communicate()
    os.close(keyboard)
    os.close(terminal)

    assert (asking.returncode, said) == (0, b"kim@example.org may log in as viewer.\n")
    assert LONG.encode() not in told + more


def test_a_short_password_and_a_taken_address_are_told(company: Path) -> None:
    words = ("user", "add", "kim@example.org", "--role", "sales")

    short = run(*words, "--password-stdin", project=company, stdin="short\n")
    run(*words, project=company)
    taken = run(*words, project=company)

    assert (short.exit_code, taken.exit_code) == (1, 1)
    assert "10 to 200 characters" in short.stderr
    assert "may log in already" in taken.stderr


def test_roles_and_passwords_change_and_the_last_admin_stays(company: Path) -> None:
    answer("user", "add", "kim@example.org", "--role", "admin", project=company)
    answer("user", "add", "lee@example.org", "--role", "viewer", project=company)

    refused = run("user", "role", "kim@example.org", "sales", project=company)
    changed = answer("user", "role", "LEE@example.org", "admin", project=company)
    renewed = answer("user", "password", "lee@example.org", project=company)
    locked = answer("user", "disable", "kim@example.org", project=company)

    assert refused.exit_code == 1
    assert "the only admin" in refused.stderr
    assert changed == {"email": "lee@example.org", "role": "admin"}
    assert set(renewed) == {"email", "password"}
    assert locked == {"email": "kim@example.org", "disabled": True}
    assert [one["disabled"] for one in answer("user", "list", project=company)["users"]] == [True, False]
    assert answer("user", "disable", "kim@example.org", "--undo", project=company)["disabled"] is False


def test_an_unknown_person_is_told(company: Path) -> None:
    result = run("user", "role", "nobody@example.org", "sales", project=company)

    assert result.exit_code == 1
    assert "nobody logs in as nobody@example.org" in result.stderr


def test_a_token_is_shown_once_and_kept_as_a_hash_only(company: Path) -> None:
    made = answer("token", "add", "web-shop", "--scope", "events:write", project=company)

    assert made["token"].startswith("nt_")
    (listed,) = answer("token", "list", project=company)["tokens"]
    assert (listed["name"], listed["scopes"], listed["used_at"]) == ("web-shop", ["events:write"], None)
    assert kept_nowhere(made["token"], company)


def test_a_name_means_one_token_for_ever(company: Path) -> None:
    words = ("token", "add", "web-shop", "--scope", "events:write")
    answer(*words, project=company)
    answer("token", "revoke", "web-shop", project=company)

    again = run(*words, project=company)
    twice = run("token", "revoke", "web-shop", project=company)

    assert (again.exit_code, twice.exit_code) == (1, 1)
    assert "give the new one another name" in again.stderr
    assert "there is no token 'web-shop' to revoke" in twice.stderr


def test_a_token_needs_a_scope_that_exists_and_a_plain_name(company: Path) -> None:
    assert run("token", "add", "web-shop", project=company).exit_code == 2
    assert run("token", "add", "web-shop", "--scope", "all", project=company).exit_code == 2
    assert run("token", "add", "Web Shop", "--scope", "events:write", project=company).exit_code == 1


def kept_nowhere(secret: str, company: Path) -> bool:
    return not any(
        secret.encode() in file.read_bytes() for file in (company / "var").rglob("*") if file.is_file()
    )
