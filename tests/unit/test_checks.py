"""What `nurture check` finds in a project's files, each with its code, its place and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from nurture.model.errors import NotFoundError, ProblemsFound, Severity
from nurture.services.files.check import check
from nurture.workflow.checks import CODES
from tests.support.projects import (
    MAIL,
    OFFER,
    PERSONA,
    TOML,
    WORKFLOW,
    problems_of,
    told,
    with_workflow,
    write,
)

ROOT = Path(__file__).parents[2]
LAST_STEP = "- call_task: hello\n        assign: round-robin sales"


def test_the_sample_company_has_no_problem() -> None:
    assert check(ROOT).problems == ()


def test_a_sound_project_has_no_problem(tmp_path: Path) -> None:
    assert problems_of(tmp_path, {}) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("persona: ana", "persona: anna", "3:10: unknown-persona"),
        ("calendar: office", "calendar: ofice", "4:11: unknown-calendar"),
        ("- email: welcome", "- email: welcom", "12:16: unknown-template"),
        ("- email: welcome", "- email: hello", "12:16: unknown-template"),
        ("- email: welcome", "- {email: welcome, link_offer: gide}", "12:38: unknown-offer"),
        ("- email: welcome", "- offer: gide", "12:16: unknown-offer"),
        ("- email: welcome", "- notify: welcom", "12:17: unknown-template"),
        ("- email: welcome", "- {notify: welcome, to: slaes}", "12:31: unknown-team"),
        ("call_task: hello", "call_task: hallo", "14:20: unknown-script"),
        ("call_task: hello", "call_task: welcome", "14:20: unknown-script"),
        ("round-robin sales", "round-robin slaes", "15:17: unknown-team"),
        ("- wait: 2 days", "- enroll: checkupp", "13:17: unknown-workflow"),
        ("- wait: 2 days", "- {wait: 2 days}\n      - {jump: secnd}", "14:16: unknown-stage"),
        (
            "{after: 30 days, reason: silent}",
            "{after: 30 days, reason: silent, enroll: checkupp}",
            "17:50: unknown-workflow",
        ),
        ('offer.requested where event.offer == "guide"', "segment wram", "9:14: unknown-segment"),
        ('offer.requested where event.offer == "guide"', "lost checkup/frst", "9:14: unknown-stage"),
        ('offer.requested where event.offer == "guide"', "lost chckup/first", "9:14: unknown-workflow"),
        (
            'offer.requested where event.offer == "guide"',
            'offer.requested where event.offer == "gide"',
            "9:51: unknown-offer",
        ),
        ("contact.retired", "contact.retird", "5:12: unknown-field"),
        ("contact.retired", 'contact.plan == "pls"', "5:28: unknown-choice"),
        ("contact.retired", 'contact.age > "50"', "5:12: never-true"),
        ("contact.retired", 'contact.retired == "yes"', "5:12: never-true"),
        ("contact.retired", "contact.retired > 1", "5:12: never-true"),
        ("contact.retired", 'contact.tags == "client"', "5:12: never-true"),
        ("contact.retired", "'\"client\" in contact.plan'", "5:25: never-true"),
        ("contact.retired", 'contact.renewal_on < "soon"', "5:33: never-true"),
        ("contact.retired", "contact.plan + 1 > 2", "5:12: never-true"),
        ("contact.retired", 'stage == "frst"', "5:21: unknown-stage"),
        ("contact.retired", "true", "5:12: always-same"),
        ("validate: sale.closed", "validate: sale.closed where true", "20:33: always-same"),
        ("- wait: 2 days", "- {when: 1 < 2, do: [{email: welcome, id: b}]}", "13:16: always-same"),
        ("offer.requested where", "offer.requestd where", "9:14: unknown-event"),
        ("validate: sale.closed", "validate: meeting.boked", "20:15: unknown-event"),
        ("validate: sale.closed", "validate: email.unsubscribed", "20:15: unknown-event"),
        ("validate: sale.closed", "validate: quote.signed", "20:15: undeclared-event"),
        ("- wait: 2 days", "- {wait_until: email.opened, timeout: 2 days}", "13:22: untracked-event"),
        ("validate: sale.closed", "validate: email.sent", "20:15: own-action"),
        ("validate: sale.closed", "trigger: stage.entered\n    validate: sale.closed", "20:14: own-action"),
        (
            "- {after: 60 days, reason: silent}",
            "- {after: 60 days, reason: silent}\n      - {on: email.sent, reason: x}",
            "23:14: own-action",
        ),
        ("- wait: 2 days", "- {wait_until: stage.validated, timeout: 2 days}", "13:22: own-action"),
        (
            "- wait: 2 days",
            '- wait_until: offer.downloaded where event.offer == "guide"\n        timeout: 2 days',
            "13:21: dead-wait",
        ),
        ("- wait: 2 days", "- {wait_until: sale.closed, timeout: 2 days}", "13:22: dead-wait"),
        ('    trigger: offer.requested where event.offer == "guide"\n', "", "7:12: stage-without-entry"),
        ("validate: sale.closed", "entry: yes\n    validate: sale.closed", "20:12: stage-without-entry"),
        (
            "validate: sale.closed",
            "trigger: lost checkup/first\n    validate: sale.closed",
            "20:14: trigger-never-fires",
        ),
        (
            "- {after: 60 days, reason: silent}",
            "- {silent: 60 days, reason: silent}",
            "18:12: stage-without-time-loss",
        ),
        (
            "- {after: 60 days, reason: silent}",
            "- {after: 0 days, reason: silent}",
            "18:12: stage-without-time-loss",
        ),
        ("- wait: 2 days", "- exit:\n      - wait: 2 days", "14:15: unreachable-step"),
        (
            "- wait: 2 days",
            "- {when: contact.age, do: [exit: ], else: [lose: x]}\n      - wait: 1 day",
            "14:15: unreachable-step",
        ),
        ("- wait: 2 days", "- {jump: first}", "13:16: endless-loop"),
        ("- wait: 2 days", "- {enroll: checkup}", "13:18: endless-loop"),
        (
            "- wait: 2 days",
            "- {wait: until contact.renewal_on}\n      - {jump: first}",
            "14:16: endless-loop",
        ),
        (
            "- wait: 2 days",
            "- {email: welcome, id: again, at: 09:00}\n      - {jump: first}",
            "14:16: endless-loop",
        ),
        (
            "- wait: 2 days",
            "- split: s\n        variants: {a: {do: [{jump: first}]}, b: {}}",
            "14:36: endless-loop",
        ),
        (
            "assign: round-robin sales",
            "hold: no\n        outcomes: {voicemail: [exit: ]}",
            "16:19: no-hold-outcomes",
        ),
        ("assign: round-robin sales", "outcomes: {voicmail: [exit: ]}", "15:20: unknown-outcome"),
        ("assign: round-robin sales", "outcomes: {call-back: [exit: ]}", "15:20: dead-outcome"),
        (
            "- {after: 60 days, reason: silent}",
            '- {after: 60 days, reason: silent}\n      - {on: call.outcome where event.outcome == "boked", reason: x}',
            "23:50: unknown-outcome",
        ),
        ("- wait: 2 days", "- split: s\n        variants: {a: {}}", "14:19: single-variant"),
        ("- wait: 2 days", "- {wait: window sun 09:00-10:00 quiet 08:00-11:00}", "13:44: bad-time"),
        ("- wait: 2 days", "- {wait: until contact.plan}", "13:16: not-a-date"),
        (
            'offer.requested where event.offer == "guide"',
            "date contact.renewal_no - 3 days",
            "9:14: not-a-date",
        ),
        (
            "- wait: 2 days",
            "- {wait_until: email.clicked, timeout: 2 days, since: welcom}",
            "13:61: unknown-id",
        ),
        ("- wait: 2 days", "- set: {scor: 3}", "13:21: unknown-field"),
        ("- wait: 2 days", "- set: {email: '\"x\"'}", "13:23: not-settable"),
        ("- wait: 2 days", "- set: {age: '\"x\"'}", "13:21: never-true"),
        ("- wait: 2 days", "- set: {plan: '\"pls\"'}", "13:22: unknown-choice"),
        ("purpose: nurture\n", "", "11:16: message-without-purpose"),
        ("purpose: nurture", "purpose: newsletter", "2:10: purpose-without-consent"),
    ],
)
def test_a_senseless_workflow_is_told_at_its_word(
    tmp_path: Path, old: str, new: str, expected: str | None
) -> None:
    problems = with_workflow(tmp_path, old, new)

    assert f"workflows/checkup.yaml:{expected}" in told(problems)
    assert all(problem.code in CODES for problem in problems)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("contact.retired", 'contact.plan in ["basic", "plus"] and contact.phone'),
        ("contact.retired", 'contact.renewal_on < "2026-06-01"'),
        ("contact.retired", 'contact.created_at > "2026-01-01" and workspace.name != "x"'),
        ("- wait: 2 days", "- {wait_until: email.clicked, timeout: 2 days, since: welcome}"),
        ("- wait: 2 days", '- {wait_until: offer.downloaded where event.kind == "x", timeout: 2 days}'),
        ("- wait: 2 days", "- {wait_until: [sale.closed, email.replied], timeout: 2 days}"),
        (LAST_STEP, "- {wait: until contact.renewal_on - 3 days}"),
        (LAST_STEP, "- {wait: 1 day}\n      - {jump: first}"),
        (LAST_STEP, "- {jump: second}"),
        (
            LAST_STEP,
            "- {when: contact.age, do: [{jump: second}], else: [{wait: 1 day}, {jump: first}]}",
        ),
        ("- wait: 2 days", "- {when: contact.age, do: [exit: ]}"),
        (
            "- wait: 2 days",
            "- set: {age: contact.age + 1, plan: '\"plus\"', score: 3, add_tag: '\"client\"'}",
        ),
        (
            "assign: round-robin sales",
            "assign: kim@example.org\n        outcomes: {has-planner: [exit: ], voicemail: []}",
        ),
        ("validate: sale.closed", "trigger: manual\n    validate: sale.closed"),
        ("validate: sale.closed", "trigger: lost checkup/first\n    entry: yes\n    validate: sale.closed"),
    ],
)
def test_what_makes_sense_is_not_blamed(tmp_path: Path, old: str, new: str) -> None:
    without_the_call = (
        "templates/call/hello.txt:1:1: unused-template"  # where it was the call that was replaced
    )

    assert [one for one in told(with_workflow(tmp_path, old, new)) if one != without_the_call] == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"offers/guide.yaml": OFFER.replace("asset: guide.pdf\n", "")},
            "offers/guide.yaml:2:7: offer-without-asset",
        ),
        (
            {"offers/guide.yaml": OFFER.replace("guide.pdf", "../secret")},
            "offers/guide.yaml:4:8: unsafe-asset",
        ),
        (
            {"offers/guide.yaml": OFFER.replace("persona: ana", "persona: bea")},
            "offers/guide.yaml:5:10: unknown-persona",
        ),
        ({"offers/guide.yaml": OFFER + "next: guide\n"}, "offers/guide.yaml:8:7: ladder-loop"),
        ({"offers/guide.yaml": OFFER + "next: gide\n"}, "offers/guide.yaml:8:7: unknown-offer"),
        ({"offers/guide.yaml": OFFER + "mail: wellcome\n"}, "offers/guide.yaml:8:7: unknown-template"),
        (
            {"offers/guide.yaml": OFFER.replace("email, first_name", "email, shoe_size")},
            "offers/guide.yaml:6:17: unknown-field",
        ),
        (
            {"offers/guide.yaml": OFFER.replace("email, first_name", "first_name")},
            "offers/guide.yaml:6:9: bad-value",
        ),
        (
            {"offers/guide.yaml": OFFER.replace("kind: download", "kind: dowload")},
            "offers/guide.yaml:2:7: bad-value",
        ),
        ({"offers/guide.yaml": OFFER + "link: {valid: 3 dys}\n"}, "offers/guide.yaml:8:17: bad-time"),
        ({"offers/again.yaml": OFFER}, "offers/guide.yaml:1:8: duplicate-name"),
        ({"workflows/again.yaml": WORKFLOW}, "workflows/checkup.yaml:1:11: duplicate-workflow"),
        ({"personas/ana.yaml": PERSONA.replace("57", "old")}, "personas/ana.yaml:3:57: bad-example"),
        ({"personas/ana.yaml": PERSONA.replace("age: 57", "aeg: 57")}, "personas/ana.yaml:3:57: bad-example"),
        (
            {"personas/ana.yaml": PERSONA.replace("email: ana@example.org, ", "")},
            "personas/ana.yaml:3:10: bad-example",
        ),
        (
            {"personas/ana.yaml": PERSONA.replace("contact.age", "event.age")},
            "personas/ana.yaml:2:6: not-here",
        ),
        (
            {"segments/warm.yaml": "segment: warm\nwhere: contact.scroe > 1\n"},
            "segments/warm.yaml:2:8: unknown-field",
        ),
        (
            {"segments/warm.yaml": "segment: warm\nwhere: 'stage == \"a\"'\n"},
            "segments/warm.yaml:2:9: not-here",
        ),
        ({"segments/warm.yaml": "segment: warm\n"}, "segments/warm.yaml:1:1: missing-key"),
        ({"workflows/old.yml": WORKFLOW}, "workflows/old.yml:1:1: ignored-file"),
        (
            {"nurture.toml": TOML.replace('postal_address = "1 Main Street, Toronto"\n', "")},
            "nurture.toml:1:2: no-postal-address",
        ),
        (
            {"nurture.toml": TOML.replace("[senders.default]", "[senders.other]")},
            "nurture.toml:1:1: no-sender",
        ),
        ({"nurture.toml": TOML + '[caps]\nquiet = "21:00-25:00"\n'}, "nurture.toml:30:16: bad-time"),
        (
            {"templates/email/welcome.md": MAIL.replace("or 'Hello' ", "")},
            "templates/email/welcome.md:2:14: empty-greeting",
        ),
        (
            {"templates/email/welcome.md": MAIL + "{{ contact.nme }}"},
            "templates/email/welcome.md:6:4: unknown-variable",
        ),
        (
            {"templates/email/welcome.md": MAIL + "{{ contact.plan }}"},
            "templates/email/welcome.md:6:4: empty-greeting",
        ),
        (
            {"templates/email/welcome.md": MAIL + "{{ workspace.nme }}"},
            "templates/email/welcome.md:6:4: unknown-variable",
        ),
        (
            {"templates/email/welcome.md": MAIL + "{{ workspace.privacy_url }}"},
            "templates/email/welcome.md:6:4: empty-greeting",
        ),
        (
            {"templates/email/welcome.md": MAIL + "{{ owner.name }}"},
            "templates/email/welcome.md:6:4: empty-greeting",
        ),
        (
            {"templates/email/welcome.md": MAIL + "{{ answers.budget }}"},
            "templates/email/welcome.md:6:4: unknown-variable",
        ),
        (
            {"templates/email/welcome.md": MAIL + "{{ event.offer }}"},
            "templates/email/welcome.md:6:4: unguarded-event",
        ),
        (
            {"templates/email/welcome.md": MAIL + "{{ offer.link }}"},
            "workflows/checkup.yaml:12:16: offer-not-linked",
        ),
        (
            {"templates/email/welcome.md": MAIL + "{{ contact.plan"},
            "templates/email/welcome.md:6:1: template-syntax",
        ),
        (
            {"templates/email/welcome.md": MAIL.replace("layout", "sender: bos\nlayout")},
            "templates/email/welcome.md:3:9: unknown-sender",
        ),
        (
            {"templates/email/welcome.md": MAIL.replace("layout: frame\n", "")},
            "templates/email/welcome.md:1:1: no-way-out",
        ),
        (
            {"templates/call/hello.txt": "{{ contact.first_name }}"},
            "templates/call/hello.txt:1:4: empty-greeting",
        ),
    ],
)
def test_a_fault_in_any_other_file_is_told_at_its_word(
    tmp_path: Path, changed: dict[str, str | None], expected: str
) -> None:
    problems = problems_of(tmp_path, changed)

    assert expected in told(problems)
    assert all(problem.code in CODES for problem in problems)


def test_a_window_that_only_opens_in_quiet_hours_never_opens(tmp_path: Path) -> None:
    changed: dict[str, str | None] = {
        "nurture.toml": TOML + '[caps]\nquiet = "21:00-08:00"\n',
        "workflows/checkup.yaml": WORKFLOW.replace(
            "- email: welcome", "- {email: welcome, window: 22:00-23:00}"
        ),
    }

    problems = problems_of(tmp_path, changed)

    assert told(problems) == ["workflows/checkup.yaml:12:34: never-opens"]


def test_an_enrollment_that_comes_back_through_another_workflow_is_a_loop(tmp_path: Path) -> None:
    there = WORKFLOW.replace("- wait: 2 days", "- {enroll: other}")
    back = WORKFLOW.replace("workflow: checkup", "workflow: other").replace(
        "- wait: 2 days", "- {enroll: checkup}"
    )

    problems = problems_of(tmp_path, {"workflows/checkup.yaml": there, "workflows/other.yaml": back})

    assert told(problems) == [
        "workflows/checkup.yaml:13:18: endless-loop",
        "workflows/other.yaml:13:18: endless-loop",
    ]


def test_a_loss_that_enrolls_where_it_is_lost_again_is_a_loop(tmp_path: Path) -> None:
    lost = WORKFLOW.replace(
        "- wait: 2 days\n      - call_task: hello\n        assign: round-robin sales", "- {lose: x}"
    )
    back = lost.replace("workflow: checkup", "workflow: other")
    for_lost = 'offer.requested where event.offer == "guide"'
    lost, back = lost.replace(for_lost, "lost other/first"), back.replace(for_lost, "lost checkup/first")

    problems = problems_of(tmp_path, {"workflows/checkup.yaml": lost, "workflows/other.yaml": back})

    assert {problem.code for problem in problems} == {"endless-loop"}


def test_all_problems_of_all_files_are_told_at_once_in_their_order(tmp_path: Path) -> None:
    changed: dict[str, str | None] = {
        "nurture.toml": TOML.replace("America/Toronto", "America/Torono"),
        "offers/guide.yaml": OFFER.replace("kind: download", "kind: nothing"),
        "workflows/checkup.yaml": WORKFLOW.replace("- email: welcome", "- emial: welcome").replace(
            "ana", "bea"
        ),
        "workflows/broken.yaml": "a: [",
    }

    problems = problems_of(tmp_path, changed)

    assert [problem.place.file for problem in problems] == sorted(problem.place.file for problem in problems)
    assert {"bad-value", "bad-yaml", "unknown-step", "unknown-persona"} <= {
        problem.code for problem in problems
    }


def test_a_misspelt_wait_does_not_make_its_jump_look_like_a_loop(tmp_path: Path) -> None:
    problems = with_workflow(tmp_path, LAST_STEP, "- wiat: 2 days\n      - {jump: first}")

    assert [problem.code for problem in problems] == ["unknown-step"]


def test_faults_of_shape_are_told_beside_faults_of_words(tmp_path: Path) -> None:
    steps = "- {wait_until: email.sent}\n      - {email: welcome, at: 25:00, id: again}\n      - {jump: second}\n      - {wait: 1 day}"
    text = (
        WORKFLOW.replace(LAST_STEP, steps)
        .replace("    need: Talk to someone\n", "")
        .replace("sale.closed", "stage.lost")
    )

    problems = problems_of(tmp_path, {"workflows/checkup.yaml": text})

    assert [problem.code for problem in problems] == [
        "wait-without-timeout",
        "own-action",
        "bad-time",
        "unreachable-step",
        "stage-without-need",
        "own-action",
    ]


def test_a_toml_that_cannot_be_read_blames_no_other_file(tmp_path: Path) -> None:
    assert [problem.code for problem in problems_of(tmp_path, {"nurture.toml": "[workspace"})] == ["bad-toml"]


def test_paths_narrow_what_is_told_but_not_what_is_known(tmp_path: Path) -> None:
    project = write(tmp_path, {"segments/warm.yaml": "segment: warm\nwhere: contact.scroe > 1\n"})

    assert check(project, [project / "workflows"]).problems == ()
    assert [p.code for p in check(project, [project / "segments" / "warm.yaml"]).problems] == [
        "unknown-field"
    ]


def test_a_file_from_elsewhere_is_checked_as_if_it_stood_in_the_project(tmp_path: Path) -> None:
    project = write(tmp_path / "project", {})
    draft = tmp_path / "draft.yaml"
    draft.write_text(WORKFLOW.replace("- email: welcome", "- email: welcom"), encoding="utf-8")

    problems = check(project, [draft]).problems

    assert [(problem.place.file, problem.code) for problem in problems] == [
        (draft.as_posix(), "unknown-template")
    ]


def test_an_unreadable_file_is_told_and_the_rest_is_checked(tmp_path: Path) -> None:
    project = write(tmp_path, {})
    (project / "templates" / "call" / "hello.txt").write_bytes(b"caf\xe9")
    (project / "offers" / "guide.yaml").write_bytes(b"\xff")

    codes = {problem.place.file: problem.code for problem in check(project).problems}

    assert codes["templates/call/hello.txt"] == "unreadable-file"
    assert codes["offers/guide.yaml"] == "bad-yaml"


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"there is no nurture\.toml"):
        check(tmp_path)


def test_warnings_do_not_stop_a_project_but_errors_do(tmp_path: Path) -> None:
    warned = check(
        write(tmp_path / "a", {"workflows/checkup.yaml": WORKFLOW.replace("sale.closed", "quote.signed")})
    )
    broken = check(
        write(tmp_path / "b", {"workflows/checkup.yaml": WORKFLOW.replace("sale.closed", "email.sent")})
    )

    assert [problem.severity for problem in warned.problems] == [Severity.WARNING]
    assert list(warned.sound().workflows) == ["checkup"]
    with pytest.raises(ProblemsFound, match="1 problem"):
        broken.sound()


def test_every_code_says_what_it_means_and_what_to_do() -> None:
    for name, code in CODES.items():
        assert name == name.lower()
        assert code.meaning.endswith("."), name
        assert code.remedy.endswith("."), name


@pytest.mark.parametrize("enrolls", ["yes", "no"])
@pytest.mark.parametrize(
    "trigger", ["segment warm", "date contact.renewal_on - 30 days", "date every contact.renewal_on"]
)
def test_a_segment_or_a_day_may_open_a_stage(tmp_path: Path, trigger: str, enrolls: str) -> None:
    entry = f"trigger: {trigger}\n    entry: {enrolls}\n    validate: sale.closed"

    problems = with_workflow(tmp_path, "validate: sale.closed", entry)

    assert problems == []
