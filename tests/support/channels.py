"""A way out that says what a test wants to hear, and accepts when it has nothing more to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nurture.channels.base import Accepted, Message, Outcome, Unknown


@dataclass(slots=True)
class ScriptedChannel:
    """Says ``script`` in order, one word for each message; ``accepted`` are the messages that went."""

    script: list[Outcome]
    accepted: list[Message] = field(default_factory=list)
    group: int = 10

    def stage(self, messages: Sequence[Message]) -> ScriptedGroup:
        return ScriptedGroup(self, list(messages))

    def close(self) -> None:
        """There is nothing to hang up."""


@dataclass(slots=True)
class ScriptedGroup:
    channel: ScriptedChannel
    messages: list[Message]
    refused: Mapping[int, Outcome] = field(default_factory=dict)
    _late: dict[int, Outcome] = field(default_factory=dict)
    _dropped: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """All but the answers to the last point are said before it."""
        said = {
            index: self.channel.script.pop(0)
            for index in range(min(len(self.messages), len(self.channel.script)))
        }
        self._late = {index: one for index, one in said.items() if isinstance(one, Accepted | Unknown)}
        self.refused = {index: one for index, one in said.items() if index not in self._late}

    @property
    def ready(self) -> Sequence[int]:
        return [index for index in range(len(self.messages)) if index not in {*self.refused, *self._dropped}]

    def drop(self, indexes: Iterable[int]) -> None:
        self._dropped |= set(indexes)

    def finish(self) -> Mapping[int, Outcome]:
        outcomes = {index: self._late.get(index, Accepted(250, "2.0.0", "ok")) for index in self.ready}
        self.channel.accepted += [
            self.messages[index] for index, one in outcomes.items() if isinstance(one, Accepted)
        ]
        return outcomes
