"""Mail that goes nowhere: every message becomes a file ``var/mail/TIME-KEY.eml``, for looking at and for tests.

The same delivery key is the same file, so that a message sent twice is still there once. Nothing leaves this machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path

from nurture.channels.base import Accepted, Message, Outcome, RefusedUs, Untried
from nurture.channels.held import Held

GROUP = 256
_DATE = re.compile(rb"^Date: ([^\r\n]+)", re.MULTILINE)


@dataclass(slots=True)
class CatchChannel:
    """Writes to ``folder``, which it makes. Several processes may share one folder."""

    folder: Path
    _staged: StagedFiles | None = None

    @property
    def group(self) -> int:
        return GROUP

    def stage(self, messages: Sequence[Message]) -> StagedFiles:
        """Every message as a hidden file beside its place."""
        self._drop_what_is_staged()
        over: dict[int, Outcome] = dict.fromkeys(
            range(GROUP, len(messages)), Untried(text="more than one group")
        )
        staged = StagedFiles(over, folder=self.folder)
        for index, message in enumerate(messages[:GROUP]):
            try:
                if index == 0:
                    self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                hidden = self.folder / f".{message.key}.{os.getpid()}.{index}.tmp"
                hidden.write_bytes(message.data)
            except OSError as error:
                staged.over[index] = _no_room(self.folder, error)
            else:
                staged.going[index] = HiddenFile(hidden, message)
        self._staged = staged
        return staged

    def close(self) -> None:
        """Nothing to say good-bye to; what was never finished is thrown away."""
        self._drop_what_is_staged()

    def _drop_what_is_staged(self) -> None:
        if self._staged is not None:
            self._staged.drop_all()


@dataclass(frozen=True, slots=True)
class HiddenFile:
    """A message as a file that nobody sees yet."""

    path: Path
    message: Message

    def close(self) -> None:
        self.path.unlink(missing_ok=True)


@dataclass(slots=True, kw_only=True)
class StagedFiles(Held[HiddenFile]):
    """A group of hidden files."""

    folder: Path

    def finish(self) -> Mapping[int, Outcome]:
        """Give every file its name: at once there, or not at all."""
        names = {name.removesuffix(".eml").partition("-")[2]: name for name in _mails(self.folder)}
        outcomes: dict[int, Outcome] = {}
        for index, hidden in sorted(self.let_go().items()):
            key, data = hidden.message.key, hidden.message.data
            name = names.setdefault(key, f"{_moment(data)}-{key}.eml")
            try:
                hidden.path.replace(self.folder / name)
            except OSError as error:
                outcomes[index] = _no_room(self.folder, error)
            else:
                outcomes[index] = Accepted(text=name)
        return outcomes


def _mails(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.eml")]


def _moment(data: bytes) -> str:
    """The message's own date, in UTC, so that the names sort by it; zeros when it has none."""
    found = _DATE.search(data)
    if found is None:
        return "00000000T000000Z"
    return parsedate_to_datetime(found[1].decode()).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _no_room(folder: Path, error: OSError) -> RefusedUs:
    return RefusedUs(text=f"cannot write to {folder}: {error.strerror or error}")
