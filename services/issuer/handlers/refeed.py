"""Tells everything again: every event and state record of the issuer's tables, with the ids and contents they had."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from services.issuer.domain import messages
from services.issuer.domain.row import Row
from services.issuer.handlers.expiring import entry_of as expiring_entry_of
from services.issuer.handlers.recording import entry_of as change_entry_of
from services.issuer.handlers.telling import institution_entries
from services.issuer.store import achievements, changes, credentials, expiring, institutions, lists
from shared import telemetry
from shared.api_keys.states import entry_of
from shared.api_keys.store import lock_page
from shared.db import Database, Tx
from shared.messaging import outbox
from shared.messaging.outbox import state_entry

Rows = Sequence[Row]

# Rows a transaction: they are locked in it, so that nothing newer of theirs is told before.
PAGE = 200


async def refeed(database: Database) -> int:
    """Add everything to the outbox again, page by page; return how many records that were."""
    return sum([await _pages(database, read, tell) for read, tell in _KINDS])


async def _pages(database: Database, read: "Read", tell: "Tell") -> int:
    count, after = 0, None
    while True:
        async with database.transaction() as tx:
            rows = await read(tx, after=after, limit=PAGE)
            count += await tell(tx, rows) if rows else 0
        if len(rows) < PAGE:
            return count
        after = rows[-1]["id"]


async def _tell_all(tx: Tx, entries: Sequence[outbox.Entry]) -> int:
    await outbox.add_many(tx, entries)
    return len(entries)


async def _institutions(tx: Tx, rows: Rows) -> int:
    return await _tell_all(tx, await institution_entries(tx, rows))


async def _signing_keys(tx: Tx, rows: Rows) -> int:
    entries = [state_entry(messages.signing_key(row), row["retired_at"] or row["created_at"]) for row in rows]
    return await _tell_all(tx, entries)


async def _api_keys(tx: Tx, rows: Rows) -> int:
    return await _tell_all(tx, [entry_of(row) for row in rows])


async def _achievements(tx: Tx, rows: Rows) -> int:
    count = 0
    for row in rows:  # one by one: each has an image
        versions = await achievements.published_versions(tx, row["id"])
        for version in versions:
            count += await _tell_all(tx, [state_entry(messages.achievement(version), version["published_at"])])
    return count


async def _changes(tx: Tx, rows: Rows) -> int:
    return await _tell_all(tx, [change_entry_of(row) for row in rows])


async def _lists(tx: Tx, rows: Rows) -> int:
    return await _tell_all(tx, [state_entry(messages.status_list(row), row["signed_at"]) for row in rows])


async def _credentials(tx: Tx, rows: Rows) -> int:
    ids = [row["id"] for row in rows]
    histories, positions = await credentials.histories(tx, ids), await credentials.positions(tx, ids)
    contents = await credentials.contents(tx, ids)
    count = 0
    for row in rows:
        history, places = histories[row["id"]], positions[row["id"]]
        first = messages.issued(row, history[0], contents[row["id"]], places)
        later = [messages.status_changed(row, entry) for entry in history[1:]]
        for event, entry in zip([first, *later], history, strict=True):
            with telemetry.within(entry["traceparent"]):  # the badge's own trace, not that of this request
                await outbox.add(tx, event, event_id=entry["event_id"], time=entry["time"])
        await outbox.add_many(tx, [state_entry(messages.credential_state(row, history, places), history[-1]["time"])])
        count += len(history) + 1
    return count


async def _expiring(tx: Tx, rows: Rows) -> int:
    return await _tell_all(tx, [expiring_entry_of(row) for row in rows])


Read = Callable[..., Awaitable[Rows]]
Tell = Callable[[Tx, Rows], Awaitable[int]]

_KINDS: tuple[tuple[Read, Tell], ...] = (
    (institutions.lock_institutions, _institutions),
    (institutions.lock_signing_keys, _signing_keys),
    (partial(lock_page, kind="institution"), _api_keys),
    (achievements.lock_page, _achievements),
    (changes.page, _changes),
    (lists.lock_signed, _lists),
    (credentials.lock_page, _credentials),
    (expiring.page, _expiring),
)
