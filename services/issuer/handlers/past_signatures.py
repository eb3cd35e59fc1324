"""Finds the keys of credentials that a release stored which kept the first one alone."""

from services.issuer.store import past_signatures as store
from shared.db import Database
from shared.rounds import keep_doing

# Credentials a transaction: their documents are read.
PAGE = 200
# Such a release may still run beside this one, and what it issues is found in the next round.
ROUND_SECONDS = 600.0


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
            found = await store.find_keys(tx, PAGE)
        count += found
    return count
