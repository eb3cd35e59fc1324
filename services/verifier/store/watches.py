"""Writes and reads watches, what was told of them, and of what there is news."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.bell import leave_work_for
from shared.db import Tx

WATCHER = "watcher"  # shared.bell
_WATCH = "select *, until <= laurel_clock() as ended from watches"
Row = Mapping[str, Any]

_COLUMNS = (
    "id, employer_id, credential_id, institution_id, verification_id, verification_methods, signed_at, valid_from, "
    "valid_until, channels, until, created_at, verdict, reason, standing, due_at"
)


async def watchable(tx: Tx, credential_id: UUID, verification_id: UUID | None) -> Any:
    """Return what a watch needs of a badge; None where there is none of this id.

    Keys and dates are those of the verification that was named, or of the tenant's own newest one, if it was of this
    very document or token; else those of the document that the issuer told. `verification_methods` is null where
    neither tells.
    """
    return await tx.fetchrow(
        """
        select c.id as credential_id, c.institution_id, signed.*
        from credentials c
        left join lateral (
            (select 1 as choice, verification_methods, signed_at, valid_from, valid_until from verifications
             where credential_id = c.id and document_digest in (c.document_digest, c.token_digest)
               and signed_at is not null and verification_methods <> '{}'
             order by (id = $2) desc nulls last, verified_at desc limit 1)
            union all
            select 2, array_agg(verification_method), (c.history -> 0 ->> 'time')::timestamptz, c.valid_from,
                   c.valid_until
            from signing_keys
            where id = any(c.signing_key_id || c.other_proof_key_ids) and c.other_proof_key_ids is not null
            having count(*) = cardinality(c.signing_key_id || c.other_proof_key_ids)
            order by choice limit 1) signed on true
        where c.id = $1
        """,
        credential_id,
        verification_id,
    )


async def lock_employer(tx: Tx, employer_id: UUID) -> None:
    """Let one transaction at a time make watches for the tenant."""
    await tx.execute("select from employers where id = $1 for update", employer_id)


async def count_open(tx: Tx, employer_id: UUID) -> int:
    """Count the tenant's watches that have not ended."""
    count: int = await tx.fetchval(
        "select count(*) from watches where employer_id = $1 and until > laurel_clock()", employer_id
    )
    return count


async def of_credential(tx: Tx, employer_id: UUID, credential_id: UUID) -> UUID | None:
    """Return the id of the tenant's watch of a badge, and drop one that has ended; None where there is none."""
    await tx.execute(
        "delete from watches where employer_id = $1 and credential_id = $2 and until <= laurel_clock()",
        employer_id,
        credential_id,
    )
    found: UUID | None = await tx.fetchval(
        "select id from watches where employer_id = $1 and credential_id = $2", employer_id, credential_id
    )
    return found


async def insert(tx: Tx, row: Row) -> None:
    """Store a watch of which nothing was told yet."""
    leave_work_for(WATCHER)
    await tx.execute(
        f"insert into watches ({_COLUMNS}) select {_COLUMNS} from jsonb_populate_record(null::watches, $1)",  # noqa: S608  # names in our own code
        dict(row),
    )


async def renew(tx: Tx, row: Row) -> None:
    """Let a watch go on until another time, by other channels, of what is known of the badge now; it is due.

    Where no keys are known it stays a watch of what it was.
    """
    leave_work_for(WATCHER)
    await tx.execute(
        """
        update watches w set until = n.until, channels = n.channels, due_at = n.due_at,
               verification_id = case when known then n.verification_id else w.verification_id end,
               verification_methods = coalesce(n.verification_methods, w.verification_methods),
               signed_at = case when known then n.signed_at else w.signed_at end,
               valid_from = case when known then n.valid_from else w.valid_from end,
               valid_until = case when known then n.valid_until else w.valid_until end
        from jsonb_populate_record(null::watches, $1) n, lateral (select n.verification_methods is not null) as k(known)
        where w.id = n.id
        """,
        dict(row),
    )


async def one(tx: Tx, watch_id: UUID) -> Any:
    """Return a watch of the tenant; None where there is none."""
    return await tx.fetchrow(f"{_WATCH} where id = $1", watch_id)


async def page(tx: Tx, employer_id: UUID, before: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    """Return up to `limit` watches of the tenant, newest first, those before the (created_at, id) `before`."""
    return await tx.fetch(
        f"""
        {_WATCH}
        where employer_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3))
        order by created_at desc, id desc limit $4
        """,
        employer_id,
        *(before or (None, None)),
        limit,
    )


async def remove(tx: Tx, watch_id: UUID) -> bool:
    """Delete a watch of the tenant; False: there is none."""
    done: str = await tx.execute("delete from watches where id = $1", watch_id)
    return done == "DELETE 1"


async def remove_of_sandboxes(tx: Tx, limit: int) -> int:
    """Delete up to `limit` watches of sandbox employers; return how many those were. For the worker's role."""
    rows = await tx.fetch(
        """
        delete from watches where id in (
            select w.id from watches w join employers e on e.id = w.employer_id where e.sandbox
            order by w.id limit $1 for update of w)
        returning id
        """,
        limit,
    )
    return len(rows)


async def events(tx: Tx, employer_id: UUID, after: int, limit: int) -> list[Any]:
    """Return up to `limit` events of the tenant's feed, those after the place `after`, in their order."""
    return await tx.fetch(
        "select * from watch_events where employer_id = $1 and place > $2 order by place limit $3",
        employer_id,
        after,
        limit,
    )


async def add_news(tx: Tx, subjects: Sequence[UUID]) -> None:
    """Note that there is news of these credentials and institutions, in the transaction that brings it.

    Whether anybody watches is looked up later: a watch that is being made at this moment is not to be seen here.
    """
    if subjects:
        leave_work_for(WATCHER)
        await tx.execute("insert into watch_news (subject) select unnest($1::uuid[])", list(subjects))


async def spread_news(tx: Tx, subjects: int, watches: int) -> int:
    """Make watches due of which there is news, of up to `subjects` subjects up to `watches` each; return of how many.

    A subject with more watches stays for the next time.
    """
    count: int = await tx.fetchval(
        """
        with taken as materialized (
            select id, subject, reached from watch_news order by id limit $1 for update skip locked
        ), found as materialized (
            select t.id as news, w.id from taken t cross join lateral (
                (select id from watches where credential_id = t.subject and (t.reached is null or id > t.reached)
                 order by id limit $2)
                union all
                (select id from watches where institution_id = t.subject and (t.reached is null or id > t.reached)
                 order by id limit $2)) w
        ), progress as (
            select t.id, count(f.id) as many, (array_agg(f.id order by f.id desc))[1] as last
            from taken t left join found f on f.news = t.id group by t.id
        ), done as (
            delete from watch_news n using progress p where n.id = p.id and p.many < $2
        ), on_the_way as (
            update watch_news n set reached = p.last from progress p where n.id = p.id and p.many >= $2
        ), due as (
            -- In one order, so that two workers never wait for each other.
            update watches set due_at = laurel_clock() where id in (
                select id from watches where id in (select id from found) order by id for update)
        )
        select count(*) from taken
        """,
        subjects,
        watches,
    )
    return count


async def due(tx: Tx, limit: int) -> list[Any]:
    """Lock and return up to `limit` watches that are to be looked at now, but for those that another worker has."""
    return await tx.fetch(
        f"""
        {_WATCH}
        where due_at <= laurel_clock() order by due_at limit $1 for update skip locked
        """,
        limit,
    )


async def settle(tx: Tx, rows: Sequence[Row]) -> None:
    """Store of watches that are locked what is known of them now, and when they are looked at next."""
    await tx.execute(
        """
        update watches w set verdict = n.verdict, reason = n.reason, standing = n.standing, number = n.number,
                             told_change = n.told_change, told_at = n.told_at, due_at = n.due_at
        from jsonb_populate_recordset(null::watches, $1) n where w.id = n.id
        """,
        list(rows),
    )


async def take_places(tx: Tx, counts: Mapping[UUID, int]) -> dict[UUID, int]:
    """Take so many places in each employer's feed, locked until the transaction ends; return the last of each."""
    rows = await tx.fetch(
        """
        insert into watch_feeds (employer_id, last)
        select employer_id, n from unnest($1::uuid[], $2::bigint[]) as wanted(employer_id, n) order by employer_id
        on conflict (employer_id) do update set last = watch_feeds.last + excluded.last
        returning employer_id, last
        """,
        list(counts.keys()),
        list(counts.values()),
    )
    return {row["employer_id"]: row["last"] for row in rows}


async def add_events(tx: Tx, rows: Sequence[Row]) -> None:
    """Store what is told; each row has every column's value."""
    await tx.execute("insert into watch_events select * from jsonb_populate_recordset(null::watch_events, $1)", rows)


async def told_since(tx: Tx, after: UUID | None, limit: int, span: timedelta) -> list[Any]:
    """Return up to `limit` events of all tenants by id, after the id `after`, that were told within `span`."""
    return await tx.fetch(
        """
        select *, event_id as id from watch_events
        where ($1::uuid is null or event_id > $1) and told_at > laurel_clock() - $3::interval
        order by event_id limit $2
        """,
        after,
        limit,
        span,
    )


async def forget_old(tx: Tx, ended: timedelta, told: timedelta, limit: int) -> None:
    """Delete some of the watches that ended so long ago, and of the events that were told so long ago."""
    await tx.execute(
        """
        delete from watches where id in (
            select id from watches where until < laurel_clock() - $1::interval
            order by until limit $2 for update skip locked)
        """,
        ended,
        limit,
    )
    await tx.execute(
        """
        delete from watch_events where event_id in (
            select event_id from watch_events where told_at < laurel_clock() - $1::interval
            order by told_at limit $2 for update skip locked)
        """,
        told,
        limit,
    )
