"""Institutions and their signing keys."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.issuer.domain.row import Row
from shared.credentials.keys import Algorithm
from shared.db import Tx


async def insert_institution(tx: Tx, row: Row) -> bool:
    """Insert an institution at version 1; False where its slug is taken."""
    inserted = await tx.fetchval(
        """
        insert into institutions (id, version, slug, name, url, did, sandbox, changed_at)
        values ($1, 1, $2, $3, $4, $5, $6, $7)
        on conflict (slug) do nothing returning true
        """,
        row["id"], row["slug"], row["name"], row["url"], row["did"], row["sandbox"], row["changed_at"],
    )  # fmt: skip
    return bool(inserted)


async def institution(tx: Tx, institution_id: UUID) -> Row | None:
    """Return an institution."""
    return await tx.fetchrow("select * from institutions where id = $1", institution_id)


async def id_of_slug(tx: Tx, slug: str) -> UUID | None:
    """Return the id of the institution of a slug, on a worker's transaction."""
    found: UUID | None = await tx.fetchval("select id from institutions where slug = $1", slug)
    return found


async def lock_institution(tx: Tx, institution_id: UUID) -> Row | None:
    """Return an institution and keep others from changing what depends on it."""
    return await tx.fetchrow("select * from institutions where id = $1 for no key update", institution_id)


async def withdraw_sandboxes(tx: Tx, limit: int, at: datetime) -> Sequence[Row]:
    """Withdraw up to `limit` sandbox institutions that are not; return them. Waits for badges that are being stored."""
    return await tx.fetch(
        """
        update institutions set standing = 'withdrawn', version = version + 1, changed_at = $2
        where id in (select id from institutions where sandbox and standing <> 'withdrawn'
                     order by id limit $1 for no key update)
        returning *
        """,
        limit,
        at,
    )


async def insert_signing_key(tx: Tx, row: Row) -> None:
    """Insert a signing key at version 1."""
    await tx.execute(
        """
        insert into signing_keys (id, version, institution_id, did, algorithm, verification_method,
                                  public_key_multibase, sealed, created_at)
        values ($1, 1, $2, $3, $4, $5, $6, $7, $8)
        """,
        row["id"], row["institution_id"], row["did"], row["algorithm"], row["verification_method"],
        row["public_key_multibase"], row["sealed"], row["created_at"],
    )  # fmt: skip


async def lock_active_key(tx: Tx, institution_id: UUID, algorithm: Algorithm) -> None:
    """Wait until no badge is being stored under the institution's active key of a kind, and keep others from it."""
    await tx.execute(
        "select from signing_keys where institution_id = $1 and algorithm = $2 and retired_at is null for update",
        institution_id,
        algorithm,
    )


async def retire_active_key(tx: Tx, institution_id: UUID, algorithm: Algorithm, at: datetime) -> Row | None:
    """Retire the institution's active key of a kind and return it; None where it has none of this kind."""
    return await tx.fetchrow(
        """
        update signing_keys set retired_at = $3, version = version + 1
        where institution_id = $1 and algorithm = $2 and retired_at is null returning *
        """,
        institution_id,
        algorithm,
        at,
    )


async def lock_signing_key(tx: Tx, institution_id: UUID, key_id: UUID) -> Row | None:
    """Return a signing key when no badge is being stored under it, and keep others from it."""
    return await tx.fetchrow(
        "select * from signing_keys where id = $2 and institution_id = $1 for update", institution_id, key_id
    )


async def key_in_use(tx: Tx, institution_id: UUID, algorithm: Algorithm) -> Row | None:
    """Return the institution's key of a kind that is in use."""
    return await tx.fetchrow(
        "select * from signing_keys where institution_id = $1 and algorithm = $2 and retired_at is null",
        institution_id,
        algorithm,
    )


async def withdraw_key(tx: Tx, key_id: UUID, at: datetime) -> Row:
    """Withdraw a locked key: it counts as retired since then."""
    row: Row | None = await tx.fetchrow(
        "update signing_keys set retired_at = $2, withdrawn = true, version = version + 1 where id = $1 returning *",
        key_id,
        at,
    )
    if row is None:
        raise LookupError("a key that was locked is gone")
    return row


async def retire_all_keys(tx: Tx, institution_id: UUID, at: datetime) -> Sequence[Row]:
    """Retire all of an institution's keys that are in use and return them."""
    return await tx.fetch(
        """
        update signing_keys set retired_at = $2, version = version + 1
        where institution_id = $1 and retired_at is null returning *
        """,
        institution_id,
        at,
    )


async def change_did(tx: Tx, institution_id: UUID, did: str, at: datetime) -> Row | None:
    """Give an institution another DID, which it then has beside its former ones, and return it."""
    return await tx.fetchrow(
        """
        update institutions set did = $2, former_dids = former_dids || did, version = version + 1, changed_at = $3
        where id = $1 returning *
        """,
        institution_id,
        did,
        at,
    )


async def signing_keys(tx: Tx, institution_id: UUID) -> Sequence[Row]:
    """Return all of an institution's signing keys, oldest first."""
    return await tx.fetch(
        "select * from signing_keys where institution_id = $1 order by created_at, id", institution_id
    )


async def published_keys(tx: Tx, slug: str) -> Sequence[Row]:
    """Return each key of an institution, whose it is (`key_did`), and its DIDs; none: there is no such institution."""
    return await tx.fetch("select * from keys_of($1)", slug)


async def lock_institutions(tx: Tx, after: UUID | None, limit: int) -> Sequence[Row]:
    """Lock and return up to `limit` of all institutions in the order of their ids, from after the id `after`."""
    return await _lock(tx, "institutions", after, limit)


async def lock_signing_keys(tx: Tx, after: UUID | None, limit: int) -> Sequence[Row]:
    """Lock and return signing keys as `lock_institutions` does institutions."""
    return await _lock(tx, "signing_keys", after, limit)


async def _lock(tx: Tx, table: str, after: UUID | None, limit: int) -> Sequence[Row]:
    return await tx.fetch(
        f"select * from {table} where $1::uuid is null or id > $1 order by id limit $2 for update",  # noqa: S608  # tables of ours
        after,
        limit,
    )
