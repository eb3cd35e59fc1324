"""A file of learners as rows: read as spreadsheets write it, checked row by row, and its failures written to be mended.

A row has a key of its own, made from the achievement, the learner (address, or else id) and the how-manieth row of that
learner it is. So a file may be sent again, whole or in part, in any order: who has the badge is not issued another, and
a row that says something else than before under its key is refused by the issuer.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Any

from email_validator import EmailNotValidError, validate_email

from cli.keys import Unusable
from shared.spreadsheets import guarded, unguarded

COLUMNS = ("name", "email", "id", "valid_from", "valid_until", "nth")
# What a file of failures has besides.
TOLD = ("row", "column", "code", "error")
MAX_BYTES = 32 << 20
_LONGEST = {"name": 200, "email": 320, "id": 2000, "valid_from": 40, "valid_until": 40, "nth": 4}
_ALIASES = {"e_mail": "email", "email_address": "email"}


@dataclass(frozen=True)
class Problem:
    """Why a row has no badge: the column where that shows, a stable code, a sentence."""

    column: str | None
    code: str
    sentence: str


class _Wrong(Exception):
    def __init__(self, column: str | None, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = Problem(column, code, sentence)


@dataclass(frozen=True)
class Row:
    """One row: its number as a spreadsheet counts, its cells by column, and what it asks for or why that is nothing."""

    number: int
    cells: Mapping[str, str]
    nth: int = 1
    body: Mapping[str, Any] | None = None
    problem: Problem | None = None

    def order(self, achievement: str) -> dict[str, Any]:
        """Return the row as the issuer takes it, with its key."""
        body = dict(self.body or {})
        who = _learner(body)
        text = json.dumps([achievement, who, self.nth]).encode()
        return {**body, "idempotency_key": f"laurel-issue-{sha256(text).hexdigest()}"}


@dataclass(frozen=True)
class Sheet:
    """A file's rows, and what separates its cells."""

    delimiter: str
    rows: Sequence[Row]


def read(raw: bytes) -> Sheet:
    """Read a CSV file: UTF-8, `,` or `;`, a header row. Raises Unusable for what is no such file.

    A row that can't be used has a problem and stops no other.
    """
    text = _decoded(raw)
    delimiter = _delimiter(text.partition("\n")[0])
    records = _records(text, delimiter)
    columns = _columns(next(records, (1, []))[1])
    seen: Counter[str] = Counter()
    rows = [_row(number, record, columns, seen) for number, record in records if any(map(str.strip, record))]
    if not rows:
        raise Unusable("The file has no rows below its header.")
    return Sheet(delimiter, rows)


def write_failures(sheet: Sheet, failures: Mapping[int, Problem]) -> str:
    """Return a CSV text of the rows that failed and why, to be mended and sent again."""
    text = io.StringIO()
    text.write("\ufeff")  # without it Excel takes UTF-8 for something else
    out = csv.writer(text, delimiter=sheet.delimiter)
    out.writerow([*COLUMNS, *TOLD])
    for row in sheet.rows:
        if problem := failures.get(row.number):
            cells = {**row.cells, "nth": str(row.nth) if row.nth > 1 else row.cells.get("nth", "")}
            told = [str(row.number), problem.column or "", problem.code, problem.sentence]
            out.writerow([guarded(each) for each in [*(cells.get(name, "") for name in COLUMNS), *told]])
    return text.getvalue()


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unusable("The file is UTF-16; save it as 'CSV UTF-8'.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Unusable(f"The file is not UTF-8 (line {line}); save it as 'CSV UTF-8'.") from error


def _delimiter(header: str) -> str:
    return ";" if header.count(";") > header.count(",") else ","


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    number = 0
    try:
        for number, record in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
            yield number, record
    except csv.Error as error:
        raise Unusable(f"The file can't be read beyond row {number}: {error}.") from error


def _columns(header: Sequence[str]) -> list[str]:
    names = [name.strip().lower().replace(" ", "_").replace("-", "_") for name in header]
    names = [_ALIASES.get(name, name) for name in names]
    if unknown := [raw for raw, name in zip(header, names, strict=True) if name not in (*COLUMNS, *TOLD)]:
        raise Unusable(
            f"The first row names the columns, and '{unknown[0][:50]}' is none of them: {', '.join(COLUMNS)}. "
            "Take out what no badge can say."
        )
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise Unusable(f"Two columns are called '{twice[0]}'.")
    if not {"email", "id"} & set(names):
        raise Unusable("There is no column 'email' and no column 'id'; one of them must say whose badge it is.")
    return names


def _row(number: int, record: Sequence[str], columns: Sequence[str], seen: Counter[str]) -> Row:
    found = dict(zip(columns, map(unguarded, record), strict=False))
    cells = {name: found[name] for name in COLUMNS if name in found}
    values = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    nth = _counted(values, seen)
    try:
        nth = _nth(values, nth)
        if len(record) > len(columns):
            raise _Wrong(None, "too_many_cells", "The row has more cells than the header; is a comma not quoted?")
        return Row(number, cells, nth, {**_recipient(values), **_validity(values)})
    except _Wrong as wrong:
        return Row(number, cells, nth, problem=wrong.problem)


def _learner(body: Mapping[str, Any]) -> str:
    """Whose badge it is: an address in lower case, as it is hashed; an id as it is."""
    return str(body["email"]).lower() if body.get("email") else str(body.get("id"))


def _counted(values: Mapping[str, str], seen: Counter[str]) -> int:
    """Count this learner's rows, the wrong ones too: a row must keep its number when another is mended."""
    who = values.get("email") or values.get("id")
    if who is None or "nth" in values:
        return 1
    with suppress(_Wrong):
        who = _address(who)
    learner = _learner({"email" if "email" in values else "id": who})
    seen[learner] += 1
    return seen[learner]


def _nth(values: Mapping[str, str], counted: int) -> int:
    text = values.get("nth")
    if text is None:
        return counted
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST["nth"] or int(text) < 1:
        raise _Wrong("nth", "nth_malformed", "This is 1, 2 …: the how-manieth such badge of this learner it is.")
    return int(text)


def _recipient(values: Mapping[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if len(value) > _LONGEST[name]:
            raise _Wrong(name, "too_long", f"At most {_LONGEST[name]} characters are taken.")
        if "\0" in value:
            raise _Wrong(name, "nul_character", "There is a NUL character in it.")
    who = {name: values[name] for name in ("name", "email", "id") if name in values}
    if "email" not in who and "id" not in who:
        raise _Wrong("email", "recipient_missing", "A badge needs its recipient's email or id.")
    if "email" in who:
        who["email"] = _address(who["email"])
    return who


def _address(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise _Wrong("email", "email_malformed", "This is not an email address.") from error


def _validity(values: Mapping[str, str]) -> dict[str, str]:
    ends = {"valid_from": time.min, "valid_until": time(23, 59, 59)}
    return {name: _instant(name, values[name], of_day) for name, of_day in ends.items() if name in values}


def _instant(name: str, text: str, of_day: time) -> str:
    """Read a moment, or a day: validity begins with it or ends with it, in UTC."""
    try:
        moment = datetime.combine(date.fromisoformat(text), of_day, UTC)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise _Wrong(name, "date_malformed", "Write 2027-01-31, or 2027-01-31T12:00:00Z.") from error
    if moment.tzinfo is None:
        raise _Wrong(name, "time_zone_missing", "A time needs its zone: 2027-01-31T12:00:00Z, or +01:00 for Z.")
    return moment.isoformat()
