"""How a spreadsheet saved as text is read: every encoding, delimiter and fault that people really send."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.model.errors import NurtureError
from nurture.services.contacts.importing import encoding, reader
from nurture.services.contacts.importing.reader import Row, Table, open_table

PEOPLE = (
    "E-Mail;Vorname;Ort\r\nzoe@example.org;Zoë;Zürich\r\njerome@example.org;Jérôme;Besançon\r\n"
    "soren@example.org;Søren;Århus\r\nnunez@example.org;Muñoz;Málaga\r\n"
)


def read(data: bytes | str, *, named: str | None = None) -> tuple[Table, list[Row]]:
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    with open_table(stream, encoding=named) as table:
        return table, list(table.rows())


def cells(data: bytes | str) -> list[list[str]]:
    return [row.cells for row in read(data)[1]]


def faults(rows: Sequence[Row]) -> dict[int, str]:
    return {row.number: row.fault for row in rows if row.fault}


# --- encodings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "shown"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16 LE"),
        ("utf-16-be", "UTF-16 BE"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252"),
        ("latin-1", "Windows-1252"),
        ("mac_roman", "Mac Roman"),
        ("cp850", "DOS 850"),
    ],
)
def test_the_encoding_of_a_western_list_is_found_and_told(codec: str, shown: str) -> None:
    table, rows = read(PEOPLE.encode(codec))

    assert table.encoding == shown
    assert table.headers == ("E-Mail", "Vorname", "Ort")
    assert [row.cells[1:] for row in rows] == [
        ["Zoë", "Zürich"],
        ["Jérôme", "Besançon"],
        ["Søren", "Århus"],
        ["Muñoz", "Málaga"],
    ]


@pytest.mark.parametrize(
    ("codec", "names"),
    [
        ("cp1251", ["Иван Петрович Смирнов", "Мария", "Ольга Иванова"]),
        ("cp1253", ["Γιώργος Παπαδόπουλος", "Μαρία Κωνσταντίνου", "Νίκος"]),
        ("cp1250", ["Małgorzata Świątek-Łukasik", "Wójcik", "Błażej Źdźbło"]),
        ("cp932", ["鈴木花子さん", "田中太郎", "東京都"]),
        ("gb18030", ["王小明", "李娜", "北京市朝阳区"]),
        ("utf-16-le", ["Петър Иванов", "Мария", "Νίκος"]),
        ("utf-16-be", ["鈴木花子", "田中太郎", "東京都"]),
    ],
)
def test_lists_from_elsewhere_are_read_too(codec: str, names: list[str]) -> None:
    people = [[f"p{n}@example.org", name] for n, name in enumerate(names)]

    data = "".join("\t".join(row) + "\n" for row in [["email", "name"], *people])

    assert cells(data.encode(codec)) == people


@pytest.mark.parametrize("codec", ["cp1252", "mac_roman"])
def test_an_accent_far_down_in_a_plain_list_decides_as_well(codec: str) -> None:
    rows = "".join(f"p{n}@example.org,Ana\n" for n in range(20_000))

    data = f"email,name\n{rows}zoe@example.org,Zoé\n".encode(codec)

    assert cells(data)[-1] == ["zoe@example.org", "Zoé"]


def test_signs_alone_are_read_as_windows_writes_them() -> None:
    assert cells("email,price\na@example.org,€ 5\n".encode("cp1252")) == [["a@example.org", "€ 5"]]


def test_one_damaged_row_does_not_make_a_utf8_list_anything_else() -> None:
    good = "".join(f"p{n}@example.org,Zoé\n" for n in range(5)).encode()

    table, rows = read(b"email,name\n" + good + b"x@example.org,Zo\xe9\n" + "y@example.org,Zoé\n".encode())

    assert table.encoding == "UTF-8"
    assert faults(rows) == {7: "the row holds bytes that are not UTF-8"}
    assert rows[-1].cells == ["y@example.org", "Zoé"]


def test_who_knows_the_encoding_may_name_it() -> None:
    data = "email,name\na@example.org,Kovač\n".encode("cp1250")

    table, rows = read(data, named="Windows-1250")

    assert (table.encoding, rows[0].cells[1]) == ("Windows-1250", "Kovač")
    assert read(PEOPLE.encode("mac_roman"), named="mac roman")[0].encoding == "Mac Roman"


@pytest.mark.parametrize("named", ["klingon", "rot13", "hex", "base64", "idna", "unicode_escape", "\0"])
def test_an_unknown_encoding_is_refused(named: str) -> None:
    with pytest.raises(NurtureError, match="no encoding"):
        read("email\na@example.org\n", named=named)


# --- delimiters and lines -------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_the_delimiter_and_the_line_ends_are_found(delimiter: str, end: str) -> None:
    rows = [
        ["email", "first, last", "tags; all"],
        ["a@example.org", "Ana", "x"],
        ["b@example.org", "Bea", "y"],
    ]
    lines = [delimiter.join(f'"{cell}"' for cell in row) for row in rows]

    table, found = read(end.join(lines))

    assert table.delimiter == delimiter
    assert [row.cells for row in found] == rows[1:]


def test_marks_inside_of_cells_do_not_mislead() -> None:
    table, rows = read(
        "email;note;price\na@example.org;one, two, three;1,50\nb@example.org;four, five;2,75\n"
    )

    assert table.delimiter == ";"
    assert rows[1].cells == ["b@example.org", "four, five", "2,75"]


def test_a_first_line_that_names_the_delimiter_is_obeyed_and_is_no_row() -> None:
    table, rows = read("sep=|\r\nemail|name;x,y\r\na@example.org|Ana\r\n")

    assert table.headers == ("email", "name;x,y")
    assert rows == [Row(2, ["a@example.org", "Ana"], "a@example.org|Ana\r\n")]


def test_a_list_of_one_column_needs_no_delimiter() -> None:
    assert cells("email\na@example.org\nb@example.org") == [["a@example.org"], ["b@example.org"]]


def test_quotes_and_line_breaks_inside_of_cells_are_kept() -> None:
    data = 'email,note\r\na@example.org,"She said ""yes"",\r\nat last"\r\nb@example.org,5" pipe\r\n'

    rows = read(data)[1]

    assert rows[0].cells == ["a@example.org", 'She said "yes",\r\nat last']
    assert (rows[1].number, rows[1].cells) == (3, ["b@example.org", '5" pipe'])


def test_rows_are_numbered_as_the_spreadsheet_numbers_them_empty_ones_included() -> None:
    rows = read("email,name\n\n,\na@example.org,Ana\n \nb@example.org,Bea\n")[1]

    assert [row.number for row in rows] == [4, 6]


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2, max_size=2
        ),
        max_size=20,
    )
)
def test_whatever_a_csv_writer_writes_comes_back(written: list[list[str]]) -> None:
    import csv

    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["email", "name"], *written])

    found = cells(text.getvalue())

    assert found == [row for row in written if "".join(row).strip()]


ANY_ENCODING = (
    None,
    "utf-8",
    "utf-16",
    "utf-32",
    "ascii",
    "cp932",
    "gb18030",
    "euc-kr",
    "iso-2022-jp",
    "hz",
    "cp1253",
)


@given(st.binary(max_size=400), st.sampled_from(ANY_ENCODING))
def test_no_bytes_make_it_stumble_whatever_they_are_said_to_be(data: bytes, named: str | None) -> None:
    try:
        table, rows = read(b"email,name\n" + data, named=named)
    except NurtureError:
        return

    assert all(row.fault or len(row.cells) == len(table.headers) for row in rows)


# --- faults ---------------------------------------------------------------------------------------------------


def test_a_row_with_too_few_or_too_many_cells_is_a_fault_of_that_row_only() -> None:
    rows = read(
        "email,name\na@example.org\nb@example.org,Bea,more\nc@example.org,Carl,,\nd@example.org,Dora\n"
    )[1]

    assert faults(rows) == {
        2: "the row has 1 cells, the heading has 2",
        3: "the row has 3 cells, the heading has 2",
    }
    assert rows[1].cells == ["b@example.org", "Bea", "more"]
    assert [row.cells for row in rows if not row.fault] == [
        ["c@example.org", "Carl"],
        ["d@example.org", "Dora"],
    ]


@pytest.mark.parametrize("rest", ["", 'e@example.org,"Eve"\n', "x" * 30_000 + ",y\n"])
def test_a_stray_quote_costs_its_own_row_not_the_rows_below(rest: str) -> None:
    rows = read(f'email,name\na@example.org,"Ana\nb@example.org,Bea\nc@example.org,Carl\n{rest}')[1]

    assert rows[0].fault == "a quote is opened and never closed"
    assert rows[0].raw == 'a@example.org,"Ana\n'
    assert [row.cells for row in rows[1:3]] == [["b@example.org", "Bea"], ["c@example.org", "Carl"]]


def test_a_nul_character_or_an_endless_cell_is_a_fault_of_its_row() -> None:
    long = "x" * (reader.MAX_CELL + 1)

    rows = read(
        f"email,name\na@example.org,A\0na\nb@example.org,{long}\nc@example.org,{'x' * reader.MAX_CELL}\n"
    )[1]

    assert faults(rows) == {2: "the row holds a NUL character", 3: "a cell is longer than 10,000 characters"}


@pytest.mark.parametrize("quote", ["", '"'])
def test_an_endless_line_is_passed_by(quote: str) -> None:
    endless = "x" * (reader.MAX_LINE * 3)

    rows = read(f"email,name\na@example.org,{quote}{endless}{quote}\nb@example.org,Bea\n")[1]

    assert faults(rows) == {2: "the line is longer than 1,000,000 characters"}
    assert len(rows[0].raw) <= reader.MAX_LINE
    assert rows[1].cells == ["b@example.org", "Bea"]


def test_a_file_full_of_open_quotes_is_given_up() -> None:
    with pytest.raises(NurtureError, match="quote that is never closed"):
        read("email,name\n" + 'a","x\n' * 400_000)


def test_more_rows_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_ROWS", 3)

    assert len(cells("email\n" + "a@example.org\n" * 3)) == 3
    with pytest.raises(NurtureError, match="more than 3 rows"):
        read("email\n" + "a@example.org\n" * 4)


def test_more_columns_than_the_limit_are_refused() -> None:
    with pytest.raises(NurtureError, match="501 columns"):
        read(",".join(f"c{n}" for n in range(501)) + "\n")


def test_a_file_beyond_the_limit_is_refused_before_any_of_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MAX_FILE", 1_000_000)

    with pytest.raises(NurtureError, match="larger than 1 MB"):
        read("email\n" + "a@example.org\n" * 100_000)


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b" , ,\n"])
def test_an_empty_file_is_said_to_be_empty(data: bytes) -> None:
    with pytest.raises(NurtureError, match="empty"):
        read(data)


def test_a_heading_without_rows_is_a_list_of_nobody() -> None:
    assert cells("email,name\r\n") == []


def test_a_list_without_a_heading_is_told_what_it_lacks() -> None:
    with pytest.raises(NurtureError, match="name the columns"):
        read("ana@example.org,Ana\nbea@example.org,Bea\n")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04\x14\0\x06\0[Content_Types].xml", "Excel workbook .* save it as CSV"),
        (b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "OpenDocument"),
        (b"PK\x03\x04photo.jpg", "zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel workbook"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "no text file .*save the list as CSV"),
        (b"\xff\xfe" + b"\0\xd8" * 40, "cannot be read.*name its encoding"),
        (b"<!DOCTYPE html><table>", "web page"),
    ],
)
def test_a_file_of_another_kind_is_named_for_what_it_is(data: bytes, said: str) -> None:
    with pytest.raises(NurtureError, match=said):
        read(data + bytes(100))


def test_a_stream_that_cannot_go_back_is_read_all_the_same() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise io.UnsupportedOperation

    with open_table(Pipe(PEOPLE.encode("cp1252"))) as table:
        assert [row.cells[2] for row in table.rows()] == ["Zürich", "Besançon", "Århus", "Málaga"]
        assert len(list(table.rows())) == 4
