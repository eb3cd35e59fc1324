"""API keys and the tenants that they belong to, in SQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from shared.api_keys.states import TenantKind
from shared.db import Tx

_TABLES: dict[TenantKind, str] = {"institution": "institutions", "employer": "employers"}


class Tenant(NamedTuple):
    """Whose key it is."""

    kind: TenantKind
    id: UUID


async def lock_tenant(tx: Tx, tenant: Tenant) -> bool:
    """Let nobody else change this tenant's keys until the transaction ends; False where there is no such tenant."""
    table = _TABLES[tenant.kind]
    found: bool | None = await tx.fetchval(f"select true from {table} where id = $1 for no key update", tenant.id)  # noqa: S608  # tables of ours
    return found is not None


async def insert(tx: Tx, row: Mapping[str, Any]) -> None:
    """Store a new API key."""
    columns = "id", "version", "tenant_kind", "tenant_id", "name", "hash", "scopes", "created_at", "expires_at"
    await tx.execute(
        f"insert into api_keys ({', '.join(columns)}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",  # noqa: S608  # columns of ours
        *(row[name] for name in columns),
    )


async def page(tx: Tx, tenant_id: UUID, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[Any]:
    """Return up to `limit` keys of a tenant, oldest first, from after the (created_at, id) `after`."""
    return await tx.fetch(
        """
        select * from api_keys
        where tenant_id = $1 and ($2::timestamptz is null or (created_at, id) > ($2, $3::uuid))
        order by created_at, id limit $4
        """,
        tenant_id,
        *(after or (None, None)),
        limit,
    )


async def lock(tx: Tx, tenant_id: UUID, key_id: UUID) -> Any:
    """Lock and return a tenant's key; None where there is none."""
    return await tx.fetchrow("select * from api_keys where id = $1 and tenant_id = $2 for update", key_id, tenant_id)


async def another_can_manage(tx: Tx, tenant_id: UUID, key_id: UUID) -> bool:
    """Tell whether the tenant has another key that can make keys and holds."""
    found: bool = await tx.fetchval(
        """
        select exists (select from api_keys where tenant_id = $1 and id <> $2 and 'manage' = any(scopes)
                       and revoked_at is null and (expires_at is null or expires_at > laurel_clock()))
        """,
        tenant_id,
        key_id,
    )
    return found


async def revoke(tx: Tx, key_id: UUID, at: datetime) -> Any:
    """Revoke a key; return its row."""
    return await tx.fetchrow(
        "update api_keys set revoked_at = $2, version = version + 1 where id = $1 returning *", key_id, at
    )


async def lock_keys_of_sandboxes(tx: Tx, kind: TenantKind, limit: int) -> list[UUID]:
    """Lock up to `limit` keys of sandbox tenants of a kind that are not revoked; return their ids."""
    rows = await tx.fetch(
        f"""
        select id from api_keys
        where tenant_kind = $1 and revoked_at is null and tenant_id in (select id from {_TABLES[kind]} where sandbox)
        order by id limit $2 for update
        """,  # noqa: S608  # tables of ours
        kind,
        limit,
    )
    return [row["id"] for row in rows]


async def lock_page(tx: Tx, kind: TenantKind, after: UUID | None, limit: int) -> Sequence[Any]:
    """Lock and return up to `limit` keys of all tenants of a kind by id, from after the id `after`."""
    return await tx.fetch(
        """
        select * from api_keys where tenant_kind = $1 and ($2::uuid is null or id > $2) order by id limit $3 for update
        """,
        kind,
        after,
        limit,
    )
