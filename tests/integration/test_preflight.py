"""`nurture doctor --mail`: what receivers look at, against a name server and a mail server of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from nurture.channels.dns import Dns, UnreachableError
from nurture.rendering.dkim import KeyKind, new_key, read_key
from nurture.services.running import pausing
from nurture.services.running.pausing import Scope
from tests.support.commands import run
from tests.support.name_server import a_name_server, txt
from tests.support.running import Running, a_nurture, put_live
from tests.support.smtp_server import Rule, ScriptedServer
from tests.support.waiting import free_port

SENDER = 'from = "Tamarack Lane <hello@example.org>"\n'
LINES = 'return_path_domain = "bounces.example.org"\ndkim_selector = "s1"\ndkim_key_file = "keys/s1.pem"\n'
BASE = "https://news.example.org"
Records = dict[tuple[str, str], Sequence[str]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(log=tmp_path / "mails.jsonl") as server:
        yield server


class Setting:
    """A project that would arrive, and the DNS around it."""

    def __init__(self, running: Running, way_out: str) -> None:
        self.running, self.way_out = running, way_out
        pem = new_key(KeyKind.RSA)
        (running.project / "keys").mkdir()
        (running.project / "keys" / "s1.pem").write_bytes(pem)
        self.records: Records = {
            ("s1._domainkey.example.org", "TXT"): [txt(read_key(pem).record)],
            ("bounces.example.org", "TXT"): [txt("v=spf1 include:mail.example.net -all")],
            ("bounces.example.org", "MX"): ["10 mail.example.org."],
            ("_dmarc.example.org", "TXT"): [txt("v=DMARC1; p=none; rua=mailto:dmarc@example.org")],
        }

    def doctor(self, *words: str, code: int, **env: str) -> dict[str, dict[str, Any]]:
        """What is said of each check, by its code."""
        return {one["code"]: one for one in self.document(*words, code=code, **env)["mail"]}

    def document(self, *words: str, code: int, **env: str) -> Mapping[str, Any]:
        settings = self.running.nurture.settings
        variables = {
            "NURTURE_DATABASE_URL": settings.database_url,
            "NURTURE_SMTP_URL": self.way_out,
            "NURTURE_BASE_URL": BASE,
            "NURTURE_SECRET_KEY": settings.secret_keys[0],
            **env,
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            result = run("doctor", "--mail", "--json", *words, project=self.running.project)
        assert result.exit_code == code, result.output
        document: Mapping[str, Any] = json.loads(result.stdout)
        return document


@pytest.fixture
def setting(sqlite_url: str, tmp_path: Path, server: ScriptedServer) -> Iterator[Setting]:
    running = a_nurture(sqlite_url, tmp_path, mails=("hello",))
    toml = (running.project / "nurture.toml").read_text()
    running.write("nurture.toml", toml.replace(SENDER, SENDER + LINES))
    running.publish()
    yield Setting(running, server.url)
    running.nurture.close()


def marks(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {code: one["mark"] for code, one in found.items()}


def test_a_sender_that_will_arrive_is_told_so_and_gets_a_message_of_its_own(
    setting: Setting, server: ScriptedServer
) -> None:
    with a_name_server(setting.records) as dns:
        document = setting.document("--dns", dns, code=0)

    found = {one["code"]: one for one in document["mail"]}
    assert document["ok"] is True
    assert {code for code, mark in marks(found).items() if mark != "ok"} == {"ptr"}
    assert found["ptr"]["mark"] == "not-reachable"
    assert "include:mail.example.net" in found["spf"]["said"]
    (mail,) = server.mails
    assert server.recipients == ["hello@example.org"]
    assert b"DKIM-Signature" in mail["data"].encode("latin-1")


@pytest.mark.parametrize(
    ("name", "kind", "values", "code", "said"),
    [
        ("s1._domainkey.example.org", "TXT", [], "dkim-record", "there is no key"),
        ("s1._domainkey.example.org", "TXT", ['"v=DKIM1; p=AAAA"'], "dkim-record", "another than ours"),
        ("s1._domainkey.example.org", "TXT", ['"v=DKIM1; p="', '"p=x"'], "dkim-record", "2 keys"),
        ("bounces.example.org", "TXT", [], "spf", "does not say who may send"),
        ("bounces.example.org", "TXT", ['"v=spf1 -all"', '"v=spf1 mx -all"'], "spf", "2 SPF records"),
        ("bounces.example.org", "TXT", ['"v=spf1 +all"'], "spf", "everybody"),
        (
            "bounces.example.org",
            "TXT",
            ['"v=spf1 ' + "include:a.example " * 11 + '-all"'],
            "spf",
            "11 look-ups",
        ),
        ("_dmarc.example.org", "TXT", [], "dmarc", "forged"),
        ("_dmarc.example.org", "TXT", ['"v=DMARC1; p=nothing"'], "dmarc", "cannot be read"),
        ("bounces.example.org", "MX", [], "return-path", "arrive nowhere"),
    ],
)
def test_each_record_that_is_missing_or_wrong_is_a_problem_with_its_remedy(
    setting: Setting, name: str, kind: str, values: list[str], code: str, said: str
) -> None:
    records = {**setting.records, (name, kind): values}

    with a_name_server(records) as dns:
        found = setting.doctor("--dns", dns, "--no-send", code=1)

    assert {one for one, mark in marks(found).items() if mark == "problem"} == {code}
    assert said in found[code]["said"]
    assert found[code]["remedy"]
    assert found[code]["sender"] == "default"


@pytest.mark.parametrize(
    ("colleague", "mark"),
    [("kim@example.org", "ok"), ("kim@sales.example.org", "ok"), ("kim@example.net", "warning")],
)
def test_colleagues_who_write_themselves_need_the_domain_that_signs(
    setting: Setting, colleague: str, mark: str
) -> None:
    project = setting.running.project
    toml = (project / "nurture.toml").read_text()
    setting.running.write("nurture.toml", f'{toml}\n[teams.desk]\nmembers = ["{colleague}"]\n')
    hello = (project / "templates/email/hello.md").read_text()
    setting.running.write("templates/email/hello.md", hello.replace("---\n", "---\nsender: owner\n", 1))
    setting.running.publish()

    with a_name_server(setting.records) as dns:
        found = setting.doctor("--dns", dns, code=0)

    assert found["owners"]["mark"] == mark
    assert "example.org" in found["owners"]["said"]


def test_every_language_counts_and_a_template_that_cannot_be_read_any_more_keeps_nobody_from_the_answer(
    setting: Setting,
) -> None:
    project = setting.running.project
    toml = (project / "nurture.toml").read_text()
    setting.running.write("nurture.toml", f'{toml}\n[teams.desk]\nmembers = ["kim@example.net"]\n')
    hello = (project / "templates/email/hello.md").read_text()
    setting.running.write("templates/email/hello.fr.md", hello.replace("---\n", "---\nsender: owner\n", 1))
    setting.running.publish()
    put_live(setting.running, "templates/email/hello.md", "---\nsubject: Hello\n---\n{% if %}")

    with a_name_server(setting.records) as dns:
        found = setting.doctor("--dns", dns, code=0)

    assert "example.net" in found["owners"]["said"]


def test_a_policy_above_the_domain_counts(setting: Setting) -> None:
    toml = (setting.running.project / "nurture.toml").read_text()
    setting.running.write("nurture.toml", toml.replace("hello@example.org", "hello@news.example.org"))
    setting.running.publish()

    with a_name_server(setting.records) as dns:
        found = setting.doctor("--dns", dns, "--no-send", code=1)

    assert found["dmarc"]["mark"] == "ok"
    assert found["dkim-record"]["mark"] == "problem"


def test_a_name_server_that_does_not_answer_is_asked_once() -> None:
    dns = Dns(("127.0.0.1", free_port()), seconds=0.2)

    for ask in (dns.texts, dns.mail_servers, dns.addresses):
        with pytest.raises(UnreachableError):
            ask("example.org")


def test_without_a_network_it_says_so_and_fails_nothing(setting: Setting) -> None:
    with a_name_server({}, knows_the_root=False) as dns:  # as name servers of closed networks do
        found = setting.doctor("--dns", dns, code=0)

    asked = ("dkim-record", "spf", "dmarc", "return-path")
    assert {marks(found)[code] for code in asked} == {"not-reachable"}
    assert "not reachable" in found["spf"]["said"]


def test_a_name_at_which_the_name_servers_fail_hides_none_of_the_others(setting: Setting) -> None:
    setting.records[("_dmarc.example.org", "TXT")] = [txt("v=DMARC1; p=no")]
    with a_name_server(setting.records, fails_at=["bounces.example.org"]) as dns:
        found = setting.doctor("--dns", dns, "--no-send", code=1)

    assert {code: marks(found)[code] for code in ("dkim-record", "spf", "dmarc", "return-path")} == {
        "dkim-record": "ok",
        "spf": "not-reachable",
        "dmarc": "problem",
        "return-path": "not-reachable",
    }
    assert "the name servers of bounces.example.org give no answer" in found["spf"]["said"]


def test_a_mail_server_that_is_away_fails_nothing(setting: Setting) -> None:
    setting.way_out = f"smtp://127.0.0.1:{free_port()}"

    with a_name_server(setting.records) as dns:
        found = setting.doctor("--dns", dns, code=0)

    assert (found["tls"]["mark"], found["message"]["mark"]) == ("not-reachable", "not-reachable")
    assert "NURTURE_SMTP_URL" in found["tls"]["remedy"]


def test_what_the_server_says_to_the_test_is_told(setting: Setting, server: ScriptedServer) -> None:
    server.rules.append(Rule("MAIL", reply="550 5.7.1 you are not allowed to send as this"))

    with a_name_server(setting.records) as dns:
        found = setting.doctor("--dns", dns, code=1)

    assert found["message"]["mark"] == "problem"
    assert "not allowed to send as this" in found["message"]["said"]


def test_the_staging_guard_and_the_red_button_hold_the_test_too(
    setting: Setting, server: ScriptedServer
) -> None:
    with a_name_server(setting.records) as dns:
        guarded = setting.doctor("--dns", dns, code=0, NURTURE_ALLOW_RECIPIENTS="kim@example.net")
        pausing.pause(setting.running.nurture.runtime, Scope(), "a test")
        paused = setting.doctor("--dns", dns, code=0)

    assert ("staging guard" in guarded["message"]["said"], "paused" in paused["message"]["said"]) == (
        True,
        True,
    )
    assert server.mails == []


@pytest.mark.parametrize(
    ("toml", "env", "code"),
    [
        ({'postal_address = "1 Tamarack Lane, Toronto"': 'postal_address = ""'}, {}, "postal-address"),
        ({}, {"NURTURE_BASE_URL": "http://news.example.org"}, "links"),
        ({"keys/s1.pem": "keys/lost.pem"}, {}, "dkim-key"),
    ],
)
def test_what_is_missing_in_the_project_is_a_problem(
    setting: Setting, toml: Mapping[str, str], env: Mapping[str, str], code: str
) -> None:
    text = (setting.running.project / "nurture.toml").read_text()
    for old, new in toml.items():
        assert old in text
        text = text.replace(old, new)
    setting.running.write("nurture.toml", text)
    setting.running.publish()

    with a_name_server(setting.records) as dns:
        found = setting.doctor("--dns", dns, "--no-send", code=1, **env)

    assert found[code]["mark"] == "problem"
    assert found[code]["remedy"]


def test_while_mail_is_caught_what_is_missing_is_a_warning(setting: Setting) -> None:
    setting.way_out = "catch:"

    with a_name_server({}) as dns:
        found = setting.doctor("--dns", dns, code=0)

    assert (found["way-out"]["mark"], found["spf"]["mark"]) == ("warning", "warning")
    assert "caught as" in found["message"]["said"]
    assert list((setting.running.project / "var" / "mail").glob("*preflight*.eml"))


def test_for_people_each_check_has_a_line_and_its_remedy(setting: Setting) -> None:
    with a_name_server({}) as dns, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NURTURE_DATABASE_URL", setting.running.nurture.settings.database_url)
        result = run("doctor", "--mail", "--dns", dns, project=setting.running.project)

    assert "Mail from 'default':" in result.stdout
    assert "! dmarc: example.org does not say what to do with forged mail" in result.stdout
    assert "remedy: publish a TXT record at _dmarc.example.org" in result.stdout


def test_the_last_line_is_the_verdict_on_all_that_stands_above_it(setting: Setting) -> None:
    variables = {
        "NURTURE_DATABASE_URL": setting.running.nurture.settings.database_url,
        "NURTURE_BASE_URL": BASE,
    }
    verdicts = []
    for records in (setting.records, {}):
        for way_out in ("catch:", setting.way_out):
            with a_name_server(records) as dns, pytest.MonkeyPatch.context() as patch:
                for name, value in {**variables, "NURTURE_SMTP_URL": way_out}.items():
                    patch.setenv(name, value)
                told = run("doctor", "--mail", "--no-send", "--dns", dns, project=setting.running.project)
                verdicts.append((told.exit_code, told.stdout.splitlines()[-1]))

    assert verdicts == [
        (0, "Nothing is broken; 1 warning above (!) to look at."),  # mail is caught
        (0, "Everything is in order."),
        (0, "Nothing is broken; 5 warnings above (!) to look at."),
        (1, "This needs mending."),
    ]


def test_the_options_of_the_look_at_mail_need_it(setting: Setting) -> None:
    result = run("doctor", "--no-send", project=setting.running.project)

    assert result.exit_code == 2
    assert "belong to --mail" in result.stderr
