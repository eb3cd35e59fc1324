"""API keys of employers."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import Field

from shared.api_keys import api
from shared.api_keys.api import ApiKeyBody, MadeApiKey
from shared.web.auth import Principal, require
from shared.web.databases import AppDatabase, WorkerDatabase
from shared.web.idempotency import IdempotencyKey

router = api.router("employer")

Granter = Annotated[Principal, Depends(require("employer", "operator", scope="manage"))]


class NewApiKey(ApiKeyBody):
    """A new API key."""

    scopes: list[Literal["verify", "manage", "read", "auditor"]] | None = Field(
        None, min_length=1, max_length=4, description="Absent: those of the key that makes it."
    )
    employer_id: UUID | None = Field(None, description="For the operator alone: whose key it is to be.")


@router.post("", status_code=201)
async def make_api_key(
    body: NewApiKey, who: Granter, header: IdempotencyKey, app: AppDatabase, worker: WorkerDatabase
) -> MadeApiKey:
    """Make an API key with at most the scopes of the key that makes it."""
    employer = api.tenant_of(who, "employer", body.employer_id)
    return await api.make(worker if who.kind == "operator" else app, who, employer, body, header)
