"""Many conversations with a mail server at once, from one thread: what each wants to say, and the answers it waits for.

A conversation is a generator that yields what to write and how many answers it needs; ``converse`` drives all of them
together, so that they share the waiting. It knows replies and line ends, and nothing of what they mean.
"""

from __future__ import annotations

import re
import selectors
import socket
import ssl
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, TypeVar

from nurture.channels.replies import Reply

_LONGEST_REPLY = 64_000
_REPLY_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])([^\r\n]*))?\r?\n")
_READ = 65_536
# Poll needs no system call to be told of a socket, which epoll does; Windows has neither.
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class LostError(Exception):
    """The connection is gone or of no use; ``replies`` came before, ``unsent``: nothing of the last words left us."""

    def __init__(self, message: str, replies: Sequence[Reply] = (), *, unsent: bool = False) -> None:
        super().__init__(message)
        self.replies = tuple(replies)
        self.unsent = unsent


@dataclass(frozen=True, slots=True)
class Say:
    """Write ``data``, then wait for ``replies`` answers, at most ``seconds`` in all."""

    data: bytes
    replies: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Secure:
    """Turn the connection into a TLS one; what was received before is thrown away (it came from anyone)."""

    context: ssl.SSLContext
    host: str
    seconds: float


T = TypeVar("T")
A = TypeVar("A")
Dialogue = Generator[Say | Secure, list[Reply], T]


@dataclass(slots=True)
class Wire:
    """One connection. ``uses`` counts the messages that began on it, ``untidy`` means the next needs a RSET first."""

    sock: socket.socket
    inbox: bytearray = field(default_factory=bytearray)
    outbox: memoryview = field(default_factory=lambda: memoryview(b""))
    capabilities: dict[str, str] = field(default_factory=dict)
    uses: int = 0
    untidy: bool = False
    closed: bool = False

    def write(self) -> bool:
        """Write what can be written now; whether anything left. Raises OSError."""
        before = len(self.outbox)
        while self.outbox:
            try:
                self.outbox = self.outbox[self.sock.send(self.outbox) :]
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                break
        return len(self.outbox) < before

    def read(self) -> bool:
        """Read what is there now; False at the end of the connection. Raises OSError."""
        while True:
            try:
                received = self.sock.recv(_READ)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return True
            if not received:
                return False
            self.inbox += received
            # TLS may hold more than the socket shows, plain sockets do not.
            if not isinstance(self.sock, ssl.SSLSocket) or len(self.inbox) > _LONGEST_REPLY:
                return True

    def take_reply(self) -> Reply | None:
        """The next whole answer, if it is there. Raises LostError for what is none."""
        lines: list[str] = []
        at = 0
        while True:
            end = self.inbox.find(b"\n", at) + 1
            if end == 0:
                if len(self.inbox) > _LONGEST_REPLY:
                    raise LostError("the server talks without end")
                return None
            found = _REPLY_LINE.fullmatch(self.inbox[at:end])
            if found is None:
                raise LostError(f"this is no mail server's answer: {bytes(self.inbox[at:end])[:80]!r}")
            lines.append((found[3] or b"").decode("utf-8", "replace"))
            at = end
            if found[2] != b"-":
                del self.inbox[:end]
                return Reply(int(found[1]), tuple(lines))

    def close(self) -> None:
        """Hang up, without a word."""
        if not self.closed:
            self.closed = True
            self.sock.close()


class Job(Generic[T]):
    """A dialogue on a wire. The dialogue handles LostError itself; when it is over, ``result`` is what it returned."""

    def __init__(self, wire: Wire, dialogue: Dialogue[T]) -> None:
        self.wire = wire
        self.until = 0.0
        self._dialogue = dialogue
        self._replies: list[Reply] = []
        self._wanted = 0
        self._began_to_leave = False
        self._shaking_hands = 0
        """While a TLS handshake goes on: what it waits for."""
        self._result: list[T] = []

    @property
    def over(self) -> bool:
        return bool(self._result)

    @property
    def result(self) -> T:
        return self._result[0]

    @property
    def interest(self) -> int:
        """What to wait for on the socket."""
        if self._shaking_hands:
            return self._shaking_hands
        return selectors.EVENT_READ | selectors.EVENT_WRITE if self.wire.outbox else selectors.EVENT_READ

    def begin(self) -> None:
        """Say the first words."""
        self._attempt(lambda: self._turn(next, self._dialogue))

    def go_on(self) -> None:
        """The socket is ready: read, write, and go on as far as that takes the dialogue."""
        self._attempt(self._shake_hands if self._shaking_hands else self._exchange)

    def expire(self) -> None:
        """The time for these words is up."""
        self._lose(
            LostError("the server did not answer in time", self._replies, unsent=not self._began_to_leave)
        )

    def _exchange(self) -> None:
        alive = self.wire.read()
        if alive:
            self._write()
        self._collect()
        if not alive and not self.over:
            raise LostError("the server hung up", self._replies, unsent=not self._began_to_leave)

    def _write(self) -> None:
        self._began_to_leave = self.wire.write() or self._began_to_leave

    def _collect(self) -> None:
        """Take the answers that are there; when they are complete, it is the dialogue's turn."""
        while not self.over and not self._shaking_hands:
            while self._wanted > len(self._replies):
                reply = self.wire.take_reply()
                if reply is None:
                    return
                self._replies.append(reply)
            if self.wire.outbox:
                return
            self._turn(self._dialogue.send, self._replies)

    def _turn(self, go: Callable[[A], Say | Secure], argument: A) -> None:
        """Let the dialogue say its next words, and begin to write them."""
        try:
            words = go(argument)
        except StopIteration as end:
            self._result.append(end.value)
            return
        self._replies = []
        self._began_to_leave = False
        self.until = monotonic() + words.seconds
        if isinstance(words, Secure):
            self.wire.inbox.clear()
            self.wire.sock = words.context.wrap_socket(
                self.wire.sock, server_hostname=words.host, do_handshake_on_connect=False
            )
            self._wanted = 0
            self._shake_hands()
            return
        self._wanted = words.replies
        self.wire.outbox = memoryview(words.data)
        self._write()
        if words.replies == 0 or self.wire.inbox:
            self._collect()

    def _shake_hands(self) -> None:
        assert isinstance(self.wire.sock, ssl.SSLSocket)
        try:
            self.wire.sock.do_handshake()
        except ssl.SSLWantReadError:
            self._shaking_hands = selectors.EVENT_READ
        except ssl.SSLWantWriteError:
            self._shaking_hands = selectors.EVENT_WRITE
        else:
            self._shaking_hands = 0
            self._collect()

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except LostError as lost:
            self._lose(lost)
        except OSError as error:
            self._lose(self._lost_by(error))

    def _lost_by(self, error: OSError) -> LostError:
        """The server's reason for breaking the connection may have come before it broke."""
        with suppress(OSError, LostError):  # the first error is the one to tell
            self.wire.read()
            while (reply := self.wire.take_reply()) is not None:
                self._replies.append(reply)
        return LostError(f"the connection broke: {error}", self._replies, unsent=not self._began_to_leave)

    def _lose(self, lost: LostError) -> None:
        """Tell the dialogue; it ends by it."""
        self.wire.close()
        try:
            self._dialogue.throw(lost)
        except StopIteration as end:
            self._result.append(end.value)
        else:
            raise RuntimeError("a dialogue went on after its connection was lost")


def converse(jobs: Sequence[Job[T]]) -> None:
    """Carry all dialogues to their ends, together. Each keeps its own time limits."""
    waiting: list[Job[T]] = []
    for job in jobs:
        job.begin()
        if not job.over:
            waiting.append(job)
    with _Selector() as selector:
        interests = {}
        for job in waiting:
            selector.register(job.wire.sock, job.interest, job)
            interests[job] = (job.wire.sock, job.interest)
        while interests:
            soonest = min(job.until for job in interests)
            for key, _ in selector.select(max(0.0, soonest - monotonic())):
                key.data.go_on()
                _look_again(selector, interests, key.data)
            now = monotonic()
            if now >= soonest:
                for late in [job for job in interests if job.until <= now]:
                    late.expire()
                    _look_again(selector, interests, late)


def _look_again(
    selector: selectors.BaseSelector, interests: dict[Job[T], tuple[socket.socket, int]], job: Job[T]
) -> None:
    """Register what the job waits for now, if that changed; TLS puts another socket in the place of the first."""
    sock, interest = interests[job]
    if job.over:
        selector.unregister(sock)
        del interests[job]
    elif job.wire.sock is not sock:
        selector.unregister(sock)
        selector.register(job.wire.sock, job.interest, job)
        interests[job] = (job.wire.sock, job.interest)
    elif job.interest != interest:
        selector.modify(sock, job.interest, job)
        interests[job] = (sock, job.interest)
