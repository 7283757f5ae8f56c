"""What every channel keeps to, whichever way its messages leave: two strokes, one outcome each, nothing before the word."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nurture.channels import channel_for
from nurture.channels.base import Accepted, Channel, Message, Untried
from nurture.model.errors import SettingsError
from nurture.rendering.mime import build_message
from tests.support.mailgun_server import a_mailgun
from tests.support.messages import a_mail
from tests.support.smtp_server import ScriptedServer


@dataclass
class Way:
    """A channel, and what has come out at its other end: (Message-ID, body) in any order."""

    url: str
    folder: Path
    arrived: Callable[[], list[tuple[str, bytes]]]

    def make(self) -> Channel:
        return channel_for(self.url, mail_folder=self.folder)


STAGE = """
import sys
from pathlib import Path
from nurture.channels import channel_for
from tests.integration.test_channel_contract import a_message
staged = channel_for(sys.argv[1], mail_folder=Path(sys.argv[2])).stage([a_message("a")])
print("staged", len(staged.ready), flush=True)
sys.stdin.read()
"""


def a_message(key: str, text: str = "Hello\n") -> Message:
    message_id = f"<{key}@example.org>"
    data = build_message(a_mail(message_id=message_id, text=text, html=None))
    return Message("claire@example.org", f"{key}@example.org", data, message_id, key)


def message_id_of(data: bytes) -> str:
    return data.partition(b"Message-ID: ")[2].partition(b"\r\n")[0].decode()


@pytest.fixture(params=["smtp", "catch", "mailgun"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    if request.param == "catch":
        folder = tmp_path / "mail"

        def files() -> list[tuple[str, bytes]]:
            caught = [file.read_bytes() for file in folder.glob("*.eml")]
            return [(message_id_of(data), data) for data in caught]

        yield Way("catch:", folder, files)
        return
    if request.param == "mailgun":
        with a_mailgun() as mailgun:

            def taken() -> list[tuple[str, bytes]]:
                return [(message_id_of(one.data), one.data) for one in mailgun.taken]

            yield Way(mailgun.url, tmp_path, taken)
        return
    with ScriptedServer(tmp_path / "log.jsonl") as server:

        def mails() -> list[tuple[str, bytes]]:
            return [(mail["message_id"], mail["data"].encode("latin-1")) for mail in server.mails]

        yield Way(f"{server.url}?connections=8&timeout=10", tmp_path, mails)


@pytest.fixture
def channel(way: Way) -> Iterator[Channel]:
    made = way.make()
    yield made
    made.close()


def test_nothing_arrives_before_the_second_stroke(way: Way, channel: Channel):
    staged = channel.stage([a_message("a"), a_message("b")])

    assert (list(staged.ready), dict(staged.refused)) == ([0, 1], {})
    assert way.arrived() == []


def test_every_message_arrives_once_as_it_was_and_has_its_outcome(way: Way, channel: Channel):
    messages = [a_message("a"), a_message("b", ".\n..\nfrom here\n.")]

    outcomes = channel.stage(messages).finish()

    assert [type(outcomes[index]) for index in (0, 1)] == [Accepted, Accepted]
    assert sorted(way.arrived()) == sorted((each.message_id, each.data) for each in messages)


def test_a_dropped_message_never_arrives_and_the_others_do(way: Way, channel: Channel):
    staged = channel.stage([a_message("a"), a_message("b"), a_message("c")])

    staged.drop([1])
    outcomes = staged.finish()

    assert sorted(outcomes) == [0, 2]
    assert sorted(message_id for message_id, _ in way.arrived()) == ["<a@example.org>", "<c@example.org>"]


def test_what_was_staged_and_never_finished_never_arrives(way: Way, channel: Channel):
    channel.stage([a_message("a")])

    channel.stage([a_message("b")]).finish()

    assert [message_id for message_id, _ in way.arrived()] == ["<b@example.org>"]


def test_closing_drops_what_was_staged_and_the_channel_can_begin_again(way: Way, channel: Channel):
    channel.stage([a_message("a")])

    channel.close()

    assert way.arrived() == []
    assert isinstance(channel.stage([a_message("b")]).finish()[0], Accepted)


def test_a_process_killed_between_the_strokes_has_sent_nothing(way: Way):
    command = [sys.executable, "-c", STAGE, way.url, str(way.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"staged 1\n"

        process.kill()
    process.wait()

    channel = way.make()
    assert isinstance(channel.stage([a_message("b")]).finish()[0], Accepted)
    channel.close()
    assert [message_id for message_id, _ in way.arrived()] == ["<b@example.org>"]


def test_what_goes_beyond_the_group_is_untried(way: Way, channel: Channel):
    messages = [a_message(f"k{number}") for number in range(channel.group + 2)]

    staged = channel.stage(messages)

    assert {index: type(outcome) for index, outcome in staged.refused.items()} == {
        channel.group: Untried,
        channel.group + 1: Untried,
    }
    assert len(staged.finish()) == channel.group


def test_nothing_to_send_is_fine(way: Way, channel: Channel):
    staged = channel.stage([])

    assert (list(staged.ready), dict(staged.finish())) == ([], {})


def test_many_groups_one_after_the_other(way: Way, channel: Channel):
    for group in range(5):
        messages = [a_message(f"m{group}-{number}") for number in range(channel.group)]
        outcomes = channel.stage(messages).finish()
        assert all(isinstance(outcome, Accepted) for outcome in outcomes.values())

    assert len({message_id for message_id, _ in way.arrived()}) == 5 * channel.group == len(way.arrived())


# The folder


def test_caught_mail_sorts_by_its_date_and_the_same_delivery_is_one_file(tmp_path: Path):
    for text in ("first", "second"):
        channel = channel_for("catch:", mail_folder=tmp_path)
        outcomes = channel.stage([a_message("some-key_1", text)]).finish()
        channel.close()

    assert [file.name for file in tmp_path.iterdir()] == ["20260302T093000Z-some-key_1.eml"]
    assert isinstance(outcomes[0], Accepted)
    assert b"second" in (tmp_path / "20260302T093000Z-some-key_1.eml").read_bytes()


def test_a_delivery_sent_again_on_another_day_replaces_the_first(tmp_path: Path):
    before = a_message("k")
    after = Message(
        before.sender, before.recipient, before.data.replace(b"02 Mar", b"05 Mar"), before.message_id, "k"
    )

    for message in (before, after):
        channel_for("catch:", mail_folder=tmp_path).stage([message]).finish()

    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written_pauses_the_channel_and_loses_nothing(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    channel = channel_for("catch:", mail_folder=tmp_path / "file")

    staged = channel.stage([a_message("a")])

    assert "cannot write" in str(staged.refused[0])
    assert staged.finish() == {}


def test_an_empty_address_of_a_mail_server_is_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="is empty"):
        channel_for(" ", mail_folder=tmp_path)
