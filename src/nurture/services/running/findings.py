"""What the doctor may find, by code: what it means, what mends it, and how bad it is. The docs have the same table."""

from __future__ import annotations

from collections.abc import Mapping

from nurture.model.errors import Severity

_WHY = (
    "look at one with `nurture why EMAIL`; if nobody touched the database by hand, report it with this output"
)
_OURS = "report it with this output: nurture never writes this by itself"

FINDINGS: Mapping[str, tuple[str, str, Severity]] = {
    "does-not-add-up": (
        "messages or calls stand in a state that nobody knows, so that planned and accounted for differ",
        _OURS,
        Severity.ERROR,
    ),
    "half-ended": (
        "rows are over without a time, or have an end and still go on",
        _OURS,
        Severity.ERROR,
    ),
    "stages-do-not-add-up": (
        "enrollments were never entered, or their ends and their status do not agree",
        _OURS,
        Severity.ERROR,
    ),
    "entered-twice": ("one visit of a stage was entered twice without leaving it", _OURS, Severity.ERROR),
    "overdue-turns": (
        "enrollments have been due for more than ten minutes",
        "start `nurture up` (or a scheduler and workers); while they run, look at their log",
        Severity.ERROR,
    ),
    "overdue-messages": (
        "messages have been due for more than ten minutes",
        "start `nurture up` (or a scheduler and workers); while they run, look at their log",
        Severity.ERROR,
    ),
    "overdue-calls": (
        "calls should have expired more than ten minutes ago",
        "start `nurture up` (or a scheduler and workers), which ends them",
        Severity.ERROR,
    ),
    "overdue-outcomes": (
        "what people said of calls should have been read by the workflows more than eight minutes ago",
        "start `nurture up` (or a scheduler and workers); while they run, look at their log",
        Severity.ERROR,
    ),
    "overdue-notices": (
        "mails of our own (lists of calls, tests, questions to confirm) have waited for more than ten minutes",
        "start `nurture up` (or a scheduler and workers); while they run, look at their log",
        Severity.ERROR,
    ),
    "nobody-works": (
        "work is due and nobody is there to do it",
        "start `nurture up`, or `nurture scheduler` and `nurture worker` where they should run",
        Severity.ERROR,
    ),
    "lapsed-claims": (
        "a worker died with these in its hands, and nobody took them over",
        "start `nurture up` (or a scheduler and workers): they are taken over within a minute",
        Severity.ERROR,
    ),
    "undecidable": (
        "enrollments could not be decided, and are tried again every hour",
        "the log of the worker shows where; mend what the example names and publish",
        Severity.ERROR,
    ),
    "nothing-wakes": (
        "live enrollments wait for nothing: no time and no event moves them on",
        _WHY,
        Severity.ERROR,
    ),
    "unread-event": ("an event came, and nothing wakes the enrollment to read it", _WHY, Severity.ERROR),
    "unread-receipt": (
        "a message or call is over, and nothing wakes the enrollment that waits for it",
        _WHY,
        Severity.ERROR,
    ),
    "acting-on-nothing": (
        "enrollments wait for a message or call that does not exist",
        _WHY,
        Severity.ERROR,
    ),
    "message-of-ended": ("messages still wait although their enrollment is over", _WHY, Severity.ERROR),
    "call-of-ended": ("calls are still open although their enrollment is over", _WHY, Severity.ERROR),
    "call-without-outcome": (
        "calls are done without an outcome, have one and are not done, or were cancelled without a reason",
        _OURS,
        Severity.ERROR,
    ),
    "outcome-of-two-minds": (
        "what was said of calls counts although it was taken back, or too early, or was taken back too late",
        _OURS,
        Severity.ERROR,
    ),
    "two-outcomes-wait": ("calls have two outcomes that may both be taken back", _OURS, Severity.ERROR),
    "unforgotten-requests": (
        "forms that nobody confirmed within a month are still kept",
        "start `nurture up` (or a scheduler and workers), which forgets them",
        Severity.ERROR,
    ),
    "sent-early": ("messages went before they were due", _WHY, Severity.ERROR),
    "sent-unnamed": ("messages went without a Message-ID or a recipient on record", _OURS, Severity.ERROR),
    "mailed-after-suppression": (
        "messages went to addresses that were on the suppression list",
        "pause with `nurture pause --everything`, and find out who sent them",
        Severity.ERROR,
    ),
    "mailed-after-withdrawal": (
        "marketing messages went although the contact had withdrawn the permission",
        "pause with `nurture pause --everything`, and find out who sent them",
        Severity.ERROR,
    ),
    "orphans": ("rows name other rows that are not there", "restore the last good backup", Severity.ERROR),
    "channel-paused": (
        "the mail server refuses us, so that no mail leaves; it is tried again by itself",
        "read its words in the example, and mend the account, NURTURE_SMTP_URL or the sender",
        Severity.ERROR,
    ),
    "cannot-sign": (
        "mail is to be signed, and its key cannot be used on this machine; where it sends, such mail waits",
        "do what the example says; where another machine sends, ask there",
        Severity.WARNING,
    ),
    "domain-complains": (
        "too many people of a mail domain called our mail spam, so that marketing mail to it waits",
        "find out who gets what they did not ask for; `nurture domain resume DOMAIN` lets it go on",
        Severity.WARNING,
    ),
    "domain-refuses": (
        "mail to a domain is refused, so that it rests; it is tried again by itself",
        "read its words in the example; `nurture doctor --mail` looks at what receivers look at",
        Severity.WARNING,
    ),
    "endpoint-off": (
        "another system said that it is gone, so that it is told nothing; what is for it waits",
        "ask whoever runs it; then `nurture webhook enable NAME`, or mend its url in nurture.toml and do the same",
        Severity.ERROR,
    ),
    "endpoint-rests": (
        "another system does not answer, so that it rests; it is tried again by itself",
        "read its words in the example; `nurture webhook test NAME` tries it now",
        Severity.WARNING,
    ),
    "mailbox-unread": (
        "the mailbox that bounces and answers come to was not read for more than 15 minutes",
        "read the server's words in the example and mend NURTURE_MAILBOX_URL; `nurture up` must run, with it set",
        Severity.ERROR,
    ),
    "mailbox-left-out": (
        "messages in the mailbox could not be taken in, and were left where they are",
        "report it with this output; the log of the worker names the kind of mistake",
        Severity.WARNING,
    ),
    "unmatched-reports": (
        "bounces or complaints of the last week are about no message of ours, and changed nothing",
        "look at them under Mail, What came back; other programs may share the mailbox or the provider's account",
        Severity.WARNING,
    ),
    "beyond-its-plan": (
        "a workflow was paused by itself: it planned far more messages in a day than its plan foresaw",
        "find out why, in `nurture plan` and its contacts; `nurture resume WORKFLOW` lets it go on",
        Severity.WARNING,
    ),
    "held-by-a-rate": (
        "messages of the last week were skipped: a sender's rate or warm-up held them for longer than they may be late",
        "raise `rate` or `warm_up` of the sender in nurture.toml, or take fewer in at once; `nurture plan` tells what fits",
        Severity.WARNING,
    ),
    "ambiguous": (
        "a crash hid whether these messages went out; they are never sent again by themselves",
        "look for the Message-ID in the mail server's log",
        Severity.WARNING,
    ),
    "notice-in-doubt": (
        "a crash hid whether these mails of our own went out; they are never sent again by themselves",
        "ask again for what did not come: the form, the test, the list of calls in the admin",
        Severity.WARNING,
    ),
    "notice-failed": (
        "mails to our own people did not go out in the last week",
        "mend the address in [teams] or of the account, or take it off the suppression list",
        Severity.WARNING,
    ),
    "nobody-calls": (
        "calls are open that nobody was given",
        "add members to [teams] in nurture.toml, or give the contacts an owner",
        Severity.WARNING,
    ),
    "gone-callers": (
        "calls are given to people who are in no team and cannot log in",
        "give the calls to somebody else on the page of calls, or add the person to [teams] in nurture.toml",
        Severity.WARNING,
    ),
    "everything-paused": (
        "everything is paused: events are read, nothing is sent and no call is opened",
        "`nurture resume --everything` lets it go on",
        Severity.WARNING,
    ),
}
