"""The smaller files: lead offers, personas and segments.

Refuses unknown keys and unreadable words; whether the templates, assets and personas they name exist is for the checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from nurture.model.errors import Place, Problem, TextError
from nurture.model.expressions import Expression
from nurture.model.timing import Duration, Unit
from nurture.model.words import Channel
from nurture.steps.base import DurationText, ExpressionText, Slug, YesNo
from nurture.workflow.forms import read_form, without_echoes
from nurture.workflow.yaml_text import MapNode, read_yaml


class OfferKind(StrEnum):
    """What a lead offer is: something to take home, to come to, to try, to win, or to buy for little."""

    DOWNLOAD = "download"
    EVENT = "event"
    TRIAL = "trial"
    CONTEST = "contest"
    PAID_LOW = "paid-low"


@dataclass(frozen=True, slots=True)
class FormField:
    """One question of an offer's form."""

    name: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class ConsentWording:
    """The permission an offer asks for, in the words shown; a changed wording is a new ``version``.

    ``expires`` is how long it lasts, None until it is withdrawn.
    """

    purpose: str
    channels: tuple[Channel, ...]
    wording: str
    version: str
    expires: Duration | None = None


LINK_VALID = Duration(30, Unit.DAYS)


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """How long and how often an offer's link works."""

    valid: Duration = LINK_VALID
    downloads: int = 10


@dataclass(frozen=True, slots=True)
class Offer:
    """A low-risk first yes. ``asset`` is a file in ``assets/``, ``next`` the next rung of the ladder.

    ``cost`` is ours for each hand-over, ``price`` what it costs the asker; both in the workspace's currency.
    """

    name: str
    kind: OfferKind
    title: str
    place: Place
    promise: str = ""
    asset: str | None = None
    persona: str | None = None
    next: str | None = None
    fields: tuple[FormField, ...] = (FormField("email"),)
    consent: ConsentWording | None = None
    double_opt_in: bool = False
    mail: str | None = None
    link: LinkTerms = LinkTerms()
    cost: float = 0.0
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Persona:
    """Whom a workflow is for: which contacts, what they want, and one example who walks the journey."""

    name: str
    place: Place
    who: Expression | None = None
    goals: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    pains: tuple[str, ...] = ()
    example: Mapping[str, str] | None = None
    """As written; ``model.contact_values`` gives each value the type of its field."""


GRACE = Duration(24, Unit.HOURS)


@dataclass(frozen=True, slots=True)
class Segment:
    """A named condition over contacts. Who no longer fits has left only when ``grace`` is over, and they still do not."""

    name: str
    where: Expression
    place: Place
    title: str = ""
    grace: Duration = GRACE

    @property
    def span(self) -> timedelta:
        """How long the grace is."""
        match self.grace.unit:
            case Unit.MINUTES:
                return timedelta(minutes=self.grace.amount)
            case Unit.HOURS:
                return timedelta(hours=self.grace.amount)
            case Unit.WEEKS:
                return timedelta(weeks=self.grace.amount)
        return timedelta(days=self.grace.amount)


@dataclass(frozen=True, slots=True)
class Read:
    """One of these files as it was read, with the nodes that say where each word stands."""

    document: Offer | Persona | Segment
    top: MapNode


# --- forms --------------------------------------------------------------------------------------------------------


def _form_field(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]*$", max_length=80)]
Texts = tuple[str, ...]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class FormFieldForm(_Form):
    name: FieldName
    required: YesNo = True


class ConsentForm(_Form):
    purpose: Slug
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)] = (Channel.EMAIL,)
    wording: Annotated[str, StringConstraints(min_length=1)]
    version: str
    expires: DurationText | None = None


class LinkForm(_Form):
    valid: DurationText = LinkTerms().valid
    downloads: Annotated[int, Field(ge=1)] = LinkTerms().downloads


class OfferForm(_Form):
    offer: Slug
    kind: OfferKind
    title: str
    promise: str = ""
    asset: str | None = None
    persona: Slug | None = None
    next: Slug | None = None
    fields_: Annotated[
        tuple[Annotated[FormFieldForm, BeforeValidator(_form_field)], ...],
        Field(alias="fields", min_length=1),
    ] = (FormFieldForm(name="email"),)
    consent: ConsentForm | None = None
    double_opt_in: YesNo = False
    mail: Slug | None = None
    link: LinkForm = LinkForm()
    cost: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    price: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class PersonaForm(_Form):
    persona: Slug
    who: ExpressionText | None = None
    goals: Texts = ()
    needs: Texts = ()
    pains: Texts = ()
    example: Mapping[FieldName, str | tuple[str, ...]] | None = None


def _grace(value: Duration) -> Duration:
    if value.unit in (Unit.MONTHS, Unit.BUSINESS_DAYS):
        raise TextError(f"a grace is not counted in {value.unit}", hint="write hours, days or weeks")
    return value


class SegmentForm(_Form):
    segment: Slug
    where: ExpressionText
    title: str = ""
    grace: Annotated[DurationText, AfterValidator(_grace)] = GRACE


# --- readers ------------------------------------------------------------------------------------------------------


def read_offer(source: bytes | str, file: str) -> tuple[Read | None, list[Problem]]:
    """One offer, None when too much is wrong; and every problem of the file."""
    return _read(source, file, OfferForm, _offer)


def read_persona(source: bytes | str, file: str) -> tuple[Read | None, list[Problem]]:
    """One persona, None when too much is wrong; and every problem of the file."""
    return _read(source, file, PersonaForm, _persona)


def read_segment(source: bytes | str, file: str) -> tuple[Read | None, list[Problem]]:
    """One segment, None when too much is wrong; and every problem of the file."""
    return _read(source, file, SegmentForm, _segment)


_FormType = TypeVar("_FormType", bound=BaseModel)


def _read(
    source: bytes | str,
    file: str,
    form: type[_FormType],
    build: Callable[[_FormType, Place], Offer | Persona | Segment],
) -> tuple[Read | None, list[Problem]]:
    top, problems = read_yaml(source, file)
    fields = read_form(form, top, problems) if top else None
    if top is None or fields is None:
        return None, without_echoes(problems)
    return Read(build(fields, top.place), top), without_echoes(problems)


def _offer(form: OfferForm, place: Place) -> Offer:
    consent = form.consent
    return Offer(
        name=form.offer,
        kind=form.kind,
        title=form.title,
        place=place,
        promise=form.promise,
        asset=form.asset,
        persona=form.persona,
        next=form.next,
        fields=tuple(FormField(field.name, field.required) for field in form.fields_),
        consent=ConsentWording(
            consent.purpose, consent.channels, consent.wording, consent.version, consent.expires
        )
        if consent
        else None,
        double_opt_in=form.double_opt_in,
        mail=form.mail,
        link=LinkTerms(form.link.valid, form.link.downloads),
        cost=form.cost,
        price=form.price,
    )


def _persona(form: PersonaForm, place: Place) -> Persona:
    example = None if form.example is None else _flat(form.example)
    return Persona(form.persona, place, form.who, form.goals, form.needs, form.pains, example)


def _segment(form: SegmentForm, place: Place) -> Segment:
    return Segment(form.segment, form.where, place, form.title, form.grace)


def _flat(example: Mapping[str, str | tuple[str, ...]]) -> dict[str, str]:
    """Lists (of tags) as one text with commas, as a spreadsheet has them."""
    return {name: value if isinstance(value, str) else ",".join(value) for name, value in example.items()}
