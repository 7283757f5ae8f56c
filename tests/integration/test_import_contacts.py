"""A list of people becomes contacts: on both databases, twice, cut off in the middle, with consent and without."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, insert, select

from nurture.cli._contacts_import import import_
from nurture.db import consents, contacts, events, suppressions
from nurture.db.consents import ConsentAction
from nurture.db.content import publish_contents
from nurture.db.session import Database
from nurture.db.suppressions import Suppression
from nurture.db.tables import ContentRow, EnrollmentRow, VersionRow, table_of
from nurture.model.errors import NurtureError
from nurture.model.words import Channel, Contact, SuppressionReason
from nurture.model.workspace import Field, FieldType, Workspace
from nurture.services.contacts import import_contacts as service
from nurture.services.contacts.import_contacts import Consent, import_contacts, tell_workflows
from nurture.services.contacts.importing import reader
from nurture.services.contacts.importing.report import ImportReport, RowError
from nurture.services.published import Shelf

ENROLLMENTS = table_of(EnrollmentRow)
NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)
WORKSPACE = Workspace(
    "Tamarack Lane",
    timezone="America/Toronto",
    fields={
        "age": Field("age", FieldType.NUMBER),
        "retired": Field("retired", FieldType.BOOL),
        "next_review_on": Field("next_review_on", FieldType.DATE),
        "plan": Field("plan", FieldType.CHOICE, ("first-plan", "year-round")),
        "remarks": Field("remarks", FieldType.TEXT),
    },
)
TOML = """
[workspace]
name = "Tamarack Lane"
timezone = "America/Toronto"
[fields]
age = "number"
"""
FAIR = Consent("nurture", "Spring fair 2026, paper form")
COMMAND = [sys.executable, "-c", "from nurture.cli._contacts_import import import_; import_()"]


@dataclass
class Import:
    """Lists imported into one database."""

    database: Database

    def __call__(
        self,
        text: str,
        *,
        consent: Consent | None = None,
        dry_run: bool = False,
        mapping: Sequence[str] = (),
        now: datetime = NOW,
        on_changed: service.OnChanged | None = None,
    ) -> ImportReport:
        return import_contacts(
            self.database,
            WORKSPACE,
            io.BytesIO(text.encode()),
            now=now,
            mapping=mapping,
            consent=consent,
            dry_run=dry_run,
            on_changed=on_changed,
        )

    def contact(self, email: str) -> Contact:
        with self.database.read() as tx:
            return next(iter(contacts.by_email(tx, [email]).values()))

    def count(self) -> int:
        with self.database.read() as tx:
            return contacts.count(tx)

    def granted(self, email: str) -> list[tuple[str, str]]:
        """The live grants of a contact, with the source of each."""
        contact = self.contact(email).id
        with self.database.read() as tx:
            live = {grant.id for grant in consents.grants(tx, [contact], NOW).get(contact, ())}
            return [(one.purpose, one.source) for one in consents.history(tx, contact)] if live else []


@pytest.fixture
def load(any_database: str) -> Iterator[Import]:
    database = Database(any_database)
    yield Import(database)
    database.dispose()


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    """Created, updated, unchanged, merged, rejected."""
    return report.created, report.updated, report.unchanged, report.merged, report.rejected


# --- what is stored -------------------------------------------------------------------------------------------


def test_a_row_becomes_a_contact_with_every_field_it_names(load: Import) -> None:
    report = load(
        "E-Mail;Vorname;Nachname;Telefon;Zeitzone;Sprache;Tags;Age;Retired;Next review on;Plan;Remarks\n"
        "Ana@Example.org;Ana;Novák;(416) 555-0123;america/toronto;fr_CA;vip, fair;57,5;ja;02.03.2026;Year round;=1+1\n"
    )

    ana = load.contact("ana@example.org")
    assert (report.created, report.errors, report.unmapped) == (1, [], ())
    assert (ana.email, ana.first_name, ana.last_name, ana.phone) == (
        "Ana@example.org",
        "Ana",
        "Novák",
        "+14165550123",
    )
    assert (ana.timezone, ana.locale, ana.tags) == ("America/Toronto", "fr-CA", {"vip", "fair"})
    assert dict(ana.fields) == {
        "age": 57.5,
        "retired": True,
        "next_review_on": "2026-03-02",
        "plan": "year-round",
        "remarks": "=1+1",
    }


def test_the_same_list_again_changes_nothing(load: Import) -> None:
    people = "email,first_name,age,tags\n" + "".join(f"p{n}@example.org,P{n},{n},fair\n" for n in range(20))

    first, again = load(people), load(people)

    assert counts(first) == (20, 0, 0, 0, 0)
    assert counts(again) == (0, 0, 20, 0, 0)
    assert load.count() == 20


def test_an_empty_cell_clears_nothing_and_tags_are_only_added(load: Import) -> None:
    load("email,first_name,age,tags\nana@example.org,Ana,57,fair\n")

    report = load("email,first_name,age,tags\nANA@example.org, ,58,vip\n")

    ana = load.contact("ana@example.org")
    assert counts(report) == (0, 1, 0, 0, 0)
    assert (ana.first_name, ana.fields["age"], ana.tags) == ("Ana", 58, {"fair", "vip"})


def test_a_bad_address_rejects_its_row_and_any_other_bad_cell_only_itself(load: Import) -> None:
    report = load(
        "email,first_name,phone,age\n"
        "not an address,Nobody,,\n"
        ",Empty,,\n"
        "ana@example.org,Ana,12,old\n"
        "bea@example.org\n"
        "carl@example.org,Ca\0rl,,\n"
        "dora@example.org,Dora,,60\n"
    )

    assert counts(report) == (2, 0, 0, 0, 4)
    assert [(error.row, error.column) for error in report.errors] == [
        (2, "email"),
        (3, "email"),
        (4, "phone"),
        (4, "age"),
        (5, None),
        (6, None),
    ]
    assert RowError(4, "age", "'old' is not a number") in report.errors
    ana = load.contact("ana@example.org")
    assert (ana.first_name, ana.phone, dict(ana.fields)) == ("Ana", None, {})


def test_a_person_who_comes_twice_is_one_contact_and_the_last_word_counts(load: Import) -> None:
    report = load(
        "email,first_name,age\nana@example.org,Ana,57\nbea@example.org,Bea,\nAna <ANA@example.org>,,58\n"
        "ana@EXAMPLE.org,Anna,\n"
    )

    ana = load.contact("ana@example.org")
    assert counts(report) == (2, 0, 0, 2, 0)
    assert (ana.first_name, ana.fields["age"]) == ("Anna", 58)
    assert [(note.row, note.message[:30]) for note in report.notes] == [
        (4, "is the person of row 2 again: "),
        (5, "is the person of row 2 again: "),
    ]


def test_rows_of_one_person_far_apart_settle_on_the_same_values_every_time(
    load: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CHUNK_ROWS", 4)
    others = "".join(f"p{n}@example.org,P,1\n" for n in range(10))
    people = f"email,first_name,age\nana@example.org,Ana,57\n{others}ana@example.org,Anna,\n"

    first, again = load(people), load(people)

    assert counts(first) == (11, 0, 0, 1, 0)
    assert counts(again) == (0, 0, 11, 1, 0)
    assert load.contact("ana@example.org").first_name == "Anna"


def test_a_dry_run_says_the_same_and_stores_nothing(load: Import) -> None:
    people = "email,first_name\nana@example.org,Ana\nbea@example.org,Bea\nbad,\n"

    dry = load(people, dry_run=True, consent=FAIR)

    assert load.count() == 0
    wet = load(people, consent=FAIR)
    assert (counts(dry), dry.consented, dry.errors) == (counts(wet), wet.consented, wet.errors)
    assert load.count() == 2


def test_a_file_that_cannot_be_taken_as_a_whole_stores_nothing(
    load: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CHUNK_ROWS", 2)
    monkeypatch.setattr(reader, "MAX_ROWS", 5)

    with pytest.raises(NurtureError, match="more than 5 rows"):
        load("email\n" + "".join(f"p{n}@example.org\n" for n in range(6)))

    assert load.count() == 0


def test_a_list_of_errors_has_an_end_but_all_are_counted(
    load: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_LISTED", 3)

    report = load("email\n" + "bad\n" * 10)

    assert (len(report.errors), report.unlisted, report.rejected) == (3, 7, 10)


# --- permission -----------------------------------------------------------------------------------------------


def test_consent_is_written_once_with_its_source(load: Import) -> None:
    people = "email\nana@example.org\nbea@example.org\n"

    first, again = load(people, consent=FAIR), load(people, consent=Consent("nurture", "another list"))

    assert (first.consented, again.consented) == (2, 0)
    assert load.granted("ana@example.org") == [("nurture", "Spring fair 2026, paper form")]


def test_a_list_without_consent_gives_none(load: Import) -> None:
    load("email\nana@example.org\n")

    assert load.granted("ana@example.org") == []


@pytest.mark.parametrize("later", [(), (ConsentAction.GRANTED,)])
def test_withdrawn_consent_is_never_revived_by_a_list(load: Import, later: tuple[ConsentAction, ...]) -> None:
    load("email\nbea@example.org\n", consent=FAIR)
    bea = load.contact("bea@example.org").id
    with load.database.write() as tx:
        for days, action in enumerate((ConsentAction.WITHDRAWN, *later), 1):
            say(tx, bea, action, NOW + timedelta(days=days))

    report = load("email\nbea@example.org\n", consent=FAIR, now=NOW + timedelta(days=30))

    assert report.consented == 0
    with load.database.read() as tx:
        said = [one.action for one in consents.history(tx, bea)]
    assert said == [ConsentAction.GRANTED, ConsentAction.WITHDRAWN, *later]


def say(tx: Connection, contact: int, action: ConsentAction, at: datetime) -> None:
    entry = consents.Consent(
        contact_id=contact,
        channel=Channel.EMAIL,
        purpose="nurture",
        action=action,
        at=at,
        source="preferences page",
    )
    consents.add(tx, [entry])


def test_a_suppressed_address_stays_suppressed_and_is_counted(load: Import) -> None:
    load("email\nbea@example.org\n")
    bea = load.contact("bea@example.org").id
    with load.database.write() as tx:
        address, _ = suppressions.hashes_of(tx, [bea])[bea]
        reason = SuppressionReason.HARD_BOUNCE
        stop = Suppression(address_hash=address, channel=Channel.EMAIL, reason=reason, at=NOW, source="dsn")
        suppressions.add(tx, [stop])

    report = load("email,first_name\nBEA@example.org,Bea\nana@example.org,Ana\n", consent=FAIR)

    assert (report.suppressed, report.consented) == (1, 1)
    assert load.granted("bea@example.org") == []
    with load.database.read() as tx:
        assert suppressions.of(tx, [bea])[bea][Channel.EMAIL] == {reason}


@pytest.mark.parametrize(
    ("purpose", "source"),
    [("", "fair"), ("Nurture!", "fair"), ("transactional", "fair"), ("a", " "), ("a", "by ana@example.org")],
)
def test_consent_without_a_purpose_or_a_source_or_with_an_address_in_it_is_no_consent(
    purpose: str, source: str
) -> None:
    with pytest.raises(NurtureError):
        Consent(purpose, source)


# --- together with the rest -----------------------------------------------------------------------------------


def test_contacts_that_were_known_and_are_different_now_are_told_on(load: Import) -> None:
    load("email,age\nana@example.org,57\nbea@example.org,40\n", consent=FAIR)
    load("email,age\ncarl@example.org,30\n")
    told: list[int] = []

    load(
        "email,age\nana@example.org,58\nbea@example.org,40\ncarl@example.org,30\ndora@example.org,20\n",
        consent=FAIR,
        on_changed=lambda _, ids: told.extend(ids),
    )

    assert told == [load.contact("ana@example.org").id, load.contact("carl@example.org").id]


def test_a_changed_contact_in_a_workflow_has_an_event_of_it_and_reads_it_at_once(load: Import) -> None:
    load("email,age\nana@example.org,57\nbea@example.org,40\n")
    ana, bea = load.contact("ana@example.org").id, load.contact("bea@example.org").id
    with load.database.write() as tx:
        enrolled(tx, ana)

    load("email,age\nana@example.org,58\nbea@example.org,41\n", on_changed=tell_workflows(Shelf(), NOW))

    with load.database.read() as tx:
        assert [event.name for event in events.of_contact(tx, ana)] == ["contact.changed"]
        assert events.of_contact(tx, bea) == []
        wake_at, last_event = tx.execute(select(ENROLLMENTS.c.wake_at, ENROLLMENTS.c.last_event)).one()
    assert wake_at == NOW
    assert last_event > 0


def enrolled(tx: Connection, contact: int) -> None:
    """A contact on its way through a workflow, with nothing due."""
    publish_contents(tx, {"nurture.toml": TOML.encode()}, NOW)
    content = {"hash": "h", "data": b""}
    version = {
        "version": "v",
        "workflow": "w",
        "content": "h",
        "path": "workflows/w.yaml",
        "published_at": NOW,
    }
    tx.execute(insert(table_of(ContentRow)), content)
    tx.execute(insert(table_of(VersionRow)), version)
    row = EnrollmentRow(contact_id=contact, workflow="w", version="v", entered_at=NOW, stage="offer")
    tx.execute(insert(ENROLLMENTS), row.model_dump(exclude={"id"}))


def test_what_the_rest_refuses_to_hear_is_not_stored(load: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "CHUNK_ROWS", 2)
    load("email,age\np3@example.org,1\n")

    def refuse(tx: Connection, ids: list[int]) -> None:
        raise NurtureError("no")

    with pytest.raises(NurtureError):
        load("email,age\n" + "".join(f"p{n}@example.org,2\n" for n in range(6)), on_changed=refuse)

    assert load.count() == 3
    assert load.contact("p3@example.org").fields["age"] == 1


@pytest.mark.slow
def test_an_import_that_is_killed_in_the_middle_is_completed_by_the_same_command(tmp_path: Path) -> None:
    project(tmp_path)
    people = tmp_path / "people.csv"
    people.write_text("email,age\n" + "".join(f"p{n}@example.org,{n % 90}\n" for n in range(20_000)))
    arguments = [
        str(people),
        "--project",
        str(tmp_path),
        "--consent",
        "nurture",
        "--source",
        "fair",
        "--json",
    ]

    with subprocess.Popen(
        [*COMMAND, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"5,000 rows \xe2\x80\xa6\n"
        process.send_signal(signal.SIGKILL)
    database = Database(f"sqlite:///{tmp_path / 'var' / 'nurture.db'}")
    stored = Import(database).count()
    report = json.loads(subprocess.run([*COMMAND, *arguments], check=True, capture_output=True).stdout)
    complete = Import(database).count()
    database.dispose()

    assert 5_000 <= stored < 20_000
    assert stored % 5_000 == 0
    assert (report["unchanged"], report["created"]) == (stored, 20_000 - stored)
    assert (report["consented"], complete) == (20_000 - stored, 20_000)


@pytest.mark.slow
def test_a_list_made_to_fill_the_memory_does_not(tmp_path: Path) -> None:
    project(tmp_path)
    row = ",".join(["x" * 9_990] * 90)
    with (tmp_path / "bomb.csv").open("w") as file:
        file.write(",".join(["email", *(f"c{n}" for n in range(90))]) + "\n")
        file.writelines(f"p{n}@example.org,{row}\n" for n in range(100))
        file.write("é\n")

    probe = "atexit.register(lambda: print(peak_kilobytes(), file=sys.stderr))"
    code = f"import sys, atexit; from tests.support.memory import peak_kilobytes; {probe}; {COMMAND[2]}"
    arguments = [str(tmp_path / "bomb.csv"), "--project", str(tmp_path), "--json"]
    ended = subprocess.run([sys.executable, "-c", code, *arguments], check=False, capture_output=True)

    document = json.loads(ended.stdout)
    assert (document["created"], document["rejected"], ended.returncode) == (100, 1, 1)
    kilobytes = int(ended.stderr.split()[-1])
    assert kilobytes < 300_000


# --- the command ----------------------------------------------------------------------------------------------


def project(folder: Path) -> None:
    (folder / "nurture.toml").write_text(TOML)


def run(folder: Path, *arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(import_, [*arguments, "--project", str(folder)], input=stdin)


def test_the_command_tells_counts_errors_and_where_the_rejected_rows_are(tmp_path: Path) -> None:
    project(tmp_path)
    people = tmp_path / "fair.csv"
    people.write_bytes(
        "E-Mail;Vorname;Größe\nzoe@example.org;Zoë;1\n=bad;=1+1;2\nana@example.org\n".encode("cp1252")
    )

    ended = run(tmp_path, str(people))

    assert ended.exit_code == 1
    assert "Windows-1252, divided by semicolons: E-Mail is email, Vorname is first_name." in ended.stdout
    assert "Not taken: Größe." in ended.stdout
    assert "row 3, E-Mail: '=bad' is not an e-mail address" in ended.stdout
    assert "3 rows: 1 created, 0 updated, 0 unchanged, 2 rejected." in ended.stdout
    with (tmp_path / "fair.rejected.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert rows[0] == ["why it was rejected", "E-Mail", "Vorname", "Größe"]
    assert [row[1:] for row in rows[1:]] == [["'=bad", "'=1+1", "2"], ["ana@example.org"]]


def test_rejected_rows_can_be_mended_and_imported_and_are_never_written_over(tmp_path: Path) -> None:
    project(tmp_path)
    people = tmp_path / "fair.csv"
    people.write_text('email,first_name\nana@,=Ana\nbea@example.org,"Bea\ncarl@example.org,Carl\n')
    run(tmp_path, str(people))
    rejected = tmp_path / "fair.rejected.csv"

    mended = rejected.read_text("utf-8-sig").replace("ana@", "ana@example.org")
    rejected.write_text(mended, "utf-8-sig")
    report = json.loads(run(tmp_path, str(rejected), "--json").stdout)
    run(tmp_path, str(people))

    assert (report["created"], report["rejected"]) == (2, 0)
    assert rejected.read_text("utf-8-sig") == mended
    assert (tmp_path / "fair.rejected-2.csv").exists()


def test_a_cell_reads_the_same_however_often_its_row_was_rejected(tmp_path: Path) -> None:
    project(tmp_path)
    sheet = tmp_path / "fair.csv"
    sheet.write_text(
        "email,first_name,phone,last_name\n"
        'ana@,\'=Ana,\'+14165550100,"\t\n"\nbea@,"\n=Bea",+14165550101,"\n\'+Li"\n'
    )

    run(tmp_path, str(sheet))
    run(tmp_path, str(tmp_path / "fair.rejected.csv"))
    twice = tmp_path / "fair.rejected.rejected.csv"
    with twice.open(encoding="utf-8-sig", newline="") as file:
        cells = [row[3:] for row in csv.reader(file)][1:]
    twice.write_text(twice.read_text("utf-8-sig").replace("@,", "@example.org,"))
    report = json.loads(run(tmp_path, str(twice), "--json").stdout)

    assert cells == [["'=Ana", "'+14165550100", ""], ["'=Bea", "'+14165550101", "'+Li"]]
    assert (report["created"], report["rejected"], report["errors"]) == (2, 0, [])


def test_the_command_reads_standard_input_and_prints_one_document(tmp_path: Path) -> None:
    project(tmp_path)

    ended = run(
        tmp_path, "-", "--json", "--map", "Wer=email", "--consent", "nurture", "--source", "fair",
        stdin="Wer;Alter\nana@example.org;57\n".encode("utf-16"),
    )  # fmt: skip

    document = json.loads(ended.stdout)
    assert ended.exit_code == 0
    assert {name: document[name] for name in ("created", "updated", "unchanged", "rejected", "consented")} == {
        "created": 1, "updated": 0, "unchanged": 0, "rejected": 0, "consented": 1,
    }  # fmt: skip
    assert (document["encoding"], document["unmapped"], document["errors"]) == ("UTF-16", ["Alter"], [])


def test_a_dry_run_of_the_command_leaves_no_file_behind(tmp_path: Path) -> None:
    project(tmp_path)
    people = tmp_path / "fair.csv"
    people.write_text("email\nbad\nana@example.org\n")

    ended = run(tmp_path, str(people), "--dry-run")

    assert ended.exit_code == 1
    assert "Nothing was stored: a dry run." in ended.stdout
    assert not (tmp_path / "fair.rejected.csv").exists()


def test_consent_and_its_source_belong_together(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "fair.csv").write_text("email\nana@example.org\n")

    ended = run(tmp_path, str(tmp_path / "fair.csv"), "--consent", "nurture")

    assert ended.exit_code == 2
    assert "--consent and --source belong together" in ended.stderr
