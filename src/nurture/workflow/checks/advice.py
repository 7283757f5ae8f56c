"""Every code of the copy check: what may be better about a message, and how to mend it. Advice: nothing of it stops a publish."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nurture.model.errors import Severity
from nurture.workflow.checks.codes import Code

_ADVICE = {
    "copy-about-us": (
        "A message speaks more of its sender than of its reader.",
        "Begin sentences with what they get: 'you can now', not 'we have released'.",
    ),
    "copy-no-ask": (
        "A message asks for nothing, so that nobody can say whether it worked.",
        "End with one thing to do, as a link that stands alone or in bold.",
    ),
    "copy-many-asks": (
        "A message asks for several things, so that it decides for none of them.",
        "Keep the link that serves the stage; put the others into messages of their own.",
    ),
    "copy-need-unmet": (
        "A message takes up no word of the need that its stage names.",
        "Say in the first lines what it does for that need; or give the step a `need:` of its own.",
    ),
    "copy-no-alt": (
        "An image has no words for those who do not see it.",
        'Write what it shows as its alt text; role="presentation" when it only decorates.',
    ),
    "copy-clipped": (
        "A message is so big that large mail providers cut it off, with the way to leave.",
        "Shorten it, or simplify the layout: below 102 kB.",
    ),
    "copy-long-subject": (
        "A subject is cut off in most lists of messages.",
        "Say it in 60 characters, the important word first.",
    ),
    "copy-loud-subject": (
        "A subject shouts, which filters and readers take for advertising.",
        "Write it as to one person: no capitals throughout, no !!.",
    ),
    "copy-pushy-words": (
        "A subject or preheader uses words of advertising, which filters and readers know.",
        "Say what the message holds; urgency and gifts speak for themselves where they are true.",
    ),
    "copy-no-preheader": (
        "A message has no preheader, so that lists of messages show its first words, whatever they are.",
        "Add `preheader:` at the top: what the subject left open.",
    ),
    "copy-long-read": (
        "A message takes longer to read than most people give one.",
        "Say one thing; put the rest behind the link.",
    ),
}
ADVICE: Mapping[str, Code] = MappingProxyType(
    {name: Code(*words, Severity.WARNING) for name, words in _ADVICE.items()}
)
