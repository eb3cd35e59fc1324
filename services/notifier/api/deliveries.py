"""Routes of deliveries: who was told what, and telling it again."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.notifier import handlers
from services.notifier.store.deliveries import Filter
from shared.db import Database, Tx
from shared.web.auth import Principal, require
from shared.web.databases import AppDatabase, WorkerDatabase
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"], route_class=StrictRoute)

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


class Delivery(BaseModel):
    """One message to one target."""

    id: UUID
    event_id: UUID
    type: str = Field(examples=["credential.issued"])
    credential_id: UUID | None
    channel: Literal["mail", "webhook"]
    endpoint_id: UUID | None = Field(description="The webhook's endpoint; null for mail.")
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
    return Deliveries(items=[_delivery(row) for row in rows], next=more)


@router.get("/{delivery_id}")
async def get_delivery(app: AppDatabase, worker: WorkerDatabase, principal: Reader, delivery_id: UUID) -> Delivery:
    """One delivery with every attempt."""
    async with _visible_to(principal, app, worker) as tx:
        return _delivery(await handlers.delivery(tx, delivery_id))


@router.post("/{delivery_id}/replay")
async def replay(app: AppDatabase, worker: WorkerDatabase, principal: Replayer, delivery_id: UUID) -> Delivery:
    """Send it (again) now, under the id it has: a receiver that saw it before can tell."""
    async with _visible_to(principal, app, worker) as tx:
        return _delivery(await handlers.replay(tx, principal, delivery_id))


def _visible_to(principal: Principal, app: Database, worker: Database) -> AbstractAsyncContextManager[Tx]:
    """Open a transaction that sees the principal's rows: a tenant's own, the operator's all."""
    return worker.transaction() if principal.kind == "operator" else app.transaction(principal.tenant_id)


def _delivery(row: Any) -> Delivery:
    waiting = row["state"] == "waiting"
    return Delivery(
        **{
            **row,
            "endpoint_id": row["target"] if row["channel"] == "webhook" else None,
            "next_attempt_at": row["due_at"] if waiting else None,
            "attempts": [_attempt(each) for each in row["attempts"]],
        }
    )


def _attempt(entry: dict[str, Any]) -> Attempt:
    started, ended = (
        datetime.fromisoformat(text) if (text := entry[name]) else None for name in ("started_at", "ended_at")
    )
    duration = round((ended - started).total_seconds() * 1000) if started and ended else None
    return Attempt(**{**entry, "duration_ms": duration})
