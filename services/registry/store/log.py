"""The transparency log in SQL: what waits, the tree's row that fences whoever appends, its tiles and checkpoints."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from services.registry.domain.leaves import Leaf, Told
from shared.bell import leave_work_for
from shared.db import Tx
from shared.transparency.tiles import Tile

Place = tuple[datetime, UUID, int]
Row = Record

LOG_KEEPER = "log_keeper"  # shared.bell


async def add(tx: Tx, leaves: Sequence[Leaf]) -> None:
    """Let leaves wait for their places in this order; an event that is logged or waits already stays as it is."""
    if not leaves:
        return
    leave_work_for(LOG_KEEPER)
    await tx.execute(
        """
        insert into log_entries (event_id, entry, backfilled)
        select event, entry, backfilled from unnest($1::uuid[], $2::bytea[], $3::boolean[])
             with ordinality as leaf(event, entry, backfilled, n)
        order by n on conflict (event_id) do nothing
        """,
        [leaf.event_id for leaf in leaves],
        [leaf.entry for leaf in leaves],
        [leaf.backfilled for leaf in leaves],
    )


async def add_changes(tx: Tx, told: Sequence[Told]) -> None:
    """Store what opens the commitments of changes that are not credentials'; one that is there stays as it is."""
    if not told:
        return
    await tx.executemany(
        """
        insert into changes (event_id, institution_id, time, facts, salt) values ($1, $2, $3, $4, $5)
        on conflict do nothing
        """,
        [(each.leaf.event_id, each.institution_id, each.time, each.opening.facts, each.opening.salt) for each in told],
    )


async def unlogged_versions(tx: Tx, after: Place | None, limit: int) -> list[Record]:
    """Return versions of credentials that were recorded without being logged, oldest first, behind the place `after`.

    A place is when a version was recorded, of which credential and which version it is.
    """
    return await tx.fetch(
        """
        select h.*, c.document_digest, o.salt from history h
        join credentials c on c.id = h.credential_id
        join openings o on o.credential_id = h.credential_id and o.version = h.version
        where ($1::timestamptz is null or (h.recorded_at, h.credential_id, h.version) > ($1, $2::uuid, $3::integer))
          and not exists (select from log_entries e where e.event_id = h.event_id)
        order by h.recorded_at, h.credential_id, h.version limit $4
        """,
        *(after or (None, None, None)),
        limit,
    )


async def note_backfill(tx: Tx, number: int, until: datetime) -> None:
    """Remember that what was recorded by `until` is in the log, or waits for it."""
    await tx.execute("update log_trees set backfilled_to = $2 where number = $1", number, until)


async def create_tree(tx: Tx, number: int, origin: str, vkey: str, root: bytes, sealed: bytes) -> Any:
    """Begin a log and return its row; raises UniqueViolationError where there is one of this number or origin."""
    row = await tx.fetchrow(
        "insert into log_trees (number, origin, vkey, root) values ($1, $2, $3, $4) returning *",
        number,
        origin,
        vkey,
        root,
    )
    await tx.execute("insert into log_keys (tree, sealed) values ($1, $2)", number, sealed)
    return row


async def current_tree(tx: Tx, *, lock: bool = False) -> Record | None:
    """Return the log that is written to; locked, nobody appends and no log begins until the transaction ends."""
    if lock:
        # The first one's row, whichever is written to: a statement of its own, so that the next one sees what whoever
        # had the lock has done.
        await tx.execute("select from log_trees where number = 1 for update")
    return await tx.fetchrow("select * from log_trees order by number desc limit 1")


async def tree(tx: Tx, number: int) -> Record | None:
    """Return one log, whether it is the one that is written to or one that was given up."""
    return await tx.fetchrow("select * from log_trees where number = $1", number)


async def sealed_key(tx: Tx, number: int) -> bytes:
    """Return a log's sealed private key, to the worker's role."""
    sealed: bytes = await tx.fetchval("select sealed from log_keys where tree = $1", number)
    return sealed


async def waiting(tx: Tx, limit: int) -> list[Record]:
    """Return the next entries without a place, in the order in which they get theirs."""
    return await tx.fetch(
        """
        select id, event_id, entry from log_entries where log_index is null order by backfilled desc, id limit $1
        """,
        limit,
    )


async def has_work(tx: Tx, number: int) -> bool:
    """Tell whether an entry waits, or another log than this one is written to."""
    found: bool = await tx.fetchval(
        """
        select exists (select from log_entries where log_index is null)
            or (select max(number) from log_trees) is distinct from $1
        """,
        number,
    )
    return found


async def count_waiting(tx: Tx) -> int:
    """Return how many entries have no place yet."""
    count: int = await tx.fetchval("select count(*) from log_entries where log_index is null")
    return count


async def place(tx: Tx, number: int, first: int, ids: Sequence[int]) -> None:
    """Give entries their places, from the index `first` on; they are told of together."""
    await tx.execute(
        """
        update log_entries e set tree = $1, log_index = $2 + place.n - 1, told_with = $2
        from unnest($3::bigint[]) with ordinality as place(id, n) where e.id = place.id
        """,
        number,
        first,
        ids,
    )


async def release(tx: Tx, number: int, size: int) -> None:
    """Let the leaves of a given-up log from `size` on, of which nothing was published, wait for their places again."""
    await tx.execute(
        "update log_entries set tree = null, log_index = null, told_with = null where tree = $1 and log_index >= $2",
        number,
        size,
    )


async def put_tiles(tx: Tx, number: int, tiles: Mapping[tuple[int, int], bytes]) -> None:
    """Store hash tiles as they stand now, by level and index; what was in them stays their beginning."""
    await tx.execute(
        """
        insert into log_tiles as t (tree, level, index, hashes)
        select $1, level, index, hashes from unnest($2::int[], $3::bigint[], $4::bytea[]) as tile(level, index, hashes)
        on conflict (tree, level, index) do update set hashes = excluded.hashes
        where length(t.hashes) < length(excluded.hashes)
        """,
        number,
        [level for level, _ in tiles],
        [index for _, index in tiles],
        list(tiles.values()),
    )


async def grow(tx: Tx, number: int, size: int, root: bytes) -> None:
    """Note how large the tree is and what its root is."""
    await tx.execute("update log_trees set size = $2, root = $3 where number = $1", number, size, root)


async def tiles(tx: Tx, number: int, wanted: Iterable[Tile]) -> dict[Tile, bytes]:
    """Return hash tiles, each cut to its width; those that are missing or narrower are not among them."""
    asked = list(wanted)
    rows = await tx.fetch(
        """
        select level, index, width, substr(hashes, 1, width * 32) as hashes
        from unnest($2::int[], $3::bigint[], $4::int[]) as wanted(level, index, width)
        join log_tiles using (level, index) where tree = $1 and length(hashes) >= width * 32
        """,
        number,
        [tile.level for tile in asked],
        [tile.index for tile in asked],
        [tile.width for tile in asked],
    )
    return {Tile(row["level"], row["index"], row["width"]): row["hashes"] for row in rows}


async def entries(tx: Tx, number: int, first: int, count: int) -> list[bytes]:
    """Return up to `count` entries from the index `first` on, in order."""
    rows = await tx.fetch(
        """
        select entry from log_entries where tree = $1 and log_index between $2 and $2::bigint + ($3::bigint - 1)
        order by log_index
        """,
        number,
        first,
        count,
    )
    return [row["entry"] for row in rows]


async def count_entries(tx: Tx, number: int) -> tuple[int, int]:
    """Return how many entries have places in a log, and the place behind the last of them."""
    row: Any = await tx.fetchrow(
        "select count(*) as count, coalesce(max(log_index) + 1, 0) as next from log_entries where tree = $1", number
    )
    return row["count"], row["next"]


async def logged(tx: Tx, event_id: UUID) -> Record | None:
    """Return an event's entry with its place, which is null while it waits; None: it is not to be logged."""
    return await tx.fetchrow("select * from log_entries where event_id = $1", event_id)


async def add_checkpoint(tx: Tx, number: int, size: int, root: bytes, note: str) -> None:
    """Store a checkpoint that was signed; of one size there is one."""
    await tx.execute(
        "insert into log_checkpoints (tree, size, root, note) values ($1, $2, $3, $4) on conflict do nothing",
        number,
        size,
        root,
        note,
    )


async def signed(tx: Tx, number: int) -> Record | None:
    """Return the largest checkpoint that was signed, published or not."""
    return await tx.fetchrow("select * from log_checkpoints where tree = $1 order by size desc limit 1", number)


async def publish(tx: Tx, number: int, size: int, note: str) -> None:
    """Let everybody have a checkpoint, with the cosignatures that it has by now."""
    await tx.execute(
        """
        update log_checkpoints set note = $3, published_at = coalesce(published_at, laurel_clock())
        where tree = $1 and size = $2
        """,
        number,
        size,
        note,
    )


async def published(tx: Tx, number: int | None = None) -> Record | None:
    """Return the newest published checkpoint of a log, or of the one that is written to."""
    return await tx.fetchrow(
        """
        select * from log_checkpoints
        where tree = coalesce($1, (select max(number) from log_trees)) and published_at is not null
        order by size desc limit 1
        """,
        number,
    )


async def published_by(tx: Tx, at: datetime) -> Record | None:
    """Return the newest checkpoint (`tree`, `size`, `published_at`, and the log's `origin`) published by then."""
    return await tx.fetchrow(
        """
        select c.tree, c.size, c.published_at, t.origin from log_checkpoints c join log_trees t on t.number = c.tree
        where c.published_at <= $1 order by c.published_at desc, c.tree desc, c.size desc limit 1
        """,
        at,
    )


async def witnessed(tx: Tx, number: int, name: str) -> int:
    """Return the size of the last checkpoint that a witness has cosigned, as far as is known; 0: none."""
    size: int | None = await tx.fetchval("select size from log_witnesses where tree = $1 and name = $2", number, name)
    return size or 0


async def note_witnessed(tx: Tx, number: int, name: str, size: int) -> None:
    """Remember what a witness has cosigned."""
    await tx.execute(
        """
        insert into log_witnesses (tree, name, size) values ($1, $2, $3)
        on conflict (tree, name) do update set size = excluded.size, seen_at = laurel_clock()
        """,
        number,
        name,
        size,
    )


async def note_second_place(tx: Tx, number: int, offset: int) -> None:
    """Remember where the second place's newest record stood, so that the next look begins there."""
    await tx.execute("update log_trees set second_place_offset = $2 where number = $1", number, offset)


async def opening(tx: Tx, event_id: UUID, token_hash: bytes) -> Record | None:
    """Return what opens the leaf of a version of a credential: to whom row-level security or the token shows it."""
    return await tx.fetchrow(
        """
        select h.event_id, h.type, h.credential_id, h.version, h.time, h.actor_role, h.actor_key, h.reason_code,
               c.document_digest, o.salt
        from history h join credentials c on c.id = h.credential_id
        join openings o on o.credential_id = h.credential_id and o.version = h.version
        where h.event_id = $1
        union all select * from owned_opening($1, $2) limit 1
        """,
        event_id,
        token_hash,
    )


async def change(tx: Tx, event_id: UUID) -> Record | None:
    """Return what opens the leaf of another change, to whom row-level security shows it."""
    return await tx.fetchrow("select facts, salt from changes where event_id = $1", event_id)


async def event_of_version(tx: Tx, credential_id: UUID, version: int | None) -> UUID | None:
    """Return the event of a version of a credential, the newest where none is named; anybody may know it."""
    found: UUID | None = await tx.fetchval(
        """
        select (h ->> 'event_id')::uuid from public_credential($1) c, jsonb_array_elements(c.history) h
        where $2::integer is null or (h ->> 'version')::integer = $2
        order by (h ->> 'version')::integer desc limit 1
        """,
        credential_id,
        version,
    )
    return found
