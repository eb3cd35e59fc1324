"""Gives what waits its place in the tree, in the order in which it came, and says where it stands."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from services.registry.domain import leaves
from services.registry.log.checks import edge_of
from services.registry.log.current import Log, Superseded
from services.registry.store import log as store
from shared import db
from shared.db import Connection
from shared.messaging import outbox
from shared.messaging.events import EventLogged, EventsLogged, LogPositionsState, LogPositionState
from shared.messaging.outbox import Entry, state_entry
from shared.transparency.growing import grow
from shared.transparency.merkle import leaf_hash

# One transaction's: what a transaction costs is shared by so many.
BATCH = 256
BACKFILL = 500
# Processes of the release before may still record, without logging, while the first of this one is at work.
OVERLAP = timedelta(hours=1)
_NO_CREDENTIAL = UUID(int=0)


async def append(connection: Connection, current: Log) -> int:
    """Give the next entries their places, up to BATCH of them, in one transaction; return how many that were.

    The tree's row stays locked until the end: of two that append, the later sees what the earlier did. Raises
    TreeChanged where the tree is not as it was left, Superseded.
    """
    if not await store.has_work(connection, current.number):
        return 0
    async with connection.transaction():
        tree = await store.current_tree(connection, lock=True)
        if tree is None or tree["number"] != current.number:
            raise Superseded
        waiting = await store.waiting(connection, BATCH)
        if not waiting:
            return 0
        growth = grow(await edge_of(connection, tree), [leaf_hash(each["entry"]) for each in waiting])
        await store.put_tiles(connection, current.number, growth.tiles)
        await store.place(connection, current.number, tree["size"], [each["id"] for each in waiting])
        await store.grow(connection, current.number, growth.edge.size, growth.edge.root)
        now = await db.now(connection)
        await outbox.add_many(connection, positions_of(tree, tree["size"], [each["event_id"] for each in waiting], now))
    return len(waiting)


def positions_of(log: Record, first: int, event_ids: Sequence[UUID], time: datetime) -> list[Entry]:
    """Say that events have come into a log together: to those who listen, and to those who come later.

    The log's number is the version: a place in a later log counts.
    """
    places = {"version": log["number"], "origin": log["origin"], "first": first, "event_ids": tuple(event_ids)}
    state = state_entry(LogPositionsState(**places), time)
    return [Entry(EventsLogged(**places), state.event_id, time), state]


def position_of(log: Record, index: int, event_id: UUID, time: datetime) -> Iterator[Entry]:
    """Say the same of an event that was told of alone, by a registry of before."""
    place = {"event_id": event_id, "version": log["number"], "origin": log["origin"], "log_index": index}
    state = state_entry(LogPositionState.model_validate(place), time)
    yield Entry(EventLogged.model_validate(place), state.event_id, time)
    yield state


async def backfill(connection: Connection, number: int) -> None:
    """Let versions of credentials that were recorded without being logged wait for their places, oldest first.

    Nothing may be appended meanwhile: they go before whatever came later.
    """
    tree, began = await store.tree(connection, number), await db.now(connection)
    last = tree["backfilled_to"] if tree else None
    after: store.Place | None = (last - OVERLAP, _NO_CREDENTIAL, 0) if last else None
    while True:
        async with connection.transaction():
            await store.current_tree(connection, lock=True)  # first, as whoever changes the log takes its locks
            rows = await store.unlogged_versions(connection, after, BACKFILL)
            await store.add(connection, [leaves.leaf_of_row(dict(row)) for row in rows])
            if len(rows) < BACKFILL:
                await store.note_backfill(connection, number, began)
                return
        after = rows[-1]["recorded_at"], rows[-1]["credential_id"], rows[-1]["version"]
