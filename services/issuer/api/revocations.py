"""Revoke many badges at once: look at what it would be, confirm, follow, pause, resume, cancel."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path, Response
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field, StringConstraints, model_validator

from services.issuer.api.access import Reader, Revoker
from services.issuer.domain.revocations import Command, State, pace
from services.issuer.domain.row import Row
from services.issuer.domain.selection import Selection
from services.issuer.domain.status import REASON_WORDS, reason
from services.issuer.handlers import revocations as handlers
from services.issuer.handlers.revocations import SelectionChanged
from services.issuer.store import revocations as store
from shared.messaging.events import CredentialStatus, ReasonCode
from shared.web import idempotency
from shared.web.auth import Principal
from shared.web.databases import AppDatabase
from shared.web.fields import Body, Instant
from shared.web.idempotency import IdempotencyKey
from shared.web.moves import moves
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place, place_by_id
from shared.web.pagination import cursor as cursor_of
from shared.web.strict import StrictRoute

PATH = "/v1/revocations"
MAX_IDS = 100_000
# So many ids as JSON, with room for the rest.
MAX_BYTES = 5 * 1024 * 1024
EVENT_SECONDS = 1.0

# Members of a revocation that are stored under their own names.
_STORED = (
    "id", "state", "selection", "badges", "revoked", "already_revoked", "reissue", "reissued", "trouble", "created_at",
    "ended_at",
)  # fmt: skip

router = APIRouter(prefix=PATH, tags=["revocations"], route_class=StrictRoute)


class NewRevocation(Body):
    """Which badges are to be revoked, and why. What is selected is what all the given members hold of."""

    ids: list[UUID] | None = Field(
        None, min_length=1, max_length=MAX_IDS, examples=[["6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d"]]
    )
    achievement_id: UUID | None = Field(None, examples=[None])
    job_id: UUID | None = Field(None, description="Issued by this issuance job.", examples=[None])
    issued_from: Instant | None = Field(None, description="Accepted at this time or later.", examples=[None])
    issued_to: Instant | None = Field(None, description="Accepted before this time.", examples=[None])
    signing_key_id: UUID | None = Field(
        None, description="Signed with this key: a proof, or the token.", examples=[None]
    )
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)] = Field(
        examples=["issued_in_error"],
        description=REASON_WORDS,
    )
    reissue: bool = Field(
        False,
        description="Issue each badge that stands once more as it is, under the key in use now; the old one says by "
        "which it is replaced. Needs the scope `issue` as well.",
    )
    dry_run: bool = Field(False, description="Look at what it would be; nothing is changed.", examples=[True])
    with_ids: bool = Field(
        False, description="Of a dry run: answer with `credential_ids` as well, which change nothing of the digest."
    )
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="Confirms what a dry run with the same members has shown.", examples=[None]
    )

    @model_validator(mode="after")
    def _selects(self) -> Self:
        selection = self.selection()
        if not selection.described():
            raise ValueError("name badges: ids, achievement_id, job_id, issued_from, issued_to or signing_key_id")
        if selection.issued_from and selection.issued_to and selection.issued_from >= selection.issued_to:
            raise ValueError("issued_from must be before issued_to")
        if self.dry_run == (self.digest is not None):
            raise ValueError("send either dry_run, to look, or the digest that a dry run gave, to confirm")
        if self.with_ids and not self.dry_run:
            raise ValueError("with_ids is for a dry_run: send what is confirmed without it")
        return self

    def selection(self) -> Selection:
        """Return what is selected."""
        return Selection(
            ids=None if self.ids is None else tuple(self.ids),
            achievement_id=self.achievement_id,
            job_id=self.job_id,
            issued_from=self.issued_from,
            issued_to=self.issued_to,
            signing_key_id=self.signing_key_id,
        )


class OfAchievement(BaseModel):
    """How many of the badges are of one achievement (null: of none)."""

    achievement_id: UUID | None
    badges: int


class Sample(BaseModel):
    """One of the badges."""

    id: UUID
    achievement_id: UUID | None
    status: CredentialStatus
    version: int
    issued_at: datetime


class Counts(BaseModel):
    """What is in a selection, as of now."""

    badges: int = Field(examples=[2000])
    learners: int = Field(description="Different ones, by address or id.", examples=[1987])
    already_revoked: int = Field(description="Those of the badges that are revoked already.", examples=[3])
    by_status: dict[CredentialStatus, int] = Field(examples=[{"issued": 1997, "revoked": 3}])
    by_achievement: list[OfAchievement] = Field(description="Most badges first; at most 100.")
    samples: list[Sample] = Field(description="Up to ten, from all over.")


class Preview(Counts):
    """What would be revoked."""

    digest: str = Field(
        description="Sent back, it confirms exactly this: these badges at these versions, for this reason.",
        examples=["5d0c7c1c4f6a5e0b9a1f..."],
    )
    credential_ids: list[UUID] | None = Field(
        None,
        description=f"With `with_ids`, all of the badges, in the order of ids, as of the same moment as the digest. "
        f"Null: not asked for, or they are more than {MAX_IDS}.",
    )


class RevocationOfMany(BaseModel):
    """A revocation that was confirmed, and how far it is."""

    id: UUID
    state: State
    selection: dict[str, Any] = Field(description="As it was asked for; of ids their number.", examples=[{"ids": 2000}])
    reason: ReasonCode
    note: str | None
    badges: int
    done: int = Field(description="revoked and already_revoked together.")
    revoked: int
    already_revoked: int
    reissue: bool
    reissued: int = Field(description="Those of the revoked that were issued once more.")
    trouble: str | None = Field(description="The code of what has paused it; null: it was not paused by itself.")
    rate: float | None = Field(description="Badges a second since it was begun or resumed; null: not known.")
    seconds_left: int | None
    confirmed_by: str = Field(description="The API key's id.")
    created_at: datetime
    ended_at: datetime | None


class Revocations(Page):
    """Revocations, newest first."""

    items: list[RevocationOfMany]


class Outcome(BaseModel):
    """What became of one badge; null: it is still to be done."""

    id: UUID
    outcome: Literal["revoked", "already_revoked"] | None
    replaced_by: UUID | None = Field(None, description="The badge that was issued in its place.")
    trouble: str | None = Field(
        None, description="The code of why none was, where that was asked for; `suspended`: it did not stand."
    )


class Outcomes(Page):
    """The badges of a revocation, in the order of their ids."""

    items: list[Outcome]


@router.post("", responses={202: {"model": RevocationOfMany, "description": "Confirmed: it is under way."}})
async def revoke_many(body: NewRevocation, who: Revoker, header: IdempotencyKey, database: AppDatabase) -> Preview:
    """Look at what would be revoked (`dry_run`, 200), then confirm it by the digest that came with it (202).

    Ids that are not the institution's are 404, with their `count` and the `first` of them; none is passed over. The
    confirmation is refused (409 `selection_changed`, with the `now` that there is) when a badge has come, gone or
    changed since; how many employers have checked the badges may change, it is no part of it.
    """
    handlers.refuse_without_issuing(who, reissue=body.reissue)
    selection, why = body.selection(), reason(body.reason)
    if body.digest is None:
        ids_up_to = MAX_IDS if body.with_ids else None
        async with database.transaction(who.tenant_id) as tx:
            seen = await handlers.preview(tx, who.tenant_id, selection, why, reissue=body.reissue, ids_up_to=ids_up_to)
        return _preview(seen)
    attempt = idempotency.attempt(who.tenant_id, header)
    try:
        async with idempotency.remembering(database, attempt), database.transaction(who.tenant_id) as tx:
            made = await handlers.confirm(tx, who, selection, why, body.digest, attempt, reissue=body.reissue)
    except SelectionChanged as changed:
        async with database.transaction(who.tenant_id) as tx:
            now = await handlers.preview(tx, who.tenant_id, selection, why, reissue=body.reissue)
        changed.members["now"] = Counts(**_counted(now)).model_dump(mode="json")
        raise
    async with database.transaction(who.tenant_id) as tx:
        view = _view(await handlers.existing(tx, who.tenant_id, made))
    return JSONResponse(view.model_dump(mode="json"), 202)  # type: ignore[return-value]  # the other of two answers


@router.get("")
async def list_revocations(
    who: Reader, database: AppDatabase, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Revocations:
    """The institution's revocations of many badges, newest first."""
    after = place(cursor, who.tenant_id, "revocations")
    async with database.transaction(who.tenant_id) as tx:
        rows = await store.page(tx, who.tenant_id, after, limit)
    more = following(rows, limit, who.tenant_id, "revocations", lambda row: (row["created_at"], row["id"]))
    return Revocations(items=[_view(row) for row in rows], next=more)


@router.get("/{revocation_id}")
async def show_revocation(revocation_id: UUID, who: Reader, database: AppDatabase) -> RevocationOfMany:
    """How far a revocation is."""
    async with database.transaction(who.tenant_id) as tx:
        return _view(await handlers.existing(tx, who.tenant_id, revocation_id))


@router.get("/{revocation_id}/badges")
async def list_badges(
    revocation_id: UUID, who: Reader, database: AppDatabase, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Outcomes:
    """The badges of a revocation, and what became of each."""
    what = f"revocations/{revocation_id}"
    after = place_by_id(cursor, who.tenant_id, what)
    async with database.transaction(who.tenant_id) as tx:
        await handlers.existing(tx, who.tenant_id, revocation_id)
        rows = await store.items(tx, who.tenant_id, revocation_id, after, limit)
    more = cursor_of(who.tenant_id, what, rows[-1]["credential_id"]) if len(rows) >= limit else None
    return Outcomes(items=[_outcome(row) for row in rows], next=more)


async def _existing(revocation_id: UUID, who: Reader, database: AppDatabase) -> Principal:
    """Dependency of the stream: refuses before it begins."""
    async with database.transaction(who.tenant_id) as tx:
        await handlers.existing(tx, who.tenant_id, revocation_id)
    return who


@router.get("/{revocation_id}/events", response_class=EventSourceResponse)
async def follow_revocation(
    revocation_id: UUID, who: Annotated[Principal, Depends(_existing)], database: AppDatabase
) -> AsyncIterator[ServerSentEvent]:
    """How far it is, as server-sent events `progress`, each time that changes, until it has ended."""
    async for event in moves("progress", lambda: show_revocation(revocation_id, who, database), EVENT_SECONDS):
        yield event


@router.post("/{revocation_id}/{command}")
async def command_revocation(
    revocation_id: UUID,
    command: Annotated[Command, Path(description="Repeated, it changes nothing.")],
    who: Revoker,
    database: AppDatabase,
) -> RevocationOfMany:
    """Pause, resume or cancel. When the answer to pause or cancel is here, nothing more is revoked.

    What was revoked stays revoked. Of one that has ended it is 409 `revocation_ended`.
    """
    async with database.transaction(who.tenant_id) as tx:
        await handlers.command(tx, who, revocation_id, command)
    # Chunks that had begun end first.
    async with database.transaction(who.tenant_id) as tx:
        return _view(await handlers.existing(tx, who.tenant_id, revocation_id, "for update"))


def _counted(row: Row) -> dict[str, Any]:
    found = {name: row[name] for name in Counts.model_fields if name != "already_revoked"}
    return {**found, "already_revoked": row["by_status"].get("revoked", 0)}


def _preview(row: Row) -> Preview:
    found = Preview(**_counted(row), digest=row["digest"])
    if row["ids"] is None:
        return found
    # The database has written the ids as JSON already: as 100,000 objects they would hold the event loop for long.
    members = {**found.model_dump(mode="json"), "credential_ids": orjson.Fragment(row["ids"])}
    return Response(orjson.dumps(members), media_type="application/json")  # type: ignore[return-value]  # written


def _outcome(row: Row) -> Outcome:
    return Outcome(
        id=row["credential_id"], outcome=row["outcome"], replaced_by=row["replaced_by"], trouble=row["trouble"]
    )


def _view(row: Row) -> RevocationOfMany:
    now = pace(row, row["now"])
    return RevocationOfMany(
        **{name: row[name] for name in _STORED},
        reason=row["reason_code"],
        note=row["reason_note"],
        done=row["revoked"] + row["already_revoked"],
        rate=now.rate,
        seconds_left=now.seconds_left,
        confirmed_by=row["actor_key_id"],
    )
