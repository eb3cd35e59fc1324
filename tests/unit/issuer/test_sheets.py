"""Files of learners are read piece by piece, wherever the pieces end."""

import csv
import io

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.issuer.domain.sheets import MAX_NUMBER, MAX_ROW, CsvSheet, JsonLines, Sheet
from shared.errors import Invalid, LaurelError, Malformed, TooLarge
from tests.support.examples import examples

CELLS = st.text(st.sampled_from('ab;,"\n\r é\U0001f600\u2028'), max_size=6)


def read(sheet: Sheet, raw: bytes, size: int = 7) -> list[tuple[int, list[str]]]:
    """Read a file in pieces of so many bytes."""
    rows = [row for at in range(0, len(raw), size) for row in sheet.feed(raw[at : at + size])]
    rows += sheet.feed(b"", last=True)
    return [(number, orjson.loads(sent)) for number, sent in rows]


@examples(100)
@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=1, max_size=8),
    st.sampled_from([",", ";"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.integers(1, 9),
)
def test_rows_are_the_same_wherever_pieces_end(
    records: list[list[str]], delimiter: str, ending: str, mark: bool, size: int
) -> None:
    text = io.StringIO()
    out = csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    out.writerows([["name", "email"], *records, ["last", "row"]])
    sheet = CsvSheet()
    raw = ("\ufeff" * mark + text.getvalue()).encode()
    found = read(sheet, raw, size)
    expected = [*enumerate([*records, ["last", "row"]], 2)]
    assert found == [(number, record) for number, record in expected if any(map(str.strip, record))]
    assert (sheet.header, sheet.rows, sheet.delimiter) == (["name", "email"], len(found), delimiter)


def test_blank_rows_count_and_are_no_rows() -> None:
    assert read(CsvSheet(), b"email\n\n,\na@example.org\n") == [(4, ["a@example.org"])]
    assert read(JsonLines(), b'{"a": 1}\n\n {"b": 2}') == [(1, '{"a": 1}'), (3, '{"b": 2}')]


@pytest.mark.parametrize("sheet", [CsvSheet(), JsonLines()])
def test_blank_rows_without_end_are_refused(sheet: Sheet) -> None:
    sheet.feed(b"email\n")
    for _ in range(MAX_NUMBER // 10_000):
        sheet.feed(b"\n" * 10_000)
    with pytest.raises(TooLarge) as caught:
        sheet.feed(b"\n" * 10_000)
    assert caught.value.code == "too_many_rows"


@pytest.mark.parametrize(
    ("raw", "error", "code"),
    [
        (b"", Invalid, "file_has_no_rows"),
        (b"email\n", Invalid, "file_has_no_rows"),
        ("email\na@example.org\n".encode("utf-16"), Malformed, "file_is_utf_16"),
        (b"\n\na@example.org", Malformed, "header_missing"),
        (b'email\n"a@example.org\n', Malformed, "csv_malformed"),
        (b'email\n"a"b\n', Malformed, "csv_malformed"),
        (b"email" + b"," * 300 + b"\n", TooLarge, "too_many_columns"),
        (b"email\n" + b"a" * (MAX_ROW + 10), TooLarge, "row_too_long"),
        (b'email\n"' + b"a\n" * MAX_ROW, Malformed, "csv_malformed"),
    ],
)
def test_what_is_no_such_file_is_refused(raw: bytes, error: type[LaurelError], code: str) -> None:
    with pytest.raises(error) as caught:
        read(CsvSheet(), raw, 50_000)
    assert caught.value.code == code


def test_a_byte_that_is_not_utf_8_is_told_by_its_line() -> None:
    with pytest.raises(Malformed, match=r"line 3") as caught:
        read(CsvSheet(), b"email\na@example.org\n\xe4@example.org\n", 5)
    assert (caught.value.code, caught.value.members["row"]) == ("file_not_utf_8", 3)


def test_a_row_that_comes_in_many_pieces_is_held_and_no_more() -> None:
    sheet = CsvSheet()
    sheet.feed(b"name,email\n")
    assert sheet.feed(b'"Ada\n') == []
    assert sheet.feed(b"of\n") == []
    assert [orjson.loads(sent) for _, sent in sheet.feed(b'London",a@example.org\n')] == [
        ["Ada\nof\nLondon", "a@example.org"]
    ]
