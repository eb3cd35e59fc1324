"""From a row of a file to the badge that it asks for, checked as the row of a batch is."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import Field, ValidationError

from services.issuer.api.order_body import BatchRow, Recipient, RowKey, refusal
from services.issuer.domain.formats import Formats
from services.issuer.domain.jobs import RowOrder, row_order
from shared.credentials.errors import CredentialError
from shared.credentials.strict_json import read_json
from shared.errors import Invalid
from shared.spreadsheets import unguarded

# Validity begins or ends with a day.
_OF_DAY = {"valid_from": time.min, "valid_until": time(23, 59, 59), "renewable_until": time(23, 59, 59)}
_CODES = {
    ("email", "value_error"): "email_malformed",
    ("", "value_error"): "recipient_missing",
    ("nth", "int_parsing"): "nth_malformed",
    ("nth", "greater_than_equal"): "nth_malformed",
    ("nth", "less_than_equal"): "nth_malformed",
}


class JobRow(BatchRow):
    """A row of a file: one of a batch, with the institution's own id for it, or the how-manieth of its learner."""

    row_id: RowKey | None = None
    nth: Annotated[int, Field(ge=1, le=9999)] = 1


def read_row(sent: str, columns: Sequence[str] | None, achievement_id: UUID, formats: Formats) -> RowOrder:
    """Return what a row asks for; `sent` is JSON: the cells, or one text with a line of JSON.

    Raises Invalid with the member `column` where one can be named.
    """
    values = orjson.loads(sent)
    members = _of_line(values) if isinstance(values, str) else _of_cells(values, columns or ())
    try:
        row = JobRow.model_validate(members)
    except ValidationError as error:
        raise _refusal(error) from error
    order = row.order(Recipient.model_construct(name=row.name, email=row.email, id=row.id))
    return row_order(achievement_id, order, formats, row.row_id or row.idempotency_key, row.nth)


def _of_line(line: str) -> Any:
    try:
        return read_json(line.encode())
    except CredentialError as error:
        raise Invalid("json_malformed", error.detail, column="json") from error


def _of_cells(cells: Sequence[str], columns: Sequence[str]) -> Any:
    if len(cells) > len(columns) and any(map(str.strip, cells[len(columns) :])):
        raise Invalid("too_many_cells", "The row has more cells than the header; is a comma not quoted?")
    texts = {column: unguarded(cell).strip() for column, cell in zip(columns, cells, strict=False) if column}
    values: dict[str, Any] = {column: text for column, text in texts.items() if text}
    for column, text in values.items():
        if "\0" in text:
            raise Invalid("nul_character", "There is a NUL character in it.", column=column)
    if "json" in values:
        return _of_line(values["json"])
    for column in _OF_DAY.keys() & values.keys():
        values[column] = _instant(column, values[column])
    return _with_whole_name(values)


def _with_whole_name(values: dict[str, Any]) -> dict[str, Any]:
    parts = [values.pop(part) for part in ("given_name", "family_name") if part in values]
    return {"name": " ".join(parts), **values} if parts else values


def _instant(column: str, text: str) -> datetime:
    """Read a moment, or a day: validity begins with it or ends with it, in UTC."""
    try:
        return datetime.combine(date.fromisoformat(text), _OF_DAY[column], UTC)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid("date_malformed", "Write 2027-01-31, or 2027-01-31T12:00:00Z.", column=column) from error
    if moment.tzinfo is None:
        detail = "A time needs its zone: 2027-01-31T12:00:00Z, or +01:00 for Z."
        raise Invalid("time_zone_missing", detail, column=column)
    return moment


def _refusal(error: ValidationError) -> Invalid:
    first: Mapping[str, Any] = error.errors(include_input=False, include_url=False)[0]
    column = ".".join(map(str, first["loc"]))
    code = "too_long" if first["type"] == "string_too_long" else _CODES.get((column, first["type"]), "invalid_row")
    told = refusal(error).detail.removeprefix(f"{column}: ")  # said beside it
    return Invalid(code, told, column=column or ("email" if code == "recipient_missing" else None))
