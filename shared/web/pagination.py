"""Cursor pagination: opaque cursors that are good for their own tenant and list alone."""

import base64
import binascii
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel, Field

from shared.errors import Malformed, NotFound

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class Page(BaseModel):
    """What every list answers beside its `items`: where the next page begins, null on the last."""

    next: str | None = Field(None, description="Send as `cursor` to get the next page; null on the last page.")


def cursor(tenant_id: UUID, what: str, *after: Any) -> str:
    """Return the cursor of the page that comes after the row with the sort values `after`."""
    return base64.urlsafe_b64encode(orjson.dumps([str(tenant_id), what, *after])).decode().rstrip("=")


def after(text: str | None, tenant_id: UUID, what: str) -> list[Any] | None:
    """Return the sort values in a cursor; None where none was sent.

    Raises Malformed (not a cursor of this list) and NotFound (another tenant's).
    """
    if text is None:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        owner, kind, *rest = list(values)
    except (ValueError, TypeError, binascii.Error) as error:
        raise Malformed("cursor_malformed", "This is no cursor of this list.") from error
    if kind != what:
        raise Malformed("cursor_malformed", "This is no cursor of this list.")
    if owner != str(tenant_id):
        raise NotFound("cursor_not_found", "There is no such page.")
    return rest
