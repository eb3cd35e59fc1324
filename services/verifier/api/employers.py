"""Employers' accounts and the API keys that open the verifier's routes."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from services.verifier.handlers import employers
from services.verifier.store import employers as store
from shared.db import Database
from shared.errors import Malformed
from shared.web import idempotency
from shared.web.auth import Principal, require
from shared.web.pagination import DEFAULT_LIMIT, MAX_LIMIT, Page, after, cursor
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1", tags=["employers"], route_class=StrictRoute)

Operator = Annotated[Principal, Depends(require("operator", scope="manage"))]
Managing = Annotated[Principal, Depends(require("employer", scope="manage"))]
Reading = Annotated[Principal, Depends(require("employer", scope="read"))]
Attempted = Annotated[tuple[str, bytes] | None, Depends(idempotency.attempted)]
Scope = Literal["verify", "manage", "read", "auditor"]


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the calendar") from error


def _distinct(scopes: list[Scope]) -> list[Scope]:
    if len(set(scopes)) != len(scopes):
        raise ValueError("names a scope twice")
    return scopes


class NewEmployer(BaseModel):
    """An employer to be registered."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, examples=["Plank Ltd"])
    url: str | None = Field(None, max_length=2000, pattern="^https?://[^ ]+$", examples=["https://plank.example"])


class NewApiKey(BaseModel):
    """An API key to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, examples=["recruiting software"])
    scopes: Annotated[list[Scope], AfterValidator(_distinct)] = Field(["verify", "read"], min_length=1)
    expires_at: Annotated[AwareDatetime, AfterValidator(_in_utc)] | None = None


class ShownOnce(BaseModel):
    """What was made, and its API key, which is not shown again."""

    id: UUID
    api_key: str = Field(examples=["lrl_0d6c2b8e11114222833344445555666a_…"])


class ApiKey(BaseModel):
    """An API key, without its secret."""

    id: UUID
    name: str | None = Field(description="Null for a key that came back after the database was lost.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class ApiKeys(Page):
    """The employer's API keys."""

    items: list[ApiKey]


@router.post("/employers", status_code=201)
async def register(request: Request, operator: Operator, body: NewEmployer, header: Attempted) -> ShownOnce:
    """Register an employer; its first API key may do everything an employer may."""
    database: Database = request.app.state.worker_database
    attempt = idempotency.attempt(operator.tenant_id, header)
    async with idempotency.remembering(database, attempt), database.transaction() as tx:
        employer_id, key = await employers.register(tx, body.name, body.url, attempt)
    return ShownOnce(id=employer_id, api_key=key.text)


@router.post("/api-keys", status_code=201)
async def make_key(request: Request, employer: Managing, body: NewApiKey, header: Attempted) -> ShownOnce:
    """Make an API key."""
    database: Database = request.app.state.database
    attempt = idempotency.attempt(employer.tenant_id, header)
    async with idempotency.remembering(database, attempt), database.transaction(employer.tenant_id) as tx:
        key = await employers.make_key(tx, employer.tenant_id, body.name, body.scopes, body.expires_at, attempt)
    return ShownOnce(id=key.id, api_key=key.text)


@router.get("/api-keys")
async def keys(
    request: Request,
    employer: Reading,
    page: Annotated[str | None, Query(alias="cursor", max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> ApiKeys:
    """The employer's API keys, revoked ones included."""
    position = _position(after(page, employer.tenant_id, "api-keys"))
    database: Database = request.app.state.database
    async with database.transaction(employer.tenant_id) as tx:
        items = [ApiKey(**row) for row in await store.keys(tx, employer.tenant_id, position, limit)]
    more = cursor(employer.tenant_id, "api-keys", str(items[-1].id)) if len(items) == limit else None
    return ApiKeys(items=items, next=more)


@router.delete("/api-keys/{key_id}", status_code=204)
async def revoke_key(request: Request, employer: Managing, key_id: UUID) -> None:
    """Revoke an API key, at once and for good."""
    database: Database = request.app.state.database
    async with database.transaction(employer.tenant_id) as tx:
        await employers.revoke_key(tx, employer.tenant_id, key_id)


def _position(values: list[Any] | None) -> UUID | None:
    try:
        return UUID(values[0]) if values else None
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("cursor_malformed", "This is no cursor of this list.") from error
