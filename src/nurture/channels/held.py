"""A group of messages, each held on a line or in a file of its own, one stroke short of being on its way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from nurture.channels.base import Outcome


class Hangs(Protocol):
    def close(self) -> None:
        """Hang up, or throw it away."""


Line = TypeVar("Line", bound=Hangs)


@dataclass(slots=True)
class Held(Generic[Line]):
    """What every such group has of ``Staged``; how the last stroke is done is the channel's own."""

    over: dict[int, Outcome]
    going: dict[int, Line] = field(default_factory=dict)

    @property
    def refused(self) -> Mapping[int, Outcome]:
        return self.over

    @property
    def ready(self) -> Sequence[int]:
        return sorted(self.going)

    def drop(self, indexes: Iterable[int]) -> None:
        """End in the middle: what is incomplete must be thrown away by whoever heard it."""
        for index in indexes:
            self.going.pop(index).close()

    def drop_all(self) -> None:
        """Nobody gave the word for them."""
        self.drop(self.ready)

    def let_go(self) -> dict[int, Line]:
        """Every line that is ready, for the last stroke; the group is empty then."""
        going, self.going = self.going, {}
        return going
