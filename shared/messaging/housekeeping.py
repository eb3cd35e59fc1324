"""What a relay does beside sending: measures its outbox, and clears away what has served."""

from datetime import timedelta
from typing import Any

from shared.db import Connection
from shared.messaging.metrics import OUTBOX_AGE, OUTBOX_ROWS

# Rows that a relay of an earlier release has marked as sent; today's deletes what it has sent.
SENT_KEPT = timedelta(hours=1)
# Longer than any topic keeps its records, so that none can be handled a second time.
CLAIMS_KEPT = timedelta(days=30)
CHUNK = 2000


async def measure(connection: Connection) -> None:
    """Set the outbox's metrics."""
    row: Any = await connection.fetchrow(
        """
        select count(*) as rows, coalesce(extract(epoch from laurel_clock() - min(created_at)), 0) as age
        from outbox where sent_at is null
        """
    )
    OUTBOX_ROWS.set(row["rows"])
    OUTBOX_AGE.set(float(row["age"]))


async def clear_away(connection: Connection) -> None:
    """Delete rows long sent and claims long past, a small number at a time: other relays may do so as well."""
    await connection.execute(
        """
        delete from outbox where id in (
            select id from outbox where sent_at < laurel_clock() - $1::interval order by sent_at limit $2
            for update skip locked)
        """,
        SENT_KEPT,
        CHUNK,
    )
    await connection.execute(
        """
        delete from inbox_claims where (consumer, source, event_id) in (
            select consumer, source, event_id from inbox_claims where claimed_at < laurel_clock() - $1::interval
            order by claimed_at limit $2 for update skip locked)
        """,
        CLAIMS_KEPT,
        CHUNK,
    )
