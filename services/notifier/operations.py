"""What the notifier's operator may ask for: the ledger, and a rebuild of the copies."""

from typing import Any

from services.notifier import handlers
from services.notifier.store import ledger
from services.notifier.store.ledger import NOTICE
from shared.db import Database, Tx
from shared.ops import Operations, as_uuid


def operations(database: Database) -> Operations:
    """Put the operations together; `database` is the worker's."""

    async def rebuild() -> None:
        async with database.transaction() as tx:
            await handlers.forget_copies(tx)

    return Operations(ledger=lines, rebuild=rebuild)


async def lines(tx: Tx, after: str | None, limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` lines in the order of their ids, after the id `after`: deliveries, then notices."""
    if after and after.startswith(NOTICE):
        return await ledger.notices(tx, as_uuid(after.removeprefix(NOTICE)), limit)
    found = await ledger.deliveries(tx, as_uuid(after), limit)
    return found if len(found) == limit else [*found, *await ledger.notices(tx, None, limit - len(found))]
