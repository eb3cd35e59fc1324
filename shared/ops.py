"""The operator's routes that every service has: what it holds, dead letters, replay, restart, rebuild, refeed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from shared.db import Tx, to_json
from shared.errors import NotFound
from shared.messaging import holding, outbox, positions
from shared.web.auth import Principal, require
from shared.web.databases import WorkerDatabase
from shared.web.pagination import MAX_LIMIT, Page
from shared.web.strict import StrictRoute

# What JSON and PostgreSQL agree to be an integer.
Id = Annotated[int, Field(ge=0, le=2**53 - 1)]
Operator = Annotated[Principal, Depends(require("operator", scope="manage"))]


@dataclass(frozen=True)
class Operations:
    """What a service offers its operator.

    `ledger(tx, after, limit)` gives up to `limit` lines (each with a `kind` and an `id`) in the order of their ids,
    after the id `after`. `rebuild()` empties the projections and lets them be read anew. `refeed()` writes every event
    and state again to the outbox, with the ids they had; it answers how many. `remove_sandboxes(operator)` ends a
    share of what sandbox tenants still have; nothing is left when it counts nothing.
    """

    ledger: Callable[[Tx, str | None, int], Awaitable[Sequence[dict[str, Any]]]]
    rebuild: Callable[[], Awaitable[None]] | None = None
    refeed: Callable[[], Awaitable[int]] | None = None
    remove_sandboxes: "Callable[[Principal], Awaitable[Removed]] | None" = None


class DeadLetter(BaseModel):
    """A record that was given up after its attempts, or could not be read."""

    id: int
    consumer: str
    topic: str
    partition: int
    offset: int
    aggregate: str | None = Field(description="The key it speaks of, null where it can't be told.")
    type: str | None
    reason: str
    attempts: int
    held_at: str


class DeadLetters(Page):
    """Dead letters, oldest first."""

    items: list[DeadLetter]


class Replay(BaseModel):
    """Which dead letters to take up again."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Id] | None = Field(None, max_length=1000, description="Absent: all of them.")


class Discard(BaseModel):
    """Which dead letters to drop."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Id] = Field(min_length=1, max_length=1000)


class Restart(BaseModel):
    """Which consumer to let begin at the earliest record that is there."""

    model_config = ConfigDict(extra="forbid")

    consumer: str = Field(max_length=100, pattern="^[a-z.]+$", examples=["laurel.registry.record"])


class Done(BaseModel):
    """How much was done."""

    count: int


class Removed(BaseModel):
    """What a call ended: tenants that were withdrawn, API keys and credentials that were revoked, watches."""

    tenants: int = 0
    api_keys: int = 0
    credentials: int = 0
    watches: int = 0


_letters = APIRouter(tags=["operations"], route_class=StrictRoute)


@_letters.get("/dead-letters")
async def dead_letters(
    _: Operator,
    database: WorkerDatabase,
    cursor: Annotated[Id | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
) -> DeadLetters:
    """Records that were given up."""
    async with database.transaction() as tx:
        rows = await holding.dead_letters(tx, cursor, limit)
    items = [DeadLetter(**{**row, "held_at": row["held_at"].isoformat()}) for row in rows]
    return DeadLetters(items=items, next=str(items[-1].id) if len(items) == limit else None)


@_letters.post("/replay")
async def replay(_: Operator, database: WorkerDatabase, body: Replay) -> Done:
    """Take dead letters up again, as if they had just come; all of them: also what the log had refused to take."""
    async with database.transaction() as tx:
        released = await outbox.release(tx) if body.ids is None else 0
        return Done(count=released + await holding.replay(tx, body.ids))


@_letters.post("/discard")
async def discard(_: Operator, database: WorkerDatabase, body: Discard) -> Done:
    """Drop dead letters for good; until then what they speak of is answered with *unknown*."""
    async with database.transaction() as tx:
        return Done(count=await holding.discard(tx, body.ids))


@_letters.post("/restart")
async def restart(_: Operator, database: WorkerDatabase, body: Restart) -> Done:
    """Let a consumer that stopped for want of records go on at the earliest there is; nothing has its effect twice."""
    async with database.transaction() as tx:
        count = await positions.restart(tx, body.consumer)
    if not count:
        raise NotFound("unknown_consumer", "No consumer of this name has read anything here.")
    return Done(count=count)


def router(operations: Operations) -> APIRouter:
    """Make the routes under /v1/ops; what a service does not offer is 404."""
    routes = APIRouter(prefix="/v1/ops", tags=["operations"], route_class=StrictRoute)

    @routes.get("/ledger", response_class=Response)
    async def ledger(
        _: Operator,
        database: WorkerDatabase,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 500,
    ) -> Response:
        """What this service really has, as JSON lines; the last line is `{"kind": "page", "next": …}`."""
        async with database.transaction() as tx:
            lines = list(await operations.ledger(tx, cursor, limit))
            queues = await holding.queues(tx)
        more = lines[-1]["id"] if len(lines) == limit else None
        lines.append({"kind": "page", "next": more, "queues": queues})
        return Response(b"".join(to_json(line) + b"\n" for line in lines), media_type="application/jsonl")

    @routes.post("/rebuild")
    async def rebuild(_: Operator) -> Done:
        """Empty this service's projections and read them anew from the state topics."""
        if operations.rebuild is None:
            raise NotFound("no_projections", "This service has no projections.")
        await operations.rebuild()
        return Done(count=1)

    @routes.post("/refeed")
    async def refeed(_: Operator) -> Done:
        """Send every event and state record of this service's tables again, with the ids they had."""
        if operations.refeed is None:
            raise NotFound("nothing_to_refeed", "This service has nothing of its own to send again.")
        return Done(count=await operations.refeed())

    @routes.post("/remove-sandboxes")
    async def remove_sandboxes(operator: Operator) -> Removed:
        """End sandbox tenants, a share with each call; repeat it until all counts are 0. The record stays."""
        if operations.remove_sandboxes is None:
            raise NotFound("no_sandboxes", "This service has no tenants of its own.")
        return await operations.remove_sandboxes(operator)

    routes.include_router(_letters)
    return routes


def as_uuid(after: str | None) -> UUID | None:
    """Read the id in a ledger's cursor; anything that is no id of ours begins before the first."""
    try:
        return UUID(after) if after else None
    except ValueError:
        return None
