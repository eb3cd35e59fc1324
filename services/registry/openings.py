"""An institution's own leaves, opened: for its report, which an outsider can recompute."""

from base64 import b64encode
from typing import Annotated, Any
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from services.registry.api import visible_to
from services.registry.domain.leaves import opening_of
from services.registry.store import openings as store
from shared.errors import Invalid, NotFound
from shared.web.auth import Principal, require
from shared.web.databases import AppDatabase, WorkerDatabase
from shared.web.fields import Instant
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1", tags=["transparency log"], route_class=StrictRoute)

Reader = Annotated[Principal, Depends(require("institution", "operator", scope="read"))]


class OpenedLeaf(BaseModel):
    """An event, where it stands in the log, and what opens its leaf's commitment."""

    event_id: UUID
    origin: str | None = Field(description="The log's name; null while the event waits for its place.")
    log: int | None = Field(description="The log's number here: its files stand at /log/<number>.")
    log_index: int | None
    entry: str = Field(description="The leaf's entry in base64: SHA-256 of the salt and the facts (docs/record.md).")
    salt: str | None = Field(description="Base64url; null where it was erased: then nobody can open the leaf any more.")
    facts: dict[str, Any]


class OpenedPage(Page):
    """Events in the order of time."""

    items: list[OpenedLeaf]


@router.get("/log/openings")
async def openings(
    reader: Reader,
    app: AppDatabase,
    worker: WorkerDatabase,
    *,
    institution: Annotated[
        str | None, Query(max_length=100, description="An id or slug, which the operator must name.")
    ] = None,
    begin: Annotated[Instant | None, Query(alias="from")] = None,
    end: Annotated[Instant | None, Query(alias="to", description="Exclusive.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> OpenedPage:
    """What happened in an institution, with what opens each event's leaf; an institution reads its own alone."""
    async with visible_to(reader, app, worker) as tx:
        if institution is not None:
            whose = await store.institution_id(tx, institution)
        elif reader.kind == "institution":
            whose = reader.tenant_id
        else:
            raise Invalid("institution_missing", "Say of which institution: ?institution=<id or slug>.")
        if whose is None or (reader.kind == "institution" and whose != reader.tenant_id):
            raise NotFound("institution_not_found", "There is no such institution here.")
        after = place(cursor, whose, "openings")
        rows = await store.page(tx, whose, begin=begin, end=end, after=after, limit=limit)
    more = following(rows, limit, whose, "openings", lambda row: (row["time"], row["event_id"]))
    return OpenedPage(items=[_opened(row) for row in rows], next=more)


def _opened(row: Record) -> OpenedLeaf:
    return OpenedLeaf(
        event_id=row["event_id"],
        origin=row["origin"],
        log=row["tree"],
        log_index=row["log_index"],
        entry=b64encode(row["entry"]).decode(),
        salt=row["salt"],
        facts=row["facts"] or dict(opening_of(dict(row)).facts),
    )
