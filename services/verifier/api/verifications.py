"""Ask whether a badge is genuine and holds, and look at what was answered before."""

from collections.abc import Mapping
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.verifier.domain.records import recalled
from services.verifier.handlers import verifications
from services.verifier.handlers.verifications import Asker, Desk
from services.verifier.store import verifications as store
from shared.credentials.identity import Kind
from shared.credentials.report import Report
from shared.errors import Forbidden
from shared.web import idempotency
from shared.web.auth import Principal, address_of, anyone, require
from shared.web.databases import AppDatabase
from shared.web.idempotency import IdempotencyKey
from shared.web.limits import Rate
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place
from shared.web.strict import StrictRoute

MAX_BATCH = 100
MAX_URL = 2000

router = APIRouter(prefix="/v1/verifications", tags=["verifications"], route_class=StrictRoute)

Caller = Annotated[Principal | None, Depends(anyone)]
Verifying = Annotated[Principal, Depends(require("employer", "operator", scope="verify"))]
Reading = Annotated[Principal, Depends(require("employer", scope="read"))]


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(_desk)]

Document = dict[str, Any]
EXAMPLE = {
    "@context": [
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    ],
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "issuer": {"id": "did:key:z6Mk…", "type": ["Profile"], "name": "North Academy"},
    "validFrom": "2026-11-22T10:21:00Z",
    "credentialSubject": {"type": ["AchievementSubject"], "achievement": {"type": ["Achievement"]}},
    "proof": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022"},
}


class ExpectedRecipient(BaseModel):
    """The person who shows the badge; with several members all must fit. It is compared, and kept nowhere."""

    model_config = ConfigDict(extra="forbid")

    email: str | None = Field(None, min_length=1, max_length=320, examples=["ada@example.org"])
    name: str | None = Field(None, min_length=1, max_length=200)
    id: str | None = Field(None, min_length=1, max_length=2000)

    @model_validator(mode="after")
    def _names_somebody(self) -> "ExpectedRecipient":
        if not self.model_fields_set or None in (getattr(self, name) for name in self.model_fields_set):
            raise ValueError("name the person by email, name or id")
        return self

    def kinds(self) -> Mapping[Kind, str]:
        """Return what is known of the person."""
        return cast(Mapping[Kind, str], self.model_dump(exclude_none=True))


def _not_null(schema: dict[str, Any]) -> None:
    """Describe a member that may be absent and is never null."""
    schema.pop("default", None)
    schema |= next(each for each in schema.pop("anyOf") if each.get("type") != "null")


class VerificationRequest(BaseModel):
    """One credential, or the link that leads to it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"oneOf": [{"required": ["credential"]}, {"required": ["url"]}]}
    )

    credential: Document | None = Field(
        None, description="The credential as it was received.", examples=[EXAMPLE], json_schema_extra=_not_null
    )
    url: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_URL,
        description="Where the credential is: https, a public address, no redirect, at most 1 MiB within 5 s.",
        examples=["https://badges.example/credentials/0d6c2b8e-1111-4222-8333-444455556666"],
        json_schema_extra=_not_null,
    )
    expected_recipient: ExpectedRecipient | None = None

    @model_validator(mode="after")
    def _names_one_badge(self) -> "VerificationRequest":
        given = self.model_fields_set & {"credential", "url"}
        if len(given) != 1 or getattr(self, *given) is None:
            raise ValueError("give either the credential or a url")
        return self


class BatchRequest(BaseModel):
    """Several credentials."""

    model_config = ConfigDict(extra="forbid")

    credentials: list[Document] = Field(min_length=1, max_length=MAX_BATCH, examples=[[EXAMPLE]])


class BatchReport(BaseModel):
    """A report for each credential, in their order."""

    results: list[Report]


class Reports(Page):
    """Reports as they were recorded, newest first: outcomes without the credentials."""

    items: list[Report]


@router.post("")
async def verify(
    request: Request, caller: Caller, desk: TheDesk, body: VerificationRequest, header: IdempotencyKey
) -> Report:
    """Check one credential, given or at a link. No key is needed.

    With an employer's key the answer is recorded under the employer. A badge that is not valid is an answer too: 200,
    with the reason in the report. A link from which no badge can be taken is a problem: 422.
    """
    asker = asker_of(request, caller)
    attempt = idempotency.attempt(caller.tenant_id, header) if caller and asker and asker.employer_id else None
    expected = body.expected_recipient.kinds() if body.expected_recipient else None
    if body.url is not None:
        who = caller_name(request, caller)
        return await desk.verify_link(body.url, asker, caller=who, expected=expected, attempt=attempt)
    return (await desk.verify([body.credential or {}], asker, expected=expected, attempt=attempt))[0]


@router.post("/batch")
async def verify_batch(
    request: Request, caller: Verifying, desk: TheDesk, body: BatchRequest, header: IdempotencyKey
) -> BatchReport:
    """Check up to 100 credentials."""
    asker = asker_of(request, caller)
    attempt = idempotency.attempt(caller.tenant_id, header) if asker and asker.employer_id else None
    return BatchReport(results=await desk.verify(body.credentials, asker, attempt=attempt))


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
