"""Writes and reads employers and their API keys."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.db import Tx


async def insert(tx: Tx, row: Mapping[str, Any]) -> None:
    """Store a new employer."""
    await tx.execute(
        "insert into employers (id, version, name, url, created_at) values ($1, $2, $3, $4, $5)",
        *(row[name] for name in ("id", "version", "name", "url", "created_at")),
    )


async def lock(tx: Tx, employer_id: UUID) -> bool:
    """Let nobody else change this employer's keys until the transaction ends; False where there is none."""
    found: bool | None = await tx.fetchval("select true from employers where id = $1 for update", employer_id)
    return found is not None


async def insert_key(tx: Tx, row: Mapping[str, Any]) -> None:
    """Store a new API key."""
    await tx.execute(
        """
        insert into api_keys (id, version, tenant_kind, tenant_id, name, hash, scopes, created_at, expires_at)
        values ($1, $2, 'employer', $3, $4, $5, $6, $7, $8)
        """,
        *(row[name] for name in ("id", "version", "tenant_id", "name", "hash", "scopes", "created_at", "expires_at")),
    )


async def keys(tx: Tx, employer_id: UUID, after: UUID | None, limit: int) -> list[Any]:
    """Return up to `limit` API keys of the tenant by id, after the id `after`."""
    return await tx.fetch(
        """
        select * from api_keys where tenant_id = $1 and ($2::uuid is null or id > $2) order by id limit $3
        """,
        employer_id,
        after,
        limit,
    )


async def key(tx: Tx, employer_id: UUID, key_id: UUID) -> Any:
    """Return an API key of the tenant; None where there is none."""
    return await tx.fetchrow("select * from api_keys where id = $1 and tenant_id = $2", key_id, employer_id)


async def other_managing_keys(tx: Tx, employer_id: UUID, key_id: UUID) -> bool:
    """Tell whether the tenant has another key that can make keys, for good."""
    found: bool = await tx.fetchval(
        """
        select exists (select from api_keys where tenant_id = $1 and id <> $2 and 'manage' = any(scopes)
                       and revoked_at is null and expires_at is null)
        """,
        employer_id,
        key_id,
    )
    return found


async def revoke_key(tx: Tx, key_id: UUID, now: datetime) -> Any:
    """Revoke an API key; return its row."""
    return await tx.fetchrow(
        "update api_keys set revoked_at = $2, version = version + 1 where id = $1 returning *", key_id, now
    )


async def batch(tx: Tx, after: UUID | None, limit: int) -> list[Any]:
    """Lock and return up to `limit` employers by id, after the id `after`: nothing newer of theirs is told before."""
    return await tx.fetch(
        "select * from employers where $1::uuid is null or id > $1 order by id limit $2 for update", after, limit
    )


async def key_batch(tx: Tx, after: UUID | None, limit: int) -> list[Any]:
    """Lock and return API keys of all employers as `batch` does employers."""
    return await tx.fetch(
        """
        select * from api_keys where tenant_kind = 'employer' and ($1::uuid is null or id > $1)
        order by id limit $2 for update
        """,
        after,
        limit,
    )
