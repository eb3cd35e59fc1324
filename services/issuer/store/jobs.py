"""Issuance jobs: making, moving and finding them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.issuer.domain.row import Row
from shared.bell import leave_work_for
from shared.db import Tx

JOB_WORKER = "job_worker"  # shared.bell
# Columns that a change may write; the names never come from outside.
_CHANGEABLE = frozenset(
    {
        "phase",
        "paused",
        "reason_code",
        "reason",
        "phase_at",
        "release_at",
        "ended_at",
        "actor_key",
        "repeated",
        "rows",
        "last_row",
    }
)


async def lock_quota(tx: Tx, institution_id: UUID) -> Row:
    """Return how many jobs and rows of an institution wait; nobody else makes one for it until the transaction ends."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"laurel/jobs/{institution_id}")
    found: Row | None = await tx.fetchrow(
        """
        select count(*) as jobs, coalesce(sum(rows), 0) as rows from issuance_jobs
        where institution_id = $1 and ended_at is null
        """,
        institution_id,
    )
    assert found is not None  # an aggregate has a row  # noqa: S101
    return found


async def insert(tx: Tx, job: Row) -> None:
    """Insert a new job, in the phase `reading`."""
    await tx.execute(
        """
        insert into issuance_jobs (id, institution_id, achievement_id, name, formats, auto_confirm, release_at, undo,
                                   kind, phase, chunk_rows, created_key, actor_key, history)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'reading', $10, $11, $11, $12)
        """,
        *(
            job[name]
            for name in (
                "id", "institution_id", "achievement_id", "name", "formats", "auto_confirm", "release_at", "undo",
                "kind", "chunk_rows", "key_id", "history",
            )
        ),
    )  # fmt: skip


async def stage(tx: Tx, job_id: UUID, rows: Sequence[tuple[int, str]]) -> None:
    """Take in rows of an upload, by COPY."""
    await tx.copy_records_to_table(
        "issuance_job_uploads",
        records=[(job_id, number, sent) for number, sent in rows],
        columns=["job_id", "number", "sent"],
    )


async def touch(
    tx: Tx, job_id: UUID, rows: int, last_row: int, header: Sequence[str], columns: Sequence[str], delimiter: str | None
) -> bool:
    """Note how far an upload has come; False where the job is not being read any more."""
    done = await tx.execute(
        """
        update issuance_jobs set touched_at = laurel_clock(), rows = $2, last_row = $3, header = $4, columns = $5,
               delimiter = $6
        where id = $1 and phase = 'reading'
        """,
        job_id,
        rows,
        last_row,
        header,
        columns,
        delimiter,
    )
    return bool(done == "UPDATE 1")


async def open_chunks(tx: Tx, job: Row) -> None:
    """Divide the rows of a job that is read into chunks."""
    await tx.execute(
        """
        insert into issuance_job_chunks (job_id, number, institution_id)
        select $1, number, $2 from generate_series(0, $3::int / $4::int) as number
        """,
        job["id"],
        job["institution_id"],
        job["last_row"],
        job["chunk_rows"],
    )


async def get(tx: Tx, institution_id: UUID, job_id: UUID) -> Row | None:
    """Return an institution's job."""
    return await tx.fetchrow(
        "select *, laurel_clock() as now from issuance_jobs where id = $1 and institution_id = $2",
        job_id,
        institution_id,
    )


async def lock(tx: Tx, job_id: UUID) -> Row | None:
    """Return and lock a job, with the time."""
    return await tx.fetchrow("select *, laurel_clock() as now from issuance_jobs where id = $1 for update", job_id)


async def change(tx: Tx, job_id: UUID, columns: Mapping[str, Any], entry: Mapping[str, Any] | None = None) -> None:
    """Write columns of a locked job, and an entry of its history."""
    leave_work_for(JOB_WORKER)
    if not columns.keys() <= _CHANGEABLE:
        raise ValueError(f"not changeable: {columns.keys() - _CHANGEABLE}")
    sets = "".join(f"{name} = ${place}, " for place, name in enumerate(columns, 3))
    await tx.execute(
        f"update issuance_jobs set {sets} history = history || $2::jsonb where id = $1",  # noqa: S608  # names of ours
        job_id,
        [entry] if entry else [],
        *columns.values(),
    )


async def page(
    tx: Tx, institution_id: UUID, state: str | None, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row]:
    """Return up to `limit` jobs, newest first, from after the place `after`."""
    return await tx.fetch(
        """
        select *, laurel_clock() as now from issuance_jobs
        where institution_id = $1 and ($2::text is null or state = $2)
              and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))
        order by created_at desc, id desc limit $5
        """,
        institution_id,
        state,
        *(after or (None, None)),
        limit,
    )


async def due_to_move(tx: Tx, silence: timedelta) -> Sequence[Row]:
    """Return the jobs of all institutions that may go on to another phase now."""
    return await tx.fetch(
        """
        select j.id from issuance_jobs j
        where j.ended_at is null and (
            (j.phase = 'reading' and j.touched_at < laurel_clock() - $1::interval)
            or (j.phase = 'held' and not j.paused and j.release_at <= laurel_clock())
            or (j.phase in ('linting', 'running') and not j.paused and not exists (
                select from issuance_job_chunks c where c.job_id = j.id and c.phase = j.phase)))
        order by j.phase_at limit 100
        """,
        silence,
    )


async def is_through(tx: Tx, job: Row) -> bool:
    """Tell whether no chunk of a job waits for what its phase does."""
    through: bool = await tx.fetchval(
        "select not exists (select from issuance_job_chunks where job_id = $1 and phase = $2)", job["id"], job["phase"]
    )
    return through


async def counts(tx: Tx, job_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Return what the chunks of each job have come to; `lately` are rows of its phase done in the last 30 s."""
    rows = await tx.fetch(
        """
        select j.id as job_id, coalesce(sum(c.rows), 0)::int as linted, coalesce(sum(c.errors), 0)::int as errors,
               coalesce(sum(c.already), 0)::int as already, coalesce(sum(c.issued), 0)::int as issued,
               coalesce(sum(c.valid), 0)::int as valid,
               coalesce(sum(c.valid) filter (where c.phase = 'done'), 0)::int as ran,
               coalesce(sum(case j.phase when 'linting' then c.rows else c.valid end) filter (
                   where c.finished_at > greatest(laurel_clock() - interval '30 s', j.phase_at)), 0)::int as lately,
               least(30, extract(epoch from laurel_clock() - j.phase_at))::float8 as seconds
        from issuance_jobs j left join issuance_job_chunks c on c.job_id = j.id
        where j.id = any($1::uuid[]) group by j.id
        """,
        job_ids,
    )
    return {row["job_id"]: row for row in rows}


async def remove_rows(tx: Tx, kept: timedelta, limit: int) -> int:
    """Remove up to `limit` rows of a job that ended longer ago than `kept`, or that were staged of ended ones.

    Returns how many that were.
    """
    staged = await tx.execute(
        """
        delete from issuance_job_uploads where (job_id, number) in (
            select u.job_id, u.number from issuance_jobs j join issuance_job_uploads u on u.job_id = j.id
            where j.ended_at is not null and j.rows_removed_at is null and j.phase in ('cancelled', 'failed')
            limit $1)
        """,
        limit,
    )
    if int(staged.split()[-1]):
        return int(staged.split()[-1])
    old = await tx.fetchval(
        """
        select id from issuance_jobs where ended_at < laurel_clock() - $1::interval and rows_removed_at is null
        order by ended_at limit 1 for update skip locked
        """,
        kept,
    )
    if old is None:
        return 0
    done = await tx.execute(
        """
        delete from issuance_job_rows where (job_id, number) in (
            select job_id, number from issuance_job_rows where job_id = $1 limit $2)
        """,
        old,
        limit,
    )
    removed = int(done.split()[-1])
    if removed < limit:
        await tx.execute("update issuance_jobs set rows_removed_at = laurel_clock() where id = $1", old)
    return removed
