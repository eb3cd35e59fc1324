"""What the operator's ledger check asks of the notifier, in SQL: what there was to tell, and each telling."""

from hashlib import sha256
from typing import Any
from uuid import UUID

from shared.db import Tx

# Notices stand behind the deliveries in the ledger: their ids begin with this, which sorts after every UUID.
NOTICE = "notice:"


async def deliveries(tx: Tx, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` lines on deliveries that tell of what is recorded, in the order of their ids, after `after`.

    `due`: it should be under way, and no sender is at it; what waits for its time or for its endpoint is not due.
    """
    rows = await tx.fetch(
        """
        with clock as materialized (select laurel_clock() as now)
        select d.id, d.event_id, d.channel, d.target, d.state, d.attempts,
               d.state = 'waiting' and d.due_at <= clock.now
               and (d.leased_until is null or d.leased_until <= clock.now)
               and not exists (select from endpoints e where e.id = d.target and e.paused_until > clock.now) as due
        from deliveries d, clock
        where d.credential_id is not null and d.type not in ('credential.expiring', 'watch.changed')
          and ($1::uuid is null or d.id > $1)
        order by d.id limit $2
        """,
        after,
        limit,
    )
    return [
        {
            "kind": "delivery",
            "id": str(row["id"]),
            "event_id": str(row["event_id"]),
            "channel": row["channel"],
            "target_digest": sha256(row["target"].bytes).hexdigest(),
            "state": row["state"],
            "attempts": row["attempts"],
            "due": row["due"],
        }
        for row in rows
    ]


async def notices(tx: Tx, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` lines on what there was to tell, in the order of the events' ids, after the event `after`.

    `happened` and `recorded`: which halves are here; `addressed`: somebody's mail address is known, and this is what is
    written there (of a replaced badge the mail of the new one tells); `deliveries`: how many there are, by channel.
    """
    rows = await tx.fetch(
        """
        select n.event_id, n.credential_id, n.happened_at is not null as happened,
               n.recorded_at is not null as recorded,
               n.type <> 'credential.replaced' and exists (
                   select from recipients r where r.credential_id = n.credential_id and r.email is not null
               ) as addressed,
               (select coalesce(jsonb_object_agg(each.channel, each.count), '{}') from (
                   select d.channel, count(*) from deliveries d where d.event_id = n.event_id group by d.channel
               ) as each) as deliveries
        from notices n where n.version is not null and ($1::uuid is null or n.event_id > $1)
        order by n.event_id limit $2
        """,
        after,
        limit,
    )
    return [
        {
            "kind": "notice",
            "id": f"{NOTICE}{row['event_id']}",
            "event_id": str(row["event_id"]),
            "credential_id": str(row["credential_id"]),
            "happened": row["happened"],
            "recorded": row["recorded"],
            "addressed": row["addressed"],
            "deliveries": row["deliveries"],
        }
        for row in rows
    ]
