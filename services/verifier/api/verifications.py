"""Ask whether a badge is genuine and holds, and look at what was answered before."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from services.verifier.api.asked import AS_OF, BODIES, EXAMPLE, REQUIRE, Asked, AsOf, Upload, described, read_model
from services.verifier.api.bodies import ForeignRoute
from services.verifier.domain.documents import Document, link_of
from services.verifier.domain.records import recalled
from services.verifier.handlers import verifications
from services.verifier.handlers.verifications import Asker, Desk, Question
from services.verifier.store import verifications as store
from shared.credentials.report import Report
from shared.errors import Forbidden
from shared.web import idempotency
from shared.web.auth import Principal, address_of, anyone, require
from shared.web.databases import AppDatabase
from shared.web.idempotency import IdempotencyKey
from shared.web.limits import Rate
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place

BATCH = "/v1/verifications/batch"
MAX_BATCH = 1_000
# Badges have two to three thousand bytes, some more than one proof.
MAX_BATCH_BYTES = MAX_BATCH * 4096

router = APIRouter(prefix="/v1/verifications", tags=["verifications"], route_class=ForeignRoute)

Caller = Annotated[Principal | None, Depends(anyone)]
Verifying = Annotated[Principal, Depends(require("employer", "operator", scope="verify"))]
Reading = Annotated[Principal, Depends(require("employer", scope="read"))]


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(_desk)]


class BatchRequest(BaseModel):
    """Several credentials."""

    model_config = ConfigDict(extra="forbid")

    credentials: list[Document | str] = Field(
        min_length=1,
        max_length=MAX_BATCH,
        description="JSON documents, and signed tokens as texts.",
        examples=[[EXAMPLE]],
    )
    as_of: AsOf | None = Field(None, description=f"{AS_OF} For all of them.")
    require_inclusion: bool | None = Field(None, strict=True, description=f"{REQUIRE} For all of them.")


async def _batch(request: Request, _caller: Verifying) -> BatchRequest:
    """Read the body of somebody who holds a key; nobody else makes us read so much."""
    return await read_model(request, BatchRequest)


TheBatch = Annotated[BatchRequest, Depends(_batch)]
BATCH_BODY = {"required": True, "content": {"application/json": {"schema": described(BatchRequest)}}}


class BatchReport(BaseModel):
    """A report for each credential, in their order."""

    results: list[Report]


class Reports(Page):
    """Reports as they were recorded, newest first: outcomes without the credentials."""

    items: list[Report]


@router.post("", openapi_extra=BODIES)
async def verify(request: Request, caller: Caller, desk: TheDesk, asked: Asked, header: IdempotencyKey) -> Report:
    """Check one credential, given as JSON or as a signed token, in a file or at a link. No key is needed.

    A file is JSON, a token, or a PNG or SVG picture with one badge baked in, by whatever name and media type it comes;
    or a PNG or JPEG picture of one QR code. What a QR code says may stand in `token`: a link, a token, or JSON.

    With an employer's key the answer is recorded under the employer. A badge that is not valid is an answer too: 200,
    with the reason in the report. A link or file from which no badge can be taken is a problem: 422, or 400 for a file
    that can't be read.

    The verdict speaks of the badge alone: somebody else's is `valid` all the same. Whoever names a person in
    `expected_recipient` must read the check `recipient` beside it: only `pass` says that it is this person's.

    With `as_of` the answer is of that time: status, dates, keys and the issuer's standing as they were then. A time to
    come is a problem (`as_of_in_future`); what no history tells is `unknown`.

    With `require_inclusion` a badge of this registry must be in its transparency log: its issue and its last change,
    shown by proofs that are checked here. Until 60 seconds after them the answer is `unknown`, then `invalid`
    (`not_logged`).
    """
    asker = asker_of(request, caller)
    attempt = idempotency.attempt(caller.tenant_id, header) if caller and asker and asker.employer_id else None
    expected = asked.expected_recipient.kinds() if asked.expected_recipient else None
    question = Question(
        asker,
        caller_name(request, caller),
        expected,
        attempt,
        as_of=asked.as_of,
        require_inclusion=asked.require_inclusion,
    )
    await desk.refuse_future(asked.as_of)
    if isinstance(asked, Upload):
        return await desk.verify_file(asked.file, question)
    if asked.url is not None:
        return await desk.verify_link(asked.url, question)
    if asked.token is not None and (asked.token.lstrip().startswith("{") or link_of(asked.token)):
        return await desk.verify_text(asked.token, question)
    badge = asked.token or asked.credential or {}
    return await desk.verify_one(badge, question)


@router.post("/batch", openapi_extra={"requestBody": BATCH_BODY})
async def verify_batch(
    request: Request, caller: Verifying, desk: TheDesk, batch: TheBatch, header: IdempotencyKey
) -> BatchReport:
    """Check up to 1,000 credentials, in at most 4 MiB. Each is answered for by itself, however the others fare.

    Needs an employer's key with the scope `verify`, or the operator's. Whose badge each is is not checked here.
    """
    asker = asker_of(request, caller)
    attempt = idempotency.attempt(caller.tenant_id, header) if asker and asker.employer_id else None
    question = Question(
        asker,
        caller_name(request, caller),
        attempt=attempt,
        as_of=batch.as_of,
        require_inclusion=batch.require_inclusion,
    )
    return BatchReport(results=await desk.verify(batch.credentials, question))


@router.get("")
async def recorded(
    employer: Reading, database: AppDatabase, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Reports:
    """What the employer was answered, newest first."""
    before = place(cursor, employer.tenant_id, "verifications")
    async with database.transaction(employer.tenant_id) as tx:
        rows = await store.page(tx, employer.tenant_id, before, limit)
    more = following(rows, limit, employer.tenant_id, "verifications", lambda row: (row["verified_at"], row["id"]))
    return Reports(items=[recalled(row) for row in rows], next=more)


@router.get("/{verification_id}")
async def one(database: AppDatabase, employer: Reading, verification_id: UUID) -> Report:
    """One answer that the employer was given, as it was recorded."""
    async with database.transaction(employer.tenant_id) as tx:
        return await verifications.existing(tx, verification_id)


def asker_of(request: Request, caller: Principal | None) -> Asker | None:
    """Tell under whom an answer is recorded; whoever holds no key is counted by address."""
    if caller is None:
        rate: Rate = request.app.state.anonymous_rate
        rate.spend(address_of(request))
        return None
    if caller.kind != "employer":
        return Asker(None)
    if not caller.may("verify"):
        raise Forbidden("scope_missing", "This key lacks the scope 'verify'.")
    return Asker(caller.tenant_id)


def caller_name(request: Request, caller: Principal | None) -> str:
    """Tell callers apart whose links are fetched."""
    return str(caller.tenant_id) if caller else address_of(request)
