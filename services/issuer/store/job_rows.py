"""The rows of issuance jobs, the chunks in which workers take them, and which badge each row key has."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.issuer.domain.row import Row
from services.issuer.store.jobs import JOB_WORKER
from shared.bell import leave_work_for
from shared.db import Tx

_ROW = ("job_id", "number", "institution_id", "sent", "key", "digest", "wanted", "column", "code", "detail", "already")


async def due(tx: Tx, most: int) -> Sequence[Row]:
    """Return jobs with a chunk to take, those of the institution first whose turn is longest ago.

    Institutions with `most` chunks under way are left out.
    """
    return await tx.fetch(
        """
        with under_way as (
            select institution_id, count(*) as chunks from issuance_job_chunks
            where lease is not null and leased_until > laurel_clock() group by institution_id)
        select j.* from issuance_jobs j
        left join issuance_turns t using (institution_id) left join under_way u using (institution_id)
        where j.ended_at is null and j.phase in ('linting', 'running') and not j.paused
              and coalesce(u.chunks, 0) < $1 and exists (
            select from issuance_job_chunks c where c.job_id = j.id and c.phase = j.phase
            and (c.lease is null or c.leased_until <= laurel_clock()))
        order by t.at nulls first, j.created_at limit 20
        """,
        most,
    )


async def take(tx: Tx, job: Row, lease: UUID, duration: timedelta) -> Row | None:
    """Lease the first chunk of a job that nobody has; None where all are taken."""
    chunk: Row | None = await tx.fetchrow(
        """
        update issuance_job_chunks set lease = $3, leased_until = laurel_clock() + $4::interval, tries = tries + 1
        where (job_id, number) = (
            select job_id, number from issuance_job_chunks
            where job_id = $1 and phase = $2 and (lease is null or leased_until <= laurel_clock())
            order by number limit 1 for update skip locked)
        returning *
        """,
        job["id"],
        job["phase"],
        lease,
        duration,
    )
    if chunk is not None:
        await tx.execute(
            """
            insert into issuance_turns (institution_id, at) values ($1, laurel_clock())
            on conflict (institution_id) do update set at = excluded.at
            """,
            job["institution_id"],
        )
    return chunk


async def hold(tx: Tx, job_id: UUID, number: int, lease: UUID, phase: str, duration: timedelta) -> bool:
    """Lock a leased chunk and lease it anew; False where the lease is another's, or the job's phase is over.

    Until the transaction ends the job can't be cancelled.
    """
    found = await tx.fetchval(
        """
        with held as (
            select c.job_id, c.number from issuance_jobs j join issuance_job_chunks c on c.job_id = j.id
            where j.id = $1 and c.number = $2 and c.lease = $3 and j.phase = $4 and c.phase = $4
            for share of j for update of c)
        update issuance_job_chunks c set leased_until = laurel_clock() + $5::interval from held
        where (c.job_id, c.number) = (held.job_id, held.number) returning true
        """,
        job_id,
        number,
        lease,
        phase,
        duration,
    )
    return bool(found)


async def let_go(tx: Tx, job_id: UUID, number: int, lease: UUID, *, counted: bool) -> None:
    """Give a leased chunk back undone; `counted`: as one try of the few that it has."""
    leave_work_for(JOB_WORKER)
    await tx.execute(
        """
        update issuance_job_chunks set lease = null, leased_until = null, tries = tries - $4
        where job_id = $1 and number = $2 and lease = $3
        """,
        job_id,
        number,
        lease,
        int(not counted),
    )


async def start_over(tx: Tx, job_id: UUID, number: int) -> None:
    """Forget how often a chunk was tried, and let others have it."""
    await tx.execute(
        """
        update issuance_job_chunks set lease = null, leased_until = null, tries = 0 where job_id = $1 and number = $2
        """,
        job_id,
        number,
    )


async def staged(tx: Tx, job_id: UUID, first: int, end: int) -> Sequence[Row]:
    """Return the rows `first` up to `end` of an upload."""
    return await tx.fetch(
        "select number, sent from issuance_job_uploads where job_id = $1 and number >= $2 and number < $3"
        " order by number",
        job_id,
        first,
        end,
    )


async def linted(tx: Tx, job_id: UUID, number: int, rows: Sequence[Row], numbers: tuple[int, int]) -> None:
    """Store what was found of a held chunk's rows, in place of what was staged. For the worker's role alone."""
    leave_work_for(JOB_WORKER)
    await tx.copy_records_to_table(
        "issuance_job_rows", records=[tuple(row[name] for name in _ROW) for row in rows], columns=list(_ROW)
    )
    await tx.execute(
        "delete from issuance_job_uploads where job_id = $1 and number >= $2 and number < $3", job_id, *numbers
    )
    errors = sum(row["code"] is not None for row in rows)
    already = sum(row["already"] is not None for row in rows)
    valid = len(rows) - errors - already
    await tx.execute(
        """
        update issuance_job_chunks set lease = null, leased_until = null, tries = 0, finished_at = laurel_clock(),
               rows = $3, errors = $4, already = $5, valid = $6, phase = case when $6 = 0 then 'done' else 'running' end
        where job_id = $1 and number = $2
        """,
        job_id,
        number,
        len(rows),
        errors,
        already,
        valid,
    )


async def last_issued(tx: Tx, job_id: UUID, first: int, end: int) -> int | None:
    """Return the last of the rows `first` up to `end` that the job has issued: those before it are done with."""
    # By the index's end, whatever the planner believes of a table that was small a minute ago.
    last: int | None = await tx.fetchval(
        "select max(number) from issued_rows where job_id = $1 and number >= $2 and number < $3", job_id, first, end
    )
    return last


async def valid(tx: Tx, job_id: UUID, first: int, end: int, limit: int) -> Sequence[Row]:
    """Return up to `limit` of the rows `first` up to `end` that nothing speaks against issuing, by number."""
    return await tx.fetch(
        """
        select number, key, digest, wanted from issuance_job_rows
        where job_id = $1 and number >= $2 and number < $3 and code is null and already is null
        order by number limit $4
        """,
        job_id,
        first,
        end,
        limit,
    )


async def issued_before(tx: Tx, institution_id: UUID, keys: Sequence[bytes]) -> dict[bytes, Row]:
    """Return which badge each row key has, and for what content."""
    rows = await tx.fetch(
        "select key, digest, credential_id from issued_rows where institution_id = $1 and key = any($2::bytea[])",
        institution_id,
        keys,
    )
    return {row["key"]: row for row in rows}


async def claim(
    tx: Tx, institution_id: UUID, job_id: UUID, rows: Mapping[int, Row], ids: Mapping[int, UUID]
) -> set[int]:
    """Claim row keys for the badges about to be stored; return the numbers of the rows that were claimed.

    In the order of the keys, so that two jobs with the same rows never wait for each other.
    """
    numbers = sorted(ids, key=lambda number: (rows[number]["key"], number))
    claimed = await tx.fetch(
        """
        insert into issued_rows (institution_id, key, digest, credential_id, job_id, number)
        select $1, key, digest, credential_id, $2, number
        from unnest($3::bytea[], $4::bytea[], $5::uuid[], $6::int[]) as wanted(key, digest, credential_id, number)
        on conflict do nothing returning number
        """,
        institution_id,
        job_id,
        [rows[number]["key"] for number in numbers],
        [rows[number]["digest"] for number in numbers],
        [ids[number] for number in numbers],
        numbers,
    )
    return {row["number"] for row in claimed}


async def settle(
    tx: Tx,
    job_id: UUID,
    number: int,
    issued: int,
    already: Mapping[int, UUID],
    refused: Sequence[tuple[Any, ...]],
    *,
    last: bool,
) -> None:
    """Note what became of rows of a held chunk, which is done with the `last` of them.

    `refused` has number, column, code and detail of each such row.
    """
    if last:
        leave_work_for(JOB_WORKER)
    if already:
        await tx.execute(
            """
            update issuance_job_rows r set already = w.id from unnest($2::int[], $3::uuid[]) as w(number, id)
            where r.job_id = $1 and r.number = w.number
            """,
            job_id,
            list(already),
            list(already.values()),
        )
    if refused:
        await tx.execute(
            """
            update issuance_job_rows r set "column" = w.col, code = w.code, detail = w.detail
            from unnest($2::int[], $3::text[], $4::text[], $5::text[]) as w(number, col, code, detail)
            where r.job_id = $1 and r.number = w.number
            """,
            job_id,
            *map(list, zip(*refused, strict=True)),
        )
    await tx.execute(
        """
        update issuance_job_chunks set issued = issued + $3, already = already + $4, errors = errors + $5, tries = 0,
               phase = case when $6 then 'done' else phase end, finished_at = laurel_clock(),
               lease = case when not $6 then lease end, leased_until = case when not $6 then leased_until end
        where job_id = $1 and number = $2
        """,
        job_id,
        number,
        issued,
        len(already),
        len(refused),
        last,
    )


async def repeated(tx: Tx, job_id: UUID) -> int:
    """Return how many rows ask for what an earlier row of the same file asks for."""
    count: int = await tx.fetchval(
        "select count(key) - count(distinct key) from issuance_job_rows where job_id = $1 and code is null", job_id
    )
    return count


async def error_counts(tx: Tx, job_id: UUID) -> dict[str, int]:
    """Return how many rows have each kind of error, the most frequent first."""
    rows = await tx.fetch(
        """
        select code, count(*)::int as rows from issuance_job_rows where job_id = $1 and code is not null
        group by code order by count(*) desc, code
        """,
        job_id,
    )
    return {row["code"]: row["rows"] for row in rows}


async def samples(tx: Tx, job_id: UUID, limit: int) -> Sequence[Row]:
    """Return the first rows that would be issued."""
    return await tx.fetch(
        """
        select number, wanted from issuance_job_rows where job_id = $1 and code is null and already is null
        order by number limit $2
        """,
        job_id,
        limit,
    )


async def failed(tx: Tx, job_id: UUID, after: int, limit: int) -> Sequence[Row]:
    """Return up to `limit` rows that have no badge, from after the row `after`."""
    return await tx.fetch(
        """
        select number, sent, "column", code, detail from issuance_job_rows
        where job_id = $1 and code is not null and number > $2 order by number limit $3
        """,
        job_id,
        after,
        limit,
    )


async def with_badge(tx: Tx, job_id: UUID, after: int, limit: int) -> Sequence[Row]:
    """Return up to `limit` rows with a badge from after the row `after`: its `id`, and whether it is from before."""
    return await tx.fetch(
        """
        select r.number, r.sent, coalesce(r.already, i.credential_id) as id, r.already is not null as already
        from issuance_job_rows r left join issued_rows i on i.job_id = r.job_id and i.number = r.number
        where r.job_id = $1 and r.number > $2 and coalesce(r.already, i.credential_id) is not null
        order by r.number limit $3
        """,
        job_id,
        after,
        limit,
    )
