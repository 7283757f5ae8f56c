"""The copy check: messages in figures as their reader meets them, and advice at the line to mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nurture.cli import main
from nurture.model.clock import system_time
from nurture.model.errors import NotFoundError
from nurture.rendering.copywriting import read
from nurture.services.files.copy_check import Copy, check_copy
from nurture.services.files.folder import open_as_it_is
from nurture.workflow.checks.advice import ADVICE
from tests.support.documents import rows, section
from tests.support.projects import LAYOUT, MAIL, WORKFLOW, write

ROOT = Path(__file__).parents[2]
SOUND = """\
---
subject: Where you stand
preheader: One page, ten minutes
layout: frame
---
You know your own numbers best. Here is the page that tells you where you stand, and what you may leave alone.

**[Open your page](https://example.org/page)**
"""


def copy_of(folder: Path, mail: str, **changed: str | None) -> Copy:
    files: dict[str, str | None] = {"templates/email/welcome.md": mail, **changed}
    (found,) = check_copy(open_as_it_is(write(folder, files)), ["welcome"], system_time())
    return found


def told(copy: Copy) -> list[str]:
    return [f"{problem.place.line}: {problem.code}" for problem in copy.advice]


def test_every_message_of_the_sample_company_comes_out_well() -> None:
    found = check_copy(open_as_it_is(ROOT), [], system_time())

    assert {(copy.template, copy.locale) for copy in found} >= {("welcome", None), ("guide-delivery", "fr")}
    assert [problem for copy in found for problem in copy.advice] == []
    assert all((copy.reading.you or 0) > (copy.reading.we or 0) for copy in found)
    assert all(len(copy.reading.asks) >= 1 for copy in found)


def test_a_message_is_told_in_figures_of_its_body_without_the_frame(tmp_path: Path) -> None:
    copy = copy_of(tmp_path, SOUND)

    reading = copy.reading
    assert (reading.words, reading.you, reading.we) == (25, 6, 0)
    assert reading.asks == ("https://example.org/page",)
    assert (reading.need_words, reading.need_found) == (("know", "stand"), ("know", "stand"))
    assert (copy.step, copy.need) == ("checkup/welcome", "Know where I stand")
    assert told(copy) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("You know your own numbers best. Here is", "We know our numbers best. We made us", "6: copy-about-us"),
        ("**[Open your page](https://example.org/page)**", "That is all.", "6: copy-no-ask"),
        ("**[Open", "[Or this](https://example.org/b)\n\n**[Open", "10: copy-many-asks"),
        ("Where you stand\n", "Nobody sees more than sixty of these letters in a list of messages\n", "2: copy-long-subject"),
        ("Where you stand\n", "ALL ABOUT MONEY\n", "2: copy-loud-subject"),
        ("Where you stand\n", "Where you stand!!\n", "2: copy-loud-subject"),
        ("Where you stand\n", "Last chance to know where you stand\n", "2: copy-pushy-words"),
        ("preheader: One page, ten minutes\n", "preheader: 100% risk-free\n", "3: copy-pushy-words"),
        ("preheader: One page, ten minutes\n", "", "2: copy-no-preheader"),
        ("leave alone.", "leave alone.\n\n![](https://example.org/a.png)", "8: copy-no-alt"),
        ("leave alone.", "leave alone.\n\n" + "You may read on. " * 130, "6: copy-long-read"),
    ],
)  # fmt: skip
def test_what_may_be_better_is_advised_at_its_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in SOUND

    advice = copy_of(tmp_path, SOUND.replace(old, new)).advice

    assert [f"{problem.place.line}: {problem.code}" for problem in advice] == [expected]
    assert all(problem.hint for problem in advice)


def test_a_need_that_no_word_takes_up_is_told_until_the_step_names_another(tmp_path: Path) -> None:
    other = WORKFLOW.replace("need: Know where I stand", "need: Sleep at night")
    own = other.replace("- email: welcome", "- {email: welcome, need: Read my numbers}")

    unmet = copy_of(tmp_path / "a", SOUND, **{"workflows/checkup.yaml": other})
    met = copy_of(tmp_path / "b", SOUND, **{"workflows/checkup.yaml": own})

    assert told(unmet) == ["6: copy-need-unmet"]
    assert (met.need, met.reading.need_found, told(met)) == ("Read my numbers", ("numbers",), [])


def test_a_message_that_large_mailers_clip_is_told_with_its_frame_counted(tmp_path: Path) -> None:
    big = LAYOUT.replace("{{ body }}", "{{ body }}" + f'<p title="{"x" * 55_000}"></p>')

    copy = copy_of(
        tmp_path, SOUND + f'\n<p title="{"x" * 55_000}"></p>', **{"templates/email/layouts/frame.html": big}
    )

    assert told(copy) == ["1: copy-clipped"]
    assert copy.bytes > 102 * 1024


def test_an_image_that_only_decorates_needs_no_words() -> None:
    html = '<p>You see <img src="a.png" alt="a tree"> <img src="b.png" role="presentation" alt=""></p>'

    reading = read("", "", html, None, None, "http://x/u/")

    assert (reading.images, reading.images_without_alt) == (1, ())


@pytest.mark.parametrize(
    ("need", "text", "found"),
    [
        ("Plan my retirement", "When you retire", ("retirement",)),
        ("See what changes", "It has changed", ("changes",)),
        ("Know the fees", "No fee at all", ("fees",)),
        ("Find a planner", "Your planets", ()),
        ("Cut costs", "A cottage", ()),
    ],
)
def test_a_word_of_the_need_counts_in_any_of_its_forms_and_not_in_others(
    need: str, text: str, found: tuple[str, ...]
) -> None:
    assert read("", "", f"<p>{text}</p>", None, need, "-").need_found == found


def test_only_languages_whose_words_are_known_are_weighed() -> None:
    german = read("", "", "<p>Ihr Plan gehört Ihnen. Wir rufen an.</p>", "de", "Know", "-")
    finnish = read("", "", "<p>Suunnitelma on sinun.</p>", "fi", "Know", "-")

    assert (german.you, german.we, german.need_words) == (2, 1, None)
    assert (finnish.you, finnish.we, finnish.need_words) == (None, None, None)


@pytest.mark.parametrize(
    ("html", "asks"),
    [
        ('<a href="http://x/u/abc">Leave</a> <a href="#top">Up</a> <a href="https://a/b#c">It</a>', ("https://a/b",)),
        ('<a href="https://a/b">It</a> <a href="https://a/b">again</a>', ("https://a/b",)),
        ("<p><b>First.</b> Then <b>reply <i>yes</i> or no</b>.</p>", ("reply yes or no",)),
        ("<p>It is late. Just reply with a word. Thanks.</p>", ("Just reply with a word.",)),
        ("<p>It is <b>late</b>, <b>very late</b>.</p>", ("very late",)),
        ("<p>It is late.</p>", ()),
    ],
)  # fmt: skip
def test_an_ask_is_a_link_or_else_the_words_that_ask_for_an_answer(html: str, asks: tuple[str, ...]) -> None:
    assert read("", "", html, "en", None, "http://x/u/").asks == asks


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["check", "--copy", "--project", str(folder), *arguments])
    return result.exit_code, result.stdout


def test_the_command_tells_figures_and_advice_and_never_fails(tmp_path: Path) -> None:
    project = write(
        tmp_path, {"templates/email/welcome.md": SOUND.replace("preheader: One page, ten minutes\n", "")}
    )

    code, shown = run(project, "welcome")

    assert code == 0
    assert shown.splitlines() == [
        "welcome: 25 words (7 s), you 6 : we 0, 1 ask, need 2 of 2 words, 0 kB",
        "templates/email/welcome.md:2:1: copy-no-preheader  there is no preheader",
        "    hint: add `preheader:` at the top: what the subject left open",
        "1 message: 1 piece of advice",
    ]


def test_programs_read_the_figures_of_each_message(tmp_path: Path) -> None:
    project = write(tmp_path, {"templates/email/welcome.md": SOUND, "templates/email/welcome.fr.md": MAIL})

    code, shown = run(project, "--json")

    document = json.loads(shown)
    english, french = document["templates"]
    assert code == 0
    assert (english["template"], english["locale"], english["words"], english["asks"]) == (
        "welcome",
        None,
        25,
        ["https://example.org/page"],
    )
    assert french["locale"] == "fr"
    assert {problem["file"] for problem in document["problems"]} == {"templates/email/welcome.fr.md"}
    assert french["advice"] == [problem["code"] for problem in document["problems"]]


def test_build_servers_can_show_advice_too(tmp_path: Path) -> None:
    project = write(tmp_path, {"templates/email/welcome.md": MAIL})

    annotated, log = run(project, "--format", "github")[1], json.loads(run(project, "--format", "sarif")[1])

    assert annotated.startswith(
        "::warning file=templates/email/welcome.md,line=2,col=1,title=copy-no-preheader::"
    )
    assert "copy-no-preheader" in [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]]


def test_a_template_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    project = open_as_it_is(write(tmp_path, {}))

    with pytest.raises(NotFoundError, match="did you mean 'welcome'"):
        check_copy(project, ["wellcome"], system_time())


def test_every_piece_of_advice_is_explained_in_the_documents() -> None:
    explained = rows(section((ROOT / "docs/templates.md").read_text(), "The copy check"))

    assert explained == {name: [code.meaning, code.remedy] for name, code in ADVICE.items()}
