"""Employers' accounts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.verifier.handlers import employers
from shared.web import idempotency
from shared.web.auth import Principal, require
from shared.web.databases import WorkerDatabase
from shared.web.fields import Body
from shared.web.idempotency import IdempotencyKey
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/employers", tags=["employers"], route_class=StrictRoute)

Operator = Annotated[Principal, Depends(require("operator", scope="manage"))]


class NewEmployer(Body):
    """An employer to be registered."""

    name: str = Field(min_length=1, max_length=200, examples=["Plank Ltd"])
    url: str | None = Field(None, max_length=2000, pattern="^https?://[^ ]+$", examples=["https://plank.example"])
    sandbox: bool = Field(False, description="Made for trying out: `laurel sandbox remove` revokes its keys.")


class MadeEmployer(BaseModel):
    """The employer, and its first API key, which is shown this once."""

    id: UUID
    sandbox: bool
    api_key: str = Field(examples=["lrl_0d6c2b8e11114222833344445555666a_…"])


@router.post("", status_code=201)
async def register(
    operator: Operator, database: WorkerDatabase, body: NewEmployer, header: IdempotencyKey
) -> MadeEmployer:
    """Register an employer; its first API key may do everything an employer may."""
    attempt = idempotency.attempt(operator.tenant_id, header)
    async with idempotency.remembering(database, attempt), database.transaction() as tx:
        employer_id, key = await employers.register(tx, body.name, body.url, attempt, sandbox=body.sandbox)
    return MadeEmployer(id=employer_id, sandbox=body.sandbox, api_key=key.text)
