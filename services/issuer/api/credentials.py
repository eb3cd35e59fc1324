"""Credentials: issue one or many, look at one or all."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from services.issuer.api.access import (
    Issuer,
    Reader,
    Settings,
    TheIssuing,
)
from services.issuer.api.order_body import Asked, BatchOrder, OneOrder
from services.issuer.domain.asked import member_of_order
from services.issuer.domain.formats import refuse_two_tokens
from services.issuer.domain.lint import warnings
from services.issuer.domain.row import Row
from services.issuer.domain.selection import Selection
from services.issuer.domain.status import state
from services.issuer.handlers import reading
from services.issuer.handlers.issuing import Results
from services.issuer.handlers.selecting import refuse_unknown
from services.issuer.handlers.storing import ALONE, Requester
from services.issuer.store import credentials as store
from shared import db, telemetry
from shared.credentials.state import State
from shared.errors import LaurelError
from shared.messaging.events import CredentialStatus
from shared.web import idempotency
from shared.web.databases import AppDatabase
from shared.web.etag import etag
from shared.web.fields import Instant
from shared.web.idempotency import Attempt, IdempotencyKey
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/credentials", tags=["credentials"], route_class=StrictRoute)


class Links(BaseModel):
    """Where the badge stands for everybody."""

    badge: str = Field(examples=["https://badges.example/credentials/6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d"])
    achievement: str | None = Field(description="Null: it is no badge.")


class LintWarning(BaseModel):
    """What some strict readers will not take in a badge, where it stands."""

    path: str = Field(examples=["credentialStatus"])
    message: str
    member: str | None = Field(None, description="By which member of the request it was asked for.", examples=[None])


class CredentialSummary(BaseModel):
    """A credential without its document."""

    id: UUID
    status: CredentialStatus = Field(description="What the status lists say.")
    state: State = Field(
        description="How it stands: expired when its end is over; replaced, which is revoked, when another has its "
        "place; renewed when another continues it."
    )
    version: int = Field(examples=[1])
    kind: Literal["badge", "generic"] = Field(description="generic: the institution wrote it itself (VC-API).")
    achievement_id: UUID | None
    achievement_version: int | None
    issued_at: datetime
    valid_until: datetime | None
    renewable_until: datetime | None = None
    replaces: UUID | None = Field(None, description="The badge that this one was issued in place of.")
    replaced_by: UUID | None = None
    renews: UUID | None = Field(None, description="The badge that this one continues.")
    renewed_by: UUID | None = None
    links: Links


class Credential(CredentialSummary):
    """A credential with its signed document, and as a token where that was asked for."""

    client_id: str | None = Field(
        None, description="The institution's own name for it, where it is generic and has one."
    )
    credential: dict[str, Any]
    token: str | None = Field(None, description="The badge as a compact JWS; null where no token was asked for.")
    warnings: list[LintWarning] = Field([], description="What some strict readers will not take, as it was asked for.")


class Credentials(Page):
    """Credentials, newest first."""

    items: list[CredentialSummary]


class RowError(BaseModel):
    """Why a row has no badge."""

    code: str = Field(examples=["invalid_row"])
    detail: str


class RowResult(BaseModel):
    """What became of one row of a batch."""

    index: int
    status: Literal["issued", "error", "valid"] = Field(description="valid: of a dry run, it would be issued.")
    id: UUID | None = None
    already_issued: Literal[True] | None = Field(None, description="It was issued before, under its idempotency_key.")
    error: RowError | None = None


class BatchResults(BaseModel):
    """What became of each row, in the order of the rows."""

    results: list[RowResult]


@router.post("", status_code=201)
async def issue_credential(
    body: OneOrder,
    who: Issuer,
    header: IdempotencyKey,
    database: AppDatabase,
    issuing: TheIssuing,
    settings: Settings,
) -> Credential:
    """Issue one badge. 201 means that it is stored for good, and that everybody concerned will be told.

    The registry keeps a signed JSON document of every badge, also where `formats` asks for a token alone.
    """
    attempt = idempotency.attempt(who.tenant_id, header)
    requester = Requester(who, {ALONE: attempt} if attempt else {})
    async with idempotency.remembering(database, attempt):
        refuse_two_tokens(body.formats)
        credential_id = await issuing.one(requester, body.achievement_id, body.order(body.recipient), body.formats)
    telemetry.annotate(credential_id=str(credential_id), institution_id=str(who.tenant_id))
    async with database.transaction(who.tenant_id) as tx:
        return as_made(await reading.credential(tx, who.tenant_id, credential_id), settings.public_url)


@router.post("/batch", response_model_exclude_none=True)
async def issue_batch(
    body: BatchOrder, who: Issuer, header: IdempotencyKey, database: AppDatabase, issuing: TheIssuing
) -> BatchResults:
    """Issue up to 1,000 badges of one achievement. Sent again under its Idempotency-Key it goes on where it ended.

    A row may have a key of its own; then it is issued once, in whatever batch it is sent again. `formats` are those of
    all of its badges.
    """
    asked = body.asked()
    requester = Requester(who, _row_attempts(who.tenant_id, header, asked))
    if body.dry_run:
        refuse_two_tokens(body.formats)
        return _results(asked, await issuing.rehearse(requester, body.achievement_id, asked.orders, body.formats))
    async with idempotency.remembering(database, requester.attempts.get(ALONE)):
        refuse_two_tokens(body.formats)
        return _results(asked, await issuing.batch(requester, body.achievement_id, asked.orders, body.formats))


@router.get("/{credential_id}")
async def get_credential(
    credential_id: UUID, who: Reader, database: AppDatabase, settings: Settings, response: Response
) -> Credential:
    """One credential with its signed document, and the ETag for changing it."""
    async with database.transaction(who.tenant_id) as tx:
        row, now = await reading.credential(tx, who.tenant_id, credential_id), await db.now(tx)
    response.headers["ETag"] = etag(row["version"])
    return _view(row, now, settings.public_url)


@router.get("")
async def list_credentials(
    who: Reader,
    database: AppDatabase,
    settings: Settings,
    achievement_id: UUID | None = None,
    job_id: UUID | None = None,
    signing_key_id: Annotated[UUID | None, Query(description="Signed by this key: a proof, or the token.")] = None,
    issued_from: Annotated[Instant | None, Query(description="Accepted at this time or later.")] = None,
    issued_to: Annotated[Instant | None, Query(description="Accepted before this time.")] = None,
    status: Annotated[CredentialStatus | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Credentials:
    """The institution's credentials, newest first, of which all that is asked for holds."""
    after = place(cursor, who.tenant_id, "credentials")
    selection = Selection(
        achievement_id=achievement_id,
        job_id=job_id,
        signing_key_id=signing_key_id,
        issued_from=issued_from,
        issued_to=issued_to,
    )
    async with database.transaction(who.tenant_id) as tx:
        await refuse_unknown(tx, who.tenant_id, selection)
        rows = await store.page(tx, who.tenant_id, selection, status, after, limit)
        now = await db.now(tx)
    more = following(rows, limit, who.tenant_id, "credentials", lambda row: (row["issued_at"], row["id"]))
    return Credentials(items=[_summary(row, now, settings.public_url) for row in rows], next=more)


def as_made(row: Row, public_url: str) -> Credential:
    """Show a credential as it was when it was made, whatever became of it: the same key hears the same answer."""
    made = {**row, "status": "issued", "version": 1, "replaced_by": None, "renewed_by": None}
    return _view(made, row["issued_at"], public_url)


def _summary(row: Row, now: datetime, public_url: str) -> CredentialSummary:
    return CredentialSummary(
        id=row["id"],
        status=row["status"],
        state=state(row, now),
        version=row["version"],
        kind=row["kind"],
        achievement_id=row["achievement_id"],
        achievement_version=row["achievement_number"],
        issued_at=row["issued_at"],
        valid_until=row["valid_until"],
        renewable_until=row["renewable_until"],
        replaces=row["replaces"],
        replaced_by=row["replaced_by"],
        renews=row["renews"],
        renewed_by=row["renewed_by"],
        links=Links(
            badge=f"{public_url}/credentials/{row['id']}",
            achievement=f"{public_url}/achievements/{row['achievement_id']}/{row['achievement_number']}"
            if row["achievement_id"]
            else None,
        ),
    )


def _view(row: Row, now: datetime, public_url: str) -> Credential:
    summary, document = _summary(row, now, public_url).model_dump(), orjson.loads(row["document"])
    told = [
        LintWarning(path=each.path, message=each.sentence, member=member_of_order(each.path, document))
        for each in warnings(document)
    ]
    return Credential(**summary, client_id=row["client_id"], credential=document, token=row["token"], warnings=told)


def _row_attempts(tenant_id: UUID, header: tuple[str, bytes] | None, asked: Asked) -> dict[int, Attempt]:
    """Return by which attempt each row is claimed: by its own key, or else by the request's and its number."""
    whole = idempotency.attempt(tenant_id, header)
    attempts = {ALONE: whole} | {row: whole.of_row(row) for row in asked.orders} if whole else {}
    return attempts | {row: Attempt(tenant_id, key, digest) for row, (key, digest) in asked.keys.items()}


def _results(asked: Asked, found: Results) -> BatchResults:
    outcomes: dict[int, UUID | LaurelError] = {**found.outcomes, **asked.refused}
    again = asked.keys.keys() & set(found.before)
    results = {row: _result(row, outcome, again=row in again) for row, outcome in outcomes.items()}
    valid = {row: RowResult(index=row, status="valid") for row in asked.orders.keys() - results.keys()}
    return BatchResults(results=[result for _, result in sorted({**valid, **results}.items())])


def _result(index: int, outcome: UUID | LaurelError, *, again: bool) -> RowResult:
    if isinstance(outcome, LaurelError):
        return RowResult(index=index, status="error", error=RowError(code=outcome.code, detail=outcome.detail))
    return RowResult(index=index, status="issued", id=outcome, already_issued=True if again else None)
