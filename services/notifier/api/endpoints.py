"""Routes of endpoints: each its tenant's, and nobody else's business."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, EmailStr, Field, model_validator

from services.notifier import handlers
from services.notifier.api.deliveries import Delivery, shown
from services.notifier.domain import BY_MAIL, EventType
from services.notifier.handlers import MAX_ADDRESS, NewEndpoint
from services.notifier.payloads import TYPES
from services.notifier.settings import NotifierSettings
from services.notifier.store import endpoints
from shared.errors import Unavailable
from shared.web import idempotency
from shared.web.auth import Principal, require
from shared.web.databases import AppDatabase
from shared.web.fields import Body
from shared.web.idempotency import IdempotencyKey
from shared.web.outbound import check_url
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place_by_id
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/endpoints", tags=["endpoints"], route_class=StrictRoute)

Manager = Annotated[Principal, Depends(require("institution", "employer", scope="manage"))]
Reader = Annotated[Principal, Depends(require("institution", "employer", scope="read"))]


class EndpointRequest(Body):
    """Where you are to be told: by webhook at a `url`, or by `mail`; one of the two."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"url": "https://example.org/laurel"}]})

    url: str | None = Field(
        None, max_length=2000, examples=["https://example.org/laurel"], description="https, at a public address."
    )
    mail: str | None = Field(
        None,
        max_length=MAX_ADDRESS,
        examples=["badges@example.org"],
        description="Gets a mail with a link, and nothing else before that was followed.",
    )
    events: list[EventType] | None = Field(
        None, min_length=1, max_length=len(TYPES), description="Types of events; absent: all of them."
    )
    contact: EmailStr | None = Field(
        None,
        examples=["it@example.org"],
        description="Told by mail when the endpoint is disabled or enabled again. Without it, or where it bounced or "
        "unsubscribed, your other mail addresses that are endpoints, confirmed and enabled, are told, whatever their "
        "`events`; without one of these nobody is, and this list alone shows it.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == (self.mail is None):
            raise ValueError("one of url and mail is needed, and not both")
        return self


class Endpoint(BaseModel):
    """An endpoint: a webhook's, or a mail address; then `url` is `mailto:` and the address."""

    id: UUID
    url: str
    mail: str | None
    events: list[EventType] | None
    contact: str | None
    state: Literal["enabled", "disabled", "unconfirmed"] = Field(
        description="unconfirmed: nobody has followed the link yet that was sent to this mail address."
    )
    confirmed_at: datetime | None
    disabled_at: datetime | None
    disabled_reason: Literal["gone", "unreachable"] | None = Field(
        description="gone: it answered 410, or its mail server that nobody reads there; unreachable: it took nothing "
        "over a whole schedule of retries."
    )
    created_at: datetime


class NewlyMade(Endpoint):
    """An endpoint with its secret, which is shown this once; null for a mail address, whose mails are not signed."""

    secret: str | None = Field(examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])


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
    """Register an endpoint, one of at most ten. Its secret is in this answer and in no other.

    A mail address is told nothing before the link in the mail was followed that it gets now; a week is time for that.
    """
    state, attempt = request.app.state, idempotency.attempt(principal.tenant_id, header)
    async with idempotency.remembering(database, attempt):
        wanted = NewEndpoint(_place(body, state.settings), body.events, body.contact)
        async with database.transaction(principal.tenant_id) as tx:
            row, secret = await handlers.register(tx, principal, wanted, attempt, state.sealer)
    return NewlyMade(**_endpoint(row), secret=None if body.mail else secret)


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
    """Have a disabled endpoint delivered to again, of which those are told who hear of a failure; replay what failed.

    A mail address that bounced is suppressed no more. Where its reader has unsubscribed, that stays.
    """
    async with database.transaction(principal.tenant_id) as tx:
        return Endpoint(**_endpoint(await handlers.enable(tx, endpoint_id)))


@router.post("/{endpoint_id}/test", status_code=202)
async def test_endpoint(database: AppDatabase, principal: Manager, endpoint_id: UUID) -> Delivery:
    """Have an `endpoint.test` sent to it, whatever its filter says; `GET /v1/deliveries/{id}` tells what came of it."""
    async with database.transaction(principal.tenant_id) as tx:
        return shown(await handlers.test(tx, principal, endpoint_id))


def _place(body: EndpointRequest, settings: NotifierSettings) -> str:
    if body.mail is not None:
        if not settings.notifier_url:
            raise Unavailable("no_page_to_confirm", "This installation has no address of its own to confirm mails at.")
        return f"{BY_MAIL}{handlers.plain_address(body.mail)}"
    # As it will be connected to: the host in ASCII (RFC 5890), the rest percent-encoded.
    return str(check_url(body.url or "", settings.allow_loopback_webhooks))


def _endpoint(row: Any) -> dict[str, Any]:
    state = "disabled" if row["disabled_at"] else "enabled" if row["confirmed_at"] else "unconfirmed"
    mail = row["url"].removeprefix(BY_MAIL) if row["url"].startswith(BY_MAIL) else None
    return {**row, "state": state, "mail": mail}
