"""The notifier's routes: webhook endpoints, and the ledger of deliveries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, EmailStr, Field

from services.notifier import handlers
from services.notifier.domain import EventType
from services.notifier.handlers import NewEndpoint
from services.notifier.store import deliveries as ledger
from services.notifier.store import endpoints
from services.notifier.store.deliveries import Filter
from shared.db import Database, Tx
from shared.errors import Malformed
from shared.web import idempotency
from shared.web.auth import Principal, require
from shared.web.outbound import check_url
from shared.web.pagination import DEFAULT_LIMIT, MAX_LIMIT, Page, after, cursor
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1", route_class=StrictRoute)

Manager = Annotated[Principal, Depends(require("institution", "employer", scope="manage"))]
Reader = Annotated[Principal, Depends(require("institution", "employer", scope="read"))]
# The operator sees and replays every tenant's deliveries; endpoints are their tenants' business.
LedgerReader = Annotated[Principal, Depends(require("institution", "employer", "operator", scope="read"))]
Replayer = Annotated[Principal, Depends(require("institution", "employer", "operator", scope="manage"))]
IdempotencyKey = Annotated[tuple[str, bytes] | None, Depends(idempotency.attempted)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=1000)]


class EndpointRequest(BaseModel):
    """Where webhooks are to go."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        max_length=2000, examples=["https://example.org/laurel"], description="https, at a public address."
    )
    events: list[EventType] | None = Field(
        None, min_length=1, max_length=10, description="Types of events; absent: all of them."
    )
    contact: EmailStr | None = Field(
        None, examples=["it@example.org"], description="Told by mail when the endpoint is disabled."
    )


class Endpoint(BaseModel):
    """A webhook endpoint."""

    id: UUID
    url: str
    events: list[EventType] | None
    contact: str | None
    state: Literal["enabled", "disabled"]
    disabled_at: datetime | None
    disabled_reason: Literal["gone", "unreachable"] | None = Field(
        description="gone: it answered 410; unreachable: it took nothing over a whole schedule of retries."
    )
    created_at: datetime


class NewlyMade(Endpoint):
    """An endpoint with its secret, which is shown this once."""

    secret: str = Field(examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])


class Rotated(BaseModel):
    """An endpoint's new secret; until `previous_until` messages carry a signature of the one before as well."""

    id: UUID
    secret: str = Field(examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])
    previous_until: datetime


class Endpoints(Page):
    """Endpoints in the order of their ids."""

    items: list[Endpoint]


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
    state: Literal["waiting", "delivered", "failed", "stale"] = Field(
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


@router.post("/endpoints", status_code=201, tags=["endpoints"])
async def register(request: Request, principal: Manager, header: IdempotencyKey, body: EndpointRequest) -> NewlyMade:
    """Register an endpoint. Its secret is in this answer and in no other."""
    state, attempt = request.app.state, idempotency.attempt(principal.tenant_id, header)
    database: Database = state.database
    async with idempotency.remembering(database, attempt):
        check_url(body.url, state.settings.allow_loopback_webhooks)
        wanted = NewEndpoint(body.url, body.events, body.contact)
        async with database.transaction(principal.tenant_id) as tx:
            row, secret = await handlers.register(tx, principal, wanted, attempt, state.sealer)
    return NewlyMade(**_endpoint(row), secret=secret)


@router.get("/endpoints", tags=["endpoints"])
async def list_endpoints(
    request: Request, principal: Reader, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Endpoints:
    """Your endpoints."""
    place = _place(cursor, principal, "endpoints", UUID)
    async with _transaction(request, principal) as tx:
        rows = await endpoints.page(tx, place[0] if place else None, limit)
    items = [Endpoint(**_endpoint(row)) for row in rows]
    return Endpoints(items=items, next=_next(items, limit, principal, "endpoints", "id"))


@router.get("/endpoints/{endpoint_id}", tags=["endpoints"])
async def get_endpoint(request: Request, principal: Reader, endpoint_id: UUID) -> Endpoint:
    """One endpoint."""
    async with _transaction(request, principal) as tx:
        return Endpoint(**_endpoint(await handlers.endpoint(tx, endpoint_id)))


@router.delete("/endpoints/{endpoint_id}", status_code=204, tags=["endpoints"])
async def remove_endpoint(request: Request, principal: Manager, endpoint_id: UUID) -> Response:
    """Remove an endpoint with its secret; what waits for it is not sent any more."""
    async with _transaction(request, principal) as tx:
        await handlers.remove(tx, endpoint_id)
    return Response(status_code=204)


@router.post("/endpoints/{endpoint_id}/rotate", tags=["endpoints"])
async def rotate_secret(request: Request, principal: Manager, endpoint_id: UUID) -> Rotated:
    """Make a new secret; for a day messages carry signatures of both."""
    async with _transaction(request, principal) as tx:
        row, secret = await handlers.rotate(tx, endpoint_id, request.app.state.sealer)
    return Rotated(id=row["id"], secret=secret, previous_until=row["previous_until"])


@router.post("/endpoints/{endpoint_id}/enable", tags=["endpoints"])
async def enable_endpoint(request: Request, principal: Manager, endpoint_id: UUID) -> Endpoint:
    """Have a disabled endpoint delivered to again; replay what failed meanwhile."""
    async with _transaction(request, principal) as tx:
        return Endpoint(**_endpoint(await handlers.enable(tx, endpoint_id)))


@router.get("/deliveries", tags=["deliveries"])
async def list_deliveries(
    request: Request,
    principal: LedgerReader,
    state: Literal["waiting", "delivered", "failed", "stale"] | None = None,
    event_id: UUID | None = None,
    credential_id: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Deliveries:
    """Who was told what, newest first, with every attempt."""
    place = _place(cursor, principal, "deliveries", datetime.fromisoformat, UUID)
    async with _transaction(request, principal) as tx:
        rows = await ledger.page(tx, Filter(state, event_id, credential_id), place, limit)
    items = [_delivery(row) for row in rows]
    return Deliveries(items=items, next=_next(items, limit, principal, "deliveries", "created_at", "id"))


@router.get("/deliveries/{delivery_id}", tags=["deliveries"])
async def get_delivery(request: Request, principal: LedgerReader, delivery_id: UUID) -> Delivery:
    """One delivery with every attempt."""
    async with _transaction(request, principal) as tx:
        return _delivery(await handlers.delivery(tx, delivery_id))


@router.post("/deliveries/{delivery_id}/replay", tags=["deliveries"])
async def replay(request: Request, principal: Replayer, delivery_id: UUID) -> Delivery:
    """Send it (again) now, under the id it has: a receiver that saw it before can tell."""
    async with _transaction(request, principal) as tx:
        return _delivery(await handlers.replay(tx, principal, delivery_id))


@asynccontextmanager
async def _transaction(request: Request, principal: Principal) -> AsyncIterator[Tx]:
    """Open a transaction that sees the principal's rows: a tenant's own, the operator's all."""
    if principal.kind == "operator":
        database: Database = request.app.state.worker_database
        async with database.transaction() as tx:
            yield tx
    else:
        database = request.app.state.database
        async with database.transaction(principal.tenant_id) as tx:
            yield tx


def _place(text: str | None, principal: Principal, what: str, *readers: Any) -> Any:
    values = after(text, principal.tenant_id, what)
    if values is None:
        return None
    try:
        return tuple(read(value) for read, value in zip(readers, values, strict=True))
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("cursor_malformed", "This is no cursor of this list.") from error


def _next(items: list[Any], limit: int, principal: Principal, what: str, *names: str) -> str | None:
    if len(items) < limit:
        return None
    return cursor(principal.tenant_id, what, *(str(getattr(items[-1], name)) for name in names))


def _endpoint(row: Any) -> dict[str, Any]:
    return {**row, "state": "disabled" if row["disabled_at"] else "enabled"}


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
