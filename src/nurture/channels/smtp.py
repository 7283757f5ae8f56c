"""Mail goes to a mail server over kept connections, a group at a time, each message on a connection of its own.

It never sends a message twice: what was cut off before the final dot was not accepted, what was cut off after it is Unknown.
See ``base.py`` for the two strokes.
"""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from ssl import SSLContext
from time import monotonic

import structlog

from nurture.channels.base import Deferred, Message, Outcome, RefusedUs, Unknown, Untried
from nurture.channels.envelope import mail_command, rcpt_command, stuffed, unfit
from nurture.channels.held import Held
from nurture.channels.replies import Reply, Stage, classify
from nurture.channels.smtp_url import SmtpSettings, Tls
from nurture.channels.wire import Dialogue, Job, LostError, Say, Secure, Wire, converse

log = structlog.get_logger()

_TRY_MORE_AFTER = 60.0
"""Seconds until a server that refused a further connection is asked for one again."""


class _Stale:
    """The kept connection had gone before anything was said about this message: take another."""


STALE = _Stale()


@dataclass
class SmtpChannel:
    """One worker's connections to one mail server. Made by ``channel_for``; not for sharing between threads."""

    settings: SmtpSettings
    _pool: list[Wire] = field(default_factory=list)
    _limit: int = 0
    _more_at: float = 0.0
    _staged: StagedMail | None = None

    def __post_init__(self) -> None:
        self._limit = self.settings.connections

    @property
    def group(self) -> int:
        if self._limit < self.settings.connections and monotonic() >= self._more_at:
            self._limit = self.settings.connections
        return self._limit

    def stage(self, messages: Sequence[Message]) -> StagedMail:
        """MAIL, RCPT, DATA and the body of every message, all but the final dot."""
        self._drop_what_is_staged()
        over: dict[int, Outcome] = dict.fromkeys(
            range(self.group, len(messages)), Untried(text="more than one group")
        )
        staged = StagedMail(over, channel=self)
        open_ = dict(enumerate(messages[: self.group]))
        stale = self._say_on_kept_and_new(open_, staged)
        if stale:
            self._hang_up()  # the others have been kept as long: only a new connection is sure to be there
            self._say_on_kept_and_new(stale, staged)
        self._staged = staged
        return staged

    def close(self) -> None:
        """QUIT on every kept connection; whoever does not answer is hung up on."""
        self._drop_what_is_staged()
        goodbye = self.settings.timeouts.goodbye
        converse([Job(wire, _goodbye(goodbye)) for wire in self._pool])
        self._hang_up()

    def _hang_up(self) -> None:
        for wire in self._pool:
            wire.close()
        self._pool.clear()

    def _say_on_kept_and_new(self, messages: Mapping[int, Message], staged: StagedMail) -> dict[int, Message]:
        """Take each message as far as it goes; returns those whose kept connection had gone."""
        wires, refusal = self._wires(len(messages))
        jobs: dict[int, Job[Outcome | _Stale | None]] = {}
        for index, message in messages.items():
            if wires:
                wire = wires.pop()
                jobs[index] = Job(wire, self._staging(wire, message))
            else:
                staged.over[index] = refusal or Untried(text="the server takes no more connections now")
        converse(list(jobs.values()))
        stale = {}
        for index, job in jobs.items():
            outcome = job.result
            if isinstance(outcome, _Stale):
                stale[index] = messages[index]
            elif outcome is None:
                staged.going[index] = job.wire
            else:
                staged.over[index] = outcome
                self.keep(job.wire)
        return stale

    def keep(self, wire: Wire) -> None:
        """Take back a connection for the next message, unless the server said more there than it was asked."""
        if wire.inbox:
            wire.close()
        if not wire.closed:
            self._pool.append(wire)

    def _drop_what_is_staged(self) -> None:
        if self._staged is not None:
            self._staged.drop_all()

    def _wires(self, wanted: int) -> tuple[list[Wire], RefusedUs | None]:
        """Up to ``wanted`` connections, kept ones first; when there is not one, why.

        The first is opened alone: a wrong password is tried once, not thirty times.
        """
        wires = [self._pool.pop() for _ in range(min(wanted, len(self._pool)))]
        missing = wanted - len(wires)
        refusal: RefusedUs | None = None
        if missing and not wires:
            wires, refusal = self._open(1)
            missing -= 1
        if missing and wires:
            more, refusal = self._open(missing)
            wires += more
            if refusal is not None:
                self._limit, self._more_at = (
                    max(1, len(wires) + len(self._pool)),
                    monotonic() + _TRY_MORE_AFTER,
                )
                log.info(
                    "fewer connections", server=str(self.settings), connections=self._limit, said=str(refusal)
                )
        return wires, None if wires else refusal

    def _open(self, count: int) -> tuple[list[Wire], RefusedUs | None]:
        """Open ``count`` connections together, up to the point where MAIL can be said."""
        refusal: RefusedUs | None = None
        wires: list[Wire] = []
        try:
            wires.extend(self._connect() for _ in range(count))  # keeps those before a failure
        except OSError as error:
            refusal = RefusedUs(text=f"cannot reach {self.settings}: {error}")
        jobs = [Job(wire, self._opening(wire)) for wire in wires]
        converse(jobs)
        for job in jobs:
            if job.result is not None:
                refusal = job.result
                job.wire.close()
        return [job.wire for job in jobs if job.result is None], refusal

    @cached_property
    def _tls(self) -> SSLContext:
        return self.settings.tls_context()

    def _connect(self) -> Wire:
        sock = socket.create_connection(
            (self.settings.host, self.settings.port), self.settings.timeouts.connect
        )
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        return Wire(sock)

    def _opening(self, wire: Wire) -> Dialogue[RefusedUs | None]:
        """Greeting, EHLO, TLS and log-in; None when it is ready for mail."""
        seconds = self.settings.timeouts.command
        try:
            if self.settings.tls is Tls.IMPLICIT:
                yield Secure(self._tls, self.settings.host, seconds)
            replies = yield Say(b"", 1, seconds)
            if replies[0].code != 220:
                return _about_us(Stage.GREETING, replies[0])
            if (refusal := (yield from self._introduce(wire))) is not None:
                return refusal
            if self.settings.tls is Tls.STARTTLS:
                if "STARTTLS" not in wire.capabilities:
                    return RefusedUs(
                        text=f"{self.settings} offers no STARTTLS, and we were told to insist", permanent=True
                    )
                replies = yield Say(b"STARTTLS\r\n", 1, seconds)
                if replies[0].code != 220:
                    return _about_us(Stage.STARTTLS, replies[0])
                yield Secure(self._tls, self.settings.host, seconds)
                if (refusal := (yield from self._introduce(wire))) is not None:
                    return refusal
            return (yield from self._log_in(wire))
        except LostError as lost:
            if lost.replies:
                return _about_us(Stage.GREETING, lost.replies[-1])
            return RefusedUs(text=f"{self.settings}: {lost}")

    def _introduce(self, wire: Wire) -> Dialogue[RefusedUs | None]:
        replies = yield Say(
            f"EHLO {self.settings.helo}\r\n".encode("ascii", "replace"), 1, self.settings.timeouts.command
        )
        if replies[0].code != 250:
            return _about_us(Stage.EHLO, replies[0])
        offers = (line.strip().partition(" ") for line in replies[0].lines[1:])
        wire.capabilities = {word.upper(): rest for word, _, rest in offers}
        return None

    def _log_in(self, wire: Wire) -> Dialogue[RefusedUs | None]:
        user, password, seconds = self.settings.user, self.settings.password, self.settings.timeouts.command
        if user is None or password is None:
            return None
        ways = wire.capabilities.get("AUTH", "").upper().split()
        if "PLAIN" in ways:
            secret = b64encode(f"\0{user}\0{password}".encode())
            replies = yield Say(b"AUTH PLAIN " + secret + b"\r\n", 1, seconds)
        elif "LOGIN" in ways:
            for words in (b"AUTH LOGIN", b64encode(user.encode()), b64encode(password.encode())):
                replies = yield Say(words + b"\r\n", 1, seconds)
                if replies[0].code != 334:
                    break
        else:
            return RefusedUs(
                text=f"{self.settings} offers no log-in that we know (PLAIN, LOGIN)", permanent=True
            )
        return None if replies[0].code == 235 else _about_us(Stage.AUTH, replies[0])

    def _staging(self, wire: Wire, message: Message) -> Dialogue[Outcome | _Stale | None]:
        """One message up to the final dot; None when only the dot is missing."""
        if (never := unfit(message, wire.capabilities)) is not None:
            return never
        reused, wire.uses = wire.uses > 0, wire.uses + 1
        try:
            outcome = yield from self._envelope(wire, message)
        except LostError as lost:
            said = _last_word(Stage.MAIL, lost)
            return STALE if reused else said or Deferred(text=str(lost))
        if outcome is not None:
            if outcome.code == 421:
                wire.close()
                return STALE if reused else outcome
            return outcome
        try:
            yield Say(stuffed(message.data), 0, self.settings.timeouts.block)
        except LostError as lost:
            return _last_word(Stage.END, lost) or Deferred(text=f"{lost}, before the message was complete")
        return None

    def _envelope(self, wire: Wire, message: Message) -> Dialogue[Outcome | None]:
        """MAIL, RCPT and DATA, in one go where the server allows it (RFC 2920); None when the body may come."""
        steps = [
            (Stage.MAIL, mail_command(message, wire.capabilities)),
            (Stage.RCPT, rcpt_command(message)),
            (Stage.DATA, b"DATA\r\n"),
        ]
        tidy = [b"RSET\r\n"] if wire.untidy else []
        wire.untidy = True
        seconds = self.settings.timeouts
        if "PIPELINING" in wire.capabilities:
            words = [*tidy, *(command for _, command in steps)]
            replies = (yield Say(b"".join(words), len(words), max(seconds.command, seconds.data)))[
                len(tidy) :
            ]
            return _first_refusal(wire, steps, replies)
        if tidy:
            yield Say(tidy[0], 1, seconds.command)
        for step in steps:
            replies = yield Say(step[1], 1, seconds.data if step[0] is Stage.DATA else seconds.command)
            if (refusal := _first_refusal(wire, [step], replies)) is not None:
                return refusal
        return None

    def dot(self, wire: Wire) -> Dialogue[Outcome]:
        """The final dot: from here on a lost connection leaves us not knowing."""
        try:
            replies = yield Say(b".\r\n", 1, self.settings.timeouts.final_dot)
        except LostError as lost:
            if lost.unsent:
                return _last_word(Stage.END, lost) or Deferred(text=f"{lost}, before the final dot")
            return Unknown(text=f"{lost}, after the final dot")
        outcome = classify(Stage.END, replies[0])
        wire.untidy = False
        if outcome.code == 421:
            wire.close()
        return outcome


@dataclass(slots=True, kw_only=True)
class StagedMail(Held[Wire]):
    """A group before its final dots: without the dot the server must throw it away (RFC 5321, 4.1.1.4)."""

    channel: SmtpChannel

    def finish(self) -> Mapping[int, Outcome]:
        """All final dots at once, then all answers."""
        going = self.let_go()
        outcomes: dict[int, Outcome] = {}
        jobs: dict[int, Job[Outcome]] = {}
        for index, wire in going.items():
            if (spoken := _spoken_out_of_turn(wire)) is not None:
                wire.close()
                outcomes[index] = spoken
            else:
                jobs[index] = Job(wire, self.channel.dot(wire))
        converse(list(jobs.values()))
        for index, job in jobs.items():
            outcomes[index] = job.result
            self.channel.keep(job.wire)
        return dict(sorted(outcomes.items()))


def _spoken_out_of_turn(wire: Wire) -> Outcome | None:
    """What the server said, or that it hung up, while it should have waited for the dot: the message was not accepted."""
    try:
        alive = wire.read()
        reply = wire.take_reply()
    except (OSError, LostError) as error:
        return Deferred(text=f"{error}, before the final dot")
    if reply is not None and reply.code >= 400:
        return classify(Stage.END, reply)
    if reply is not None or not alive:
        return Deferred(text="the server hung up or spoke out of turn before the final dot")
    return None


def _first_refusal(
    wire: Wire, steps: Sequence[tuple[Stage, bytes]], replies: Sequence[Reply]
) -> Outcome | None:
    """The first answer that is not the one wished for, and what it means."""
    refusal: Outcome | None = None
    for (stage, _), reply in zip(steps, replies, strict=True):
        wished = reply.code == 354 if stage is Stage.DATA else 200 <= reply.code < 300
        if not wished and refusal is None:
            refusal = classify(stage, reply)
        if refusal is not None and stage is Stage.DATA and reply.code < 400:
            wire.close()  # it waits for a message that nobody is to get, or its answers are out of step
    return refusal


def _last_word(stage: Stage, lost: LostError) -> Outcome | None:
    """The meaning of the refusal that the server gave before it hung up, if it gave one."""
    refusals = [reply for reply in lost.replies if reply.code >= 400]
    return classify(stage, refusals[0]) if refusals else None


def _about_us(stage: Stage, reply: Reply) -> RefusedUs:
    outcome = classify(stage, reply)
    if isinstance(outcome, RefusedUs):
        return outcome
    return RefusedUs(reply.code, reply.status, f"{reply.text} (at {stage})")


def _goodbye(seconds: float) -> Dialogue[None]:
    with suppress(LostError):  # what was accepted stays accepted, however the conversation ends
        yield Say(b"QUIT\r\n", 1, seconds)
