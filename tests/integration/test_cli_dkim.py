"""`nurture dkim` makes a key and says which record to publish; what it made signs what that record verifies."""

from __future__ import annotations

from pathlib import Path

import dkim
import pytest

from nurture.model.workspace import Sender
from nurture.rendering.mime import build_message
from nurture.services.sending.senders import Keyring
from tests.support.commands import a_starter, answer, mend, run
from tests.support.messages import a_mail


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return a_starter(tmp_path / "acme")


@pytest.mark.parametrize("kind", [(), ("--ed25519",)])
def test_a_new_key_signs_what_its_record_verifies(project: Path, kind: tuple[str, ...]) -> None:
    made = answer("dkim", "new", "s2026", *kind, project=project)

    file = project / made["file"]
    sender = Sender("default", "sam@example.org", dkim_selector="s2026", dkim_key_file=made["file"])
    message = build_message(a_mail(), Keyring(project).signer(sender))
    assert made["record"]["name"] == "s2026._domainkey.example.org"
    assert dkim.verify(message, dnsfunc=lambda name, timeout=5: made["record"]["value"].encode())
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_lines_it_prints_are_the_lines_that_nurture_toml_takes(project: Path) -> None:
    made = answer("dkim", "new", "s2026", project=project)
    section, *lines = made["toml"]

    mend(project / "nurture.toml", section, "\n".join([section, *lines]))

    (shown,) = answer("dkim", "show", project=project)["records"]
    assert shown == made["record"]
    assert run("check", project=project).exit_code == 0


def test_a_key_that_is_there_is_never_replaced(project: Path) -> None:
    made = answer("dkim", "new", "s2026", project=project)
    before = (project / made["file"]).read_bytes()

    again = run("dkim", "new", "s2026", project=project)

    assert again.exit_code == 1
    assert "another selector" in again.stderr
    assert (project / made["file"]).read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("new", "../s1"), "no selector"),
        (("new", "s1", "--sender", "defualt"), "did you mean 'default'"),
        (("show",), "nurture dkim new"),
        (("show", "nobody"), "no sender 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_remedy(
    project: Path, words: tuple[str, ...], said: str
) -> None:
    result = run("dkim", *words, project=project)

    assert result.exit_code == 1
    assert said in result.stderr
    assert not (project / "var" / "dkim").exists()


def test_people_get_the_record_in_parts_that_fit_into_a_zone_file(project: Path) -> None:
    said = run("dkim", "new", "s2026", project=project).stdout

    parts = (
        next(line for line in said.splitlines() if line.startswith('    "')).strip().strip('"').split('" "')
    )
    assert len(parts) == 2
    assert all(len(part) <= 255 for part in parts)
    assert "PRIVATE KEY" not in said
