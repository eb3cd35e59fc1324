"""From a stored change to the outbox."""

from collections.abc import Sequence
from datetime import datetime

from services.issuer.domain import messages
from services.issuer.domain.row import Row
from services.issuer.store import changes
from shared.db import Tx
from shared.messaging import outbox
from shared.messaging.events import State
from shared.messaging.outbox import Entry, state_entry


async def tell(tx: Tx, *states: tuple[State, datetime]) -> None:
    """Add states, each with the time since when it holds, to the outbox."""
    await outbox.add_many(tx, [state_entry(state, time) for state, time in states])


async def institution_entries(tx: Tx, rows: Sequence[Row]) -> list[Entry]:
    """Return what tells of institutions, and of how they stood; what they are now is to be recorded before."""
    standings = await changes.standings(tx, [row["id"] for row in rows])
    states = [(messages.institution(row, standings.get(str(row["id"]), ())), row["changed_at"]) for row in rows]
    return [state_entry(state, time) for state, time in states]
