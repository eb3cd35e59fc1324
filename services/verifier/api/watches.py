"""Watch badges: be told when the answer that a fresh verification would give becomes another one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field, model_validator

from services.verifier.api.verifications import Reading, TheDesk
from services.verifier.domain.watches import Kind
from services.verifier.handlers import watches
from services.verifier.handlers.watches import Terms, Wanted
from services.verifier.store import watches as store
from shared.credentials.report import Standing, Verdict
from shared.web import idempotency
from shared.web.auth import Principal, require
from shared.web.databases import AppDatabase
from shared.web.fields import Body, Instant
from shared.web.idempotency import IdempotencyKey
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/watches", tags=["watches"], route_class=StrictRoute)

Watching = Annotated[Principal, Depends(require("employer", scope="verify"))]
Channel = Literal["webhook", "mail"]
# What a 64-bit column holds.
After = Annotated[int, Query(ge=0, lt=2**63, description="`next` of the page before; 0: from the beginning.")]

_EXAMPLE_ID = "0d6c2b8e-1111-4222-8333-44445555666a"


def _day_ended(given: Any) -> Any:
    """Return the last second of a day for a text that has the length of one."""
    return f"{given}T23:59:59Z" if isinstance(given, str) and len(given) == len("2028-06-30") else given


class NewWatch(Body):
    """A badge to be watched, named by a verification of one's own or by its id."""

    verification_id: UUID | None = Field(None, description="Of a badge of this registry.", examples=[_EXAMPLE_ID])
    credential_id: UUID | None = None
    until: Annotated[Instant | None, BeforeValidator(_day_ended)] = Field(
        None,
        description="When the watch ends: a time, or a day (its end, UTC). Absent: a year from now, unless this "
        "verifier is set up otherwise.",
        examples=["2028-06-30"],
    )
    channels: list[Channel] = Field(
        [],
        max_length=2,
        description="How to be told beside the feed `GET /v1/watches/events`, which has everything.",
        examples=[["webhook"]],
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "NewWatch":
        if (self.verification_id is None) == (self.credential_id is None):
            raise ValueError("either verification_id or credential_id is given")
        return self


class KnownAnswer(BaseModel):
    """What a fresh verification would say, as the employer was last told or found at the beginning."""

    verdict: Verdict = Field(description="`unknown`: nothing could be decided since the watch began.")
    reason: str | None = Field(examples=["revoked"])
    standing: Standing = Field(description="Of the issuer.")


class LastTold(BaseModel):
    """The last change that was told."""

    number: int = Field(description="Of this watch's changes, from 1.", examples=[1])
    change: Kind
    told_at: datetime


class Watch(BaseModel):
    """A watched badge."""

    id: UUID
    state: Literal["open", "ended"]
    credential_id: UUID
    verification_id: UUID | None
    channels: list[Channel]
    until: datetime
    created_at: datetime
    answer: KnownAnswer
    told: LastTold | None = Field(description="Null: nothing has changed so far.")


class Watches(Page):
    """The employer's watches, newest first."""

    items: list[Watch]


class WatchEvent(BaseModel):
    """An answer that became another one. `place` counts the employer's events, `number` those of one watch."""

    id: UUID = Field(description="The event's id, by every channel the same.")
    place: int = Field(examples=[17])
    watch_id: UUID
    number: int = Field(examples=[1])
    credential_id: UUID
    change: Kind
    verdict: Verdict
    reason: str | None
    standing: Standing
    changed_at: datetime = Field(description="By the issuer's clock or the badge's dates; else when it was noticed.")
    told_at: datetime


class WatchEvents(BaseModel):
    """A part of the feed, oldest first."""

    items: list[WatchEvent]
    next: int = Field(description="Send as `after` to get what comes later, now or another time.", examples=[17])


async def _terms(request: Request) -> Terms:
    terms: Terms = request.app.state.watch_terms
    return terms


@router.post("", status_code=201, responses={200: {"model": Watch, "description": "The badge was watched already."}})
async def watch(
    response: Response,
    employer: Watching,
    database: AppDatabase,
    desk: TheDesk,
    terms: Annotated[Terms, Depends(_terms)],
    body: NewWatch,
    header: IdempotencyKey,
) -> Watch:
    """Watch a badge of this registry. `answer` in the 201 is how it stands now; from then on every change is told once.

    Changes are: revoked, replaced by another badge, suspended, reinstated, expired, the key withdrawn by which it was
    signed, the issuer's standing. Of a badge that is watched already `until` and `channels` are changed (200). The
    issuer never learns who watches, nor that anybody does. Badges of which the registry does not know by which key they
    are signed can be watched once they were verified (409 `verify_first`).
    """
    attempt = idempotency.attempt(employer.tenant_id, header)
    wanted = Wanted(
        employer.tenant_id, body.verification_id, body.credential_id, body.until, sorted(set(body.channels))
    )
    async with idempotency.remembering(database, attempt), database.transaction(employer.tenant_id) as tx:
        row, made = await watches.watch(tx, wanted, desk.rules, terms, attempt)
    response.status_code = 201 if made else 200
    return _watch(row)


@router.get("")
async def listed(
    employer: Reading, database: AppDatabase, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Watches:
    """The employer's watches, newest first. Ended ones are kept for thirty days."""
    before = place(cursor, employer.tenant_id, "watches")
    async with database.transaction(employer.tenant_id) as tx:
        rows = await store.page(tx, employer.tenant_id, before, limit)
    more = following(rows, limit, employer.tenant_id, "watches", lambda row: (row["created_at"], row["id"]))
    return Watches(items=[_watch(row) for row in rows], next=more)


@router.get("/events")
async def events(
    employer: Reading, database: AppDatabase, after: After = 0, limit: Limit = DEFAULT_LIMIT
) -> WatchEvents:
    """What changed, oldest first: everything that the employer was told, by whichever channel, for 400 days.

    Whoever goes on from `next` misses nothing: an event never appears before one that was read already.
    """
    async with database.transaction(employer.tenant_id) as tx:
        rows = await store.events(tx, employer.tenant_id, after, limit)
    items = [WatchEvent(id=row["event_id"], **_members(WatchEvent, row)) for row in rows]
    return WatchEvents(items=items, next=items[-1].place if items else after)


@router.get("/{watch_id}")
async def one(employer: Reading, database: AppDatabase, watch_id: UUID) -> Watch:
    """One watch, with what was last told and when."""
    async with database.transaction(employer.tenant_id) as tx:
        return _watch(await watches.existing(tx, watch_id))


@router.delete("/{watch_id}", status_code=204)
async def end(employer: Watching, database: AppDatabase, watch_id: UUID) -> None:
    """Watch no longer; what was told stays in the feed."""
    async with database.transaction(employer.tenant_id) as tx:
        await watches.end(tx, watch_id)


def _watch(row: Any) -> Watch:
    last = LastTold(number=row["number"], change=row["told_change"], told_at=row["told_at"]) if row["number"] else None
    return Watch(
        state="ended" if row["ended"] else "open",
        answer=KnownAnswer(**_members(KnownAnswer, row)),
        told=last,
        **_members(Watch, row),
    )


def _members(model: type[BaseModel], row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in model.model_fields}
