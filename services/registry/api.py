"""The registry's API: one record, and the owner's search."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from services.registry import reading
from services.registry.domain.rules import trace_id
from services.registry.store import record
from shared.credentials.state import State
from shared.db import Database, Tx
from shared.messaging.events import Actor, ChangeType, CredentialStatus, Reason
from shared.web.auth import Principal, anyone, require
from shared.web.databases import AppDatabase, WorkerDatabase
from shared.web.fields import Instant
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1", tags=["record"], route_class=StrictRoute)

Caller = Annotated[Principal | None, Depends(anyone)]
Owner = Annotated[Principal, Depends(require("institution", scope="read"))]


class Version(BaseModel):
    """One version of a credential, as anybody may see it."""

    version: int = Field(examples=[2])
    type: ChangeType
    time: datetime = Field(description="When the issuer accepted the change.")
    event_id: UUID
    log_index: int | None = Field(description="Where it stands in the transparency log; null until it does.")


class OwnedVersion(Version):
    """One version of a credential, as its institution sees it."""

    actor: Actor
    reason: Reason | None = None
    trace_id: str | None = Field(
        description="The trace in which it was made (32 hex digits); null where none was recorded.",
        examples=["4bf92f3577b34da6a3ce929d0e0e4736"],
    )


class Issuer(BaseModel):
    """The institution, by the name under which it is registered here."""

    id: str = Field(description="Its DID.", examples=["did:web:badges.example:institutions:north"])
    name: str = Field(examples=["North Academy"])
    former_ids: Sequence[str] = Field(description="DIDs that it had before, and signed under.", examples=[[]])


class Achievement(BaseModel):
    """What was achieved."""

    id: UUID
    version: int
    name: str | None = Field(description="Null while its description has not arrived here.", examples=["Welding I"])
    micro_credential: dict[str, Any] | None = Field(
        None, description="The European elements for which Open Badges has no term.", examples=[{"workload_hours": 50}]
    )


class PublicRecord(BaseModel):
    """A credential's record, without anything about its holder."""

    id: UUID
    status: CredentialStatus = Field(description="What the status lists say.")
    state: State = Field(
        description="How it stands: expired when its end is over; replaced, which is revoked, when another has its "
        "place; renewed when another continues it."
    )
    version: int = Field(examples=[1])
    institution_id: UUID
    issuer: Issuer | None = Field(description="Null while the institution's description has not arrived here.")
    kind: Literal["badge", "generic"] = Field(description="generic: no badge, but what its institution wrote (VC-API).")
    types: Sequence[str] = Field(description="What a generic credential says that it is.", examples=[[]])
    achievement: Achievement | None = Field(description="Null: it is no badge.")
    issued_at: datetime
    replaces: UUID | None = Field(None, description="The credential that this one was issued in place of.")
    replaced_by: UUID | None = None
    renews: UUID | None = Field(None, description="The credential that this one continues.")
    renewed_by: UUID | None = None
    history: Sequence[Version]


class OwnedRecord(PublicRecord):
    """A credential's record, as its institution and the operator see it."""

    history: Sequence[OwnedVersion]
    credential: dict[str, Any] | None = Field(description="The signed document.")
    verifications: int = Field(description="How often it was verified.", examples=[3])


class Found(BaseModel):
    """A record in a search's answer."""

    id: UUID
    status: CredentialStatus
    version: int
    achievement_id: UUID | None
    achievement_version: int | None
    issued_at: datetime
    changed_at: datetime


class FoundPage(Page):
    """Records, newest first."""

    items: list[Found]


def visible_to(caller: Principal | None, app: Database, worker: Database) -> AbstractAsyncContextManager[Tx]:
    """Open a transaction that shows what `caller` may read: everything to the operator, to an institution its own."""
    if caller and caller.kind == "operator":
        return worker.transaction()
    if caller and caller.kind == "institution" and caller.may("read"):
        return app.transaction(caller.tenant_id)
    return app.transaction()


@router.get("/credentials/{credential_id}")
async def credential(
    credential_id: UUID, caller: Caller, app: AppDatabase, worker: WorkerDatabase
) -> OwnedRecord | PublicRecord:
    """A credential's record and history: whole for its institution and the operator, else without personal data."""
    async with visible_to(caller, app, worker) as tx:
        form = await reading.public_form(tx, credential_id)
        owned = await reading.owned_form(tx, form)
    if owned is None:
        return public_record(form)
    public = public_record(form).model_dump(exclude={"history"})
    history = [_owned_version(row) for row in owned.history]
    return OwnedRecord(**public, history=history, credential=owned.document, verifications=owned.verifications)


@router.get("/credentials")
async def search(
    owner: Owner,
    database: AppDatabase,
    *,
    status: CredentialStatus | None = None,
    achievement_id: UUID | None = None,
    issued_from: Instant | None = None,
    issued_to: Annotated[Instant | None, Query(description="Exclusive.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> FoundPage:
    """The institution's credentials, newest first. There is no search for a recipient: addresses are hashed here."""
    after = place(cursor, owner.tenant_id, "credentials")
    async with database.transaction(owner.tenant_id) as tx:
        if achievement_id is not None:
            await reading.own_achievement(tx, achievement_id)
        rows = await record.search(
            tx,
            status=status,
            achievement_id=achievement_id,
            issued_from=issued_from,
            issued_to=issued_to,
            after=after,
            limit=limit,
        )
    more = following(rows, limit, owner.tenant_id, "credentials", lambda row: (row["issued_at"], row["id"]))
    return FoundPage(items=[Found(**row) for row in rows], next=more)


def public_record(form: Record) -> PublicRecord:
    """Build the public form of a record from its row."""
    return PublicRecord(
        id=form["id"],
        status=form["status"],
        state=reading.state(form),
        version=form["version"],
        institution_id=form["institution_id"],
        issuer=_issuer(form) if form["did"] else None,
        kind="badge" if form["achievement_id"] else "generic",
        types=reading.types_of(form["types"]),
        achievement=_achievement(form) if form["achievement_id"] else None,
        issued_at=form["issued_at"],
        **{name: form[name] for name in ("replaces", "replaced_by", "renews", "renewed_by")},
        history=[Version(**entry) for entry in form["history"]],
    )


def _issuer(form: Record) -> Issuer:
    return Issuer(id=form["did"], name=form["institution_name"], former_ids=form["former_dids"])


def _achievement(form: Record) -> Achievement:
    return Achievement(
        id=form["achievement_id"],
        version=form["achievement_version"],
        name=form["achievement_name"],
        micro_credential=form["micro_credential"],
    )


def _owned_version(row: Record) -> OwnedVersion:
    reason = Reason(code=row["reason_code"], note=row["note"]) if row["reason_code"] else None
    actor = Actor(role=row["actor_role"], key_id=row["actor_key"])
    return OwnedVersion(**row, actor=actor, reason=reason, trace_id=trace_id(row["traceparent"]))
