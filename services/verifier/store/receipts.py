"""Keys that sign receipts, what receipts are made of, and the transparency log as it was last seen."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.db import Tx
from shared.transparency.checkpoints import Checkpoint


async def active_key(tx: Tx) -> Any:
    """Return the key in use; None where there is none."""
    return await tx.fetchrow("select * from receipt_keys where retired_at is null")


async def retire_key(tx: Tx, at: datetime) -> None:
    """Take the key in use out of it."""
    await tx.execute("update receipt_keys set retired_at = $1 where retired_at is null", at)


async def add_key(tx: Tx, key_id: UUID, public_key_multibase: str, sealed: bytes, at: datetime) -> None:
    """Store a key, unless one is in use."""
    await tx.execute(
        """
        insert into receipt_keys (id, public_key_multibase, sealed, created_at) values ($1, $2, $3, $4)
        on conflict ((true)) where retired_at is null do nothing
        """,
        key_id,
        public_key_multibase,
        sealed,
        at,
    )


async def public_keys(tx: Tx) -> Sequence[Any]:
    """Return every key that signs or has signed, the newest first, without what is sealed."""
    return await tx.fetch(
        "select id, public_key_multibase, created_at, retired_at from receipt_keys order by created_at desc, id"
    )


async def credential(tx: Tx, credential_id: UUID) -> Any:
    """Return a credential as it is known here; None where it is not."""
    return await tx.fetchrow("select id, document_digest, history from credentials where id = $1", credential_id)


async def credentials(tx: Tx, credential_ids: Collection[UUID]) -> Sequence[Any]:
    """Return those of these credentials that are known here."""
    return await tx.fetch(
        "select id, document_digest, history from credentials where id = any($1::uuid[])", list(credential_ids)
    )


async def told(tx: Tx, source: str, keys: Collection[str]) -> Any:
    """Return up to when a service's state records are here, by partition, and of which keys a record waits.

    `places_held`: so does one that tells of several places in the log.
    """
    return await tx.fetchrow(
        """
        select (select jsonb_object_agg(shard, time) from heartbeats where source = $1) as heard,
               array(select held_keys($2::text[])) as held, held_places() as places_held
        """,
        source,
        list(keys),
    )


async def salts(tx: Tx, event_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """Return the salts of events, by their ids; those that are not here, or are erased, are missing."""
    rows = await tx.fetch("select event_id, salt from event_salts where event_id = any($1::uuid[])", list(event_ids))
    return {row["event_id"]: row["salt"] for row in rows}


async def places(tx: Tx, event_ids: Collection[UUID]) -> dict[UUID, tuple[str, int]]:
    """Return in which log (its origin) and at which index events stand, by their ids."""
    rows = await tx.fetch(
        "select event_id, origin, log_index from log_positions where event_id = any($1::uuid[])", list(event_ids)
    )
    return {row["event_id"]: (row["origin"], row["log_index"]) for row in rows}


async def last_seen(tx: Tx, origin: str | None) -> Any:
    """Return the log of this origin as it was last seen, or (None) whichever was; None where none was."""
    return await tx.fetchrow(
        "select * from log_seen where $1::text is null or origin = $1 order by seen_at desc limit 1", origin
    )


async def heard(tx: Tx, origin: str) -> Any:
    """Return size (`version`) and root (hexadecimal) of the newest checkpoint that the registry has told of a log."""
    return await tx.fetchrow("select version, root from log_checkpoints where origin = $1", origin)


async def note_seen(tx: Tx, before: Any, vkey: str, now: Checkpoint) -> bool:
    """Remember a checkpoint in the place of the one `before` it (a row, or None) to which it was held.

    False: another has been noted meanwhile, to which this one was not held.
    """
    if before and (before["size"], before["root"]) == (now.size, now.root):
        return True
    if before is None:
        done = await tx.execute(
            """
            insert into log_seen (origin, vkey, size, root, seen_at) values ($1, $2, $3, $4, laurel_clock())
            on conflict (origin) do nothing
            """,
            now.origin,
            vkey,
            now.size,
            now.root,
        )
    else:
        done = await tx.execute(
            """
            update log_seen set size = $2, root = $3, seen_at = laurel_clock()
            where origin = $1 and size = $4 and root = $5
            """,
            now.origin,
            now.size,
            now.root,
            before["size"],
            before["root"],
        )
    return bool(done.endswith(" 1"))
