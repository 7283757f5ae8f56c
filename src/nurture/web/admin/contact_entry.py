"""The form of one contact: the fields that everybody has, and those the workspace declares. It judges nothing."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import starmap

from flask_wtf import FlaskForm
from wtforms import EmailField, Field, SelectField, StringField, TelField, TextAreaField
from wtforms.fields.choices import SelectChoice

from nurture.model import workspace
from nurture.model.contact_values import as_text
from nurture.model.words import Contact
from nurture.model.workspace import FieldType
from nurture.services.contacts.add_contact import TEXTS, Choices

DECLARED = "field_"
"""What stands before the name of a declared field, so that none is taken for another."""
UNCHECKED = {"validate_choice": False}
"""The service judges, and says it in words."""


class EntryForm(FlaskForm):
    """What every contact has. Each input's text goes to the service as it was typed."""

    email = EmailField("E-mail address", render_kw={"autocomplete": "off", "required": True})
    first_name = StringField("First name", render_kw={"autocomplete": "off"})
    last_name = StringField("Last name", render_kw={"autocomplete": "off"})
    phone = TelField("Phone", render_kw={"autocomplete": "off"})
    timezone = StringField("Time zone", render_kw={"autocomplete": "off"})
    locale = StringField("Language", render_kw={"autocomplete": "off"})
    owner = SelectField("Owner", **UNCHECKED)
    tags = StringField("Tags", render_kw={"autocomplete": "off"})
    purpose = SelectField("They agreed to", **UNCHECKED)
    wording = TextAreaField("How did they say yes?", render_kw={"rows": 3})
    source = StringField("Where, and when")
    workflow = SelectField("Workflow", **UNCHECKED)
    reason = StringField("Why")

    def declared(self) -> list[Field]:
        """The inputs of the fields that the workspace declares."""
        return [one for one in self if one.name.startswith(DECLARED)]

    def show(self, problems: Mapping[str, str]) -> None:
        """Say at each input what is wrong with it."""
        for name, said in problems.items():
            self[name if name in self else DECLARED + name].errors = [as_sentence(said)]


def entry_form(choices: Choices, contact: Contact | None = None) -> EntryForm:
    """The form for this workspace: as it was posted, or filled with what we know of ``contact``."""

    class Whole(EntryForm):
        pass

    for one in choices.fields.values():
        setattr(Whole, DECLARED + one.name, _input(one))
    form: EntryForm = Whole(data=_known(contact) if contact else None)
    owners = {*choices.owners, *((contact.owner,) if contact and contact.owner else ())}
    form.owner.choices = options("nobody yet", *sorted(owners))
    form.purpose.choices = options("nothing: I did not ask", *choices.purposes)
    form.workflow.choices = [*options("none"), *starmap(SelectChoice, choices.workflows.items())]
    return form


def options(none: str, *words: str) -> list[SelectChoice]:
    """These words to choose from, and above them how we say that there is none."""
    return [SelectChoice("", none), *map(SelectChoice, words)]


def texts_of(form: EntryForm) -> dict[str, str]:
    """What was typed, by the names of the contact's fields; without the address."""
    texts = {name: str(form[name].data or "") for name in (*TEXTS, "tags")}
    return texts | {one.name.removeprefix(DECLARED): str(one.data or "") for one in form.declared()}


def as_sentence(problem: str) -> str:
    """``is missing`` and ``'x' is no number``, as they stand below an input."""
    whole = problem if problem.startswith("'") else f"This {problem}"
    return f"{whole}."


def _input(one: workspace.Field) -> Field:
    label = one.name.replace("_", " ").capitalize()
    match one.type:
        case FieldType.BOOL:
            return SelectField(label, choices=options("not known", "yes", "no"), **UNCHECKED)
        case FieldType.CHOICE:
            return SelectField(label, choices=options("not known", *one.choices), **UNCHECKED)
        case FieldType.DATE:
            return StringField(label, render_kw={"type": "date"})
        case FieldType.NUMBER:
            return StringField(label, render_kw={"inputmode": "decimal"})
        case FieldType.TEXT:
            return StringField(label)


def _known(contact: Contact) -> dict[str, str]:
    texts = {name: getattr(contact, name) or "" for name in TEXTS}
    declared = {
        DECLARED + name: as_text(value) for name, value in contact.fields.items() if value is not None
    }
    return texts | declared | {"email": contact.email, "tags": ", ".join(sorted(contact.tags))}
