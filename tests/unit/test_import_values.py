"""What headings and cells of a list mean, and which are refused rather than guessed."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from nurture.model.errors import NurtureError
from nurture.model.timing import Calendar
from nurture.model.workspace import Field, FieldType, Workspace
from nurture.services.contacts.importing import values
from nurture.services.contacts.importing.amounts import read_date, read_number
from nurture.services.contacts.importing.cells import CellError, clean, formula_safe
from nurture.services.contacts.importing.mapping import letters, map_columns

FIELDS = {
    "plan": Field("plan", FieldType.CHOICE, ("first-plan", "year-round")),
    "renewal_on": Field("renewal_on", FieldType.DATE),
}
NAMES = ["Email", "Name", "Notes", "Name"]


def mapped(headers: list[str], *told: str) -> dict[str, str]:
    return {letters(column.index): column.field for column in map_columns(headers, FIELDS, told).mapped}


# --- headings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        (
            ["Email Address", "First Name", "Last Name", "Mobile"],
            ["email", "first_name", "last_name", "phone"],
        ),
        (["Courriel", "Prénom", "Nom", "Téléphone"], ["email", "first_name", "last_name", "phone"]),
        (["E-Mail-Adresse", "VORNAME", "Nachname", "Telefon"], ["email", "first_name", "last_name", "phone"]),
        (
            ["E-mail 1 - Value", "Given Name", "Family Name", "Phone 1 - Value"],
            ["email", "first_name", "last_name", "phone"],
        ),
        (["email", "Time zone", "Sprache", "Étiquettes"], ["email", "timezone", "locale", "tags"]),
        (["e_mail", "Plan", "Renewal on", "owner"], ["email", "plan", "renewal_on", "owner"]),
    ],
)
def test_headings_in_three_languages_find_their_field(headers: list[str], fields: list[str]) -> None:
    assert list(mapped(headers).values()) == fields


def test_columns_that_fit_nothing_are_named() -> None:
    columns = map_columns(["Email", "Phone", "Mobile", "", "Shoe size"], FIELDS)

    assert [column.field for column in columns.mapped] == ["email", "phone"]
    assert columns.unmapped == ("Mobile", "column D", "Shoe size")


def test_what_the_user_says_goes_before_the_heading() -> None:
    headers = ["Email", "Work mail", "Phone", "Plan B", "a=b"]

    assert mapped(headers, "Work mail=email", "Phone=", "plan b=Plan", "a=b=owner") == {
        "B": "email",
        "D": "plan",
        "E": "owner",
    }
    assert mapped(headers, "B=email")["B"] == "email"


@pytest.mark.parametrize(
    ("headers", "told", "said"),
    [
        (["Name"], [], "no column holds e-mail addresses"),
        (NAMES, ["Nmae=first_name"], "no column 'Nmae'.*did you mean 'Name'"),
        (NAMES, ["Notes=frist_name"], "no field 'frist_name'.*did you mean 'first_name'"),
        (NAMES, ["Name=first_name"], "columns B and D are both called 'Name'.*letter"),
        (NAMES, ["Notes"], "not Column=field"),
        (NAMES, ["Notes=score"], "'score' cannot be imported"),
        (NAMES, ["Notes=plan", "B=plan"], "two columns for 'plan'"),
        (NAMES, ["Notes=plan", "C=owner"], "names the column 'C' twice"),
        (["Email", "Plan", "Plan"], [], "columns B and C are both called 'Plan'.*--map 'C='"),
    ],
)
def test_a_mapping_that_fits_nothing_is_refused_with_a_remedy(
    headers: list[str], told: list[str], said: str
) -> None:
    with pytest.raises(NurtureError) as refused:
        map_columns(headers, FIELDS, told)

    assert refused.match(said)


# --- addresses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("  Ana@Example.ORG ", "Ana@example.org"),
        ("Ana Novak <ana@example.org>", "ana@example.org"),
        ('"Novak, Ana" <mailto:ana@example.org>', "ana@example.org"),
        ("ana@example.org;", "ana@example.org"),
        ("\ufeffana\u200b@example.org\u00a0", "ana@example.org"),
        ("o'neil+news@example.org", "o'neil+news@example.org"),
        ("zoë@müller.example", "zoë@müller.example"),
        ("ana@shop.test", "ana@shop.test"),
    ],
)
def test_an_address_is_found_however_it_was_pasted(cell: str, address: str) -> None:
    assert values.email_address(cell) == address


@pytest.mark.parametrize(
    "cell",
    [
        "", "ana", "ana@", "@example.org", "ana@example", "a..b@example.org", "ana@exa mple.org", "ana@[127.0.0.1]",
        '"a b"@example.org', "a@example.org, b@example.org", f"{'a' * 65}@example.org", f"a@{'b' * 300}.org",
        "a\r\nBcc: x@example.org", "ana@example.org\nb", "a\0@example.org", "\ud83d@example.org", "a@xn--a.org",
        "ana@-example.org", "@" * 200,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_one_short_sentence(cell: str) -> None:
    with pytest.raises(CellError) as refused:
        values.email_address(cell)

    assert len(str(refused.value)) < 250
    assert str(refused.value).isprintable()


@given(st.emails() | st.from_regex(r"[a-zA-Z0-9._+=-]{0,70}@[a-zA-Z0-9.-]{0,70}", fullmatch=True))
def test_the_short_way_for_plain_addresses_judges_like_the_library(text: str) -> None:
    text = text.lstrip("'")  # in front of a sign it is our own export's
    try:
        expected = validate_email(
            text, check_deliverability=False, test_environment=True, strict=True
        ).normalized
    except EmailNotValidError:
        expected = None

    try:
        found = values.email_address(text)
    except CellError:
        found = None

    assert found == expected


@pytest.mark.parametrize(
    "cell", ["<" + " " * 9_998 + "x", "a" * 9_999 + "@", "a@" * 5_000, "." * 9_999, "<" * 9_999 + ">"]
)
def test_a_cell_made_to_cost_time_is_refused_at_once(cell: str) -> None:
    for _ in range(200):
        with pytest.raises(CellError):
            values.email_address(cell)


@given(st.text(max_size=80))
def test_no_text_makes_the_address_reader_stumble(text: str) -> None:
    try:
        address = values.email_address(text)
    except CellError:
        return

    assert address.count("@") == 1
    assert address.isprintable()


# --- the fields every contact has -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workspace", "region"),
    [
        (Workspace("x", timezone="America/Toronto"), "CA"),
        (Workspace("x", timezone="Europe/Berlin"), "DE"),
        (Workspace("x", timezone="UTC", calendars={"a": Calendar("a", country="CA-ON")}), "CA"),
        (Workspace("x", timezone="UTC"), None),
    ],
)
def test_numbers_without_a_country_are_in_the_one_of_the_workspace(
    workspace: Workspace, region: str | None
) -> None:
    assert values.phone_region(workspace) == region


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("(416) 555-0123", "+14165550123"),
        ("1-416-555-0123", "+14165550123"),
        ("+49 30 123456", "+4930123456"),
        ("'+33 6 12 34 56 78", "+33612345678"),
        ("011 33 6 12 34 56 78", "+33612345678"),
    ],
)
def test_a_phone_number_is_kept_in_its_international_form(cell: str, number: str) -> None:
    assert values.phone(cell, "CA") == number


@pytest.mark.parametrize(
    "cell", ["call me", "12", "0000000000", "4.16556E+09", "416-555-0123 x12", "=1+1", "9" * 59]
)
def test_what_nobody_can_dial_is_refused(cell: str) -> None:
    with pytest.raises(CellError):
        values.phone(cell, "CA")


def test_a_number_without_a_country_anywhere_says_what_it_lacks() -> None:
    with pytest.raises(CellError, match="with \\+ and the country's code"):
        values.phone("416 555 0123", None)


def test_a_time_zone_is_one_that_exists() -> None:
    assert values.timezone("america/new york") == "America/New_York"
    with pytest.raises(CellError, match="did you mean America/Toronto"):
        values.timezone("Toronto")
    with pytest.raises(CellError, match="no time zone"):
        values.timezone("../../etc/passwd")


def test_languages_and_tags_are_written_in_one_way() -> None:
    assert [values.locale(cell) for cell in ("fr_ca", "EN", "zh-hant-tw")] == ["fr-CA", "en", "zh-Hant-TW"]
    assert values.tags(" vip; news,  early bird ,;") == {"vip", "news", "early bird"}
    with pytest.raises(CellError, match="code such as fr"):
        values.locale("Klingonese")
    with pytest.raises(CellError, match="51 tags"):
        values.tags(",".join(f"t{n}" for n in range(51)))


@pytest.mark.parametrize(
    "cell", ["An\na", "Ana\x07", "Ana\u2028", "\x1b[31mAna", "A\ufffdna", "#N/A", "x" * 201]
)
def test_a_name_that_could_break_a_line_or_says_nothing_is_refused(cell: str) -> None:
    with pytest.raises(CellError):
        values.name(cell)


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("  Ana \u00a0 Maria ", "Ana Maria"),
        ("Zoe\u0308", "Zoë"),
        ("\u202egnp.Ana\u202c", "gnp.Ana"),
        ("{{ 7*7 }}", "{{ 7*7 }}"),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ("'t Hooft", "'t Hooft"),
    ],
)
def test_a_name_is_kept_as_text_whatever_it_looks_like(cell: str, name: str) -> None:
    assert values.name(cell) == name


@given(st.text(alphabet=st.sampled_from("'=+-@#ab \t\r"), min_size=1) | st.text(min_size=1))
def test_a_stored_text_comes_back_from_a_list_that_is_safe_for_spreadsheets(text: str) -> None:
    try:
        stored = clean(text)
    except CellError:
        return

    exported = formula_safe(stored)

    assert not exported.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert clean(exported) == stored


# --- the workspace's own fields -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("57", 57),
        ("-3", -3),
        ("1234.5", 1234.5),
        ("1,234.56", 1234.56),
        ("1.234,56", 1234.56),
        ("1 234,56", 1234.56),
        ("1\u202f234,5", 1234.5),
        ("1'234.50", 1234.5),
        ("1.234.567", 1234567),
        ("0,125", 0.125),
        ("0.125", 0.125),
        ("€ 1.234,50", 1234.5),
        ("$5", 5),
    ],
)
@pytest.mark.parametrize("english", [True, False])
def test_a_number_is_read_as_any_country_writes_it(cell: str, number: float, english: bool) -> None:
    assert read_number(cell, english=english) == number


def test_thousands_or_decimals_are_told_apart_by_the_files_own_commas_or_not_at_all() -> None:
    assert read_number("55,000", english=True) == 55_000
    assert read_number("1.234", english=True) == 1.234
    with pytest.raises(CellError, match=r"write 55000 or 55\.0000"):
        read_number("55.000", english=False)
    with pytest.raises(CellError, match="thousands or decimals"):
        read_number("1,234", english=False)


@pytest.mark.parametrize(
    "cell", ["", "many", "12%", "1e5", "nan", "inf", "1,2,3", "9" * 16, "9" * 5000, "--1", "١٢٣٤x"]
)
def test_what_is_no_number_is_refused(cell: str) -> None:
    with pytest.raises(CellError, match="not a number"):
        read_number(cell, english=True)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026-03-02", "2026-03-02"),
        ("2026-03-02 00:00:00", "2026-03-02"),
        ("2026-03-02T14:00:00Z", "2026-03-02"),
        ("31/03/2026", "2026-03-31"),
        ("03/31/2026", "2026-03-31"),
        ("3/3/2026", "2026-03-03"),
        ("02.03.2026", "2026-03-02"),
        ("2 March 2026", "2026-03-02"),
        ("Mar. 2nd, 2026", "2026-03-02"),
        ("2. März 2026", "2026-03-02"),
        ("1er août 2026", "2026-08-01"),
        ("15-Dec-2026", "2026-12-15"),
    ],
)
def test_a_date_is_read_where_only_one_day_can_be_meant(cell: str, day: str) -> None:
    assert read_date(cell) == day


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("03/04/2026", "2026-04-03 or 2026-03-04"),
        ("30.02.2026", "no day of the calendar"),
        ("2026-13-01", "no day of the calendar"),
        ("02/03/26", "write it as 2026-03-31"),
        ("46083", "write it as 2026-03-31"),
        ("2 Jui 2026", "no month"),
        ("soon", "not a date"),
    ],
)
def test_a_date_that_could_be_two_days_or_none_is_refused(cell: str, said: str) -> None:
    with pytest.raises(CellError, match=said):
        read_date(cell)


def test_yes_and_no_are_understood_in_three_languages() -> None:
    assert all(values.yes_or_no(cell) for cell in ("Yes", "TRUE", "oui", "ja", "1", "x", "vrai", "wahr"))
    assert not any(values.yes_or_no(cell) for cell in ("No", "false", "non", "Nein", "0", "faux", "falsch"))
    with pytest.raises(CellError, match="neither yes nor no"):
        values.yes_or_no("maybe")


def test_a_choice_is_one_of_its_words_however_it_is_written() -> None:
    assert values.choice("Year round", ("first-plan", "year-round")) == "year-round"
    with pytest.raises(CellError, match="did you mean 'first-plan'"):
        values.choice("frist-plan", ("first-plan", "year-round"))


def test_a_text_keeps_its_lines_but_no_control_characters() -> None:
    assert values.text("one\r\ntwo\rthree\t!") == "one\ntwo\nthree\t!"
    with pytest.raises(CellError, match="control character"):
        values.text("one\x08")
