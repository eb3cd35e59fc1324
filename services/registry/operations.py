"""What the registry's operator may ask for: the ledger, a rebuild of the copies, its events once more."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import orjson
from asyncpg import Record

from services.registry.domain.rules import recorded_event_id
from services.registry.log.appending import position_of, positions_of
from services.registry.store import ledger, published
from shared.credentials.status import decode_list, set_indexes
from shared.db import Database, Tx
from shared.messaging import outbox, positions
from shared.messaging.events import CredentialRecorded
from shared.messaging.outbox import Entry
from shared.ops import Operations, as_uuid

# What stands behind the credentials in the ledger has ids that begin with what sorts after every UUID.
LEAF = "leaf:"
LIST = "list:"
CHECKPOINT = "published:"
REFEED_AT_ONCE = 500


def operations(database: Database, state_consumer: str) -> Operations:
    """Put the operations together; `database` is the worker's, `state_consumer` fills the projections."""

    async def rebuild() -> None:
        async with database.transaction() as tx:
            await positions.rewind(tx, state_consumer)
            await published.empty_projections(tx)

    async def refeed() -> int:
        count, after = 0, None
        while True:
            async with database.transaction() as tx:
                credentials = await ledger.lock_after(tx, after, REFEED_AT_ONCE)
                if not credentials:
                    break
                count += await _emit_again(tx, credentials)
            after = credentials[-1]
        return count + await _tell_positions_again(database)

    return Operations(ledger=lines, rebuild=rebuild, refeed=refeed)


async def lines(tx: Tx, after: str | None, limit: int) -> list[dict[str, Any]]:
    """Return the ledger's lines after the id `after`: credentials, leaves, status lists, published checkpoints."""
    found: list[dict[str, Any]] = []
    begun = max(n for n, (prefix, *_) in enumerate(_SECTIONS) if (after or "").startswith(prefix))
    for prefix, rows, line in _SECTIONS[begun:]:
        place = _PLACES.get(prefix, as_uuid)(after.removeprefix(prefix)) if after else None
        found += [line(row) for row in await rows(tx, place, limit - len(found))]
        after = None
    return found


async def _emit_again(tx: Tx, credentials: list[UUID]) -> int:
    history = await ledger.history_of(tx, credentials)
    await outbox.add_many(tx, [_recorded(row) for row in history])
    return len(history)


async def _tell_positions_again(database: Database) -> int:
    count, after = 0, (0, 0)
    while True:
        async with database.transaction() as tx:
            rows = await ledger.places_after(tx, after, REFEED_AT_ONCE)
            groups = [list(group) for _, group in groupby(rows, itemgetter("tree", "first"))]
            if len(rows) == REFEED_AT_ONCE:
                groups.pop()  # there may be more of it; there are others, for none is as long
            told = [each for group in groups for each in _positions(group)]
            await outbox.add_many(tx, told)
        if not groups:
            return count
        count, after = count + len(told), (groups[-1][-1]["tree"], groups[-1][-1]["log_index"])


def _positions(rows: Sequence[Record]) -> Iterable[Entry]:
    first = rows[0]
    if first["alone"]:
        return position_of(first, first["log_index"], first["event_id"], first["added_at"])
    return positions_of(first, first["first"], [row["event_id"] for row in rows], first["added_at"])


def _recorded(row: Record) -> Entry:
    message = CredentialRecorded(
        credential_id=row["credential_id"],
        version=row["version"],
        institution_id=row["institution_id"],
        change=row["type"],
        recorded_event_id=row["event_id"],
        recorded_at=row["recorded_at"],
    )
    return Entry(message, recorded_event_id(row["event_id"]), row["recorded_at"])


def _credential(row: Record) -> dict[str, Any]:
    return {"kind": "credential", **row, "id": str(row["id"]), "institution_id": str(row["institution_id"])}


def _status_list(row: Record) -> dict[str, Any]:
    bits = decode_list(orjson.loads(row["credential"])["credentialSubject"]["encodedList"])
    return {
        "kind": "status_list",
        "id": f"{LIST}{row['list_id']}",
        "purpose": row["purpose"],
        "epoch_n": row["version"],
        "set": set_indexes(bits),
    }


def _leaf(row: Record) -> dict[str, Any]:
    return {
        "kind": "leaf",
        "id": f"{LEAF}{row['event_id']}",
        "log": row["tree"],
        "log_index": row["log_index"],
        "entry": row["entry"].hex(),
        "backfilled": row["backfilled"],
    }


def _checkpoint(row: Record) -> dict[str, Any]:
    return {
        "kind": "checkpoint",
        "id": f"{CHECKPOINT}{row['tree']:05}:{row['size']:019}",
        "log": row["tree"],
        "size": row["size"],
        "note": row["note"],
    }


def _checkpoint_place(text: str) -> tuple[int, int] | None:
    """Read a log's number and a size; anything else begins before the first."""
    found = re.fullmatch(r"(\d{5}):(\d{19})", text, re.ASCII)
    return (int(found[1]), int(found[2])) if found else None


_PLACES: dict[str, Callable[[str], Any]] = {CHECKPOINT: _checkpoint_place}
_SECTIONS: tuple[tuple[str, Callable[..., Awaitable[list[Record]]], Callable[[Record], dict[str, Any]]], ...] = (
    ("", ledger.credentials, _credential),
    (LEAF, ledger.leaves, _leaf),
    (LIST, ledger.status_lists, _status_list),
    (CHECKPOINT, ledger.checkpoints, _checkpoint),
)
