"""What no template can do: reach beyond its values, take the worker's time or memory, or fail without a word."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.rendering import limits
from nurture.rendering.filters import FILTERS
from nurture.rendering.render import RenderError
from nurture.rendering.templates import TemplateProblems, TemplateSource, compile_message, compile_text
from tests.support.messages import a_contact, a_source, problems_of, some_facts, text_of

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ contact.__class__.__mro__ }}",
    "{{ contact['__class__'] }}",
    "{{ contact.items() }}",
    "{{ '{0.__class__}'.format(contact) }}",
    "{{ contact | attr('__class__') }}",
    "{{ contact | map(attribute='x') | list }}",
    "{{ self }}",
    "{{ cycler }}",
    "{{ lipsum.__globals__ }}",
    "{{ namespace() }}",
    "{{ range(10) }}",
    "{{ 'a' * 200000000 }}",
    "{{ 9 ** 999999 }}",
    "{{ 'a' ~ 'b' }}",
    "{{ 'a' + 'b' }}",
    "{{ '%999999999d' % 1 }}",
    "{{ 'x' | center(999999999) }}",
    "{{ contact.first_name[0:1] }}",
    "{{ {'a': 1} }}",
    "{{ -contact.age }}",
    "{% set x = 1 %}",
    "{% set x %}y{% endset %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{% macro x() %}{% endmacro %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with x = 1 %}{% endwith %}",
    "{% autoescape false %}x{% endautoescape %}",
    "{% raw %}x{% endraw %}",
    "{% for x in contact.tags recursive %}x{% endfor %}",
    "{% for x, y in contact.tags %}x{% endfor %}",
    "{{ contact.first_name | safe }}",
    "{{ contact.first_name is callable }}",
    "{{ _budget }}",
    # The shapes of published escapes: str.format (CVE-2016-10745), str.format_map (CVE-2019-10906), a reference to
    # str.format that is kept and called later (CVE-2024-56326), the attr filter (CVE-2025-27516), names of blocks and
    # files that reach into the compiled code (CVE-2024-56201), attributes written by xmlattr (CVE-2024-22195, -34064).
    "{{ '{0.__class__.__init__.__globals__}'.format(contact) }}",
    "{{ '{x.__class__}'.format_map({'x': contact}) }}",
    "{{ contact.first_name.format_map }}{{ ''.format_map(contact) }}",
    "{% set f = ''.format %}{{ f(contact) }}",
    "{{ ['{0.__class__}'] | map('format', contact) | first }}",
    "{{ '{0.__class__}' | attr('format')(contact) }}",
    "{{ contact.first_name | attr('format') }}",
    "{{ '%s' | format(contact) }}",
    "{% include '{0}'.format(contact) %}",
    "{% include ['x', 'y'] %}",
    "{% include contact.first_name %}",
    "{% include 'x' ignore missing %}",
    "{% include 'x' without context %}",
    "{{ contact | xmlattr }}",
    "{{ contact | pprint }}",
    "{{ contact | tojson }}",
    "{{ contact | list }}",
    "{{ contact.tags | sum(start='') }}",
    "{{ contact.tags | groupby('__class__') }}",
    "{{ contact.tags | sort(attribute='__class__') }}",
    "{{ loop.__class__ }}",
    "{{ config }}",
    "{{ request.application }}",
    "{{ g }}",
    "{{ joiner() }}",
    "{{ dict(a=1) }}",
    "{{ caller() }}",
    "{{ self.__init__ }}",
    "{{ contact.first_name.encode }}{{ contact.first_name.encode() }}",
    "{{ (contact).__class__ }}",
    "{{ contact['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ [].append(1) }}",
    "{{ 1.0.hex() }}",
    "{% do contact.clear() %}",
    "{% debug %}",
    "{% trans %}x{% endtrans %}",
]


@pytest.mark.parametrize("escape", ESCAPES)
def test_nothing_but_values_if_and_for_is_allowed(escape: str):
    for kind in ("md", "html", "txt"):
        found = problems_of(a_source(f"x\n{escape}", kind=kind))

        assert {line for line, _ in found} == {5}
        assert {code for _, code in found} <= {
            "template-not-allowed",
            "template-unknown-name",
            "template-partial",
            "template-syntax",
        }


@pytest.mark.parametrize("escape", ESCAPES)
def test_subjects_and_preheaders_obey_the_same_rules(escape: str):
    source = TemplateSource.at("email/it.md", f"---\npreheader: x\nsubject: |-\n  {escape}\n---\nx")

    assert problems_of(source)


@pytest.mark.parametrize("name", ["__class__", "__class__.__mro__", "first_name.__class__", "items"])
def test_a_filter_that_looks_up_finds_fields_only(name: str):
    template = compile_message(a_source(f"x {{{{ contact.people | join(', ', attribute='{name}') }}}}"))

    with pytest.raises(RenderError, match=r"failed: |there is no "):
        template.render(a_contact(people=[{"first_name": "Ana"}, {"first_name": "Bea"}]))


PIECES = st.sampled_from(
    [
        "{{ contact.first_name }}",
        "{% if marketing %}",
        "{% else %}",
        "{% endif %}",
        "{% for t in contact.tags %}",
        "{{ t }}",
        "{% endfor %}",
        "{#",
        "#}",
        "{{",
        "}}",
        "{%",
        "%}",
        "{%- if owner -%}",
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<table>",
        "<tbody>",
        "<tr>",
        "<td>",
        "</td>",
        "</tr>",
        "</tbody>",
        "</table>",
        "<!--",
        "-->",
        "<![if mso]>",
        "<![foo",
        "<![CDATA[",
        "]]>",
        "<?php",
        "<style>",
        "p{color:red}",
        "@media{",
        "</style>",
        '<a href="',
        '">',
        "</a>",
        "'",
        '"',
        "<",
        "&#123;{",
        "&lt;",
        "\n",
        "\n\n",
        "- x\n",
        "# y\n",
        "> z\n",
        "```",
        "`",
        "*a*",
        "[x](",
        "){",
        ")",
        "\x00",
        "\r",
        "ü",
        "<svg>",
        "</svg>",
        "<select>",
        "</select>",
        "<script>",
        "</script>",
        "<textarea>",
        "<br/>",
        "<ul>",
        "<li>",
        "</li>",
        "</ul>",
        "<div hidden>",
        "</div>",
        "<html>",
        "<head>",
        "<body>",
        "<plaintext>",
        "jq1z",
        "&#0;",
        "&",
    ]
)


@settings(max_examples=300, deadline=None)
@given(body=st.lists(PIECES, max_size=25).map("".join), kind=st.sampled_from(["md", "html", "txt"]))
def test_any_text_is_a_message_or_is_told_what_is_wrong_with_it(body: str, kind: str):
    try:
        told = [compile_message(a_source(body, kind=kind)).render(some_facts()).text]
    except TemplateProblems as error:
        told = [problem.message for problem in error.problems]
    except RenderError as error:  # such as a name where a link should be
        told = [error.message]
    assert all(told)


BOMBS = {
    "nested loops": "{% for a in L %}{% for b in L %}{% for c in L %}{% if a == 9 %}x{% endif %}{% endfor %}{% endfor %}{% endfor %}",
    "long output": "{% for a in L %}{{ contact.long }}{% endfor %}",
    "deep ifs": "{% if marketing %}" * 3_000 + "{% endif %}" * 3_000,
    "deep brackets": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "deep not": "{{ " + "not " * 20_000 + "1 }}",
    "long or": "{{ " + "contact.a or " * 7_000 + "1 }}",
    "long name": "{{ contact" + ".a" * 20_000 + " }}",
    "long and": "{% if marketing" + " and marketing" * 4_000 + " %}x{% endif %}",
    "long list": "{% for a in [" + "1," * 45_000 + "] %}{{ a }}{% endfor %}",
    "many tags": "{{ contact.age }}" * 5_800,
    "long number": "{{ " + "9" * 60_000 + " }}",
    "empty lines": "\n" * 63_000,
    "spaces": "x" + " " * 60_000 + "x {{ contact.age }}",
    "huge source": "x" * 3_000_000,
    "deep elements": "<div>" * 10_000 + "</div>" * 10_000,
    "misnested": "<b><div></b>" * 8_000,
    "open formats": "".join(f"<p><b id='{n}'>" for n in range(5_000)),
    "many elements": "<p></p>" * 14_000,
    "many styles": "<style>*{"
    + "".join(f"a{n}:{n};" for n in range(3_000))
    + "}</style>"
    + "<p></p>" * 4_900,
    "brackets in Markdown": "[" * 99_000,
    "a wide table": "|a" * 8_000 + "\n" + "|-" * 8_000 + "\n" + "|\n" * 3_000,
    "half tags": "<a " * 30_000,
    "half comments": "<!-- " * 19_000,
    "half quotes": '<a b="' * 16_000,
    "constants": "{{ 'a' * 900000000 }}",
}

TRY_BOMBS = """
import json, sys, time
from nurture.model.errors import NurtureError
from nurture.rendering.templates import compile_message
from tests.support.memory import peak_kilobytes
from tests.support.messages import a_contact, a_source
facts = a_contact(long="x" * 100_000)
for name, body in json.load(sys.stdin).items():
    body = body.replace("L", "[" + "1," * 999 + "1]")
    for kind in ("md", "html", "txt"):
        started, end = time.process_time(), "rendered"
        try:
            compile_message(a_source(body, kind=kind)).render(facts)
        except NurtureError as error:
            end = str(error)
        print(json.dumps([name, kind, time.process_time() - started, peak_kilobytes(), end[:100]]))
"""


def test_no_template_takes_the_worker_with_it():
    played = subprocess.run(
        [sys.executable, "-c", TRY_BOMBS], input=json.dumps(BOMBS), capture_output=True, text=True, check=True
    )

    results = [json.loads(line) for line in played.stdout.splitlines()]

    assert len(results) == 3 * len(BOMBS)
    for name, kind, seconds, kilobytes, end in results:
        assert seconds < 2, (name, kind, seconds, end)
        assert kilobytes < 200_000, (name, kind, kilobytes, end)


def test_a_loop_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch):
    message = compile_message(a_source("{% for tag in contact.tags %}{{ tag }}{% endfor %}"))
    monkeypatch.setattr(limits, "SECONDS", -1.0)

    with pytest.raises(RenderError, match="was stopped: it takes longer"):
        message.render(some_facts())


def test_loops_together_take_so_many_rounds_and_no_more():
    facts = a_contact(many=list(range(limits.ROUNDS)))
    loop = "{% for n in contact.many %}{% endfor %}"

    assert compile_text(TemplateSource.at("call/x.txt", f"{loop}end")).render(facts) == "end\n"
    with pytest.raises(RenderError, match="more than 2000 rounds"):
        compile_text(TemplateSource.at("call/x.txt", f"{loop}{{% for n in [1] %}}{{% endfor %}}")).render(
            facts
        )


VALUES = [None, True, 5, -1.5, 1e308, float("inf"), "", "x", "2026-03-02", "2026-13-99", "é" * 300, [], ["a", None], {}, {"a": 1}, {"b"}]  # fmt: skip
ARGUMENTS = ["", "()", "(0)", "(-1)", "(3)", "(99999)", "('')", "('x')", "('long')", "(none)", "(true)", "([])", "(1, 2, 3, 4)", "(contact.v)", "(x=1)", "('x', true)"]  # fmt: skip


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_filter_formats_any_value_or_says_why_not(name: str):
    for arguments in ARGUMENTS:
        try:
            script = compile_text(TemplateSource.at("call/x.txt", f"{{{{ contact.v | {name}{arguments} }}}}"))
        except TemplateProblems:
            continue
        for value in VALUES:
            with suppress(RenderError):
                assert isinstance(script.render(a_contact(v=value)), str)


def test_a_text_in_place_of_a_list_is_not_gone_through():
    with pytest.raises(RenderError, match="only lists"):
        text_of("{% for letter in contact.first_name %}{{ letter }}{% endfor %}")
