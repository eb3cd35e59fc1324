"""Addresses that a tenant does not write to, by their digests alone."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from shared.db import Tx


async def add(tx: Tx, tenant_id: UUID, address: bytes, reason: str, status: int | None = None) -> None:
    """Suppress an address, known by its digest; what is suppressed for this reason stays as it is."""
    await tx.execute(
        """
        insert into suppressions (tenant_id, address, reason, status) values ($1, $2, $3, $4) on conflict do nothing
        """,
        tenant_id,
        address,
        reason,
        status,
    )


async def page(tx: Tx, address: bytes | None, after: UUID | None, limit: int) -> Sequence[Any]:
    """Return up to `limit` suppressions of the transaction's tenant, or those of one address, by their ids."""
    return await tx.fetch(
        """
        select id, encode(address, 'hex') as address_sha256, reason, status, created_at from suppressions
        where ($1::bytea is null or address = $1) and ($2::uuid is null or id > $2) order by id limit $3
        """,
        address,
        after,
        limit,
    )


async def remove(tx: Tx, suppression_id: UUID) -> Any:
    """Let an address be written to again that bounced; return the reason there was, None where there is no such row.

    A reader's word is not taken back by the tenant: such a row stays.
    """
    return await tx.fetchval(
        """
        with found as (select id, reason from suppressions where id = $1),
             gone as (delete from suppressions s using found where s.id = found.id and found.reason = 'bounced')
        select reason from found
        """,
        suppression_id,
    )


async def forgive(tx: Tx, tenant_id: UUID, address: bytes) -> None:
    """Let an address be written to again that bounced; what its reader has said stays."""
    await tx.execute(
        "delete from suppressions where tenant_id = $1 and address = $2 and reason = 'bounced'", tenant_id, address
    )


async def unsubscribed(tx: Tx, address: bytes) -> bool:
    """Tell whether the reader at an address has unsubscribed from the transaction's tenant."""
    found: bool = await tx.fetchval(
        "select exists (select from suppressions where address = $1 and reason = 'unsubscribed')", address
    )
    return found


async def resubscribe(tx: Tx, address: bytes) -> None:
    """Take back that the reader at an address has unsubscribed."""
    await tx.execute("delete from suppressions where address = $1 and reason = 'unsubscribed'", address)
