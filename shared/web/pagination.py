"""Cursor pagination: opaque cursors that are good for their own tenant and list alone."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import BaseModel, Field

from shared.errors import Malformed, NotFound

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
# The time and the id of a row, by which most lists are sorted.
Place = tuple[datetime, UUID]

T = TypeVar("T")


class Page(BaseModel):
    """What every list answers beside its `items`: where the next page begins, null on the last."""

    next: str | None = Field(None, description="Send as `cursor` to get the next page; null on the last page.")


def cursor(tenant_id: UUID, what: str, *after: Any) -> str:
    """Return the cursor of the page that comes after the row with the sort values `after`."""
    values = orjson.dumps([tenant_id, what, *after], default=str)  # asyncpg's UUIDs are not quite Python's
    return base64.urlsafe_b64encode(values).decode().rstrip("=")


def following(
    rows: Sequence[T], limit: int, tenant_id: UUID, what: str, place_of: Callable[[T], tuple[Any, ...]]
) -> str | None:
    """Return the cursor of the page behind `rows`, which are sorted by what `place_of` gives; None on the last page."""
    return cursor(tenant_id, what, *place_of(rows[-1])) if len(rows) >= limit else None


def place(text: str | None, tenant_id: UUID, what: str) -> Place | None:
    """Return the time and id in a cursor, the time in UTC; None where none was sent.

    Raises Malformed (not a cursor of this list) and NotFound (another tenant's).
    """
    return _read(text, tenant_id, what, lambda time, row_id: (_in_utc(time), _id(row_id)))


def place_by_id(text: str | None, tenant_id: UUID, what: str) -> UUID | None:
    """Return the id in a cursor of a list sorted by ids alone; raises as `place` does."""
    return _read(text, tenant_id, what, _id)


def _read(text: str | None, tenant_id: UUID, what: str, read: Callable[..., T]) -> T | None:
    if text is None:
        return None
    try:
        owner, kind, *after = list(orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))
        if kind != what:
            raise ValueError("another list's")
        if owner != str(tenant_id):
            raise NotFound("cursor_not_found", "There is no such page.")
        return read(*after)
    # OverflowError: in UTC the time would lie outside the calendar.
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
        raise Malformed("cursor_malformed", "This is no cursor of this list.") from error


def _in_utc(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without its offset")
    return time.astimezone(UTC)


def _id(text: str) -> UUID:
    return UUID(text)  # alone: UUID itself takes further arguments, which a forged cursor would fill
