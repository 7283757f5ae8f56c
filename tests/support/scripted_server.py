"""A mail server that says what the script of a life says, and remembers what it took. It outlives every process of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from nurture.channels.base import (
    Accepted,
    Dead,
    Deferred,
    Message,
    Outcome,
    RefusedMessage,
    RefusedUs,
    Staged,
    Unknown,
)
from tests.support.lives import PEOPLE, Acceptance

if TYPE_CHECKING:
    from tests.support.mortal import Life, Process

OUTCOMES: Mapping[str, Outcome] = {
    "takes": Accepted(250),
    "puts off": Deferred(451, "4.7.1", "later"),
    "knows nobody": Dead(550, "5.1.1", "gone"),
    "refuses this": RefusedMessage(554, "5.6.0", "no"),
    "refuses us": RefusedUs(535, "5.7.8", "who are you"),
    "hangs up": Unknown(),
    "takes and hangs up": Unknown(),
}
AT_ONCE = ("puts off", "knows nobody", "refuses this", "refuses us")
"""Said before the last point: nothing was accepted."""


@dataclass
class Server:
    """A way to the mail server, which says what the script says; it outlives every process of ours."""

    life: Life
    process: Process
    group: int = 3

    def stage(self, messages: Sequence[Message]) -> Staged:
        answers = [self.answer(message) for message in messages]
        refused = {index: OUTCOMES[one] for index, one in enumerate(answers) if one in AT_ONCE}
        self.note(messages, answers)
        self.life.in_hand = [message.recipient.partition("@")[0] for message in messages]
        self.life.moment(self.process)
        ready = [index for index in range(len(messages)) if index not in refused]
        return Group(self, messages, answers, refused, ready)

    def answer(self, message: Message) -> str:
        """Neither the bystander nor the team is ever refused for their own sake."""
        said = self.life.answers.pop(0) if self.life.answers else "takes"
        spared = not any(message.recipient.startswith(f"{name}@") for name in PEOPLE)
        return "takes" if spared and said != "refuses us" else said

    def note(self, messages: Sequence[Message], answers: Sequence[str]) -> None:
        journal, now = self.life.journal, self.life.clock.now()
        for message, said in zip(messages, answers, strict=True):
            if said == "puts off":
                journal.put_off.add(message.key)
            elif said == "refuses us":
                journal.idle.append((now, now + timedelta(hours=1)))

    def close(self) -> None: ...


@dataclass
class Group:
    server: Server
    messages: Sequence[Message]
    answers: Sequence[str]
    refused: Mapping[int, Outcome]
    ready: list[int]

    def drop(self, indexes: Iterable[int]) -> None:
        gone = set(indexes)
        self.ready = [index for index in self.ready if index not in gone]

    def finish(self) -> Mapping[int, Outcome]:
        life, process = self.server.life, self.server.process
        life.moment(process)
        # Written down next, with all the others of the group.
        process.dead |= {
            self.messages[index].recipient for index, one in self.refused.items() if isinstance(one, Dead)
        }
        outcomes = {}
        for index in self.ready:
            said, message = self.answers[index], self.messages[index]
            outcomes[index] = OUTCOMES[said]
            life.journal.doubts += "hangs up" in said
            if said != "hangs up":
                closed = process.closed.get(message.recipient, frozenset())
                life.journal.accepted.append(
                    Acceptance(message.key, message.message_id, life.clock.now(), closed)
                )
            life.moment(process)
        return outcomes
