"""From a stored change to the outbox."""

from datetime import datetime

from shared.db import Tx
from shared.messaging import outbox
from shared.messaging.events import State


async def tell(tx: Tx, *states: tuple[State, datetime]) -> None:
    """Add states, each with the time since when it holds, to the outbox."""
    await outbox.add_many(tx, [outbox.state_entry(state, time) for state, time in states])
