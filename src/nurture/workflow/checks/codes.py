"""Every code that `nurture check` can give: what it means, what to do, and whether it stops a publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from nurture.model.errors import Place, Problem, Severity


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of problem: a sentence for what it means, one for what to do about it."""

    meaning: str
    remedy: str
    severity: Severity = Severity.ERROR


def problem(code: str, place: Place, message: str, hint: str | None = None) -> Problem:
    """A problem of a known code, as severe as the table says."""
    return Problem(place, code, message, hint, CODES[code].severity)


def with_remedy(found: Problem) -> Problem:
    """Every problem says what to do: when nothing better is known, what its code says."""
    if found.hint or found.code not in CODES:
        return found
    remedy = CODES[found.code].remedy
    return replace(found, hint=f"{remedy[0].lower()}{remedy[1:].removesuffix('.')}")


_ERRORS = {
    # Files and words
    "unreadable-file": (
        "A file cannot be opened, or is a link out of the project.",
        "Look at its permissions, put the file itself there, or remove it.",
    ),
    "bad-yaml": (
        "The file is not YAML, or uses a part of YAML that hides meaning: tags, merge keys, tabs, several documents.",
        "Mend the line; when a value holds ': ', ' #' or brackets, put the whole line in single quotes.",
    ),
    "bad-toml": (
        "nurture.toml is not TOML.",
        "Mend the line; texts stand in double quotes and keys only once.",
    ),
    "cut-text": (
        "YAML cuts a text in the middle of a quotation, since ' #' begins a comment and ',' or a bracket ends a value.",
        "Put the whole line in single quotes.",
    ),
    "wrong-folder": (
        "A file holds something else than its folder does.",
        "Move it to the folder of its kind: workflows, offers, personas, segments or scenarios.",
    ),
    "duplicate-key": (
        "A key stands twice in one place, so that one of the values would be lost.",
        "Keep one of them.",
    ),
    "unknown-key": (
        "A key is not known in this place.",
        "Mend the spelling, or move it to where it belongs.",
    ),
    "missing-key": ("A key that is needed here is missing.", "Add it."),
    "empty-value": ("A key stands there without a value.", "Write the value, or remove the line."),
    "bad-value": ("A value does not fit its key.", "Write a value of the kind that the hint names."),
    "bad-word": (
        "A name is not in slug form.",
        "Use lower-case letters, digits and dashes, such as free-checkup.",
    ),
    "bad-time": ("A time rule cannot be read.", "Write it as `after 2 days on weekdays at 09:30`."),
    "bad-expression": (
        "A question about the contact cannot be read, or asks for more than questions may.",
        'Compare fields with and, or, not: `contact.score >= 40 and contact.plan == "plus"`.',
    ),
    "bad-event": (
        "An event line cannot be read.",
        "Write `EVENT where QUESTION`, with a dotted lower-case event.",
    ),
    "reserved-field": (
        "A field in nurture.toml has a name that every contact has already.",
        "Choose another name.",
    ),
    # Shape of a workflow
    "no-stages": ("A workflow has no stages.", "Add at least one stage under `stages:`."),
    "unknown-step": ("A step has no kind that is known.", "Begin it with one of the step kinds."),
    "two-kinds": ("One step wants to be two kinds at once.", "Make it two steps."),
    "duplicate-id": ("Two steps of a workflow have the same id.", "Give one of them an `id:` of its own."),
    "duplicate-stage": ("Two stages of a workflow have the same name.", "Rename one."),
    "duplicate-workflow": ("Two files define a workflow of the same name.", "Rename one."),
    "duplicate-name": (
        "Two files define an offer, persona, segment or scenario of the same name, or a form asks twice for a field.",
        "Rename one.",
    ),
    "stage-without-need": (
        "A stage does not say what the contact needs there; without it nobody can judge its messages.",
        "Add `need:`, in the contact's own words.",
    ),
    "stage-without-validation": (
        "Nothing measurable proves that a contact got through a stage.",
        "Add `validate:` with an event that comes from outside.",
    ),
    "stage-without-time-loss": (
        "A contact to whom nothing happens would stay in the stage forever.",
        "Add a loss with `after:` and a reason.",
    ),
    "stage-without-entry": (
        "Nobody can ever enter the workflow.",
        "Give its first stage a `trigger:`; `trigger: manual` when it is entered from elsewhere.",
    ),
    "trigger-never-fires": (
        "A lost trigger stands on a stage that enrolls nobody.",
        "Put it on the first stage, or add `entry: yes`.",
    ),
    "wait-without-timeout": (
        "A wait could last forever.",
        "Add `timeout:`, and what to do then under `on_timeout:`.",
    ),
    "dead-wait": (
        "What a wait looks out for moves the contact out of the stage, so that the wait never ends by it.",
        "Wait for something smaller, or let the stage's validation do the work.",
    ),
    "own-action": (
        "Something we do ourselves is taken for evidence; it proves nothing about the contact.",
        "Name what the contact does: a click, a reply, a download, a sale.",
    ),
    "always-same": (
        "A condition mentions nothing about contact or event, so that it is the same for everyone.",
        "Ask about a field of the contact or the event, or remove the condition.",
    ),
    "unreachable-step": (
        "No contact can ever come to a step.",
        "Remove it, or move it before the step that ends the list.",
    ),
    "endless-loop": (
        "Jumps or enrollments lead back to where they began without any time passing; a mail is no wait.",
        "Put a `wait:` on the way.",
    ),
    "no-hold-outcomes": (
        "A call that the workflow does not wait for (`hold: no`) cannot branch on its outcome.",
        "Remove `hold: no`, or the outcomes.",
    ),
    "no-hold-failure": (
        "A webhook that the workflow does not wait for cannot branch on its failure.",
        "Add `hold: yes`, or remove `on_failure`.",
    ),
    "dead-outcome": (
        "A call task's branch can never be taken.",
        "Remove it: `call-back` only gives the task a new date.",
    ),
    "single-variant": ("A split has fewer than two variants, so that it compares nothing.", "Add a variant."),
    "never-opens": (
        "Window, quiet hours and calendar together leave no moment for a step.",
        "Widen the window.",
    ),
    "expires-before-due": (
        "A call expires before it is due, so that nobody could ever be late with it.",
        "Let it expire later than it is due; both count from when the task appears.",
    ),
    # Names of other things
    "unknown-template": (
        "There is no such mail template.",
        "Write templates/email/NAME.md, or mend the name.",
    ),
    "unknown-script": ("There is no such call script.", "Write templates/call/NAME.txt, or mend the name."),
    "unknown-offer": ("There is no such offer.", "Write offers/NAME.yaml, or mend the name."),
    "unknown-persona": ("There is no such persona.", "Write personas/NAME.yaml, or mend the name."),
    "unknown-segment": ("There is no such segment.", "Write segments/NAME.yaml, or mend the name."),
    "unknown-asset": ("There is no such file in assets/.", "Put it there, or mend the name."),
    "unknown-calendar": (
        "There is no such calendar.",
        "Add [calendars.NAME] to nurture.toml, or mend the name.",
    ),
    "unknown-team": ("There is no such team.", "Add [teams.NAME] to nurture.toml, or mend the name."),
    "unknown-endpoint": (
        "There is no such endpoint for webhooks.",
        'Add [webhooks.NAME] with url = "https://…" to nurture.toml, or mend the name.',
    ),
    "unknown-sender": ("There is no such sender.", "Add [senders.NAME] to nurture.toml, or mend the name."),
    "unknown-workflow": ("There is no such workflow.", "Write it, or mend the name."),
    "unknown-stage": ("The workflow has no such stage.", "Mend the name."),
    "unknown-id": ("The stage has no message or call of that id before this step.", "Mend the id."),
    "unknown-field": (
        "Contacts carry no such field.",
        "Declare it under [fields] in nurture.toml, or mend the name.",
    ),
    "unknown-choice": (
        "A field is compared with a word that it can never hold.",
        "Use one of its words in [fields].",
    ),
    "unknown-event": (
        "An event's name is nearly that of a known one, or claims to be ours.",
        "Mend the name, or list it under [events] in nurture.toml.",
    ),
    "unknown-outcome": (
        "No call can end with this outcome.",
        "Mend it, or list it under [outcomes] in nurture.toml.",
    ),
    "never-true": (
        "Two things are compared that are never of one kind.",
        "Compare numbers with numbers, texts with texts.",
    ),
    "not-here": (
        "Something is asked about that has no meaning in this place.",
        "Ask about the contact only.",
    ),
    "not-a-date": ("A date is counted from a field that holds no date.", 'Use a field declared as "date".'),
    "never-happens": (
        "A scenario names a message, call, offer or end that no workflow has, so that it can only fail, or only pass.",
        "Mend the name: that of a template, a script, an offer, a step's id, a loss's reason.",
    ),
    "unknown-variant": ("A scenario picks a variant that no split has.", "Mend the name."),
    "not-settable": (
        "A step sets something that workflows cannot set.",
        "Set a declared field, the score or a tag.",
    ),
    # Messages
    "message-without-purpose": (
        "A message does not say on which permission it relies.",
        "Add `purpose:` to the workflow; `purpose: transactional` to a message that the contact asked for.",
    ),
    "no-postal-address": (
        "Marketing mail must carry the sender's postal address.",
        "Add postal_address to [workspace] in nurture.toml.",
    ),
    "no-sender": (
        "Mail is sent, but nurture.toml says from whom to none.",
        "Add [senders.default] with from = ….",
    ),
    "empty-greeting": (
        "A template prints something that may be unset, so that a reader would see 'Hello ,'.",
        "Write {{ contact.first_name or 'Hello' }}, or put it into an {% if … %}.",
    ),
    "unknown-variable": ("A template prints something that does not exist.", "Mend the name."),
    "offer-not-linked": (
        "A template prints an offer's link, but a step that sends it names no offer.",
        "Add `link_offer:` to the step.",
    ),
    "empty-mail": ("A message has a subject and says nothing.", "Write it, or remove the file."),
    "no-way-out": (
        "A marketing message shows no way to leave.",
        "Use a layout that prints {{ links.unsubscribe }}.",
    ),
    "no-address-shown": (
        "A marketing message does not show the sender's postal address.",
        "Use a layout that prints {{ workspace.postal_address }}.",
    ),
    "no-main-language": (
        "A template is written in some languages only, so that everybody else would get nothing.",
        "Add the file without a language: it is for everybody else.",
    ),
    "template-front-matter": (
        "The lines between --- at the top of a template cannot be read, or hold no subject.",
        "Write subject, preheader, layout and sender, one text each.",
    ),
    "template-layout": (
        "A template names a layout that is not there.",
        "Add it to templates/email/layouts/.",
    ),
    "broken-page": (
        "A frame of templates/pages/ cannot be shown, so that ours would be shown instead.",
        "Print {{ body }} once, where people see it, and say what else to write for a value that may be empty.",
    ),
    "template-partial": (
        "A template includes a partial that is not there, or that cannot stand there.",
        "Add it to templates/email/partials/.",
    ),
    "template-markup": ("The HTML of a template is not well nested.", "Close every element that is opened."),
    "template-syntax": (
        "A {{ … }} or {% … %} of a template cannot be read.",
        "Close it, and check its words.",
    ),
    "template-not-allowed": (
        "A template holds more than values, `if` and `for`.",
        "Work it out before, in a field, and print that.",
    ),
    "template-unknown-name": ("A template looks up a name that does not exist.", "Mend the name."),
    "template-too-big": ("A template is too long or too deep to be rendered safely.", "Make it shorter."),
    "offer-without-asset": (
        "A download offer has nothing to hand out.",
        "Add `asset:` with a file in assets/.",
    ),
    "opt-in-without-consent": (
        "An offer asks for a confirmation by mail, and for no permission that could be confirmed.",
        "Add `consent:` with the words that people agree to, or remove `double_opt_in:`.",
    ),
    "unsafe-asset": (
        "An asset leads out of assets/, so that something else would be handed out.",
        "Put the file itself into assets/, and name it without a folder.",
    ),
    "was-still-there": (
        "A step or stage says that it was another one, which still stands in the file.",
        "Remove the `was:`, or the other step.",
    ),
    "was-twice": (
        "Two steps or stages claim to have been the same one.",
        "Keep `was:` at the one that took its place.",
    ),
    "ladder-loop": ("The ladder of offers leads back to where it began.", "Let `next:` go up only."),
    "bad-example": (
        "A persona's example holds a value that a contact cannot.",
        "Mend the value or the field's name.",
    ),
}
_WARNINGS = {
    "ignored-file": (
        "A file or folder of the project is not read, because of its name or the place where it lies.",
        "Rename it or move it as the hint says; what is meant to stay unread can lie elsewhere.",
    ),
    "maybe-cut": (
        "YAML takes what follows a ' #' for a comment, and here it looks like part of the text.",
        "Put the text in quotes; write comments with a space behind the #.",
    ),
    "foreign-placeholder": (
        "A template holds a placeholder of another mail program, which contacts would see as it stands.",
        "Write {{ contact.first_name or 'Hello' }}.",
    ),
    "broken-link": (
        "A link of a message leads nowhere, or to something that is no address.",
        "Write the whole address: https://…, mailto:… or tel:….",
    ),
    "silent-link": (
        "A link has no words, so that nobody can see it.",
        "Write what a reader gets behind it; an image in it has its words in `alt`.",
    ),
    "vague-link": (
        "The words of a link do not say where it leads: read aloud, or alone, they say nothing.",
        "Let the link say what a reader gets: 'download the guide', not 'click here'.",
    ),
    "insecure-link": (
        "A link or an image is fetched without encryption.",
        "Write https:// when the site knows it, as nearly all do.",
    ),
    "broken-image": (
        "An image is not at a whole address of the web, so that mail programs cannot show it.",
        "Put it on a web site, and write its whole address: https://….",
    ),
    "image-without-alt": (
        "An image has no words for those who do not see it; many mail programs show no images at first.",
        'Write what it shows as its alt text; role="presentation" when it only decorates.',
    ),
    "message-clipped": (
        "A message is so big, or nearly, that the largest web mailer cuts it off, with the way to leave.",
        "Shorten it, or simplify the layout: below 80 kB.",
    ),
    "unknown-page": (
        "A file of templates/pages/ has a name that is no page's, so that nobody sees it.",
        "Rename it: base.html stands around every page, leave.html around the pages where people leave.",
    ),
    "unknown-language": (
        "A template's name ends in something that is no language.",
        "Write the language as in NAME.fr.md or NAME.fr-CA.md.",
    ),
    "variant-lacks": (
        "A message in another language lacks a value, a link or the preheader that the main one has.",
        "Say it there too; when it is meant to differ, give that language a template of its own.",
    ),
    "unused-template": (
        "No workflow, offer or notice uses a template or script.",
        "Name it in a step, or remove the file.",
    ),
    "no-permission-behind": (
        "A whole workflow calls itself transactional, so that no permission stands behind it.",
        "Name the permission as the workflow's `purpose:`; messages that were asked for are `purpose: transactional`.",
    ),
    "same-evidence": (
        "One event both begins a stage and validates it, so that being there proves nothing.",
        "Let another event validate the stage, or tell the two apart with `where`.",
    ),
    "enrolls-itself": (
        "A workflow enrolls into itself where that is always refused.",
        "Jump to a stage instead, or change `reentry:`.",
    ),
    "loss-before-step": (
        "A stage loses everybody before one of its steps can be due.",
        "Let the loss come later, or shorten the waits before the step.",
    ),
    "no-effect": (
        "A step changes nothing, whatever happens.",
        "Give it steps or values, or remove it.",
    ),
    "example-outside": (
        "A persona's example is not one of those whom its `who:` describes.",
        "Give the example the fields that `who:` asks for.",
    ),
    "undeclared-event": (
        "An event is neither ours nor declared; a typo in it would never be found.",
        "List it under [events] in nurture.toml.",
    ),
    "untracked-event": (
        "A workflow asks for opens or clicks, and none of its messages is tracked for them.",
        "Switch them on under [tracking] in nurture.toml, or ask for something else.",
    ),
    "unguarded-event": (
        "A template prints a detail of the event that moved the contact here; entered by hand there is none.",
        "Put it into {% if event %} … {% endif %}, or write {{ event.offer or '…' }}.",
    ),
    "purpose-without-consent": (
        "No offer asks for the permission that a workflow relies on, so that its messages may reach nobody.",
        "Ask for it in an offer's `consent:`, or import contacts with --consent.",
    ),
}
CODES: Mapping[str, Code] = MappingProxyType(
    {
        **{name: Code(*words) for name, words in _ERRORS.items()},
        **{name: Code(*words, Severity.WARNING) for name, words in _WARNINGS.items()},
    }
)
