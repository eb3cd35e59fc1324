"""VC-API (W3C-CCG): issue any credential, and set its status; suite and key are bound by the address.

What is wrong with a request is 400 here, as the specification and its suites have it.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from services.issuer.api.access import Settings, TheIssuing, VcIssuer, VcRevoker
from services.issuer.api.wire import Slug
from services.issuer.domain.formats import DEFAULT, SuiteName, token_of
from services.issuer.domain.plan import Given
from services.issuer.domain.row import Row
from services.issuer.handlers import reading, vc_api
from services.issuer.handlers.storing import ALONE, Requester
from services.issuer.handlers.vc_api import Bit
from shared import telemetry
from shared.credentials.contexts import CREDENTIALS_V2
from shared.credentials.shape import MAX_TEXT
from shared.messaging.events import CredentialStatus, Purpose
from shared.web import idempotency
from shared.web.databases import AppDatabase
from shared.web.fields import Body
from shared.web.idempotency import IdempotencyKey
from shared.web.problems import invalid_request
from shared.web.strict import StrictRoute

CredentialId = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]
SUITES = "/institutions/{slug}/suites/{suite}"


class VcApiRoute(StrictRoute):
    """A strict route that answers 400, never 422, to a body of another form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler of a strict route."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return invalid_request(error, 400)

        return told


router = APIRouter(tags=["VC-API"], route_class=VcApiRoute)

_EXAMPLE: JsonValue = {
    "@context": [CREDENTIALS_V2],
    "type": ["VerifiableCredential"],
    "name": "Membership of North Academy",
    "credentialSubject": {"id": "did:example:ada"},
}


class IssueOptions(BaseModel):
    """How a credential is issued. Members that are not known here are passed over, as the suites send some."""

    model_config = ConfigDict(populate_by_name=True)

    credential_id: CredentialId | None = Field(
        None, alias="credentialId", description="What the institution calls a credential whose document has no id."
    )


class IssueRequest(Body):
    """A credential to be signed as it stands."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"credential": _EXAMPLE, "options": {}}]})

    credential: dict[str, Any] = Field(
        description="Of the data model 2.0 or 1.1, without a proof. A missing issuer is filled in, and in 2.0 a status "
        "where the document has none; an id is never written into it. The document's id is given once.",
    )
    options: IssueOptions = Field(IssueOptions(), examples=[{}])


class IssueResponse(BaseModel):
    """The credential with its proof, or as a token in an EnvelopedVerifiableCredential."""

    model_config = ConfigDict(populate_by_name=True)

    verifiable_credential: dict[str, Any] = Field(alias="verifiableCredential")


class StatusEntry(Body):
    """Which entry: its purpose; list and index where a certain one is meant."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    type: Literal["BitstringStatusListEntry", "BitstringStatusList"]
    status_purpose: Purpose = Field(alias="statusPurpose", examples=["revocation"])
    id: str | None = None
    status_list_index: str | None = Field(None, alias="statusListIndex")
    status_list_credential: str | None = Field(None, alias="statusListCredential")


class StatusRequest(Body):
    """Which bit of which credential is to be set, or cleared."""

    model_config = ConfigDict(
        populate_by_name=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "credentialId": "urn:uuid:0fc754bc-fc32-46a0-aec1-a5ef385e7ea0",
                    "credentialStatus": {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"},
                    "status": True,
                }
            ]
        },
    )

    credential_id: CredentialId = Field(
        alias="credentialId",
        description="The document's id, what it was called when it was issued, or its id in this registry.",
        examples=["urn:uuid:0fc754bc-fc32-46a0-aec1-a5ef385e7ea0"],
    )
    credential_status: StatusEntry = Field(alias="credentialStatus")
    status: bool = Field(True, strict=True, description="false: taken back, which a revocation can't be.")
    index_allocator: str | None = Field(None, alias="indexAllocator", description="Has no effect.")

    def bit(self) -> Bit:
        """Return what is asked for, in the use case's words."""
        entry = self.credential_status
        place = entry.status_list_credential, entry.status_list_index
        return Bit(self.credential_id, entry.status_purpose, self.status, *place)


class StatusResponse(BaseModel):
    """How the credential stands now."""

    id: UUID
    status: CredentialStatus
    version: int


@dataclass(frozen=True)
class Desk:
    """Who asks for a credential, and what issuing it takes."""

    who: VcIssuer
    header: IdempotencyKey
    database: AppDatabase
    issuing: TheIssuing
    settings: Settings

    async def issue(self, asked: IssueRequest, suite: SuiteName, response: Response) -> IssueResponse:
        """Issue what is asked for; say in `Location` where the registry has it."""
        who, database = self.who, self.database
        attempt = idempotency.attempt(who.tenant_id, self.header)
        requester = Requester(who, {ALONE: attempt} if attempt else {})
        given = Given(asked.credential, asked.options.credential_id)
        async with idempotency.remembering(database, attempt):
            credential_id = await self.issuing.one(requester, None, given, [suite])
        telemetry.annotate(credential_id=str(credential_id), institution_id=str(who.tenant_id))
        async with database.transaction(who.tenant_id) as tx:
            row = await reading.credential(tx, who.tenant_id, credential_id)
        response.headers["Location"] = f"{self.settings.public_url}/credentials/{credential_id}"
        return IssueResponse(verifiable_credential=_secured(row, enveloped=token_of([suite]) is not None))


TheDesk = Annotated[Desk, Depends(Desk)]


@router.post("/credentials/issue", status_code=201)
async def issue(body: IssueRequest, desk: TheDesk, response: Response) -> IssueResponse:
    """Issue any credential with an eddsa-rdfc-2022 proof: stored for good, recorded by the registry, revocable."""
    return await desk.issue(body, DEFAULT[0], response)


@router.post(f"{SUITES}/credentials/issue", status_code=201)
async def issue_by_suite(
    slug: Slug, suite: SuiteName, body: IssueRequest, desk: TheDesk, response: Response
) -> IssueResponse:
    """Issue any credential by a suite, with the institution's key for it."""
    async with desk.database.transaction(desk.who.tenant_id) as tx:
        await vc_api.refuse_other_address(tx, desk.who.tenant_id, slug)
    return await desk.issue(body, suite, response)


@router.post("/credentials/status")
async def set_status(body: StatusRequest, who: VcRevoker, database: AppDatabase, settings: Settings) -> StatusResponse:
    """Revoke a credential for good, or suspend one that has an entry for it. Repeated, it answers the same."""
    async with database.transaction(who.tenant_id) as tx:
        row = await vc_api.set_bit(tx, who, body.bit(), settings.public_url)
    telemetry.annotate(credential_id=str(row["id"]), institution_id=str(who.tenant_id))
    return StatusResponse(id=row["id"], status=row["status"], version=row["version"])


@router.post(f"{SUITES}/credentials/status")
async def set_status_by_suite(
    slug: Slug, suite: SuiteName, body: StatusRequest, who: VcRevoker, database: AppDatabase, settings: Settings
) -> StatusResponse:
    """The same at the address of a suite; whichever it is, the credential is known by its id alone."""
    async with database.transaction(who.tenant_id) as tx:
        await vc_api.refuse_other_address(tx, who.tenant_id, slug)
    return await set_status(body, who, database, settings)


def _secured(row: Row, *, enveloped: bool) -> Any:
    if not enveloped:
        return orjson.loads(row["document"])
    # VCDM 2.0 section 4.13.1.
    return {
        "@context": [CREDENTIALS_V2],
        "id": f"data:application/vc+jwt,{row['token']}",
        "type": "EnvelopedVerifiableCredential",
    }
