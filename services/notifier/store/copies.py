"""The copies of others' state, which their topics can fill again."""

from shared.db import Tx


async def empty(tx: Tx) -> None:
    """Delete them all; no API key is the notifier's own."""
    await tx.execute("delete from institutions")
    await tx.execute("delete from api_keys")
