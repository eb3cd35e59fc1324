"""Routes of addresses that are not written to: known by their digests alone."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from services.notifier import handlers
from services.notifier.store import suppressions
from shared.web.auth import Principal, require
from shared.web.databases import AppDatabase
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place_by_id
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"], route_class=StrictRoute)

Manager = Annotated[Principal, Depends(require("institution", "employer", scope="manage"))]
Reader = Annotated[Principal, Depends(require("institution", "employer", scope="read"))]
Digest = Annotated[
    str | None,
    Query(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of an address, trimmed and in lower case, in hexadecimal: an address in a link would be "
        "written down on its way.",
    ),
]


class Suppression(BaseModel):
    """An address that you do not write to."""

    id: UUID
    address_sha256: str = Field(description="SHA-256 of the address, trimmed and in lower case, in hexadecimal.")
    reason: Literal["bounced", "unsubscribed"] = Field(
        description="bounced: its server said that nobody reads there; unsubscribed: its reader wants no more than the "
        "mails that bring a badge."
    )
    status: int | None = Field(description="The SMTP reply code.")
    created_at: datetime


class Suppressions(Page):
    """Suppressions in the order of their ids."""

    items: list[Suppression]


@router.get("")
async def list_suppressions(
    database: AppDatabase,
    principal: Reader,
    address_sha256: Digest = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Suppressions:
    """Addresses that you do not write to."""
    after = place_by_id(cursor, principal.tenant_id, "suppressions")
    address = bytes.fromhex(address_sha256) if address_sha256 else None
    async with database.transaction(principal.tenant_id) as tx:
        rows = await suppressions.page(tx, address, after, limit)
    more = following(rows, limit, principal.tenant_id, "suppressions", _place)
    return Suppressions(items=[Suppression(**row) for row in rows], next=more)


@router.delete("/{suppression_id}", status_code=204)
async def remove_suppression(database: AppDatabase, principal: Manager, suppression_id: UUID) -> Response:
    """Have an address written to again that bounced. What a reader has said, only that reader takes back."""
    async with database.transaction(principal.tenant_id) as tx:
        await handlers.allow(tx, suppression_id)
    return Response(status_code=204)


def _place(row: Any) -> tuple[Any]:
    return (row["id"],)
