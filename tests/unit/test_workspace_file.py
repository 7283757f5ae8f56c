"""``nurture.toml``: what it says, and every fault in it at its line."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from nurture.model.timing import Duration, Unit
from nurture.model.words import Channel
from nurture.model.workspace import Cap, FieldType, Workspace
from nurture.workflow.workspace import read_workspace
from tests.support.projects import TOML


def read(text: str) -> Workspace:
    workspace, problems = read_workspace(text)
    assert problems == []
    assert workspace is not None
    return workspace


def told(text: str | bytes) -> list[str]:
    return [f"{p.place.line}:{p.place.column} {p.code}" for p in read_workspace(text)[1]]


def test_the_sample_workspace_reads_without_a_problem() -> None:
    workspace = read((Path(__file__).parents[2] / "nurture.toml").read_text(encoding="utf-8"))

    assert workspace.movable_clock
    assert workspace.caps == {Channel.EMAIL: (Cap(3, Duration(7, Unit.DAYS)),)}
    assert str(workspace.quiet) == "21:00-08:00"
    assert workspace.fields["household"].choices == ("single", "couple", "family")
    assert workspace.calendars["business-ca"].country == "CA-ON"
    assert workspace.scores[0].decay == Duration(30, Unit.DAYS)


def test_every_main_key_is_read() -> None:
    workspace = read(
        TOML.replace(
            """
[webhooks.crm-sync]""",
            """capacity = 5
absences = {"kim@example.org" = ["2026-12-24"]}

[webhooks.crm-sync]""",
        )
        + """
[senders.other]
from = "other@example.org"
reply_to = "Back Office <back@example.org>"
return_path_domain = "bounces.example.org"
dkim_selector = "s1"
dkim_key_file = "dkim.pem"
per_domain_rate = 10
"""
    )

    assert workspace.teams["sales"].capacity == 5
    assert workspace.teams["sales"].absences == {"kim@example.org": ("2026-12-24",)}
    assert workspace.senders["other"].reply_to == "Back Office <back@example.org>"
    assert workspace.senders["other"].per_domain_rate == 10
    assert workspace.fields["renewal_on"].type is FieldType.DATE
    assert workspace.zone.key == "America/Toronto"
    assert workspace.webhooks["crm-sync"].url == "https://crm.example.com/hooks/nurture"


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/T1/B2?x=%20",
        "https://[2001:db8::1]:8443/",
        "https://crm.example.com:8443",
        "http://localhost:8080/x",
        "http://127.0.0.1:9000",
        "http://crm.internal/in",
        "http://[::1]/",
    ],
)
def test_an_address_that_may_be_written_to_is_taken(url: str) -> None:
    assert read(TOML.replace("https://crm.example.com/hooks/nurture", url)).webhooks["crm-sync"].url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "crm.example.com",
        "ftp://crm.example.com",
        "file:///etc/passwd",
        "http://crm.example.com/in",
        "http://93.184.216.34/",
        "https://user:word@crm.example.com/",
        "https://user@crm.example.com/",
        "https://",
        "https://crm.example.com:0/",
        "https://crm.example.com:99999/",
        "https://crm.example.com/#part",
        "https://crm.example.com/a b",
    ],
)
def test_an_address_that_may_not_be_written_to_is_told_at_its_line(url: str) -> None:
    problems = told(TOML.replace("https://crm.example.com/hooks/nurture", url))

    assert [problem.split()[0] for problem in problems] in (["28:7"], ["28:8"])


def test_a_senders_name_with_a_comma_is_quoted_for_mail_headers() -> None:
    workspace = read(TOML.replace("Acme <hello@example.org>", "Kim, Acme <hello@example.org>"))

    assert workspace.senders["default"].address == '"Kim, Acme" <hello@example.org>'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[workspace]", "[workspce]", "1:2 unknown-key"),
        ('name = "Acme"', 'nme = "Acme"', "2:1 unknown-key"),
        ('name = "Acme"', 'name = ""', "2:8 bad-value"),
        ('timezone = "America/Toronto"', 'timezone = "America/Torono"', "4:13 bad-value"),
        ('timezone = "America/Toronto"', 'clock = "fast"', "4:9 bad-value"),
        ('age = "number"', 'age = "nmber"', "7:7 bad-value"),
        ('age = "number"', "age = []", "7:7 bad-value"),
        ('age = "number"', 'score = "number"', "7:1 reserved-field"),
        ('age = "number"', 'my-age = "number"', "7:1 bad-word"),
        ('names = ["meeting.booked"]', 'names = ["meeting"]', "13:10 bad-event"),
        ('names = ["has-planner"]', 'names = ["Has Planner"]', "16:10 bad-word"),
        ('days = "mon-fri"', 'days = "mon-fry"', "19:13 bad-time"),
        ('days = "mon-fri"', 'hours = "9-17"', "19:10 bad-time"),
        ('days = "mon-fri"', 'country = "Atlantis"', "19:12 bad-time"),
        ('days = "mon-fri"', 'holidays = ["2026-02-30"]', "19:12 bad-time"),
        ("Acme <hello@example.org>", "Acme", "22:9 bad-value"),
        ("Acme <hello@example.org>", "a@example.org\\nBcc: b@example.org", "22:8 bad-value"),
        ('members = ["kim@example.org"]', "members = []", "25:11 bad-value"),
        ('members = ["kim@example.org"]', "capacity = 3", "24:2 missing-key"),
    ],
)
def test_a_fault_is_told_at_its_line(old: str, new: str, expected: str) -> None:
    assert old in TOML

    assert expected in told(TOML.replace(old, new))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[caps]\nmessages = '3 per 7 dys'\n", "2:21 bad-time"),
        ("[caps]\nmessages = 'many'\n", "2:13 bad-value"),
        ("[caps]\nquiet = 'all day'\n", "2:10 bad-time"),
        ("[costs]\nemail = 'x'\n", "2:9 bad-value"),
        ("[[scores]]\non = 'email'\nadd = 1\n", "2:7 bad-event"),
        ("[[scores]]\non = 'email.clicked'\n", "1:3 missing-key"),
        ("[scores]\non = 'email.clicked'\nadd = 1\n", "1:2 bad-value"),
        ("fields = 3\n", "1:10 bad-value"),
        ("[calendars]\noffice = 'x'\n", "2:1 bad-value"),
    ],
)
def test_a_fault_in_any_section_is_told(text: str, expected: str) -> None:
    assert expected in told(text + "[workspace]\nname = 'Acme'\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = ", "1:1 bad-toml"),
        ("[a\n", "1:3 bad-toml"),
        ("a = 1\na = 2", "1:1 bad-toml"),
        (b"\xff", "1:1 bad-toml"),
        ("#" * 1_000_001, "1:1 bad-toml"),
    ],
)
def test_what_is_no_toml_is_refused(text: str | bytes, expected: str) -> None:
    assert read_workspace(text)[0] is None
    assert told(text) == [expected]


def test_a_part_that_cannot_be_read_stays_known_by_its_name() -> None:
    workspace, _ = read_workspace(
        TOML.replace('days = "mon-fri"', 'days = "x"').replace("kim@example.org", "kim")
    )

    assert workspace is not None
    assert set(workspace.calendars) == {"office"}
    assert set(workspace.teams) == {"sales"}


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param("a = " + "[" * 20_000 + "]" * 20_000, id="nested lists"),
        pytest.param("a = " + "{b=" * 300 + "1" + "}" * 300, id="nested tables"),
        pytest.param('a = """\n[' + " " * 900_000 + '\n"""\n', id="a text like a heading"),
        pytest.param('a = """\n' + "x ." * 300_000 + '\n"""\n', id="a text like a key"),
    ],
)
def test_a_bomb_is_refused_quickly(bomb: str) -> None:
    start = process_time()

    _, problems = read_workspace(bomb)

    assert problems
    assert process_time() - start < 2


@pytest.mark.parametrize("name", ["email.sent", "stage.entered", "contact.changed"])
def test_what_we_do_ourselves_brings_no_points(name: str) -> None:
    source = f'[workspace]\nname = "Acme"\n\n[[scores]]\non = "{name}"\nadd = 5\n'

    _, problems = read_workspace(source)

    (problem,) = problems
    assert (problem.place.line, "brings no points" in problem.message) == (5, True)


@pytest.mark.parametrize("key", [".".join("a" * 20_000) + " = 1", f"[{'.'.join('a' * 20_000)}]"])
def test_a_key_of_very_many_parts_is_refused_before_it_costs_time(key: str) -> None:
    before = process_time()

    assert told(f"{TOML}\n{key}\n")[0].endswith(":1 bad-toml")
    assert process_time() - before < 1
