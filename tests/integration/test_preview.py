"""Does a preview show a message just as its contact would get it, from files that are still being written?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import a_starter, answer, mend, run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return a_starter(tmp_path / "acme")


def a_file(folder: Path, **fields: object) -> Path:
    file = folder / "contact.json"
    file.write_text(json.dumps(fields), encoding="utf-8")
    return file


def test_without_a_contact_it_is_for_the_personas_example(project: Path) -> None:
    shown = answer("preview", "checklist-delivery", project=project)

    assert shown["subject"] == "Robin, your week-away checklist"
    assert shown["text"].startswith("Robin,\n")
    assert "<html" in shown["html"]
    assert shown["headers"]["To"] == "Robin Hall <robin@example.org>"


def test_a_marketing_message_shows_its_one_click_headers_and_a_transactional_one_has_none(
    project: Path,
) -> None:
    marketing = answer("preview", "checklist-reminder", project=project)["headers"]
    transactional = answer("preview", "checklist-delivery", project=project)["headers"]

    assert marketing["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert marketing["List-Unsubscribe"].startswith("<http://127.0.0.1:8000/u/")
    assert "List-Unsubscribe" not in transactional


def test_it_links_the_offer_of_the_step_that_uses_it(project: Path) -> None:
    assert "~checklist~" in answer("preview", "checklist-delivery", project=project)["text"]


def test_a_template_that_no_step_uses_gets_a_sample_offer(project: Path) -> None:
    message = '---\nsubject: "{{ offer.title }}"\nlayout: plain\n---\n[Here]({{ offer.link }})\n'
    (project / "templates/email/unused.md").write_text(message, encoding="utf-8")

    assert answer("preview", "unused", project=project)["subject"] == "The week-away checklist"


def test_a_contact_from_a_file_may_hold_numbers_lists_and_words(project: Path, tmp_path: Path) -> None:
    file = a_file(tmp_path, email="zoé@example.org", first_name="Zoé", score=12, tags=["warm"], company=None)

    shown = answer("preview", "checklist-delivery", "--contact", file, project=project)

    assert shown["subject"] == "Zoé, your week-away checklist"
    assert shown["headers"]["Subject"] == "Zoé, your week-away checklist"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "a@example.org", "first_nam": "A"}, "did you mean 'first_name'?"),
        ({"email": "a@example.org", "score": "many"}, "score is a number"),
        ({"email": "a@example.org", "company": {"name": "x"}}, "'company' is no text"),
        ({"first_name": "A"}, "the contact has no email"),
        ({"email": "nobody"}, "no mail address"),
    ],
)
def test_a_contact_that_cannot_be_is_refused(
    project: Path, tmp_path: Path, fields: dict[str, object], said: str
) -> None:
    result = run("preview", "welcome", "--contact", a_file(tmp_path, **fields), project=project)

    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


@pytest.mark.parametrize("text", ["nope", "[1]", "\ufeff{"])
def test_a_file_that_is_no_object_is_refused(project: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "contact.json"
    file.write_text(text, encoding="utf-8")

    result = run("preview", "welcome", "--contact", file, project=project)

    assert result.exit_code == 1
    assert "JSON" in result.stderr


@pytest.mark.parametrize("name", ["first-talk", "call/first-talk", "templates/call/first-talk.txt"])
def test_a_call_script_is_shown_in_words(project: Path, name: str) -> None:
    shown = answer("preview", name, project=project)

    assert "Hear which line of the checklist Robin could not tick" in shown["text"]
    assert (shown["subject"], shown["html"], shown["headers"]) == (None, None, {})


def test_people_read_headers_then_the_text(project: Path) -> None:
    printed = run("preview", "welcome", project=project).stdout

    assert "\nSubject: Welcome. Here is what happens next\n" in printed
    assert "\n\nRobin,\n\nThank you." in printed


def test_a_language_is_shown_when_it_is_asked_for(project: Path) -> None:
    french = "---\nsubject: Bienvenue\nlayout: plain\n---\nMerci.\n"
    (project / "templates/email/welcome.fr.md").write_text(french, encoding="utf-8")

    assert answer("preview", "welcome", "--locale", "fr-CA", project=project)["subject"] == "Bienvenue"


def test_a_language_that_is_not_written_is_said_to_be_missing(project: Path) -> None:
    result = run("preview", "welcome", "--locale", "de", project=project)

    assert result.exit_code == 0
    assert "email/welcome is not written in 'de'" in result.stderr


def test_the_html_can_be_written_for_a_browser(project: Path, tmp_path: Path) -> None:
    page = tmp_path / "welcome.html"

    shown = answer("preview", "welcome", "--html", page, project=project)

    assert page.read_text(encoding="utf-8") == shown["html"]


def test_a_script_has_no_page_for_a_browser(project: Path, tmp_path: Path) -> None:
    result = run("preview", "first-talk", "--open", tmp_path / "x.html", project=project)

    assert result.exit_code == 1
    assert "has no HTML" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("preview", "welcom"), "there is no template 'welcom' (did you mean 'welcome'?)"),
        (("preview", "layouts/plain"), "there is no template 'layouts/plain'"),
        (("preview", "welcome", "--as", "busy-ownr"), "did you mean 'busy-owner'?"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(project: Path, words: tuple[str, ...], said: str) -> None:
    result = run(*words, project=project)

    assert result.exit_code == 1
    assert said in result.stderr


def test_a_template_fault_is_told_with_its_line(project: Path) -> None:
    mend(project / "templates/email/welcome.md", "Thank you.", "Thank you, {{ contact.last_nam }}.")

    result = run("preview", "welcome", project=project)

    assert result.exit_code == 1
    assert "templates/email/welcome.md:8: " in result.stderr


def test_other_files_may_still_be_unfinished(project: Path) -> None:
    mend(project / "workflows/first-steps.yaml", "validate: sale.closed\n", "")

    assert run("preview", "welcome", project=project).exit_code == 0


def test_a_broken_toml_is_told_with_its_problems(project: Path) -> None:
    mend(project / "nurture.toml", 'currency = "EUR"', 'currencey = "EUR"')

    result = run("preview", "welcome", project=project)

    assert result.exit_code == 1
    assert "nurture.toml:5:1: unknown-key" in result.stderr
    assert "1 problem in the project's files (run `nurture check` to see every one)" in result.stderr


def test_nothing_is_written_beside_the_files(project: Path) -> None:
    run("preview", "welcome", project=project)

    assert not (project / "var").exists()
