"""A row of a file asks for a badge, under a key that is its own, or says where it is wrong."""

from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest

from services.issuer.api.job_rows import read_row
from services.issuer.domain.formats import DEFAULT
from services.issuer.domain.jobs import RowOrder, order_text, read_order
from shared.errors import Invalid

ACHIEVEMENT = UUID(int=1)
COLUMNS = ["name", "email", "valid_from", "valid_until", "row_id", "nth"]


def row(*cells: str, columns: list[str] = COLUMNS, achievement: UUID = ACHIEVEMENT) -> RowOrder:
    return read_row(orjson.dumps(cells).decode(), columns, achievement, DEFAULT)


def test_a_row_is_read_as_it_is_meant() -> None:
    found = row(" Ada ", "'=ada@Example.org", "2027-01-31", "2027-12-31").order
    assert (found.name, found.email) == ("Ada", "=ada@example.org")
    assert (found.valid_from, found.valid_until) == (
        datetime(2027, 1, 31, tzinfo=UTC),
        datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC),
    )
    assert order_text(read_order(order_text(found))) == order_text(found)


def test_a_name_in_two_parts_is_one() -> None:
    assert (
        row("Ada", "Lovelace", "a@b.org", columns=["given_name", "family_name", "email"]).order.name == "Ada Lovelace"
    )


def test_a_learner_has_one_key_whatever_else_the_row_says() -> None:
    one = row("Ada", "ada@example.org")
    assert row("Ada", "Ada@example.org").key == one.key
    assert row("Ada", "Ada@example.org").digest == one.digest
    other = row("A. Lovelace", "ada@example.org")
    assert other.key == one.key
    assert other.digest != one.digest
    keys = {
        one.key,
        row("Ada", "ada@example.org", "", "", "", "2").key,
        row("Ada", "ada@example.org", "", "", "17").key,
        row("Ada", "ada@example.org", achievement=UUID(int=2)).key,
        row("Ada", "bob@example.org").key,
    }
    assert len(keys) == 5
    assert row("Bob", "bob@example.org", "", "", "17").key == row("Ada", "ada@example.org", "", "", "17").key


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        (["Ada", ""], "email", "recipient_missing"),
        (["Ada", "ada"], "email", "email_malformed"),
        (["A" * 201, "ada@example.org"], "name", "too_long"),
        (["Ada", "ada@example.org", "31.1.2027"], "valid_from", "date_malformed"),
        (["Ada", "ada@example.org", "", "2027-01-31T12:00:00"], "valid_until", "time_zone_missing"),
        (["Ada", "ada@example.org", "", "", "", "first"], "nth", "nth_malformed"),
        (["Ada", "ada@example.org", "", "", "", "0"], "nth", "nth_malformed"),
        (["A\0", "ada@example.org"], "name", "nul_character"),
        (["Ada", "ada@example.org", "", "", "", "", "more"], None, "too_many_cells"),
    ],
)
def test_a_row_that_is_wrong_says_where(cells: list[str], column: str | None, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        row(*cells)
    assert (caught.value.members.get("column"), caught.value.code) == (column, code)


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ('{"email": "a@example.org", "status": "revoked"}', "status", "invalid_row"),
        ('{"email": "a@example.org", "email": "b@example.org"}', "json", "json_malformed"),
        ("[]", None, "invalid_row"),
        ('{"email": "a@example.org", "results": [{}]}', "results.0", "invalid_row"),
    ],
)
def test_a_line_of_json_is_read_as_strictly_as_a_body(line: str, column: str | None, code: str) -> None:
    for sent, columns in ((line, None), ([line], ["json"])):
        with pytest.raises(Invalid) as caught:
            read_row(orjson.dumps(sent).decode(), columns, ACHIEVEMENT, DEFAULT)
        assert (caught.value.members.get("column"), caught.value.code) == (column, code)
