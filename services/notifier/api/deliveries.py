"""Routes of deliveries: who was told what, and telling it again."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from services.notifier import handlers
from services.notifier.domain import MY_LINKS, EventType
from services.notifier.payloads import TYPES
from services.notifier.store.deliveries import Filter, Range
from shared.db import Database, Tx
from shared.web.auth import Principal, require
from shared.web.databases import AppDatabase, WorkerDatabase
from shared.web.fields import Body, Instant
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place
from shared.web.pagination import cursor as new_cursor
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"], route_class=StrictRoute)

# Short transactions: senders go on meanwhile.
REPLAY_CHUNK, REPLAY_CHUNKS = 1_000, 10

State = Literal["waiting", "delivered", "failed", "stale"]
Reader = Annotated[Principal, Depends(require("institution", "employer", "operator", scope="read"))]
Replayer = Annotated[Principal, Depends(require("institution", "employer", "operator", scope="manage"))]


class Attempt(BaseModel):
    """One attempt; `outcome` is null while it is under way, and `lost` where the sender crashed before it knew."""

    number: int
    started_at: datetime
    duration_ms: int | None
    outcome: Literal["accepted", "refused", "retry", "lost"] | None
    status: int | None = Field(description="The receiver's HTTP status or SMTP code.")
    error: str | None = Field(examples=["timeout"])
    body_sha256: str | None = Field(
        None, description="SHA-256 of the body that was sent, in hexadecimal; null where nothing was."
    )


class Delivery(BaseModel):
    """One message to one target."""

    id: UUID
    event_id: UUID
    type: str = Field(examples=["credential.issued"])
    credential_id: UUID | None
    channel: Literal["mail", "webhook"]
    endpoint_id: UUID | None = Field(
        description="The endpoint that is told, or that its owner is told of; null for a mail to a learner."
    )
    via_endpoint_id: UUID | None = Field(
        description="The mail endpoint that is told of `endpoint_id`, which has no contact to be told."
    )
    state: State = Field(
        description="stale: older than 48 hours before it could be sent; an operator's replay sends it."
    )
    next_attempt_at: datetime | None
    possibly_doubled: int = Field(description="Attempts made after one whose end nobody knows.")
    attempts: list[Attempt]
    created_at: datetime
    finished_at: datetime | None


class Deliveries(Page):
    """Deliveries, newest first."""

    items: list[Delivery]


@router.get("")
async def list_deliveries(
    app: AppDatabase,
    worker: WorkerDatabase,
    principal: Reader,
    state: State | None = None,
    event_id: UUID | None = None,
    credential_id: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Deliveries:
    """Who was told what, newest first, with every attempt."""
    after = place(cursor, principal.tenant_id, "deliveries")
    async with _visible_to(principal, app, worker) as tx:
        rows = await handlers.deliveries(tx, Filter(state, event_id, credential_id), after, limit)
    more = following(rows, limit, principal.tenant_id, "deliveries", lambda row: (row["created_at"], row["id"]))
    return Deliveries(items=[shown(row) for row in rows], next=more)


class ReplayRequest(Body):
    """Which deliveries are to be sent again: those made in a time, of an endpoint, of some types, in a state."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z"}]}
    )

    begin: Instant = Field(alias="from", description="The first moment.")
    end: Instant = Field(alias="to", description="The first moment that does not belong to it.")
    endpoint_id: UUID | None = None
    types: list[EventType] | None = Field(None, min_length=1, max_length=len(TYPES))
    state: Literal["delivered", "failed", "stale"] | None = Field(
        None, description="Absent: delivered and failed. stale: for operators."
    )


class Replayed(BaseModel):
    """How many are sent again; where there are more, `next` is the cursor with which the same call goes on."""

    replayed: int
    next: str | None


@router.post("/replay")
async def replay_range(
    app: AppDatabase, worker: WorkerDatabase, principal: Replayer, body: ReplayRequest, cursor: Cursor = None
) -> Replayed:
    """Have a range sent again, each under the id it has, oldest first: up to ten thousand in one call.

    What waits, or is being sent, is left as it is; so is a mail that a learner has got.
    """
    wanted = Range(body.begin, body.end, body.endpoint_id, body.types, body.state)
    after, replayed = place(cursor, principal.tenant_id, "replay"), 0
    for _ in range(REPLAY_CHUNKS):
        async with _visible_to(principal, app, worker) as tx:
            rows = await handlers.replay_range(tx, principal, wanted, after, REPLAY_CHUNK)
        replayed += len(rows)
        if len(rows) < REPLAY_CHUNK:
            return Replayed(replayed=replayed, next=None)
        after = (rows[-1]["created_at"], rows[-1]["id"])
    return Replayed(replayed=replayed, next=new_cursor(principal.tenant_id, "replay", *after or ()))


@router.get("/{delivery_id}")
async def getshown(app: AppDatabase, worker: WorkerDatabase, principal: Reader, delivery_id: UUID) -> Delivery:
    """One delivery with every attempt."""
    async with _visible_to(principal, app, worker) as tx:
        return shown(await handlers.delivery(tx, delivery_id))


@router.post("/{delivery_id}/replay")
async def replay(app: AppDatabase, worker: WorkerDatabase, principal: Replayer, delivery_id: UUID) -> Delivery:
    """Send it (again) now, under the id it has: a receiver that saw it before can tell."""
    async with _visible_to(principal, app, worker) as tx:
        return shown(await handlers.replay(tx, principal, delivery_id))


def _visible_to(principal: Principal, app: Database, worker: Database) -> AbstractAsyncContextManager[Tx]:
    """Open a transaction that sees the principal's rows: a tenant's own, the operator's all."""
    return worker.transaction() if principal.kind == "operator" else app.transaction(principal.tenant_id)


def shown(row: Any) -> Delivery:
    """Return a delivery as its tenant sees it."""
    waiting = row["state"] == "waiting"
    return Delivery(
        **{
            **row,
            "endpoint_id": row["target"] if _tells_an_endpoint(row) else None,
            "via_endpoint_id": row["via"],
            "next_attempt_at": row["due_at"] if waiting else None,
            "attempts": [_attempt(each) for each in row["attempts"]],
        }
    )


def _tells_an_endpoint(row: Any) -> bool:
    return bool(row["type"] != MY_LINKS and row["target"] != row["credential_id"])


def _attempt(entry: dict[str, Any]) -> Attempt:
    started, ended = (
        datetime.fromisoformat(text) if (text := entry[name]) else None for name in ("started_at", "ended_at")
    )
    duration = round((ended - started).total_seconds() * 1000) if started and ended else None
    return Attempt(**{**entry, "duration_ms": duration})
