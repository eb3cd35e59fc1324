"""A file of learners is read as spreadsheets write it; each row keeps its key, whatever becomes of the others."""

import csv
import io

import pytest

from cli import rows
from cli.keys import Unusable
from cli.rows import Problem, Row


def read(text: str, encoding: str = "utf-8") -> list[Row]:
    return list(rows.read(text.encode(encoding)).rows)


def codes(text: str) -> list[tuple[int, str | None, str]]:
    return [(row.number, row.problem.column, row.problem.code) for row in read(text) if row.problem]


def key(row: Row, achievement: str = "a") -> str:
    return str(row.order(achievement)["idempotency_key"])


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("name,email\nÄda,ada@example.org\n", "utf-8"),
        ("Name;E-Mail\r\nÄda;ada@example.org\r\n", "utf-8-sig"),
        (' EMAIL ,"Name"\nada@example.org,"Äda"', "utf-8"),
    ],
)
def test_delimiter_case_and_byte_order_mark_are_recognised(text: str, encoding: str) -> None:
    assert [row.body for row in read(text, encoding)] == [{"name": "Äda", "email": "ada@example.org"}]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("email\nä@example.org".encode("latin-1"), "not UTF-8 (line 2)"),
        ("email\na@example.org".encode("utf-16"), "UTF-16"),
        (b"", "no column 'email'"),
        (b"email\n\n \n", "no rows"),
        (b"email,grade\na@example.org,1", "'grade' is none of them"),
        (b"email,E-Mail\na@example.org,b@example.org", "Two columns"),
        (b"name\nAda", "no column 'email'"),
        (b'email,name\na@example.org,"Ada\nb@example.org', "beyond row 1"),
    ],
)
def test_what_is_no_such_file_is_refused_with_a_sentence(raw: bytes, told: str) -> None:
    with pytest.raises(Unusable) as refused:
        rows.read(raw)
    assert told in str(refused.value)


def test_rows_are_counted_as_a_spreadsheet_counts_them() -> None:
    text = 'email,name\na@example.org,"two\nlines"\n\n,\nb@example.org,B\n'
    assert [row.number for row in read(text)] == [2, 5]


def test_each_wrong_row_says_where_and_stops_no_other() -> None:
    text = (
        "name,email,id,valid_from,valid_until,nth\n"
        "A,nobody,,,,\n"
        "B,,,,,\n"
        f"{'C' * 201},c@example.org,,,,\n"
        "D,d@example.org,,31.1.2027,,\n"
        "E,e@example.org,,,2027-01-31T10:00:00,\n"
        "F,f@example.org,,,,0\n"
        "G,g@example.org,,,,,too many\n"
        "H\0,h@example.org,,,,\n"
        "I,i@example.org,,,,\n"
    )
    assert codes(text) == [
        (2, "email", "email_malformed"),
        (3, "email", "recipient_missing"),
        (4, "name", "too_long"),
        (5, "valid_from", "date_malformed"),
        (6, "valid_until", "time_zone_missing"),
        (7, "nth", "nth_malformed"),
        (8, None, "too_many_cells"),
        (9, "name", "nul_character"),
    ]
    assert read(text)[-1].body == {"name": "I", "email": "i@example.org"}


def test_a_day_alone_begins_and_ends_validity_with_it() -> None:
    [row] = read("email,valid_from,valid_until\na@example.org,2027-01-31,2028-01-31\n")
    assert row.body is not None
    assert (row.body["valid_from"], row.body["valid_until"]) == (
        "2027-01-31T00:00:00+00:00",
        "2028-01-31T23:59:59+00:00",
    )


def test_a_rows_key_depends_on_achievement_and_learner_alone() -> None:
    one, other = read("email,name\nada@example.org,Ada\nbob@example.org,Bob\n")
    again, changed = read("name;email\nSomebody;bob@example.org\nCountess;ADA@example.org\n")[::-1]
    assert key(one) == key(again)
    assert key(other) == key(changed)
    assert key(one) != key(other)
    assert key(one) != key(one, "another achievement")
    assert "ada" not in key(one)
    [named] = read("id\ndid:example:ada\n")
    assert key(named) not in (key(one), key(other))


def test_a_learner_who_stands_in_the_file_twice_has_two_keys_that_stay() -> None:
    whole = read("email,valid_until\nada@example.org,2001\nada@example.org,2030-01-31\nADA@example.org,\n")
    assert [row.nth for row in whole] == [1, 2, 3], "a wrong row counts, because it will be mended"
    [second] = read("email,valid_until,nth\nada@example.org,2030-01-31,2\n")
    assert key(second) == key(whole[1])


def test_failures_can_be_mended_and_read_again_with_the_keys_they_had() -> None:
    text = "email;name\nada@example.org;Ada\nada@example.org;=cmd|' /C calc'!A0\n-x;+1\nbob@example.org;'=quoted\n"
    sheet = rows.read(text.encode())
    failed = {row.number: Problem(None, "why", "@why") for row in sheet.rows[1:]}
    written = rows.write_failures(sheet, failed)
    cells = [cell for row in csv.reader(io.StringIO(written.removeprefix("\ufeff")), delimiter=";") for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    again = rows.read(written.encode())
    assert [row.cells["name"] for row in again.rows] == ["=cmd|' /C calc'!A0", "+1", "=quoted"]
    assert [key(row) for row in again.rows] == [key(row) for row in sheet.rows[1:]]
