"""What the operator asks for, in SQL: everything that is recorded, in the order of ids."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from shared.db import Tx


async def credentials(tx: Tx, after: UUID | None, limit: int) -> list[Record]:
    """Return records in the order of their ids, with their versions."""
    return await tx.fetch(
        """
        select c.id, c.institution_id, c.status, c.positions, c.document_digest,
               (select jsonb_agg(jsonb_build_object('version', h.version, 'type', h.type, 'event_id', h.event_id)
                                 order by h.version) from history h where h.credential_id = c.id) as versions
        from credentials c where $1::uuid is null or c.id > $1 order by c.id limit $2
        """,
        after,
        limit,
    )


async def leaves(tx: Tx, after: UUID | None, limit: int) -> list[Record]:
    """Return what is in the log, or waits for it, in the order of the events' ids."""
    return await tx.fetch(
        """
        select event_id, tree, log_index, entry, backfilled from log_entries
        where $1::uuid is null or event_id > $1 order by event_id limit $2
        """,
        after,
        limit,
    )


async def checkpoints(tx: Tx, after: tuple[int, int] | None, limit: int) -> list[Record]:
    """Return published checkpoints in the order of logs and sizes, after the (log, size) `after`."""
    return await tx.fetch(
        """
        select tree, size, note from log_checkpoints
        where published_at is not null and ($1::smallint is null or (tree, size) > ($1, $2::bigint))
        order by tree, size limit $3
        """,
        *(after or (None, None)),
        limit,
    )


async def status_lists(tx: Tx, after: UUID | None, limit: int) -> list[Record]:
    """Return the newest version of each status list, in the order of their ids."""
    return await tx.fetch(
        """
        select distinct on (list_id) list_id, purpose, version, credential from status_list_versions
        where $1::uuid is null or list_id > $1 order by list_id, version desc limit $2
        """,
        after,
        limit,
    )


async def lock_after(tx: Tx, after: UUID | None, limit: int) -> list[UUID]:
    """Lock and name the next records in the order of their ids."""
    rows = await tx.fetch(
        "select id from credentials where $1::uuid is null or id > $1 order by id limit $2 for update", after, limit
    )
    return [row["id"] for row in rows]


async def history_of(tx: Tx, credentials: Sequence[UUID]) -> list[Record]:
    """Return the entries of history of `credentials`, each one's in order."""
    return await tx.fetch(
        """
        select credential_id, version, institution_id, type, event_id, recorded_at from history
        where credential_id = any($1::uuid[]) order by credential_id, version
        """,
        credentials,
    )


async def places_after(tx: Tx, after: tuple[int, int], limit: int) -> list[Record]:
    """Return entries that have a place in a log, log by log in their order, behind the place `after`.

    `first` is the index of the first of those that were told of together, unless it was told of `alone`.
    """
    return await tx.fetch(
        """
        select e.event_id, e.tree, e.log_index, coalesce(e.told_with, e.log_index) as first,
               e.told_with is null as alone, e.added_at, t.origin, t.number
        from log_entries e join log_trees t on t.number = e.tree
        where (e.tree, e.log_index) > ($1::smallint, $2::bigint) order by e.tree, e.log_index limit $3
        """,
        *after,
        limit,
    )
