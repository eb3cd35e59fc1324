"""Tells of badges that run out, once each time that one has come so close to its end as its institution wants to hear.

A round costs as much as there are badges that came so close since the last one, however many there are.
"""

from datetime import timedelta

from services.issuer.domain import messages
from services.issuer.domain.row import Row
from services.issuer.store import expiring as store
from shared import db
from shared.db import Database, Tx
from shared.ids import new_id
from shared.messaging import outbox
from shared.messaging.outbox import Entry
from shared.rounds import keep_doing

# Rows a transaction.
PAGE = 200
ROUND_SECONDS = 60.0
# What was signed is in after some seconds, or never will be: until then a round must not go past it.
LAG = timedelta(minutes=1)


async def keep_telling(database: Database) -> None:
    """Tell what is to be told, round by round, until cancelled."""

    async def once() -> float:
        await tell_due(database)
        return ROUND_SECONDS

    await keep_doing(once, "expiry_notices_wait")


async def tell_due(database: Database) -> int:
    """Tell all that is due, page by page; return how much that was. Several may do so at once."""
    async with database.transaction() as tx:
        numbers = await store.days(tx, LAG)
    return sum([await _tell_at(database, days) for days in numbers])


async def _tell_at(database: Database, days: int) -> int:
    told = 0
    while True:
        async with database.transaction() as tx:
            rows = await store.next_page(tx, days, LAG, PAGE)
            told += await _tell(tx, days, [row for row in rows if row["due"]])
        if len(rows) < PAGE:
            return told


async def _tell(tx: Tx, days: int, due: list[Row]) -> int:
    if not due:
        return 0
    running = await store.lock_running(tx, [row["id"] for row in due])
    notices = [_notice(row, days, running[row["id"]]) for row in due if row["id"] in running]
    time = await db.now(tx)
    new = await store.insert(tx, notices, time)
    await outbox.add_many(tx, [entry_of({**each, "time": time}) for each in notices if each["event_id"] in new])
    return len(new)


def entry_of(notice: Row) -> Entry:
    """Return the event that tells that a badge runs out."""
    return Entry(messages.expiring(notice), notice["event_id"], notice["time"])


def _notice(row: Row, days: int, version: int) -> dict[str, object]:
    names = ("institution_id", "valid_until", "renewable_until", "renewal_url")
    own = {"event_id": new_id(), "credential_id": row["id"], "version": version, "days": days}
    return {**own, **{name: row[name] for name in names}}
