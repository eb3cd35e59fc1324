"""Webhook endpoints, each its tenant's."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.db import Tx
from shared.web.auth import Principal

# What a tenant may see again; secrets are not among it.
PUBLIC = "id, url, events, contact, disabled_at, disabled_reason, confirmed_at, created_at"


async def add(
    tx: Tx,
    principal: Principal,
    *,
    endpoint_id: UUID,
    url: str,
    events: Sequence[str] | None,
    contact: str | None,
    secret: bytes,
    confirmed: bool,
) -> Any:
    """Store an endpoint and return it; `secret` is sealed. What is not `confirmed` is told nothing."""
    return await tx.fetchrow(
        f"""
        insert into endpoints (id, tenant_kind, tenant_id, url, events, contact, secret, confirmed_at)
        values ($1, $2, $3, $4, $5, $6, $7, case when $8 then laurel_clock() end) returning {PUBLIC}
        """,  # noqa: S608  # our own columns
        endpoint_id,
        principal.kind,
        principal.tenant_id,
        url,
        events,
        contact,
        secret,
        confirmed,
    )


async def lock_and_count(tx: Tx, tenant_id: UUID) -> int:
    """Return how many endpoints a tenant has; nobody else adds one to them before the transaction ends."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('notifier/endpoints/' || $1, 0))", str(tenant_id))
    count: int = await tx.fetchval("select count(*) from endpoints where tenant_id = $1", tenant_id)
    return count


async def get(tx: Tx, endpoint_id: UUID) -> Any:
    """Return an endpoint of the transaction's tenant, or None."""
    return await tx.fetchrow(f"select {PUBLIC} from endpoints where id = $1", endpoint_id)  # noqa: S608


async def page(tx: Tx, after: UUID | None, limit: int) -> Sequence[Any]:
    """Return up to `limit` endpoints of the transaction's tenant, in the order of their ids."""
    return await tx.fetch(
        f"select {PUBLIC} from endpoints where $1::uuid is null or id > $1 order by id limit $2",  # noqa: S608
        after,
        limit,
    )


async def remove(tx: Tx, endpoint_id: UUID) -> bool:
    """Remove an endpoint with its secret; what was on its way to it fails when it is next tried."""
    return bool(await tx.fetchval("delete from endpoints where id = $1 returning true", endpoint_id))


async def enable(tx: Tx, endpoint_id: UUID) -> Any:
    """Let an endpoint be delivered to again, and return it with `was_disabled`; None where there is none."""
    return await tx.fetchrow(
        """
        with before as (select id, disabled_at is not null as was_disabled from endpoints where id = $1 for update)
        update endpoints set disabled_at = null, disabled_reason = null, paused_until = null
        from before where endpoints.id = before.id returning endpoints.*, before.was_disabled
        """,
        endpoint_id,
    )


async def confirm(tx: Tx, endpoint_id: UUID, patience: timedelta) -> bool:
    """Let an endpoint that is a mail address be told; False where there is none, or its link is older than that."""
    return bool(
        await tx.fetchval(
            """
            update endpoints set confirmed_at = coalesce(confirmed_at, laurel_clock())
            where id = $1 and (confirmed_at is not null or created_at > laurel_clock() - $2::interval) returning true
            """,
            endpoint_id,
            patience,
        )
    )


async def has_waiting_test(tx: Tx, endpoint_id: UUID) -> bool:
    """Tell whether a test is on its way to an endpoint."""
    found: bool = await tx.fetchval(
        """
        select exists (select from deliveries where target = $1 and type = 'endpoint.test' and state = 'waiting')
        """,
        endpoint_id,
    )
    return found


async def rotate(tx: Tx, endpoint_id: UUID, secret: bytes, overlap: timedelta) -> Any:
    """Give an endpoint a new (sealed) secret; for the time of `overlap` the one before it signs as well."""
    return await tx.fetchrow(
        """
        update endpoints set previous_secret = secret, previous_until = laurel_clock() + $3, secret = $2
        where id = $1 and url not like 'mailto:%' returning id, previous_until
        """,
        endpoint_id,
        secret,
        overlap,
    )
