"""What several messages share is written once: found by its name in the reader's language, and never outside of the project."""

from __future__ import annotations

import pytest

from nurture.rendering import limits
from nurture.rendering.render import MessageTemplate, RenderError
from nurture.rendering.templates import Library, TemplateProblems, TemplateSource
from tests.support.messages import LAYOUT, a_contact, some_facts

TOP = "---\nsubject: Hello\n---\n"


def a_message(
    body: str, files: dict[str, str], *, kind: str = "md", locale: str | None = None
) -> MessageTemplate:
    """The message ``email/it`` with this body, beside these files."""
    sources = {f"email/it.{kind}": TOP + body, **files}
    return Library(TemplateSource.at(path, text) for path, text in sources.items()).message("it", locale)


def problems_of(body: str, files: dict[str, str], *, kind: str = "md") -> list[str]:
    with pytest.raises(TemplateProblems) as caught:
        a_message(body, files, kind=kind)
    return [f"{one.place}: {one.code} {one.message}" for one in caught.value.problems]


def test_a_partial_stands_where_it_is_named_in_both_parts() -> None:
    files = {"email/partials/signature.md": "**{{ owner.name }}**, your planner\n"}

    rendered = a_message('Hi,\n\n{% include "partials/signature.md" %}\n\nBye', files).render(some_facts())

    assert "<p><strong>Kim</strong>, your planner</p>" in (rendered.html or "")
    assert rendered.text == "Hi,\n\nKim, your planner\n\nBye\n"


def test_html_in_markdown_stays_as_it_is_written() -> None:
    box = '<table role="presentation"><tbody><tr>\n\n    <td>{{ contact.first_name }} *as is*</td>\n\n</tr></tbody></table>\n'

    message = a_message('One\n\n{% include "partials/box.html" %}\n\nTwo', {"email/partials/box.html": box})

    assert "<td>Ana *as is*</td>" in (message.render(some_facts()).html or "")


def test_markdown_in_a_layout_is_read_as_markdown() -> None:
    files = {
        "email/layouts/plain.html": LAYOUT.replace("<footer>", '<footer>{% include "partials/who.md" %}'),
        "email/partials/who.md": "Write to [{{ workspace.name }}](https://example.org)",
        "email/other.md": "---\nsubject: x\nlayout: plain\n---\nHello",
    }

    html = Library(TemplateSource.at(path, text) for path, text in files.items()).message("other")

    assert '<a href="https://example.org">Tamarack &amp; Lane</a>' in (html.render(some_facts()).html or "")


def test_styles_that_layouts_share_are_inlined_and_their_media_queries_stay() -> None:
    files = {
        "email/layouts/plain.html": '<html><head><style>{% include "partials/look.html" %}</style></head><body>{{ body }}</body></html>',
        "email/partials/look.html": "p > a { color: #0b6e4f } @media (prefers-color-scheme: dark) { a { color: white } }",
        "email/other.md": "---\nsubject: x\nlayout: plain\n---\n[Here](https://example.org)",
    }

    html = (
        Library(TemplateSource.at(path, text) for path, text in files.items())
        .message("other")
        .render(some_facts())
        .html
    )

    assert 'style="color: #0b6e4f;"' in (html or "")
    assert "@media (prefers-color-scheme: dark)" in (html or "")


def test_a_plain_text_takes_partials_of_plain_text_only() -> None:
    files = {"email/partials/who.txt": "{{ workspace.name }}\n", "email/partials/who.html": "<p>x</p>"}

    message = a_message('Hi.\n{% include "partials/who.txt" %}\nBye.', files, kind="txt")

    assert message.render(some_facts()).text == "Hi.\nTamarack & Lane\nBye.\n"
    assert problems_of('{% include "partials/who.html" %}', files, kind="txt") == [
        "templates/email/it.txt:4:13: template-partial a .html partial cannot stand in a .txt file"
    ]


def test_a_partial_speaks_the_language_of_the_message() -> None:
    files = {
        "email/partials/bye.md": "Bye",
        "email/partials/bye.fr.md": "Au revoir",
        "email/it.fr-CA.md": TOP + '{% include "partials/bye.md" %}',
        "email/it.de.md": TOP + '{% include "partials/bye.md" %}',
    }
    said = {
        locale: a_message('{% include "partials/bye.md" %}', files, locale=locale).render(some_facts()).text
        for locale in (None, "fr-CA", "de", "es")
    }

    assert said == {None: "Bye\n", "fr-CA": "Au revoir\n", "de": "Bye\n", "es": "Bye\n"}


@pytest.mark.parametrize(
    "name",
    [
        "../../nurture.toml",
        "partials/../../../nurture.toml",
        "/etc/passwd",
        "partials/%2e%2e/secret.md",
        "layouts/plain.html",
        "email/it.md",
        "partials/nothing.md",
    ],
)
def test_no_name_leads_out_of_the_partials(name: str) -> None:
    files = {"email/partials/bye.md": "Bye", "email/layouts/plain.html": LAYOUT}

    (said,) = problems_of(f'x\n\n{{% include "{name}" %}}', files)

    assert said == f"templates/email/it.md:6:13: template-partial there is no templates/email/{name}"


def test_a_misspelt_partial_is_told_with_the_nearest() -> None:
    with pytest.raises(TemplateProblems) as caught:
        a_message('{% include "partials/by.md" %}', {"email/partials/bye.md": "Bye"})

    assert caught.value.problems[0].hint == "did you mean 'partials/bye.md'?"


def test_partials_that_hold_themselves_or_each_other_too_deep_are_refused() -> None:
    circle = {
        "email/partials/a.md": '{% include "partials/b.md" %}',
        "email/partials/b.md": '{% include "partials/a.md" %}',
    }
    chain = {f"email/partials/{n}.md": f'{{% include "partials/{n + 1}.md" %}}' for n in range(9)}

    assert (
        "templates/email/partials/a.md includes itself"
        in problems_of('{% include "partials/a.md" %}', circle)[0]
    )
    assert "3 deep at most" in problems_of('{% include "partials/0.md" %}', chain)[0]


def test_so_many_partials_stand_in_a_message_and_no_more() -> None:
    body = '{% include "partials/a.md" %}\n\n' * (limits.PARTIALS + 1)

    assert (
        "template-too-big a message holds at most 20 partials"
        in problems_of(body, {"email/partials/a.md": "x"})[0]
    )


def test_a_partial_that_is_wrong_is_blamed_at_its_own_line() -> None:
    files = {"email/partials/bad.html": "<p>\nfine</p>\n<p>{{ contract.name }}</p>"}

    assert problems_of('{% include "partials/bad.html" %}', files) == [
        "templates/email/partials/bad.html:3:7: template-unknown-name a template knows no 'contract'"
    ]
    assert problems_of('{% include "partials/b.html" %}', {"email/partials/b.html": "\n<b><i></b></i>"}) == [
        "templates/email/partials/b.html:2:1: template-markup </b> ends nothing here: <i> is still open"
    ]


def test_what_fails_for_one_contact_names_the_partial() -> None:
    message = a_message(
        'Hi\n\n{% include "partials/a.md" %}', {"email/partials/a.md": "\n{{ contact.first_name }}"}
    )

    with pytest.raises(RenderError, match=r"templates/email/partials/a\.md:2: contact\.first_name is empty"):
        message.render(a_contact(first_name=None))


def test_a_partial_knows_no_names_of_the_loop_around_it() -> None:
    body = '{% for tag in contact.tags %}{% include "partials/a.md" %}{% endfor %}'

    assert "knows no 'tag'" in problems_of(body, {"email/partials/a.md": "{{ tag }}"})[0]


def test_another_word_in_a_partial_makes_another_hash_and_one_elsewhere_does_not() -> None:
    body = '{% include "partials/a.md" %}'
    one = a_message(body, {"email/partials/a.md": "x", "email/partials/b.md": "x"})
    other = a_message(body, {"email/partials/a.md": "x", "email/partials/b.md": "y"})
    changed = a_message(body, {"email/partials/a.md": "y", "email/partials/b.md": "x"})

    assert one.hash == other.hash != changed.hash


def test_what_a_contact_says_never_names_a_partial() -> None:
    name = '{% include "partials/a.md" %}'

    text = (
        a_message("{{ contact.first_name }}", {"email/partials/a.md": "x"})
        .render(a_contact(first_name=name))
        .text
    )

    assert text == f"{name}\n"
