"""Deliveries as tenants and the operator read and replay them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.bell import leave_work_for
from shared.db import Tx
from shared.web.pagination import Place

SENDERS = "senders"  # shared.bell
_SELECT = """
    select d.id, d.event_id, d.type, d.credential_id, d.channel, d.target, d.state, d.due_at, d.possibly_doubled,
           d.via, d.created_at, d.finished_at, (
               select coalesce(jsonb_agg(jsonb_build_object('number', a.number, 'started_at', a.started_at,
                   'ended_at', a.ended_at, 'outcome', a.outcome, 'status', a.status, 'error', a.error,
                   'body_sha256', encode(a.body_sha256, 'hex'))
                   order by a.number), '[]') from attempts a where a.delivery_id = d.id
           ) as attempts
    from deliveries d
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries are asked for; None: any."""

    state: str | None = None
    event_id: UUID | None = None
    credential_id: UUID | None = None


async def get(tx: Tx, delivery_id: UUID) -> Any:
    """Return a delivery with its attempts, or None."""
    return await tx.fetchrow(f"{_SELECT} where d.id = $1", delivery_id)


async def page(tx: Tx, wanted: Filter, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[Any]:
    """Return up to `limit` deliveries, newest first; `after` is the time and id of the last one seen."""
    return await tx.fetch(
        f"""
        {_SELECT}
        where ($1::text is null or d.state = $1) and ($2::uuid is null or d.event_id = $2)
          and ($3::uuid is null or d.credential_id = $3)
          and ($4::timestamptz is null or (d.created_at, d.id) < ($4, $5::uuid))
        order by d.created_at desc, d.id desc limit $6
        """,  # our own text above
        wanted.state,
        wanted.event_id,
        wanted.credential_id,
        *(after or (None, None)),
        limit,
    )


@dataclass(frozen=True, slots=True)
class Range:
    """Which deliveries are to be sent again: those made from `begin` on and before `end`; None: any."""

    begin: datetime
    end: datetime
    endpoint_id: UUID | None = None
    types: Sequence[str] | None = None
    state: str | None = None


async def replay(tx: Tx, wanted: Range, after: Place | None, limit: int) -> Sequence[Any]:
    """Make up to `limit` deliveries of a range due now, oldest first; return each one's time and id.

    Left out is what waits or is being sent anyway, what is stale unless `state` says so, and what a learner has got.
    """
    leave_work_for(SENDERS)
    return await tx.fetch(
        """
        with clock as materialized (select laurel_clock() as now),
        chosen as (
            select d.id from deliveries d, clock
            where d.created_at >= $1 and d.created_at < $2 and ($3::uuid is null or d.target = $3)
              and ($4::text[] is null or d.type = any($4))
              and d.state = any(case when $5::text is null then array['delivered', 'failed'] else array[$5::text] end)
              and d.type not in ('my-links', 'endpoint.confirm', 'endpoint.disabled', 'endpoint.enabled')
              and not (d.state = 'delivered' and d.target is not distinct from d.credential_id)
              and (d.leased_until is null or d.leased_until <= clock.now)
              and ($6::timestamptz is null or (d.created_at, d.id) > ($6, $7::uuid))
            order by d.created_at, d.id limit $8 for update of d skip locked
        ), again as (
            update deliveries d set state = 'waiting', due_at = clock.now, tries = 0, finished_at = null
            from chosen, clock where d.id = chosen.id returning d.created_at, d.id
        )
        select created_at, id from again order by created_at, id
        """,
        wanted.begin,
        wanted.end,
        wanted.endpoint_id,
        wanted.types,
        wanted.state,
        *(after or (None, None)),
        limit,
    )


async def add_for_endpoint(
    tx: Tx, tenant_id: UUID, endpoint_id: UUID, mail: str, channel: str, traceparent: str | None
) -> UUID:
    """Make a delivery to an endpoint that no event of others' stands behind; return its id."""
    leave_work_for(SENDERS)
    made: UUID = await tx.fetchval(
        """
        insert into deliveries (tenant_id, event_id, type, channel, target, due_at, traceparent)
        values ($1, gen_random_uuid(), $2, $3, $4, laurel_clock(), $5) returning id
        """,
        tenant_id,
        mail,
        channel,
        endpoint_id,
        traceparent,
    )
    return made


async def add_for_owner(tx: Tx, endpoint_id: UUID, mail: str, traceparent: str | None) -> None:
    """Make the deliveries that tell of an endpoint whoever looks after it.

    That is its contact; where it has none, or none that may be written to, each address of the tenant's other mail
    endpoints that are confirmed and enabled, whatever events they are told of: it concerns the account.
    """
    leave_work_for(SENDERS)
    await tx.execute(
        """
        with about as materialized (
            select id, tenant_id, contact is not null and notifier_suppressed(tenant_id, contact) is null as has_contact
            from endpoints where id = $1
        ), told as (
            select null::uuid as via from about where has_contact
            union all
            (select distinct on (lower(other.url collate "C")) other.id
             from about join endpoints other on other.tenant_id = about.tenant_id and other.id <> about.id
             where not has_contact and other.url like 'mailto:%'
               and other.confirmed_at is not null and other.disabled_at is null
             order by lower(other.url collate "C"), other.id)
        )
        insert into deliveries (tenant_id, event_id, type, channel, target, via, due_at, traceparent)
        select tenant_id, gen_random_uuid(), $2, 'mail', id, via, laurel_clock(), $3 from about, told
        """,
        endpoint_id,
        mail,
        traceparent,
    )


async def knows_event(tx: Tx, event_id: UUID) -> bool:
    """Tell whether there is such an event of the transaction's tenant, told to somebody or not."""
    found: bool = await tx.fetchval(
        """
        select exists (select from notices where event_id = $1) or exists (select from deliveries where event_id = $1)
        """,
        event_id,
    )
    return found


async def knows_credential(tx: Tx, credential_id: UUID) -> bool:
    """Tell whether there is such a credential of the transaction's tenant, its holder told of it or not."""
    found: bool = await tx.fetchval("select exists (select from notices where credential_id = $1)", credential_id)
    return found


async def lock(tx: Tx, delivery_id: UUID) -> Any:
    """Lock a delivery and return its state and whether a sender is at it; None where there is no such delivery."""
    return await tx.fetchrow(
        """
        select state, coalesce(leased_until > laurel_clock(), false) as leased from deliveries where id = $1 for update
        """,
        delivery_id,
    )


async def start_again(tx: Tx, delivery_id: UUID) -> None:
    """Make a delivery due now, at the beginning of the schedule."""
    leave_work_for(SENDERS)
    await tx.execute(
        """
        update deliveries set state = 'waiting', due_at = laurel_clock(), tries = 0, finished_at = null where id = $1
        """,
        delivery_id,
    )
