"""The routes of API keys; the service adds the one that makes them, whose body names its own scopes and tenants."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from shared.api_keys import handlers, store
from shared.api_keys.handlers import Grant
from shared.api_keys.states import TenantKind
from shared.api_keys.store import Tenant
from shared.db import Database
from shared.errors import Forbidden, Invalid
from shared.web import idempotency
from shared.web.auth import AUDITOR, SCOPES, Principal, require
from shared.web.databases import AppDatabase
from shared.web.fields import Body, Instant, Name
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place
from shared.web.strict import StrictRoute


class ApiKeyBody(Body):
    """What is said of a new API key."""

    name: Name = Field(examples=["learning platform"])
    scopes: Sequence[str] | None = None
    expires_at: Instant | None = None


class ApiKey(BaseModel):
    """An API key, without its secret."""

    id: UUID
    name: str | None = Field(description="Null for a key that came back after the database was lost.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class ApiKeys(Page):
    """API keys, oldest first, revoked ones included."""

    items: list[ApiKey]


class MadeApiKey(BaseModel):
    """A new API key, which is shown this once."""

    id: UUID
    name: str
    scopes: list[str]
    expires_at: datetime | None
    api_key: str = Field(examples=["lrl_0d6c2b8e11114222833344445555666a_…"])


async def make(
    database: Database,
    who: Principal,
    tenant: Tenant,
    body: ApiKeyBody,
    header: tuple[str, bytes] | None,
) -> MadeApiKey:
    """Make a key with at most the scopes of the one that makes it; raises Forbidden, and as `handlers.make`."""
    grant = Grant(body.name, _scopes(who, tenant, body), body.expires_at)
    attempt = idempotency.attempt(who.tenant_id, header)
    async with idempotency.remembering(database, attempt), database.transaction(who.tenant_id) as tx:
        key = await handlers.make(tx, tenant, grant, attempt)
    return MadeApiKey(
        id=key.id, name=grant.name, scopes=list(grant.scopes), expires_at=grant.expires_at, api_key=key.text
    )


def tenant_of(who: Principal, kind: TenantKind, named: UUID | None) -> Tenant:
    """Return whose a new key is: the tenant's that asks, or that which the operator named; raises Invalid."""
    if (who.kind == "operator") != (named is not None):
        raise Invalid(f"{kind}_id_misplaced", f"The operator names whose key it is; an {kind} makes its own.")
    return Tenant(kind, named or who.tenant_id)


def router(kind: TenantKind) -> APIRouter:
    """Make the routes with which a tenant of `kind` lists and revokes its keys."""
    routes = APIRouter(prefix="/v1/api-keys", tags=["api keys"], route_class=StrictRoute)

    @routes.get("")
    async def list_api_keys(
        who: Annotated[Principal, Depends(require(kind, scope="read"))],
        database: AppDatabase,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> ApiKeys:
        """Your API keys."""
        after = place(cursor, who.tenant_id, "api-keys")
        async with database.transaction(who.tenant_id) as tx:
            rows = await store.page(tx, who.tenant_id, after, limit)
        more = following(rows, limit, who.tenant_id, "api-keys", lambda row: (row["created_at"], row["id"]))
        return ApiKeys(items=[ApiKey(**row) for row in rows], next=more)

    @routes.delete("/{key_id}", status_code=204)
    async def revoke_api_key(
        key_id: UUID, who: Annotated[Principal, Depends(require(kind, scope="manage"))], database: AppDatabase
    ) -> None:
        """Revoke an API key, everywhere within 60 s. The last key that can make keys stays."""
        async with database.transaction(who.tenant_id) as tx:
            await handlers.revoke(tx, Tenant(kind, who.tenant_id), key_id)

    return routes


def _scopes(who: Principal, tenant: Tenant, body: ApiKeyBody) -> list[str]:
    own = SCOPES[tenant.kind] if who.kind == "operator" else who.scopes
    scopes = sorted(set(body.scopes or own))
    # An auditor only reads.
    if not all(who.may("read" if scope == AUDITOR else scope) for scope in scopes):
        raise Forbidden("scope_not_yours", "A key can't give a scope that it lacks.")
    return scopes
