"""Templates: what a marketer may write, what a contact's data can never do, and what is said about what cannot work.

What no template can do to the program is proven in ``test_template_limits``.
"""

from __future__ import annotations

import re
from datetime import date
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.model.errors import NotFoundError
from nurture.rendering import sandbox
from nurture.rendering.render import RenderError
from nurture.rendering.templates import (
    Library,
    TemplateProblems,
    TemplateSource,
    compile_message,
    front_matter_of,
    is_sent,
)
from tests.support.messages import (
    LAYOUT,
    a_contact,
    a_source,
    problems_of,
    sample_library,
    some_facts,
    text_of,
)

PLAIN = TemplateSource.at("email/layouts/plain.html", LAYOUT)


def html_of(body: str, facts: dict[str, object] | None = None, *, kind: str = "md") -> str:
    html = compile_message(a_source(body, kind=kind)).render(facts or some_facts()).html
    assert html is not None
    return html


# A message


def test_a_message_is_its_words_in_its_layout_as_html_and_as_plain_text():
    source = a_source(
        "Hi {{ contact.first_name }},\n\nhere it *is*.",
        more="preheader: In short\nlayout: plain\nsender: owner\n",
    )

    message = compile_message(source, PLAIN).render(some_facts())

    assert (message.subject, message.preheader, message.sender, message.layout) == (
        "Hello",
        "In short",
        "owner",
        "plain",
    )
    assert message.text == (
        "Hi Ana,\n\nhere it is.\n\nTamarack & Lane, 18 Tamarack Lane, Toronto\n\nUnsubscribe (https://example.org/u/token)\n"
    )
    assert message.html is not None
    assert '<p style="color: #222222;">Hi Ana,</p>' in message.html
    assert "<em>is</em>" in message.html
    assert "<title>Hello</title>" in message.html
    assert 'style="display: none;">In short</div>' in message.html


def test_a_link_to_the_offer_works_in_both_parts():
    message = compile_message(a_source("[Download it]({{ offer.link }}) now")).render(some_facts())

    assert '<a href="https://example.org/d/token">Download it</a> now' in (message.html or "")
    assert message.text == "Download it (https://example.org/d/token) now\n"


def test_a_text_file_beside_the_message_is_the_plain_part():
    own = TemplateSource.at(
        "email/it.txt", "Plainly, {{ contact.first_name }}\n{% if marketing %}\nAd\n{% endif %}\nEnd\n"
    )

    message = compile_message(a_source("**Hello**"), text=own).render(some_facts())

    assert message.text == "Plainly, Ana\nAd\nEnd\n"
    assert "<strong>Hello</strong>" in (message.html or "")


def test_a_layout_has_a_plain_text_of_its_own_when_there_is_one():
    frame = TemplateSource.at("email/layouts/plain.txt", "{{ body }}\n\n-- \n{{ workspace.name }}\n")

    message = compile_message(a_source("Hello"), PLAIN, layout_text=frame).render(some_facts())

    assert message.text == "Hello\n\n-- \nTamarack & Lane\n"


def test_a_message_may_be_plain_text_only():
    message = compile_message(a_source("Hi {{ contact.first_name }}", kind="txt")).render(some_facts())

    assert (message.html, message.text) == (None, "Hi Ana\n")


def test_styles_are_inlined_media_queries_stay_and_nothing_is_fetched():
    layout = TemplateSource.at(
        "email/layouts/l.html",
        '<html><head><link rel="stylesheet" href="http://127.0.0.1:1/x.css"><style>p{margin:0}'
        "@media print{p{margin:1px}}</style></head><body>{{ body }}</body></html>",
    )

    html = compile_message(a_source("Hello"), layout).render(some_facts()).html or ""

    assert '<p style="margin:0;">' in html.replace("margin: 0", "margin:0")
    assert "@media print" in html


def test_markdown_is_read_once_and_tags_between_blocks_stand_between_blocks():
    body = "{% if contact.retired %}\nOld\n\n{% else %}\n## Young\n\n{% endif %}\n{% for tag in contact.tags %}\n- {{ tag }}\n{% endfor %}\nEnd"

    message = compile_message(a_source(body)).render(some_facts())

    assert message.text == "Young\n\n- client\n- warm\n\nEnd\n"
    assert "<h2>Young</h2>" in (message.html or "")
    assert re.search(r"<ul>\s*<li>client</li>\s*<li>warm</li>\s*</ul>", message.html or "")
    assert "Old" not in (message.html or "")


def test_tags_stay_where_they_are_in_tables():
    body = "<table><tbody>{% for tag in contact.tags %}<tr><td>{{ loop.index }}</td><td>{{ tag }}</td></tr>{% endfor %}</tbody></table>"

    message = compile_message(a_source(body, kind="html")).render(some_facts())

    assert "<tr><td>1</td><td>client</td></tr><tr><td>2</td><td>warm</td></tr>" in (message.html or "")
    assert message.text == "1 | client\n2 | warm\n"


def test_plain_text_shows_lists_headings_quotes_pictures_and_links():
    body = "# Title\n\n1. one\n2. two\n   - inner\n\n> said\n\n![A chart](c.png) [mail us](mailto:a@b.example)\n\n---\n\n`code`"

    assert text_of(body) == (
        "Title\n\n1. one\n2. two\n  - inner\n\n> said\n\nA chart mail us (mailto:a@b.example)\n\n--------------------\n\ncode\n"
    )


def test_signs_that_strip_the_html_leave_the_lines_of_the_plain_text_apart():
    layout = TemplateSource.at(
        "email/layouts/plain.html",
        "<main>\n{{ body }}\n</main>\n<footer>\n{%- if marketing -%}\n<p>You agreed: {{- ' yes' }}</p>\n"
        "{%- else %}\n<p>You asked</p>\n{%- endif %}\n<p>{{ workspace.name }}</p>\n</footer>",
    )
    message = compile_message(a_source("Hello", more="layout: plain\n"), layout)

    texts = [message.render({**some_facts(), "marketing": marketing}).text for marketing in (True, False)]

    assert texts == [
        "Hello\n\nYou agreed: yes\n\nTamarack & Lane\n",
        "Hello\n\nYou asked\n\nTamarack & Lane\n",
    ]


@pytest.mark.parametrize(
    ("stage", "text"),
    [("first-sale", "One\n\nTwo\n\nFour\n"), ("growth", "One\nThree\nFour\n"), ("", "One\nFour\n")],
)
def test_every_branch_has_its_own_lines_in_the_plain_text(stage: str, text: str):
    body = (
        "<div>One</div>{% if stage.name == 'first-sale' %}<p>Two</p>{% elif stage.name %}<div>Three</div>{% endif %}"
        "<div>Four</div>"
    )
    facts = {**some_facts(), "stage": {"name": stage, "need": None, "bucket": None}}

    assert compile_message(a_source(body, kind="html")).render(facts).text == text


def test_plain_text_of_lists_and_tables_is_good_to_read():
    body = (
        "1. one\n\n2. two\n\n   more of two\n\n   - inner\n\n3. three\n\n> said\n\n| Plan | Price |\n|---|---:|\n| Basic | $10 |\n\n"
        "5. five\n6. six\n\n**[Read on](https://example.org/x)**\n\n"
        "[416 555 0142](tel:+14165550142) or [call](tel:+14165550142)"
    )

    assert text_of(body) == (
        "1. one\n2. two\n  more of two\n  - inner\n3. three\n\n> said\n\nPlan | Price\nBasic | $10\n\n"
        "5. five\n6. six\n\nRead on (https://example.org/x)\n\n"
        "416 555 0142 or call (tel:+14165550142)\n"
    )


def test_braces_that_are_no_tags_stay_braces():
    body = "<p>&#123;&#123; 7*7 }} {{ '{{' }}</p>"

    assert text_of(body, kind="html") == "{{ 7*7 }} {{\n"


# Printing values


def test_values_are_printed_as_people_read_them():
    body = "{{ contact.age }}|{{ contact.retired }}|{{ contact.tags }}|{{ event.at | date }}|{{ event.at | date('weekday') }}|{{ event.at | time }}|{{ event.amount | number }}"

    assert text_of(body, kind="txt") == "57|no|client, warm|March 2, 2026|Monday, March 2|14:05|12,500\n"


def test_dates_may_come_as_text_and_be_written_short():
    facts = a_contact(renewal_on="2026-04-01", born=date(1969, 5, 6))

    assert text_of(
        "{{ contact.renewal_on | date('short') }} {{ contact.born | date }}", facts, kind="txt"
    ) == ("2026-04-01 May 6, 1969\n")


def test_a_field_named_like_a_method_is_a_field():
    assert text_of("{{ contact.items }}") == "two\n"


@pytest.mark.parametrize("name", [None, "", "  "])
@pytest.mark.parametrize("tag", ["{{ contact.first_name }}", "{{ contact.first_name | title }}"])
def test_an_empty_greeting_is_refused_with_the_remedy(tag: str, name: str | None):
    message = compile_message(a_source(f"Hi\n\nHi {tag},"))

    with pytest.raises(RenderError) as caught:
        message.render(a_contact(first_name=name))

    assert (caught.value.template, caught.value.line, caught.value.variable) == (
        "templates/email/it.md",
        6,
        "contact.first_name",
    )
    assert "{{ contact.first_name or '…' }}" in str(caught.value)


def test_a_word_for_nothing_makes_an_empty_field_fine():
    facts = a_contact(first_name=None)

    assert text_of(
        "Hi {{ contact.first_name or 'there' }} {{ contact.first_name | default('you', true) }}", facts
    ) == ("Hi there you\n")


def test_a_name_that_does_not_exist_is_named_with_its_line():
    message = compile_message(a_source("Hi\n\n{% if contact.frist_name %}x{% endif %}"), PLAIN)

    with pytest.raises(RenderError) as caught:
        message.render(some_facts())

    assert (caught.value.line, caught.value.variable) == (6, "contact.frist_name")


def test_an_error_in_the_layout_names_the_layout():
    message = compile_message(a_source("Hello"), PLAIN)

    with pytest.raises(RenderError) as caught:
        message.render(some_facts(workspace={"name": "T", "postal_address": ""}))

    assert (caught.value.template, caught.value.line) == ("templates/email/layouts/plain.html", 6)


def test_a_comparison_that_fails_says_how_to_test_first():
    message = compile_message(a_source("{% if contact.last_name > 5 %}x{% endif %}"))

    with pytest.raises(RenderError, match="tested first"):
        message.render(some_facts())


def test_a_line_end_in_a_name_never_reaches_the_subject():
    message = compile_message(a_source("x", subject="{{ contact.first_name }}, hello"))

    subject = message.render(a_contact(first_name="Ana\r\nBcc: eve@example.org\u2028x")).subject

    assert subject == "Ana Bcc: eve@example.org x, hello"


@pytest.mark.parametrize("name", ["A\x00na", "A\x07", "x" * 300])
def test_a_subject_with_control_characters_or_without_end_is_refused(name: str):
    message = compile_message(a_source("x", subject="{{ contact.first_name }}"))

    with pytest.raises(RenderError):
        message.render(a_contact(first_name=name))


# What a contact's data can never do


@pytest.mark.parametrize(
    "name",
    [
        "{{ 7*7 }}",
        "{% for x in y %}",
        "{# x #}",
        "**bold** [x](javascript:alert(1))",
        "<script>alert(1)</script>",
        '" onclick="x',
    ],
)
def test_contact_data_is_text_and_stays_text_everywhere(name: str):
    source = a_source(
        'Hi {{ contact.first_name }} <b title="{{ contact.first_name }}">x</b>',
        subject="{{ contact.first_name }}",
        more='preheader: "{{ contact.first_name }}"\nlayout: plain\n',
    )

    message = compile_message(source, PLAIN).render(a_contact(first_name=name))

    assert message.subject == message.preheader == name
    assert message.text.startswith(f"Hi {name} x\n")
    assert message.html is not None
    assert f">Hi {name} <b" in unescape(message.html)
    assert "<script" not in message.html
    assert "onclick" not in message.html.replace("&#34; onclick=&#34;x", "")
    assert "<strong>" not in message.html


@settings(max_examples=200, deadline=None)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda name: name.strip()))
def test_any_name_arrives_as_it_is(name: str):
    html = html_of("<i>{{ contact.first_name }}</i>", a_contact(first_name=name), kind="html")

    assert unescape(html.partition("<i>")[2].partition("</i>")[0].replace("\r", "&#13;")) == unescape(
        name.replace("&", "&amp;").replace("\r", "&#13;")
    )


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", " javascript:x", "//evil.example"]
)
def test_a_link_from_data_that_could_do_harm_is_refused(link: str):
    message = compile_message(a_source("[site]({{ contact.site }})"))

    with pytest.raises(RenderError, match="a link begins with"):
        message.render(a_contact(site=link))


# What is said about what cannot work


def test_all_problems_come_at_once_each_at_its_line():
    body = "{{ contcat.name }}\n\n{{ contact.name | uper }}\n\n{{ foo() }}"

    with pytest.raises(TemplateProblems) as caught:
        compile_message(a_source(body, more="layot: plain\n"))

    assert [(each.place.line, each.hint) for each in caught.value.problems] == [
        (3, "did you mean 'layout'?"),
        (5, "did you mean 'contact'?"),
        (7, "did you mean 'upper'?"),
        (9, None),
    ]


@pytest.mark.parametrize(
    ("top", "line"),
    [
        ("subject: {{ contact.first_name }}, hello", 2),
        ("subject: hello\nsubject: again", 3),
        ("subject: [a, b]", 2),
        ("subject: &a hello\npreheader: *a", 2),
        ("subject: !!python/object x", 2),
        ("subject:\n  a: b", 3),
        ("- subject", 2),
        ("subject: 'open", 2),
        ("subject: " + "[" * 40_000, 2),
        ('subject: "a\\0b"', 2),
        ('subject: "a\\ud800b"', 2),
        ('subject: "\\UFFFFFFFF"', 1),
        ("subject: Our #1 tip", 2),
        ("subject: Hello\npreheader: Our #1 tip", 3),
        ("preheader: no subject", 1),
    ],
)
def test_the_top_of_a_message_holds_known_words_with_one_text_each(top: str, line: int):
    source = TemplateSource.at("email/it.md", f"---\n{top}\n---\nHello")

    found = problems_of(source)

    assert {code for _, code in found} == {"template-front-matter"}
    assert found[0][0] in (line, line + 1)


def test_a_top_that_is_never_closed_is_said():
    assert (1, "template-front-matter") in problems_of(TemplateSource.at("email/it.md", "---\nsubject: x\n"))


@pytest.mark.parametrize(
    "html",
    [
        "<b><i>x</b></i>",
        "<div>x",
        "x</div>",
        "<p><div>x</div></p>",
        "<div>{% if marketing %}</div>{% endif %}",
        "{% if marketing %}<div>{% endif %}x</div>",
        "<table>{% if marketing %}<tr><td>x</td></tr>{% endif %}</table>",
        '<a title="<b>">x</a>',
        "<!-- never closed",
    ],
)
def test_html_that_is_not_well_nested_is_refused(html: str):
    assert problems_of(a_source(html, kind="html"))[0][1] == "template-markup"


def test_a_layout_holds_the_body_once():
    for text in ("<html><body></body></html>", "<html><body>{{ body }}{{ body }}</body></html>"):
        layout = TemplateSource.at("email/layouts/l.html", text)

        assert problems_of(a_source("x"), layout) == [(1, "template-layout")]


@pytest.mark.parametrize(
    "broken", ["<div>{{ body }}", "<a {{ body }}", "<!-- {{ body }}", "<p>{{ body }}</p></p>"]
)
def test_markup_that_is_broken_in_the_layout_is_blamed_on_the_layout(broken: str):
    layout = TemplateSource.at("email/layouts/l.html", f"<html>\n{broken}\n</html>")

    with pytest.raises(TemplateProblems) as caught:
        compile_message(a_source("x"), layout)

    assert [(each.place.file, each.code) for each in caught.value.problems] == [
        ("templates/email/layouts/l.html", "template-markup")
    ]


# What a checker wants to know


def test_every_name_a_template_looks_up_is_known_with_its_place_and_whether_it_must_be_there():
    body = (
        "{{ contact.first_name }} {{ contact.last_name or 'x' }}\n"
        "{% if contact.phone %}{{ contact.phone }}{% endif %}\n"
        "{% for tag in contact.tags %}{{ tag }}{% endfor %}{{ contact.city | title }}"
    )

    variables = compile_message(a_source(body)).variables

    assert [(each.path, each.place.line, each.bare) for each in variables if each.bare] == [
        ("contact.city", 6, True),
        ("contact.first_name", 4, True),
    ]
    assert {each.path for each in variables} == {
        f"contact.{name}" for name in ("first_name", "last_name", "phone", "tags", "city")
    }


def test_the_same_files_are_compiled_once_and_another_word_makes_another_hash():
    first, again, other = a_source("Hello"), a_source("Hello"), a_source("Hello!")

    assert compile_message(first) is compile_message(again)
    assert compile_message(first).hash != compile_message(other).hash
    assert compile_message(first).hash != compile_message(first, PLAIN).hash


# A project's templates


def library(**files: str) -> Library:
    named = {
        path.replace("__", "/").replace("_fr", ".fr").replace("_dot_", "."): text
        for path, text in files.items()
    }
    return Library(TemplateSource.at(path, text) for path, text in named.items())


def test_the_nearest_language_is_taken():
    both = library(
        email__hello_dot_md="---\nsubject: Hello\n---\nHello",
        email__hello_fr_dot_md="---\nsubject: Bonjour\n---\nBonjour",
    )

    locales = (None, "fr", "fr-CA", "FR_ca", "de", "x-" * 50_000)
    subjects = [both.message("hello", locale).render(some_facts()).subject for locale in locales]

    assert subjects == ["Hello", "Bonjour", "Bonjour", "Bonjour", "Hello", "Hello"]


def test_a_layout_speaks_the_language_of_the_message_not_of_the_contact():
    half = library(
        email__hello_dot_md="---\nsubject: Hello\nlayout: l\n---\nHello",
        email__layouts__l_dot_html="<p>Bye</p>{{ body }}",
        email__layouts__l_fr_dot_html="<p>Adieu</p>{{ body }}",
    )

    assert "Bye" in half.message("hello", "fr").render(some_facts()).text


def test_a_broken_message_says_the_same_every_time():
    broken = library(email__hello_dot_md="---\nsubject: x\n---\n{{ foo() }}")

    for _ in range(2):
        with pytest.raises(TemplateProblems, match="calls nothing"):
            broken.message("hello")


def test_a_message_that_is_not_there_is_said_with_the_nearest_name():
    with pytest.raises(NotFoundError, match=r"email/hellow.*did you mean 'email/hello'"):
        library(email__hello_dot_md="---\nsubject: x\n---\n").message("hellow")


def test_a_layout_that_is_not_there_is_a_problem_at_its_line():
    found = library(email__hello_dot_md="---\nsubject: x\nlayout: plane\n---\n").problems()

    assert [(each.place.file, each.place.line, each.code) for each in found] == [
        ("templates/email/hello.md", 3, "template-layout")
    ]


def test_a_call_script_is_plain_words_for_one_contact():
    script = library(
        call__hi_dot_txt="GOAL\n{% if contact.first_name %}\nSay {{ contact.first_name }} & co\n{% endif %}\n"
    ).script("hi")

    assert script.render(some_facts()) == "GOAL\nSay Ana & co\n"


def test_the_top_of_a_message_can_be_read_alone():
    top = front_matter_of(a_source("x", more="layout: plain\n"))

    assert (top.get("subject"), top.get("layout"), top.get("sender"), top.body_line) == (
        "Hello",
        "plain",
        None,
        5,
    )


def test_every_template_of_the_sample_company_can_be_used():
    company = sample_library()

    assert company.problems() == []
    for name in company.names:
        if name.startswith("call/"):
            assert company.script(name).render(some_facts()).strip()
        elif is_sent(name):
            message = company.message(name).render(some_facts())
            assert "https://example.org/u/token" in message.text
            assert "https://example.org/u/token" in (message.html or "")
            assert "18 Tamarack Lane" in message.text


def test_a_template_knows_only_the_documented_names():
    assert set(some_facts()) == sandbox.NAMES
