"""Bounces written for people only: whose mail system writes, whom it names, and what it says about each.

Only a mail system's own message may call an address dead. What merely reads like a bounce, from whoever, is a passing
failure at most; and what a person quotes or forwards is no bounce.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nurture.channels.inbound.delivery_status import LONGEST_DIAGNOSTIC, MOST_LINES, names
from nurture.channels.inbound.phrases_of_bounces import ARRIVED, OPENINGS, SIGNATURES, STILL_TRYING, SUBJECTS
from nurture.channels.inbound.reading import Part
from nurture.channels.inbound.report import Kind, Recipient
from nurture.channels.inbound.verdict import Refusal, judge
from nurture.channels.inbound.words import DEAD, phrases, plain

_MOST_NAMED = 50
_LONGEST_LINE = 500
_OPENING_LINES, _LONGEST_OPENING = 40, 4_000

_DAEMON = re.compile(
    r"(?:mailer-?daemon|post[-_]?master|mail-?daemon|mdaemon|daemon|mailadm|mail\.?delivery\.?(?:sub)?system|"
    r"microsoftexchange[0-9a-f]+|ndr|dsn|bounces?|imss|nondelivery|mail-?delivery|returned-?mail)(?:[-+=_.].{0,120})?",
    re.IGNORECASE,
)
_DAEMON_PREFIX = re.compile(
    r"(?:symantec_antivirus|e500_smtp|mailmarshal|antivirus|virusscan|scanmail)", re.IGNORECASE
)
_DAEMON_NAMES = phrases(
    "a mail system wrote it",
    """
    mail delivery | delivery subsystem | mailer daemon | mail administrator | system administrator | postmaster |
    content filter | jetmail system | email delivery | mail system | mail server
    """,
)
_MAILBOX = re.compile(r"<([^<>]{0,320})>\s*(?:\([^)]{0,200}\))?\s*$")
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u00a1-\uffff-]{1,100}@[A-Za-z0-9.#\u00a1-\uffff-]{1,255}"
)
_AGAIN = re.compile(r"\s*(?:re|fwd?|aw|wg|sv|vs|tr|rv|enc|antw|odp|r|i)\s*(?:\[\d+\])?:", re.IGNORECASE)
_REPLIED = re.compile(r"\s*re\s*:", re.IGNORECASE)
# Behind one of these the returned message begins, or somebody else's words.
_RETURNED = re.compile(
    r"(?:[->|_=*~\s]{0,40}(?:this is a copy of|(?:here|below|attached|enclosed|included|attachment) (?:this line )?is a copy|"
    r"a copy of the original|below is a copy|below this line|original message|the original message|"
    r"returned (?:mail|message)|start of returned|(?:the )?(?:first \d+ lines|headers?) (?:of|and)|message headers?|"
    r"original (?:message )?headers?|message text|unsent message|undelivered message|your (?:original )?message reads|"
    r"your message begins|message contents|forwarded message|begin forwarded|header of the source|ursprungliche|"
    r"urspr(?:ung|\u00fcng)s?liche nachricht|mensaje original|message d'origine|messaggio originale|ursprungshuvuden)"
    r"|>?(?:received|return-path|delivered-to|x-original-to|dkim-signature|mime-version):\s)",
    re.IGNORECASE,
)
_SENT_BY = re.compile(r"\b(?:from|sent by|sender|contact|mail to):?\s*[<\"']?$", re.IGNORECASE)
_DDA = re.compile(r"^.{0,20}smtp=", re.IGNORECASE)  # Exchange of old: dda:SMTP=ana@example.org
# A copy of our own commands and of what was accepted says nothing about the refusal.
_DIALOGUE = re.compile(
    r"\s*(?:(?:>>>\s*)?(?:MAIL|RCPT|EHLO|HELO|DATA|QUIT|RSET|STARTTLS|AUTH)\b(?!\S)|2\d\d[ -]|content-[a-z-]{2,40}:|--\S)",
    re.IGNORECASE,
)
_OUR_LINES = re.compile(
    r"\s*(?:from|to|cc|subject|date|sent|message-?id|reply-to|sender|the (?:subject|date) of the message is|"
    r"message identifier)\s*:",
    re.IGNORECASE,
)
# What our message was called is no word of theirs: "Subject: What if your mailbox does not exist?".
_OUR_SUBJECT = re.compile(
    r"\s*(?:the\s+)?(?:subject|betreff|objet|asunto|oggetto|assunto|onderwerp|temat|тема|件名|主题)\b[^:\uff1a]{0,30}[:\uff1a]",
    re.IGNORECASE,
)
_REASON = re.compile(r"\(reason:\s*(.{1,400})\)\s*$")
_NUMBERED = re.compile(r"(?<![\w.:/@-])[45]\d\d(?=[\s:#,;-])")
_HIDDEN = re.compile(r"undisclosed address|redacted", re.IGNORECASE)


def sender_of(message: Part) -> str:
    """The address in From, or what stands there; empty for the null sender."""
    value = message.get("from")
    found = _MAILBOX.search(value)
    if found:
        return found[1].strip()
    address = _ADDRESS.search(value)
    return address[0] if address else value.strip()


def null_return_path(message: Part) -> bool:
    """Did it come with the empty return path, as all notices do (RFC 5321, 4.5.5)?"""
    paths = message.all("return-path") or message.all("x-envelope-from")
    return any(path.strip() in ("<>", "") for path in paths)


def from_a_mail_system(message: Part) -> bool:
    """Is it written by a mail system, by the name that it gives itself?"""
    value, sender = message.get("from"), sender_of(message)
    name = plain(re.sub(r"<[^<>]{0,320}>", " ", value) if "<" in value else re.sub(r"\S+@\S+", " ", value))
    local = sender.partition("@")[0].strip('"\\ ')
    if not sender:
        return (
            "from" in dict(message.fields)
            or _is_daemon(message.get("return-path"))
            or null_return_path(message)
        )
    return _is_daemon(local) or _DAEMON_NAMES.found_in(name) or _DAEMON_NAMES.found_in(plain(local))


def bounce_in_words(message: Part, text: str) -> str | None:
    """Why this reads as a bounce, or None. ``text`` is what it says to people."""
    subject, said = plain(message.get("subject")), _opening(text)
    daemon, null = from_a_mail_system(message), null_return_path(message)
    again = _AGAIN.match(message.get("subject")) is not None
    if ARRIVED.found_in(subject) or ARRIVED.found_in(said):
        return None
    opens, named, signed = OPENINGS.found_in(said), SUBJECTS.found_in(subject), SIGNATURES.found_in(said)
    if message.get("x-failed-recipients") and (daemon or null):
        return "a mail system names the failed recipients"
    answered = again and message.get("in-reply-to") and not null
    if daemon and (signed or (not answered and (opens or named or _is_mailer_daemon(message)))):
        return "a mail system says that it was not delivered"
    if null and (signed or (named and opens)):
        return "it came without a return path and says that it was not delivered"
    forwarded = again and not _REPLIED.match(message.get("subject"))
    if signed and not forwarded and not message.get("in-reply-to") and not message.get("references"):
        return "it has the words of a mail system"
    return None


def _is_mailer_daemon(message: Part) -> bool:
    """Nothing else comes from a mailer-daemon than bounces, and news of what arrived."""
    return sender_of(message).lower().startswith(("mailer-daemon", "mailerdaemon"))


def recipients(message: Part, text: str) -> tuple[Recipient, ...]:
    """Everybody the text names as not reached, judged one by one; one without an address where it names nobody."""
    may_be_dead = from_a_mail_system(message) or null_return_path(message)
    body = before_returned(text)
    lines = [line for line in _lines(body) if not _DIALOGUE.match(line) and not _OUR_SUBJECT.match(line)]
    failed = [
        found.lower() for value in message.all("x-failed-recipients") for found in _ADDRESS.findall(value)
    ]
    named = list(dict.fromkeys([*failed, *_named_in(lines, message)]))[:_MOST_NAMED]
    if failed:
        named = [address for address in named if address in failed]
    waiting = STILL_TRYING.found_in(plain(f"{message.get('subject')}\n") + _opening(text))
    whole = not _is_cut(message) and (not body or body.endswith("\n") or body != text)
    judged = []
    around = _about_each(named, _lines(body))
    for address, about in _about_each(named, lines).items():
        said = _reason(about)
        action = "delayed" if waiting else "failed"
        verdict = judge(
            Refusal(
                said,
                None,
                action,
                whole or (not message.parts and DEAD.found_in(plain(said))),
                around="\n".join(around[address]),
            )
        )
        kind, why = verdict.kind, verdict.why
        if kind is Kind.HARD and not may_be_dead:
            kind, why = Kind.SOFT, f"{why}, but no mail system says so"
        shown = " ".join(said.split())[:LONGEST_DIAGNOSTIC]
        judged.append(Recipient(address, kind, verdict.status, action, shown, why=why))
    return tuple(judged)


def before_returned(text: str) -> str:
    """The text up to where the returned message begins."""
    at = 0
    for line in text.split("\n", MOST_LINES)[:MOST_LINES]:
        if at and _RETURNED.match(line[:_LONGEST_LINE]):
            return text[:at]
        at += len(line) + 1
    return text


def _lines(text: str) -> list[str]:
    return [line[:_LONGEST_LINE] for line in text.split("\n", MOST_LINES)[:MOST_LINES]]


def _is_cut(message: Part) -> bool:
    """Is its end missing? A report whose part for machines never came could have said more."""
    if not message.parts:
        return not message.whole
    report = message.parameters.get("report-type", "").lower() == "delivery-status"
    last = message.parts[-1]
    return not message.parts[0].whole or (report and not last.whole and last.message is None)


def _opening(text: str) -> str:
    lines = [line for line in _lines(before_returned(text)) if line.strip()]
    return plain("\n".join(line for line in lines[:_OPENING_LINES] if line[:1] != ">")[:_LONGEST_OPENING])


def _is_daemon(local: str) -> bool:
    local = local.strip().strip("<>").partition("@")[0]
    return _DAEMON.fullmatch(local) is not None or _DAEMON_PREFIX.match(local) is not None


def _named_in(lines: list[str], message: Part) -> Iterator[str]:
    """The addresses that the text names, without those of the report's own headers and of people who help."""
    ours = {
        found.lower() for name in ("from", "to", "reply-to", "return-path") for found in _found(message, name)
    }
    for line in lines:
        if _OUR_LINES.match(line):
            continue
        for found in _ADDRESS.finditer(line):
            if _SENT_BY.search(line[max(0, found.start() - 12) : found.start()]):
                continue
            address = _DDA.sub("", found[0]).strip(".'`").lower()
            if address not in ours and not _is_daemon(address) and "." in address.rpartition("@")[2]:
                yield address


def _found(message: Part, name: str) -> list[str]:
    return [address for value in message.all(name) for address in _ADDRESS.findall(value)]


def _about_each(named: list[str], lines: list[str]) -> dict[str | None, list[str]]:
    """The lines about each address: from its name to the next one's; all of them when it names nobody."""
    if not named:
        return {None: lines}
    mine: dict[str, list[str]] = {address: [] for address in named}
    now: list[str] = []
    for line in lines:
        now = [address for address in named if names(line, address)] or now
        for address in now:
            mine[address].append(line)
    return {address: about or (lines if len(named) == 1 else []) for address, about in mine.items()}


def _reason(lines: list[str]) -> str:
    reason = next((found for line in lines if (found := _REASON.search(line.strip()))), None)
    if reason is not None:  # sendmail: what the other side said; below stands its own translation
        return reason[1]
    return _around_the_number(lines)


def _around_the_number(lines: list[str]) -> str:
    """From the first refusal with a number on, if there is one: before it stand greetings and advice."""
    for index, line in enumerate(lines):
        number = _NUMBERED.search(line)
        if number is not None and index < len(lines):
            return "\n".join([line[number.start() :], *_paragraph(lines[index + 1 :])])
    return "\n".join(line for line in lines if not _HIDDEN.search(line))


def _paragraph(lines: list[str]) -> Iterator[str]:
    for line in lines[:12]:
        if not line.strip() or line.startswith(("---", "===", "___", "***")):
            return
        yield line
