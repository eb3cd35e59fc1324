"""What the verifier has of the transparency log: salts, positions and checkpoints."""

from collections.abc import Sequence
from uuid import UUID

from shared.db import Tx


async def add_salts(tx: Tx, salts: Sequence[tuple[UUID, bytes]]) -> None:
    """Store salts by their events' ids; the first one of an event stays."""
    await tx.execute(
        "insert into event_salts select * from unnest($1::uuid[], $2::bytea[]) on conflict (event_id) do nothing",
        [event_id for event_id, _ in salts],
        [salt for _, salt in salts],
    )


async def empty(tx: Tx) -> None:
    """Empty the copies of positions and checkpoints; salts stay."""
    await tx.execute("delete from log_positions")
    await tx.execute("delete from log_checkpoints")
