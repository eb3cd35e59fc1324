"""Writes and reads employers."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shared.db import Tx


async def insert(tx: Tx, row: Mapping[str, Any]) -> None:
    """Store a new employer."""
    await tx.execute(
        "insert into employers (id, version, name, url, sandbox, created_at) values ($1, $2, $3, $4, $5, $6)",
        *(row[name] for name in ("id", "version", "name", "url", "sandbox", "created_at")),
    )


async def batch(tx: Tx, after: UUID | None, limit: int) -> list[Any]:
    """Lock and return up to `limit` employers by id, after the id `after`: nothing newer of theirs is told before."""
    return await tx.fetch(
        "select * from employers where $1::uuid is null or id > $1 order by id limit $2 for update", after, limit
    )
