"""What becomes of a credential: suspended, reinstated, revoked; a badge also replaced or renewed by another."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from services.issuer.api.access import IfMatch, Issuer, Revoker, Settings, TheIssuing
from services.issuer.api.credentials import Credential, as_made
from services.issuer.api.order_body import PartOfRecipient, Terms, WantedFormats
from services.issuer.domain.formats import refuse_two_tokens
from services.issuer.domain.plan import Predecessor
from services.issuer.domain.row import Row
from services.issuer.domain.status import REASON_WORDS, SUPERSEDED, Command, reason, reason_to_replace
from services.issuer.handlers import changing, reading, succeeding
from services.issuer.handlers.issuing import Issuing
from services.issuer.handlers.storing import ALONE, Requester
from services.issuer.handlers.succeeding import Ordered
from shared import telemetry
from shared.db import Database
from shared.messaging.events import CredentialStatus
from shared.web import idempotency
from shared.web.auth import Principal, refuse_without
from shared.web.databases import AppDatabase
from shared.web.etag import etag
from shared.web.fields import Body, Instant
from shared.web.idempotency import Attempt, IdempotencyKey
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/credentials/{credential_id}", tags=["credentials"], route_class=StrictRoute)

ReasonText = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class WithReason(Body):
    """Why a credential is changed."""

    reason: ReasonText = Field(
        examples=["issued_in_error"],
        description=REASON_WORDS,
    )


class Replacement(Terms):
    """What is different about the new badge; what is left out is as in the old one, and null takes it away."""

    recipient: PartOfRecipient = PartOfRecipient()
    formats: WantedFormats
    reason: ReasonText | None = Field(
        None, description="A code as of a revocation, or a note. Absent: superseded.", examples=["The name was wrong."]
    )

    def changes(self) -> dict[str, Any]:
        """Return the members of an order that differ."""
        order = self.order(self.recipient)
        of_recipient = {"recipient_id" if name == "id" else name for name in self.recipient.model_fields_set}
        return {name: getattr(order, name) for name in self.model_fields_set & Terms.model_fields.keys() | of_recipient}


class Renewal(Body):
    """The new badge's dates; what is left out follows from the old one's."""

    valid_from: Instant | None = Field(None, description="Absent: now.")
    valid_until: Instant | None = Field(
        None, description="Absent: as long after the end of the old badge, or from now if that is over, as that lasted."
    )
    renewable_until: Instant | None = Field(None, description="Absent: as long before or after the end as of the old.")


class ChangedStatus(BaseModel):
    """How the credential stands now."""

    id: UUID
    status: CredentialStatus
    version: int


@router.post("/revoke")
async def revoke_credential(
    credential_id: UUID,
    body: WithReason,
    who: Revoker,
    database: AppDatabase,
    response: Response,
    if_match: IfMatch = None,
) -> ChangedStatus:
    """Revoke a credential, for good. Repeated, it answers the same."""
    return await _change(database, who, credential_id, "revoke", body, if_match, response)


@router.post("/suspend")
async def suspend_credential(
    credential_id: UUID,
    body: WithReason,
    who: Revoker,
    database: AppDatabase,
    response: Response,
    if_match: IfMatch = None,
) -> ChangedStatus:
    """Suspend a badge until it is reinstated, or revoked. Repeated, it answers the same.

    Only a badge of an achievement that was `suspendable` when it was issued (409 `not_suspendable`).
    """
    return await _change(database, who, credential_id, "suspend", body, if_match, response)


@router.post("/reinstate")
async def reinstate_credential(
    credential_id: UUID,
    body: WithReason,
    who: Revoker,
    database: AppDatabase,
    response: Response,
    if_match: IfMatch = None,
) -> ChangedStatus:
    """End a badge's suspension. Repeated, it answers the same; a revocation stays (409)."""
    return await _change(database, who, credential_id, "reinstate", body, if_match, response)


@router.post("/replace", status_code=201)
async def replace_badge(
    credential_id: UUID,
    body: Replacement,
    who: Issuer,
    header: IdempotencyKey,
    database: AppDatabase,
    issuing: TheIssuing,
    settings: Settings,
    if_match: IfMatch = None,
) -> Credential:
    """Issue a badge in place of this one, which is revoked at the same time. Needs the scopes `issue` and `revoke`.

    The new one is of the achievement's newest published version, and else as the old one, but for what is asked here.
    A badge is replaced or renewed once (409 `already_replaced`, `already_renewed`, with the other's `id`).
    """
    refuse_without(who, "revoke")
    attempt = idempotency.attempt(who.tenant_id, header)
    predecessor = Predecessor(credential_id, "replace", reason_to_replace(body.reason), if_match)
    async with idempotency.remembering(database, attempt):
        async with database.transaction(who.tenant_id) as tx:
            found = await succeeding.existing(tx, who.tenant_id, [credential_id])
        achievement, order, formats = succeeding.replacement(found, predecessor, body.changes())
        wanted = body.formats if "formats" in body.model_fields_set else formats
        refuse_two_tokens(wanted)
        new = await _issue(issuing, who, attempt, (achievement, order, wanted))
    return as_made(await _read(database, who, new), settings.public_url)


@router.post("/renew", status_code=201)
async def renew_badge(
    credential_id: UUID,
    body: Renewal,
    who: Issuer,
    header: IdempotencyKey,
    database: AppDatabase,
    issuing: TheIssuing,
    settings: Settings,
    if_match: IfMatch = None,
) -> Credential:
    """Issue a badge that continues this one: same learner, same achievement, new dates. This one runs out by itself.

    It can be done until `renewable_until`, or else until the end of the badge (409 `renewal_too_late`), and once
    (409 `already_renewed`, `already_replaced`, with the other's `id`); not while it is suspended or once it is revoked.
    """
    attempt = idempotency.attempt(who.tenant_id, header)
    predecessor = Predecessor(credential_id, "renew", SUPERSEDED, if_match)
    async with idempotency.remembering(database, attempt):
        async with database.transaction(who.tenant_id) as tx:
            ordered = await succeeding.renewal(tx, who.tenant_id, predecessor, body.model_dump())
        new = await _issue(issuing, who, attempt, ordered)
    return as_made(await _read(database, who, new), settings.public_url)


async def _change(
    database: Database,
    who: Principal,
    credential_id: UUID,
    command: Command,
    body: WithReason,
    if_match: str | None,
    response: Response,
) -> ChangedStatus:
    async with database.transaction(who.tenant_id) as tx:
        row = await changing.change(tx, who, credential_id, command, reason(body.reason), if_match)
    telemetry.annotate(credential_id=str(credential_id), institution_id=str(who.tenant_id))
    response.headers["ETag"] = etag(row["version"])
    return ChangedStatus(id=row["id"], status=row["status"], version=row["version"])


async def _issue(issuing: Issuing, who: Principal, attempt: Attempt | None, ordered: Ordered) -> UUID:
    achievement_id, order, formats = ordered
    requester = Requester(who, {ALONE: attempt} if attempt else {})
    new = await issuing.one(requester, achievement_id, order, formats)
    telemetry.annotate(credential_id=str(new), institution_id=str(who.tenant_id))
    return new


async def _read(database: Database, who: Principal, credential_id: UUID) -> Row:
    async with database.transaction(who.tenant_id) as tx:
        return await reading.credential(tx, who.tenant_id, credential_id)
