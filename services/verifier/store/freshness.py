"""Writes and reads when revocations were seen here, and reads how fresh the copies are."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.verifier.domain.freshness import Revocation
from shared.db import Tx

# What is older is no news any more, and no figure tells of it.
KEPT = timedelta(days=1)
# Rows stay a little longer than a revocation is news: clocks differ, and a row that is gone keeps no repetition out.
MARGIN = timedelta(hours=1)
CHUNK = 5000


async def versions(tx: Tx, ids: Collection[UUID]) -> dict[UUID, int]:
    """Return the versions at which credentials are known here; those that are not known are missing."""
    rows = await tx.fetch("select id, version from credentials where id = any($1::uuid[])", list(ids))
    return {row["id"]: row["version"] for row in rows}


async def note(tx: Tx, revocations: Sequence[Revocation]) -> None:
    """Store that revocations are seen now, each the first time alone; old ones are not taken."""
    if not revocations:
        return
    await tx.executemany(
        """
        insert into seen_revocations (credential_id, institution_id, accepted_at)
        select $1::uuid, $2::uuid, $3::timestamptz where $3 > laurel_clock() - $4::interval
        on conflict (credential_id) do nothing
        """,
        [(each.credential_id, each.institution_id, each.accepted_at, KEPT) for each in revocations],
    )


async def heard(tx: Tx, source: str) -> Any:
    """Return the clock (`now`) and up to when each shard of `source` is here (`heard`; null where none is)."""
    return await tx.fetchrow(
        "select laurel_clock() as now, jsonb_object_agg(shard, time) filter (where shard is not null) as heard "
        "from (select) as always left join heartbeats on source = $1",
        source,
    )


async def figures(tx: Tx) -> Any:
    """Return count, p50 and p99 (seconds) from accepted to seen, over the last `hour` and `day`; no sandbox's."""
    return await tx.fetchrow(
        """
        with seen as (
            select r.seen_at > laurel_clock() - interval '1 hour' as of_the_hour,
                   greatest(0, extract(epoch from r.seen_at - r.accepted_at))::float8 as seconds
            from seen_revocations r left join institutions i on i.id = r.institution_id
            where r.seen_at > laurel_clock() - interval '1 day' and not coalesce(i.sandbox, false)
        )
        select count(*) filter (where of_the_hour) as hour_count,
               percentile_cont(0.5) within group (order by seconds) filter (where of_the_hour) as hour_p50,
               percentile_cont(0.99) within group (order by seconds) filter (where of_the_hour) as hour_p99,
               count(*) as day_count,
               percentile_cont(0.5) within group (order by seconds) as day_p50,
               percentile_cont(0.99) within group (order by seconds) as day_p99
        from seen
        """
    )


async def forget_old(tx: Tx) -> None:
    """Delete some of the rows that no figure needs any more."""
    await tx.execute(
        """
        delete from seen_revocations where credential_id in (
            select credential_id from seen_revocations where seen_at < laurel_clock() - $1::interval
            order by seen_at limit $2 for update skip locked)
        """,
        KEPT + MARGIN,
        CHUNK,
    )
