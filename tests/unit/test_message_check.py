"""`nurture check` sees each message as readers would: what they cannot leave, cannot click, cannot see or cannot read is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from nurture.model.errors import ProblemsFound
from nurture.rendering.anatomy import Image, Link, taken_apart
from nurture.services.files.check import check
from tests.support.projects import LAYOUT, MAIL, TOML, WORKFLOW, problems_of, told, write

WELCOME, FRAME, FRAME_TEXT = (
    "templates/email/welcome.md",
    "templates/email/layouts/frame.html",
    "templates/email/layouts/frame.txt",
)


def said(folder: Path, changed: dict[str, str | None]) -> list[str]:
    return [f"{one.place}: {one.code}" for one in problems_of(folder, changed)]


# --- what the law wants -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({FRAME: LAYOUT.replace("{{ workspace.postal_address }}", "")}, "this message does not show your postal address"),
        ({FRAME: LAYOUT.replace("links.unsubscribe", "workspace.name")}, "this message shows no way to leave"),
        ({FRAME: LAYOUT.replace(">Leave<", "><")}, "the HTML of this message shows no way to leave"),
        ({FRAME: LAYOUT.replace("<p>", '<p style="display: none">')}, "this message shows no way to leave"),
        ({FRAME_TEXT: "{{ body }}"}, "the plain text of this message shows no way to leave"),
        ({FRAME_TEXT: "{{ body }} {{ links.unsubscribe }}"}, "the plain text of this message does not show your postal address"),
        ({FRAME: LAYOUT.replace("<p>", "{% if not marketing %}<p>").replace("</p>", "</p>{% endif %}")}, "this message shows no way to leave"),
        ({FRAME: LAYOUT.replace("<p>", "{% if contact.first_name %}<p>").replace("</p>", "</p>{% endif %}")}, "this message shows no way to leave"),
        ({"nurture.toml": TOML.replace('"1 Main Street, Toronto"', '""')}, "marketing mail must carry a postal address, and [workspace] has none"),
    ],
)  # fmt: skip
def test_a_marketing_message_without_address_or_way_out_cannot_go_live(
    tmp_path: Path, changed: dict[str, str | None], expected: str
) -> None:
    checked = check(write(tmp_path, changed))

    assert expected in [problem.message for problem in checked.errors]
    with pytest.raises(ProblemsFound):
        checked.sound()


def test_an_address_that_is_written_out_counts_and_so_does_one_in_a_partial(tmp_path: Path) -> None:
    written = LAYOUT.replace("{{ workspace.postal_address }}", "1 Main\n Street,<br> Toronto")
    partial = LAYOUT.replace("{{ workspace.postal_address }}", '{% include "partials/who.html" %}')

    assert said(tmp_path / "written", {FRAME: written}) == []
    assert (
        said(
            tmp_path / "partial",
            {FRAME: partial, "templates/email/partials/who.html": "1 Main Street, Toronto"},
        )
        == []
    )


def test_a_way_out_that_is_written_out_counts(tmp_path: Path) -> None:
    bare = LAYOUT.replace('<a href="{{ links.unsubscribe }}">Leave</a>', "Leave: {{ links.unsubscribe }}")

    assert said(tmp_path, {FRAME: bare}) == []


def test_what_they_asked_for_may_be_sent_without_them(tmp_path: Path) -> None:
    workflow = WORKFLOW.replace("- email: welcome", "- {email: welcome, purpose: transactional}")
    frame = "<html><body>{{ body }}</body></html>"

    assert said(tmp_path, {"workflows/checkup.yaml": workflow, FRAME: frame}) == []


def test_a_message_that_fits_nobody_made_up_is_judged_by_what_it_looks_up(tmp_path: Path) -> None:
    mail = MAIL + "{{ contact.age | date }}"

    assert (
        said(
            tmp_path / "fine",
            {WELCOME: mail.replace("{{ contact.age", "{% if contact.age %}{{ contact.age") + "{% endif %}"},
        )
        == []
    )
    assert f"{WELCOME}:1:1: no-way-out" in said(
        tmp_path / "bad", {WELCOME: mail.replace("layout: frame\n", "")}
    )


# --- links and images ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("[Read it](guide.pdf)", "5:11: broken-link"),
        ("[Read it](www.example.org)", "5:11: broken-link"),
        ("[Read it](/guide)", "5:11: broken-link"),
        ("[Read it]()", "5:2: broken-link"),
        ("[Read it](#)", "5:11: broken-link"),
        ("[Read it](#below)", "5:11: broken-link"),
        ("[Read it](https://)", "5:11: broken-link"),
        ("[Read it](https:/example.org/x)", "5:11: broken-link"),
        ("[Read it](ftp://example.org/x)", "5:11: broken-link"),
        ("[Write](mailto:)", "5:9: broken-link"),
        ("[Write](mailto:nobody)", "5:9: broken-link"),
        ('<a href="https://exa mple.org">Read it</a>', "5:10: broken-link"),
        ("{% if contact.age %}[Read it](x.pdf){% endif %}", "5:31: broken-link"),
        ("{% if contact.age %}x{% else %}[Read it](x.pdf){% endif %}", "5:42: broken-link"),
        ("[](https://example.org/x)", "5:4: silent-link"),
        ("[![](https://example.org/x.png)](https://example.org/house)", "5:34: silent-link"),
        ("[Click here](https://example.org/x) for it", "5:14: vague-link"),
        ("[HERE!](https://example.org/x)", "5:9: vague-link"),
        ("[cliquez ici](https://example.org/x)", "5:15: vague-link"),
        ("[Read it](http://example.org/x)", "5:11: insecure-link"),
        ("![A house](http://example.org/x.png)", "5:12: insecure-link"),
        ("![A house](x.png)", "5:12: broken-image"),
        ("![A house](//example.org/x.png)", "5:12: broken-image"),
        ('<img alt="A house" src="data:image/png;base64,AAAA">', "5:25: broken-image"),
        ('<img alt="A house">', "5:1: broken-image"),
        ("![](https://example.org/x.png)", "5:5: image-without-alt"),
        ('<img src="https://example.org/x.png">', "5:11: image-without-alt"),
    ],
)  # fmt: skip
def test_what_readers_would_stumble_over_is_told_at_its_place(
    tmp_path: Path, body: str, expected: str
) -> None:
    problems = problems_of(tmp_path, {WELCOME: MAIL.replace("Good to see you.", body)})

    assert f"{WELCOME}:{expected}" in [f"{one.place}: {one.code}" for one in problems]
    assert not check(tmp_path).errors


@pytest.mark.parametrize(
    "body",
    [
        "[The guide](https://example.org/guide) or [call us](tel:+14165550142) or [write](mailto:kim@example.org?subject=Hi)",
        '<h2 id="below">Below</h2>\n\n[Read on](#below)',
        "[![A house](https://example.org/x.png)](https://example.org/house)",
        '<img role="presentation" src="https://example.org/line.png" alt="">',
        "<!--[if mso]><a href=''>x</a><![endif]-->ok",
        "[Your choices]({{ links.preferences }})",
        "Write {{ '{{' }} to us",
    ],
)
def test_what_can_be_followed_and_seen_is_not_told(tmp_path: Path, body: str) -> None:
    assert said(tmp_path, {WELCOME: MAIL.replace("Good to see you.", body)}) == []


def test_a_fault_of_the_layout_is_told_once_and_where_it_stands(tmp_path: Path) -> None:
    second = WORKFLOW.replace("- email: welcome", "- email: welcome\n      - email: again")
    changed = {
        FRAME: LAYOUT.replace("{{ body }}", '\n<img src="logo.png" alt="Acme">{{ body }}'),
        "templates/email/again.md": MAIL,
        "workflows/checkup.yaml": second,
    }

    assert said(tmp_path, changed) == [f"{FRAME}:2:11: broken-image"]


@pytest.mark.parametrize(
    ("letters", "expected"), [(70, []), (90, ["would be cut off soon"]), (110, ["is cut off"])]
)
def test_a_message_is_told_before_it_is_cut_off(tmp_path: Path, letters: int, expected: list[str]) -> None:
    body = "{% for a in [" + "1," * 99 + "1] %}" + "x " * (letters * 512 // 100) + "{% endfor %}"

    problems = problems_of(tmp_path, {WELCOME: MAIL.replace("Good to see you.", body)})

    assert [one.message.split(", and ")[1].split(":")[0] for one in problems] == expected


def test_a_message_is_taken_apart_into_what_a_reader_sees() -> None:
    html = """<html><head><style>a{}</style></head><body><div style="display:none">hidden <a href="x">no</a></div>
    <p id="top">One <a href="https://a.example">two <b>three</b></a></p><a name="end">no link</a>
    <a href="#top"><img src="https://a.example/i.png" alt=" Four "></a><img src="y" aria-hidden="true"></body></html>"""

    found = taken_apart(html)

    assert found.links == (Link("https://a.example", "two three"), Link("#top", "Four"))
    assert found.images == (Image("https://a.example/i.png", "Four"), Image("y", None))
    assert found.words == "One two three no link Four"
    assert found.places == {"top", "end"}


# --- languages ----------------------------------------------------------------------------------------------------

FRENCH = MAIL.replace("'Hello'", "'Bonjour'").replace("Good to see you.", "Bienvenue.")


def test_a_variant_that_says_all_is_fine(tmp_path: Path) -> None:
    assert (
        said(tmp_path, {"templates/email/welcome.fr.md": FRENCH, "templates/email/welcome.fr-CA.md": FRENCH})
        == []
    )


@pytest.mark.parametrize(
    ("main", "french", "expected"),
    [
        (
            MAIL,
            FRENCH.replace("{{ contact.first_name or 'Bonjour' }}", "Bonjour"),
            "contact.first_name stands in",
        ),
        (MAIL + "[a](https://example.org/a)", FRENCH, f"{WELCOME} has 1 link, and this file 0"),
        (
            MAIL.replace("layout", "preheader: Look\nlayout"),
            FRENCH,
            f"{WELCOME} has a preheader, and this file none",
        ),
    ],
)
def test_a_variant_that_lacks_something_of_the_main_one_is_told(
    tmp_path: Path, main: str, french: str, expected: str
) -> None:
    (problem,) = problems_of(tmp_path, {WELCOME: main, "templates/email/welcome.fr.md": french})

    assert problem.code == "variant-lacks"
    assert problem.message.startswith(expected)


@pytest.mark.parametrize("name", ["welcome.xx.md", "welcome.qqq-AB.md"])
def test_what_is_no_language_is_told(tmp_path: Path, name: str) -> None:
    assert said(tmp_path, {f"templates/email/{name}": MAIL}) == [
        f"templates/email/{name}:1:1: unknown-language"
    ]


@pytest.mark.parametrize("ending", ["FR", "fr_CA", "french", "fr-"])
def test_a_language_that_is_written_otherwise_is_told(tmp_path: Path, ending: str) -> None:
    name = f"templates/email/welcome.{ending}.md"

    problems = problems_of(tmp_path, {WELCOME: MAIL, name: FRENCH})

    (problem,) = [one for one in problems if one.code == "unknown-language"]
    assert problem.place.file == name
    assert problem.message == f"'{ending}' is not how a file names a language, so that nobody gets this file"


def test_a_message_that_is_not_written_for_everybody_else_cannot_go_live(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, {WELCOME: None, "templates/email/welcome.fr.md": FRENCH})

    assert "templates/email/welcome.fr.md:1:1: no-main-language" in told(problems)
    assert check(tmp_path).errors
