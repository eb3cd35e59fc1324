"""Finds the keys of credentials that a release stored which kept the first one alone.

Once no release before issuer_0016 is in use, and none of its rows is left, this and what it calls may go.
"""

from collections import defaultdict
from uuid import UUID

import orjson

from services.issuer.domain.row import Row
from services.issuer.domain.signatures import keys_of
from services.issuer.store import past_signatures as store
from shared.db import Database, Tx
from shared.errors import Unavailable
from shared.rounds import keep_doing

# Credentials a transaction: their documents are read.
PAGE = 200
# Such a release may still run beside this one, and what it issues is found in the next round.
ROUND_SECONDS = 60.0


async def keep_finding(database: Database) -> None:
    """Find what is not known, now and then, until cancelled."""

    async def once() -> float:
        await find(database)
        return ROUND_SECONDS

    await keep_doing(once, "past_signatures_wait")


async def find(database: Database) -> int:
    """Find the keys of all credentials of which they are not known, page by page; return how many those were."""
    count, found = 0, PAGE
    while found == PAGE:
        async with database.transaction() as tx:
            found = await _page(tx)
        count += found
    return count


async def refuse_while_missing(tx: Tx, institution_id: UUID) -> None:
    """Raise Unavailable while a selection by key could miss a credential that the key signed."""
    if await store.are_missing(tx, institution_id):
        detail = "By which keys all credentials were signed is still being looked up, after an update."
        raise Unavailable("signing_keys_not_known_yet", detail, retry_after=int(ROUND_SECONDS))


async def _page(tx: Tx) -> int:
    rows = await store.lock_page(tx, PAGE)
    keys: dict[UUID, list[Row]] = defaultdict(list)
    for key in await store.signing_keys(tx, {row["institution_id"] for row in rows}):
        keys[key["institution_id"]].append(key)
    found = {}
    for row in rows:
        document = orjson.loads(row["document"]) if row["document"] else {}
        proof_keys, token_key = keys_of(document, row["token"], keys[row["institution_id"]])
        found[row["id"]] = [each for each in proof_keys if each != row["signing_key_id"]], token_key
    await store.keep(tx, found)
    return len(rows)
