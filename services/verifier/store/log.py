"""What the verifier has of the transparency log: salts, positions and checkpoints."""

from collections.abc import Sequence
from uuid import UUID

from shared.db import Tx


async def add_salts(tx: Tx, salts: Sequence[tuple[UUID, bytes]]) -> None:
    """Store salts by their events' ids; the first one of an event stays."""
    await tx.executemany(
        "insert into event_salts (event_id, salt) values ($1, $2) on conflict (event_id) do nothing", salts
    )


async def empty(tx: Tx) -> None:
    """Empty the copies of positions and checkpoints; salts stay."""
    await tx.execute("delete from log_positions")
    await tx.execute("delete from log_checkpoints")
