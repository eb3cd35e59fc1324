"""Badges that run out: which have come so close to their ends, and of which that was told."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.issuer.domain.row import Row
from services.issuer.store.institution_settings import EXPIRING_DAYS
from shared.db import Tx

_NOTICE = ("event_id", "credential_id", "version", "days", "institution_id", "renewal_url")


async def days(tx: Tx, lag: timedelta) -> list[int]:
    """Return every number of days for which a place is kept; one that an institution asks for newly begins now."""
    await tx.execute(
        """
        insert into expiry_places (days, valid_until, id)
        select d, laurel_clock() - $2::interval + make_interval(hours => 24 * d),
               'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
        from (select unnest($1::int[]) as d union select unnest(expiring_days) from institution_settings) asked
        on conflict do nothing
        """,
        EXPIRING_DAYS,
        lag,
    )
    return [row["days"] for row in await tx.fetch("select days from expiry_places order by days")]


async def next_page(tx: Tx, days: int, lag: timedelta, limit: int) -> Sequence[Row]:
    """Return up to `limit` badges that have come so many days close to their ends since the place, and move it there.

    None comes where another worker is at it. `due`: its institution wants to hear of it at this number of days, it had
    as much time left when it was issued, and no smaller number has come meanwhile.
    """
    place = await tx.fetchrow("select * from expiry_places where days = $1 for update skip locked", days)
    if place is None:
        return []
    rows = await tx.fetch(
        """
        with page as materialized (
            select id, institution_id, achievement_id, issued_at, valid_until, renewable_until from credentials
            where status = 'issued' and valid_until is not null and renewed_by is null and (valid_until, id) > ($2, $3)
                  and valid_until <= laurel_clock() - $4::interval + make_interval(hours => 24 * $1)
            order by valid_until, id limit $5)
        select p.*, v.content ->> 'renewal_url' as renewal_url,
               i.standing = 'registered' and wanted.days @> array[$1]
               and p.issued_at <= p.valid_until - make_interval(hours => 24 * $1) and p.valid_until > laurel_clock()
               and not exists (
                   select from unnest(wanted.days) smaller where smaller < $1
                   and p.valid_until <= laurel_clock() - $4::interval + make_interval(hours => 24 * smaller)) as due
        from page p
        join institutions i on i.id = p.institution_id
        left join institution_settings s on s.institution_id = i.id
        cross join lateral (select coalesce(s.expiring_days, $6::int[]) as days) wanted
        left join achievements a on a.id = p.achievement_id
        left join achievement_versions v on (v.achievement_id, v.number) = (a.id, a.published)
        order by p.valid_until, p.id
        """,
        days,
        place["valid_until"],
        place["id"],
        lag,
        limit,
        EXPIRING_DAYS,
    )
    if rows:
        await tx.execute(
            "update expiry_places set valid_until = $2, id = $3 where days = $1",
            days,
            rows[-1]["valid_until"],
            rows[-1]["id"],
        )
    return rows


async def lock_running(tx: Tx, credential_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Lock those credentials that still hold and that nothing continues; return their versions by their ids."""
    rows = await tx.fetch(
        """
        select id, version from credentials where id = any($1::uuid[]) and status = 'issued' and renewed_by is null
        order by id for no key update
        """,
        credential_ids,
    )
    return {row["id"]: row["version"] for row in rows}


async def insert(tx: Tx, notices: Sequence[Row], time: datetime) -> set[UUID]:
    """Insert what is about to be told; return the event ids of what was not told before."""
    rows = await tx.fetch(
        """
        insert into expiry_notices (event_id, credential_id, version, days, institution_id, renewal_url, time)
        select *, $7 from unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::uuid[], $6::text[])
        on conflict do nothing returning event_id
        """,
        *[[row[name] for row in notices] for name in _NOTICE],
        time,
    )
    return {row["event_id"] for row in rows}


async def page(tx: Tx, after: UUID | None, limit: int) -> Sequence[Row]:
    """Return up to `limit` of what was told, in the order of event ids (`id`), from after the id `after`."""
    return await tx.fetch(
        """
        select n.event_id as id, n.*, c.valid_until, c.renewable_until
        from expiry_notices n join credentials c on c.id = n.credential_id
        where $1::uuid is null or n.event_id > $1 order by n.event_id limit $2
        """,
        after,
        limit,
    )
