"""Routes of webhook endpoints: each its tenant's, and nobody else's business."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, EmailStr, Field

from services.notifier import handlers
from services.notifier.domain import EventType
from services.notifier.handlers import NewEndpoint
from services.notifier.store import endpoints
from shared.web import idempotency
from shared.web.auth import Principal, require
from shared.web.databases import AppDatabase
from shared.web.idempotency import IdempotencyKey
from shared.web.outbound import check_url
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place_by_id
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/endpoints", tags=["endpoints"], route_class=StrictRoute)

Manager = Annotated[Principal, Depends(require("institution", "employer", scope="manage"))]
Reader = Annotated[Principal, Depends(require("institution", "employer", scope="read"))]


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


@router.post("", status_code=201)
async def register(
    request: Request, database: AppDatabase, principal: Manager, header: IdempotencyKey, body: EndpointRequest
) -> NewlyMade:
    """Register an endpoint, one of at most ten. Its secret is in this answer and in no other."""
    state, attempt = request.app.state, idempotency.attempt(principal.tenant_id, header)
    async with idempotency.remembering(database, attempt):
        # As it will be connected to: the host in ASCII (RFC 5890), the rest percent-encoded.
        url = str(check_url(body.url, state.settings.allow_loopback_webhooks))
        wanted = NewEndpoint(url, body.events, body.contact)
        async with database.transaction(principal.tenant_id) as tx:
            row, secret = await handlers.register(tx, principal, wanted, attempt, state.sealer)
    return NewlyMade(**_endpoint(row), secret=secret)


@router.get("")
async def list_endpoints(
    database: AppDatabase, principal: Reader, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Endpoints:
    """Your endpoints."""
    after = place_by_id(cursor, principal.tenant_id, "endpoints")
    async with database.transaction(principal.tenant_id) as tx:
        rows = await endpoints.page(tx, after, limit)
    more = following(rows, limit, principal.tenant_id, "endpoints", lambda row: (row["id"],))
    return Endpoints(items=[Endpoint(**_endpoint(row)) for row in rows], next=more)


@router.get("/{endpoint_id}")
async def get_endpoint(database: AppDatabase, principal: Reader, endpoint_id: UUID) -> Endpoint:
    """One endpoint."""
    async with database.transaction(principal.tenant_id) as tx:
        return Endpoint(**_endpoint(await handlers.endpoint(tx, endpoint_id)))


@router.delete("/{endpoint_id}", status_code=204)
async def remove_endpoint(database: AppDatabase, principal: Manager, endpoint_id: UUID) -> Response:
    """Remove an endpoint with its secret; what waits for it is not sent any more."""
    async with database.transaction(principal.tenant_id) as tx:
        await handlers.remove(tx, endpoint_id)
    return Response(status_code=204)


@router.post("/{endpoint_id}/rotate")
async def rotate_secret(request: Request, database: AppDatabase, principal: Manager, endpoint_id: UUID) -> Rotated:
    """Make a new secret; for a day messages carry signatures of both."""
    async with database.transaction(principal.tenant_id) as tx:
        row, secret = await handlers.rotate(tx, endpoint_id, request.app.state.sealer)
    return Rotated(id=row["id"], secret=secret, previous_until=row["previous_until"])


@router.post("/{endpoint_id}/enable")
async def enable_endpoint(database: AppDatabase, principal: Manager, endpoint_id: UUID) -> Endpoint:
    """Have a disabled endpoint delivered to again; replay what failed meanwhile."""
    async with database.transaction(principal.tenant_id) as tx:
        return Endpoint(**_endpoint(await handlers.enable(tx, endpoint_id)))


def _endpoint(row: Any) -> dict[str, Any]:
    return {**row, "state": "disabled" if row["disabled_at"] else "enabled"}
