"""A template or a name that goes wrong takes nothing with it: that one message fails with its reason, the others leave."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from time import process_time

import pytest

from nurture.db import enrollments
from nurture.model.accounts import Role
from nurture.model.words import DeliveryState
from nurture.services.advancing.record import end_from_outside
from nurture.services.files.project_files import project_files, sound_project
from nurture.services.sending import once_more
from tests.support.browsing import a_browser
from tests.support.running import MAIL, Running, a_nurture, put_live

WORKFLOW = """\
    workflow: short
    purpose: nurture
    stages:
      - stage: first
        need: Know where I stand
        trigger: a.happened
        validate: b.happened
        steps:
          - {email: hello}
          - {email: later, after: 2 days}
        loss:
          - {after: 60 days, reason: silent}
    """
END = " {{ links.unsubscribe }} {{ workspace.postal_address }}\n"
TEN = "[1,2,3,4,5,6,7,8,9,0]"
BOMBS = {
    "a loop in a loop in a loop": f"{{% for a in {TEN} %}}{{% for b in {TEN} %}}{{% for c in {TEN} %}}{{% for d in {TEN} %}}x{{% endfor %}}{{% endfor %}}{{% endfor %}}{{% endfor %}}",
    "a long text": f"{{% for a in {TEN} %}}{{% for b in {TEN} %}}{{% for c in {TEN} %}}{'x' * 900}{{% endfor %}}{{% endfor %}}{{% endfor %}}",
    "a field of another kind": "{{ contact.score | date }}",
    "an empty field": "{{ contact.last_name }}",
    "a comparison of two kinds": "{% if contact.first_name > 5 %}x{% endif %}",
}
"""Templates that compile, and fail when they are filled in."""
NAMES = [
    "{{ 7*7 }}",
    "{% for x in [1] %}",
    "{#",
    "${7*7}",
    "<b>x</b>",
    "Zoë “Q” O'Neil, née 漢字",
    "%s%n{0.__class__}",
]


def a_company(url: str, folder: Path) -> Running:
    running = a_nurture(url, folder, mails=("hello", "later"))
    running.write("workflows/short.yaml", WORKFLOW)
    running.publish()
    return running


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    yield (running := a_company(sqlite_url, tmp_path))
    running.nurture.close()


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    yield (running := a_company(str(request.getfixturevalue(f"{request.param}_url")), tmp_path))
    running.nurture.close()


@pytest.mark.parametrize("name", BOMBS)
def test_a_message_that_goes_off_fails_alone_with_its_reason_while_the_others_leave(
    running: Running, name: str
) -> None:
    put_live(
        running,
        "templates/email/hello.md",
        f"---\nsubject: Hello\n---\n{{% if contact.first_name == 'Eve' %}}{BOMBS[name]}{{% endif %}}{END}",
    )
    for number in range(5):
        running.add(f"p{number}@example.org")
        running.track("a.happened", f"p{number}@example.org")
    running.add("eve@example.org", first_name="Eve")
    running.track("a.happened", "eve@example.org")

    started = process_time()
    running.run()

    assert process_time() - started < 2
    assert running.states("eve@example.org") == [("hello", "failed", "template-failed")]
    assert [running.states(f"p{number}@example.org") for number in range(5)] == [
        [("hello", "sent", None)]
    ] * 5
    (failed,) = running.deliveries("eve@example.org")
    assert "templates/email/hello.md:4: " in str(failed.detail)


def test_a_template_that_is_broken_altogether_fails_each_of_its_messages_and_no_other(
    running: Running,
) -> None:
    put_live(running, "templates/email/hello.md", "---\nsubject: Hello\n---\n{% if %}")
    running.add()
    running.track("a.happened")

    running.advance(days=3, step_hours=6)

    assert running.states() == [("hello", "failed", "template-failed"), ("later", "sent", None)]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_contact_is_called_stays_text_in_every_part_of_a_message(running: Running, name: str) -> None:
    greeting = "{{ contact.first_name }}"
    put_live(
        running,
        "templates/email/hello.md",
        f"---\nsubject: Hi {greeting}\npreheader: For {greeting}\nsender: owner\n---\n"
        f"Hi {greeting}. [{greeting}](https://example.org/?to={{{{ contact.first_name | urlencode }}}}){END}",
    )
    running.add(first_name=name, owner=f'"{name.replace(chr(34), "")}" <kim@example.org>'.replace("\\", ""))
    running.track("a.happened")

    running.run()

    (mail,) = running.mails()
    assert mail["Subject"] == f"Hi {name}"
    assert mail["To"].addresses[0].display_name == name
    text, html = (part.get_content() for part in mail.iter_parts())
    assert f"Hi {name}." in text
    assert "49" not in text.replace("https://example.org", "")
    assert "<b>x</b>" not in html
    assert len(mail["To"].addresses) == 1


def test_a_mended_template_is_tried_again_for_those_who_still_wait(either: Running) -> None:
    put_live(either, "templates/email/hello.md", f"---\nsubject: Hi\n---\n{{{{ contact.last_name }}}}{END}")
    for who in ("ana", "bea", "carl"):
        either.add(f"{who}@example.org", last_name=None)
        either.track("a.happened", f"{who}@example.org")
    either.run()
    either.track("b.happened", "carl@example.org")
    either.run()

    either.write("templates/email/hello.md", MAIL.format(name="hello"))
    either.publish()
    browser = a_browser(either)
    page = browser.get("/admin/templates/email/hello").text
    answer = browser.post("/admin/templates/email/hello/again")
    either.run()

    assert "2 messages could not be rendered" in page
    assert answer.status_code == 303
    assert either.states("ana@example.org")[0] == ("hello", "sent", None)
    assert either.states("bea@example.org")[0] == ("hello", "sent", None)
    assert either.states("carl@example.org")[0] == ("hello", "failed", "template-failed")
    assert len(either.mails()) == 2
    assert "could not be rendered" not in browser.get("/admin/templates/email/hello").text
    browser.post("/admin/templates/email/hello/again")
    assert "There is nothing to try again" in browser.get("/admin/templates/email/hello").text


def test_who_came_to_the_step_again_and_again_gets_the_latest_message_only(either: Running) -> None:
    either.write(
        "workflows/short.yaml",
        WORKFLOW.replace("- {email: later, after: 2 days}", "- {jump: first, after: 7 days}"),
    )
    either.publish()
    put_live(either, "templates/email/hello.md", f"---\nsubject: Hi\n---\n{{{{ contact.last_name }}}}{END}")
    either.add()
    either.track("a.happened")
    either.advance(days=15, step_hours=24)
    assert either.states() == [("hello", "failed", "template-failed")] * 3

    put_live(either, "templates/email/hello.md", f"---\nsubject: Hi\n---\nHi{END}")
    browser = a_browser(either)
    page = browser.get("/admin/templates/email/hello").text
    browser.post("/admin/mail/again", delivery=either.deliveries()[0].id)
    browser.post("/admin/templates/email/hello/again")
    either.run()

    assert "1 message could not be rendered" in page
    assert [state for _, state, _ in either.states()] == ["failed", "failed", "sent"]
    assert len(either.mails()) == 1


def test_one_message_is_tried_again_by_hand_and_only_by_marketers(either: Running) -> None:
    put_live(either, "templates/email/hello.md", f"---\nsubject: Hi\n---\n{{{{ contact.last_name }}}}{END}")
    either.add()
    either.track("a.happened")
    either.run()
    (failed,) = either.deliveries()
    browser = a_browser(either)

    assert "Try again" in browser.get("/admin/mail").text
    assert a_browser(either, Role.SALES).post("/admin/mail/again", delivery=failed.id).status_code == 403
    assert browser.post("/admin/mail/again", delivery="x").status_code == 400
    assert browser.post("/admin/mail/again", delivery=failed.id).status_code == 303
    either.run()
    assert either.states() == [("hello", "failed", "template-failed")]

    put_live(either, "templates/email/hello.md", f"---\nsubject: Hi\n---\nHi{END}")
    browser.post("/admin/mail/again", delivery=failed.id)
    either.run()
    browser.post("/admin/mail/again", delivery=failed.id)
    either.run()

    assert [one.state for one in either.deliveries()] == [DeliveryState.SENT]
    assert len(either.mails()) == 1


def test_what_is_tried_again_at_night_goes_in_the_morning_however_old_it_is(either: Running) -> None:
    toml = (either.project / "nurture.toml").read_text()
    either.write("nurture.toml", f'{toml}\n[caps]\nquiet = "21:00-08:00"\n')
    either.publish()
    put_live(either, "templates/email/hello.md", f"---\nsubject: Hi\n---\n{{{{ contact.last_name }}}}{END}")
    either.add()
    either.track("a.happened")
    either.run()
    put_live(either, "templates/email/hello.md", f"---\nsubject: Hi\n---\nHi{END}")
    either.clock.advance(days=10, hours=14)

    a_browser(either).post("/admin/templates/email/hello/again")
    either.run()
    at_night = len([one for one in either.mails() if one["Subject"] == "Hi"])
    either.advance(hours=10)

    assert at_night == 0
    assert len([one for one in either.mails() if one["Subject"] == "Hi"]) == 1


def test_who_left_meanwhile_is_not_written_to_late(running: Running) -> None:
    put_live(running, "templates/email/hello.md", f"---\nsubject: Hi\n---\n{{{{ contact.last_name }}}}{END}")
    running.add()
    running.track("a.happened")
    running.run()
    (failed,) = running.deliveries()
    put_live(running, "templates/email/hello.md", f"---\nsubject: Hi\n---\nHi{END}")
    running.track("consent.withdrawn", purpose="nurture")

    a_browser(running).post("/admin/mail/again", delivery=failed.id)
    running.run()

    assert running.mails() == []


def test_who_leaves_in_the_moment_in_which_it_is_tried_again_is_not_written_to(either: Running) -> None:
    put_live(either, "templates/email/hello.md", f"---\nsubject: Hi\n---\n{{{{ contact.last_name }}}}{END}")
    ana = either.add()
    either.track("a.happened")
    either.run()
    runtime, now = either.nurture.runtime, either.clock.now()

    with ThreadPoolExecutor(1) as pool:
        with runtime.database.write() as tx:
            end_from_outside(tx, runtime.shelf, enrollments.live_of(tx, [ana.id]), "by hand", now)
            trying = pool.submit(once_more.try_template, runtime, "hello", "kim@example.org")
            wait([trying], timeout=0.5)
        count = trying.result()

    assert (count, either.states()) == (0, [("hello", "failed", "template-failed")])


@pytest.mark.parametrize(
    "name", ["../../secret", "..%2f..%2fsecret", "/etc/passwd", "welcome/../../../secret", "hello\0"]
)
def test_no_name_of_a_template_leads_out_of_what_is_published(running: Running, name: str) -> None:
    from nurture.model.errors import NotFoundError, ProblemsFound

    (running.project.parent / "secret.md").write_text("---\nsubject: secret\n---\nsecret")
    running.write(
        "workflows/evil.yaml", WORKFLOW.replace("email: hello", f"email: '{name}'").replace("short", "evil")
    )

    with pytest.raises(NotFoundError):
        running.nurture.runtime.published().templates.message(name)
    with pytest.raises(ProblemsFound):
        sound_project(project_files(running.project))


@pytest.mark.parametrize(
    "where",
    [
        "email/away.md",
        "email/layouts/away.html",
        "email/partials/away.md",
        "pages/base.html",
        "call/away.txt",
    ],
)
def test_a_template_that_is_a_link_out_of_the_project_is_not_read_and_never_goes_live(
    running: Running, where: str
) -> None:
    from nurture.model.errors import NurtureError
    from nurture.services.files.check import template_sources

    secret = running.project.parent / "secret.md"
    secret.write_text("---\nsubject: secret\n---\nsecret")
    link = running.project / "templates" / where
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(secret)

    assert all("secret" not in source.text for source in template_sources(running.project)[0])
    with pytest.raises(NurtureError, match="link out of the project"):
        running.publish()
