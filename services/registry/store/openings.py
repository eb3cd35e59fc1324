"""Reads what opens an institution's leaves, in the order of time."""

from datetime import datetime
from uuid import UUID

from asyncpg import Record

from shared.db import Tx


async def institution_id(tx: Tx, named: str) -> UUID | None:
    """Return the institution of an id or slug; None where there is none."""
    found: UUID | None = await tx.fetchval("select id from institutions where id::text = $1 or slug = $1", named)
    return found


async def page(
    tx: Tx,
    institution: UUID,
    *,
    begin: datetime | None,
    end: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Record]:
    """Return up to `limit` events from `begin` on and before `end`, by time and event, behind the place `after`.

    A version of a credential has the members that `opening_of` reads, another change has `facts`. What was erased has
    no salt; what waits for its place has no `log_index`.
    """
    return await tx.fetch(
        """
        with happened as (
            select h.time, h.event_id, h.type, h.credential_id, h.version, h.actor_role, h.actor_key, h.reason_code,
                   c.document_digest, o.salt, null::jsonb as facts
            from history h join credentials c on c.id = h.credential_id
            left join openings o on o.credential_id = h.credential_id and o.version = h.version
            where h.institution_id = $1
            union all
            select time, event_id, null, null, null, null, null, null, null, salt, facts
            from changes where institution_id = $1
        )
        select happened.*, e.tree, e.log_index, e.entry, t.origin
        from happened join log_entries e using (event_id) left join log_trees t on t.number = e.tree
        where ($2::timestamptz is null or time >= $2) and ($3::timestamptz is null or time < $3)
          and ($4::timestamptz is null or (time, event_id) > ($4, $5::uuid))
        order by time, event_id limit $6
        """,
        institution,
        begin,
        end,
        *(after or (None, None)),
        limit,
    )
