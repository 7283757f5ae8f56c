"""The small forms of a contact's page: what people tell, write, send, move and allow.

They ask for shape only (is it there, is it a number); what makes sense is for the services.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_wtf import FlaskForm
from wtforms import DecimalField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from nurture.services.contacts.hands import LONGEST_NOTE, MOST_MONEY, Telling, tellings
from nurture.services.contacts.shown import templates_of
from nurture.services.contacts.steering import LONGEST_REASON
from nurture.services.published import Published
from nurture.services.story.journeys import ContactPath, Journey

REASON = [InputRequired("A reason is missing."), Length(max=LONGEST_REASON)]
LINE = [InputRequired("Please fill this in."), Length(max=500)]


class Form(FlaskForm):
    """A form that counts once: ``once`` is made with the page and comes back with the click."""

    once = HiddenField(default=lambda: secrets.token_hex(12), validators=[InputRequired(), Length(8, 64)])


class TellForm(Form):
    event = HiddenField(validators=[InputRequired()])


class Money(DecimalField):
    """An amount. What Decimal also takes for a number (NaN, infinity) is none."""

    data: Decimal | None

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata(valuelist)
        if self.data is not None and not self.data.is_finite():
            self.data = None
            raise ValueError("Please write the amount as a number.")


class SaleForm(TellForm):
    amount = Money(
        "Amount",
        [InputRequired("What was it worth?"), NumberRange(0, MOST_MONEY)],
        render_kw={"inputmode": "decimal", "autocomplete": "off"},
    )
    kind = StringField("What kind (may be left empty)", [Optional(), Length(max=80)])


class NoteForm(Form):
    text = TextAreaField(
        "Note", [InputRequired("What do you want to be remembered?"), Length(max=LONGEST_NOTE)]
    )


class SendForm(Form):
    template = SelectField("Which mail")


class ReasonForm(Form):
    reason = StringField("Why", REASON)


class MoveForm(Form):
    stage = SelectField("To stage")
    reason = StringField("Why", REASON)


class SkipForm(Form):
    step = HiddenField(validators=[InputRequired()])
    reason = StringField("Why", REASON)


class EnrollForm(Form):
    workflow = SelectField("Into workflow")
    reason = StringField("Why", REASON)


class WithdrawForm(Form):
    purpose = SelectField("From what")
    reason = StringField("How did they tell you", LINE)


class GrantForm(Form):
    purpose = SelectField("For what")
    wording = StringField("What they agreed to, in their words or ours", LINE)
    source = StringField("Where and when", LINE)


@dataclass
class Asked:
    """A form that came, and by which name the page knows it."""

    name: str
    form: Form

    def refuse(self, why: str) -> None:
        """Show at the first question why it was not done."""
        asked = [one for one in self.form if one.type not in ("HiddenField", "CSRFTokenField")]
        for first in asked[:1]:
            first.errors = [*first.errors, why]


def telling_form(telling: Telling | None, *, fresh: bool) -> TellForm:
    """The form of one thing to tell; ``fresh`` does not look at what was posted."""
    kind = SaleForm if telling and telling.money else TellForm
    form: TellForm = kind(formdata=None) if fresh else kind()
    if fresh and telling:
        form.event.data = telling.event
    return form


def choose(form: Form, published: Published, journey: Journey | None = None) -> Form:
    """Fill in what a form's lists offer."""
    match form:
        case SendForm():
            form.template.choices = list(templates_of(published))
        case EnrollForm():
            form.workflow.choices = [
                (one.name, one.title or one.name) for one in published.workflows.values()
            ]
        case WithdrawForm():
            form.purpose.choices = [("", "everything"), *((one, one) for one in published.purposes)]
        case GrantForm():
            form.purpose.choices = list(published.purposes)
        case MoveForm() if journey:
            here = journey.enrollment.stage
            form.stage.choices = [leg.stage for leg in journey.legs if leg.stage != here] or [here]
    return form


def all_of(path: ContactPath, published: Published, asked: Asked | None) -> Mapping[str, Form]:
    """Every form of the page by its name; the one that was asked holds what was typed."""
    found: dict[str, Form] = {
        "note": NoteForm(formdata=None),
        "send": SendForm(formdata=None),
        "enroll": EnrollForm(formdata=None),
        "hold": ReasonForm(formdata=None),
        "withdraw": WithdrawForm(formdata=None),
        "grant": GrantForm(formdata=None),
        "do-not-call": ReasonForm(formdata=None),
    }
    for telling in tellings(published.workspace):
        found[f"tell-{telling.event}"] = telling_form(telling, fresh=True)
    for one in live(path):
        number = one.enrollment.id
        found[f"move-{number}"] = choose(MoveForm(formdata=None), published, one)
        found[f"end-{number}"] = ReasonForm(formdata=None)
        if one.enrollment.step:
            found[f"skip-{number}"] = SkipForm(formdata=None, step=one.enrollment.step)
    if asked:
        found[asked.name] = asked.form
        journey = next((one for one in live(path) if asked.name == f"move-{one.enrollment.id}"), None)
        choose(asked.form, published, journey)
    for name, form in found.items():
        choose(form, published) if not isinstance(form, MoveForm) else None
        place(form, name)
    return found


def live(path: ContactPath) -> Sequence[Journey]:
    return [one for one in path.journeys if one.live]


def place(form: Form, name: str) -> None:
    """Ids that are unique on a page of many forms; the names of the fields stay as they are."""
    for one in form:
        one.id = f"{name}-{one.short_name}"
        one.label.field_id = one.id
