"""API keys of an institution."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field

from services.issuer.api.access import AppDatabase, Granter, IdempotencyKey, Manager, Reader, WorkerDatabase
from services.issuer.api.wire import Body, Instant, Name
from services.issuer.domain.row import Row
from services.issuer.handlers import api_keys, institutions
from services.issuer.store import institutions as store
from shared.errors import Forbidden, Invalid
from shared.web import idempotency
from shared.web.auth import AUDITOR, SCOPES, Principal
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/api-keys", tags=["api keys"], route_class=StrictRoute)

Scope = Literal["issue", "revoke", "manage", "read", "auditor"]


def _sorted(scopes: list[Scope]) -> list[Scope]:
    return sorted(set(scopes))


class NewApiKey(Body):
    """A new API key."""

    name: Name = Field(examples=["learning platform"])
    scopes: Annotated[list[Scope], AfterValidator(_sorted)] | None = Field(
        None, min_length=1, max_length=5, description="Absent: those of the key that makes it."
    )
    expires_at: Instant | None = None
    institution_id: UUID | None = Field(None, description="For the operator alone: whose key it is to be.")


class MadeApiKey(BaseModel):
    """The key, which is shown this once."""

    id: UUID
    name: str
    scopes: list[str]
    expires_at: datetime | None
    api_key: str = Field(examples=["lrl_8d1c...f3_Qm9..."])


class ApiKey(BaseModel):
    """An API key without its secret."""

    id: UUID
    name: str | None
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class ApiKeys(Page):
    """API keys, oldest first."""

    items: list[ApiKey]


@router.post("", status_code=201)
async def make_api_key(
    body: NewApiKey, who: Granter, header: IdempotencyKey, app: AppDatabase, worker: WorkerDatabase
) -> MadeApiKey:
    """Make an API key with at most the scopes of the key that makes it."""
    institution_id, scopes = _institution(who, body), _scopes(who, body)
    attempt = idempotency.attempt(who.tenant_id, header)
    database = worker if who.kind == "operator" else app
    async with idempotency.remembering(database, attempt), database.transaction(who.tenant_id) as tx:
        await institutions.existing(tx, institution_id)
        key = await api_keys.make(tx, institution_id, body.name, scopes, body.expires_at, attempt)
    return MadeApiKey(id=key.id, name=body.name, scopes=scopes, expires_at=body.expires_at, api_key=key.text)


@router.get("")
async def list_api_keys(
    who: Reader, database: AppDatabase, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> ApiKeys:
    """The institution's API keys."""
    after = place(cursor, who.tenant_id, "api-keys")
    async with database.transaction(who.tenant_id) as tx:
        rows = await store.api_keys(tx, who.tenant_id, after, limit)
    more = following(rows, limit, who.tenant_id, "api-keys", lambda row: (row["created_at"], row["id"]))
    return ApiKeys(items=[_view(row) for row in rows], next=more)


@router.delete("/{key_id}", status_code=204)
async def revoke_api_key(key_id: UUID, who: Manager, database: AppDatabase) -> None:
    """Revoke an API key, everywhere within 60 s. The last key that can make keys stays."""
    async with database.transaction(who.tenant_id) as tx:
        await api_keys.revoke(tx, who.tenant_id, key_id)


def _institution(who: Principal, body: NewApiKey) -> UUID:
    if (who.kind == "operator") != (body.institution_id is not None):
        raise Invalid("institution_id_misplaced", "The operator names whose key it is; an institution makes its own.")
    return body.institution_id or who.tenant_id


def _scopes(who: Principal, body: NewApiKey) -> list[str]:
    own = sorted(SCOPES["institution"] if who.kind == "operator" else who.scopes)
    scopes = [str(scope) for scope in body.scopes or own]
    # An auditor only reads.
    if not all(who.may("read" if scope == AUDITOR else scope) for scope in scopes):
        raise Forbidden("scope_not_yours", "A key can't give a scope that it lacks.")
    return scopes


def _view(row: Row) -> ApiKey:
    return ApiKey(**{name: row[name] for name in ApiKey.model_fields})
