"""Employers' accounts and the API keys that open the verifier's routes."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from services.verifier.handlers import employers
from services.verifier.store import employers as store
from shared.db import Database
from shared.errors import Forbidden, Invalid
from shared.web import idempotency
from shared.web.auth import AUDITOR, SCOPES, Principal, require
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place_by_id
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1", tags=["employers"], route_class=StrictRoute)

Operator = Annotated[Principal, Depends(require("operator", scope="manage"))]
Managing = Annotated[Principal, Depends(require("employer", scope="manage"))]
Granting = Annotated[Principal, Depends(require("employer", "operator", scope="manage"))]
Reading = Annotated[Principal, Depends(require("employer", scope="read"))]
Attempted = Annotated[tuple[str, bytes] | None, Depends(idempotency.attempted)]
Scope = Literal["verify", "manage", "read", "auditor"]


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the calendar") from error


def _sorted(scopes: list[Scope]) -> list[Scope]:
    return sorted(set(scopes))


class NewEmployer(BaseModel):
    """An employer to be registered."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, examples=["Plank Ltd"])
    url: str | None = Field(None, max_length=2000, pattern="^https?://[^ ]+$", examples=["https://plank.example"])


class NewApiKey(BaseModel):
    """An API key to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, examples=["recruiting software"])
    scopes: Annotated[list[Scope], AfterValidator(_sorted)] | None = Field(
        None, min_length=1, max_length=4, description="Absent: those of the key that makes it."
    )
    expires_at: Annotated[AwareDatetime, AfterValidator(_in_utc)] | None = None
    employer_id: UUID | None = Field(None, description="For the operator alone: whose key it is to be.")


class ShownOnce(BaseModel):
    """What was made, and its API key, which is not shown again."""

    id: UUID
    api_key: str = Field(examples=["lrl_0d6c2b8e11114222833344445555666a_…"])


class MadeApiKey(ShownOnce):
    """A new API key and its rights."""

    name: str
    scopes: list[str]
    expires_at: datetime | None


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
async def make_key(request: Request, who: Granting, body: NewApiKey, header: Attempted) -> MadeApiKey:
    """Make an API key with at most the scopes of the key that makes it."""
    employer_id, scopes = _employer(who, body), _scopes(who, body)
    state = request.app.state
    database: Database = state.worker_database if who.kind == "operator" else state.database
    attempt = idempotency.attempt(who.tenant_id, header)
    async with idempotency.remembering(database, attempt), database.transaction(who.tenant_id) as tx:
        key = await employers.make_key(tx, employer_id, body.name, scopes, body.expires_at, attempt)
    return MadeApiKey(id=key.id, api_key=key.text, name=body.name, scopes=scopes, expires_at=body.expires_at)


@router.get("/api-keys")
async def keys(request: Request, employer: Reading, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> ApiKeys:
    """The employer's API keys, revoked ones included."""
    after = place_by_id(cursor, employer.tenant_id, "api-keys")
    database: Database = request.app.state.database
    async with database.transaction(employer.tenant_id) as tx:
        items = [ApiKey(**row) for row in await store.keys(tx, employer.tenant_id, after, limit)]
    more = following(items, limit, employer.tenant_id, "api-keys", lambda item: (item.id,))
    return ApiKeys(items=items, next=more)


@router.delete("/api-keys/{key_id}", status_code=204)
async def revoke_key(request: Request, employer: Managing, key_id: UUID) -> None:
    """Revoke an API key, at once and for good."""
    database: Database = request.app.state.database
    async with database.transaction(employer.tenant_id) as tx:
        await employers.revoke_key(tx, employer.tenant_id, key_id)


def _employer(who: Principal, body: NewApiKey) -> UUID:
    if (who.kind == "operator") != (body.employer_id is not None):
        raise Invalid("employer_id_misplaced", "The operator names whose key it is; an employer makes its own.")
    return body.employer_id or who.tenant_id


def _scopes(who: Principal, body: NewApiKey) -> list[str]:
    own = sorted(SCOPES["employer"] if who.kind == "operator" else who.scopes)
    scopes = [str(scope) for scope in body.scopes or own]
    # An auditor only reads.
    if not all(who.may("read" if scope == AUDITOR else scope) for scope in scopes):
        raise Forbidden("scope_not_yours", "A key can't give a scope that it lacks.")
    return scopes
