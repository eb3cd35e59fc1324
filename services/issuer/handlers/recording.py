"""Records what happens to institutions, signing keys and achievements, for the transparency log, and what happened.

Credentials need none of this: their history is all of it.
"""

import secrets
from collections.abc import Awaitable, Callable

from services.issuer.domain import changes as domain
from services.issuer.domain import messages
from services.issuer.domain.changes import Change
from services.issuer.domain.row import Row
from services.issuer.store import changes as store
from shared.db import Database, Tx
from shared.ids import new_id
from shared.messaging import outbox
from shared.messaging.events import Actor
from shared.messaging.outbox import Entry
from shared.rounds import keep_doing
from shared.web.auth import Principal

# Who acted was not kept then.
UNKNOWN = Actor(role="system", key_id="unknown")
# Rows a transaction.
PAGE = 200
# A release from before the record may still run beside this one, and its changes are found in the next round.
ROUND_SECONDS = 600.0


async def record(tx: Tx, who: Principal, *changes: Change) -> None:
    """Store changes that `who` makes, with an event id and a salt each, and tell of them."""
    await _record(tx, [_row(change, Actor(role=who.kind, key_id=who.key_id)) for change in changes])


async def keep_complete(database: Database) -> None:
    """Record what is not recorded, now and then, until cancelled."""

    async def once() -> float:
        await record_past(database)
        return ROUND_SECONDS

    await keep_doing(once, "recording_waits")


async def record_past(database: Database) -> int:
    """Record and tell all that happened before it was recorded at once, page by page; return how much that was.

    Several may do so at the same time: each change is recorded, and told, by one of them.
    """
    return sum([await _pages(database, read) for read in (_institutions, _signing_keys, _achievements)])


async def _pages(database: Database, read: "Read") -> int:
    count = 0
    while True:
        async with database.transaction() as tx:
            past = await read(tx)
            count += await _record(tx, [_row(change, UNKNOWN, backfilled=True) for change in past])
        if not past:
            return count


async def _institutions(tx: Tx) -> list[Change]:
    rows = await store.lock_institutions_missing(tx, PAGE)
    first_keys = await store.first_keys(tx, [row["id"] for row in rows])
    return [change for row in rows for change in domain.institutions_past(row, first_keys.get(row["id"]))]


async def _signing_keys(tx: Tx) -> list[Change]:
    rows = await store.lock_signing_keys_missing(tx, PAGE)
    return [change for row in rows for change in domain.signing_keys_past(row)]


async def _achievements(tx: Tx) -> list[Change]:
    return list(map(domain.achievement, await store.lock_achievements_missing(tx, PAGE)))


async def _record(tx: Tx, rows: list[Row]) -> int:
    new = [row for row in rows if await store.insert(tx, row)]
    await outbox.add_many(tx, [entry_of(row) for row in new])
    return len(new)


def entry_of(row: Row) -> Entry:
    """Return the event that tells of a recorded change."""
    return Entry(messages.recorded_change(row), row["event_id"], row["time"])


def _row(change: Change, actor: Actor, *, backfilled: bool = False) -> Row:
    return {
        "event_id": new_id(),
        "type": change.kind.TYPE,
        "key": change.key,
        "version": change.version,
        "institution_id": change.institution_id,
        "time": change.time,
        "salt": secrets.token_bytes(32),
        "actor_role": actor.role,
        "actor_key_id": actor.key_id,
        "content": change.content,
        "backfilled": backfilled,
    }


Read = Callable[[Tx], Awaitable[list[Change]]]
