"""The queue of waiting deliveries: taken with a lease, so that a crashed sender's are taken again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.notifier.domain import LATE, MY_LINKS, Answer, Verdict
from services.notifier.store import links
from shared import db
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours to attempt: `number` counts its attempts, `tries` those since the schedule began."""

    id: UUID
    type: str
    channel: str
    target: UUID
    tenant_id: UUID
    event_id: UUID
    credential_id: UUID | None
    number: int
    tries: int
    doubled: bool  # an earlier attempt may have got through: nobody knows how it ended
    started_at: datetime
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Full:
    """Who has as many attempts under way as one may have."""

    targets: Sequence[UUID]
    tenants: Sequence[UUID]


async def claim(tx: Tx, channel: str, full: Full, lease: timedelta) -> Claim | None:
    """Take the delivery that has waited longest, none of those who are `full`; None where there is nothing to do.

    What should have gone out too long ago is set aside instead (`stale`).
    """
    row = await _first_due(tx, channel, full)
    if row is not None and row["due_at"] < row["now"] - LATE:
        await _set_aside(tx, channel, row["now"])
        row = await _first_due(tx, channel, full)
    return await _take(tx, row, lease) if row else None


async def finish(tx: Tx, claim: Claim, answer: Answer, verdict: Verdict) -> bool:
    """Write down how an attempt ended; False where the lease had ended before and another attempt counts instead."""
    now = await db.now(tx)
    ours = await tx.fetchval(
        """
        update deliveries set state = $3, due_at = coalesce($4, due_at), leased_until = null,
               finished_at = case $3 when 'waiting' then null else $5::timestamptz end
        where id = $1 and attempts = $2 and leased_until is not null returning true
        """,
        claim.id,
        claim.number,
        verdict.state,
        verdict.due_at,
        now,
    )
    if not ours:
        return False
    await tx.execute(
        """
        update attempts set ended_at = $3, outcome = $4, status = $5, error = $6
        where delivery_id = $1 and number = $2
        """,
        claim.id,
        claim.number,
        now,
        answer.outcome,
        answer.status,
        answer.error,
    )
    if claim.type == MY_LINKS and verdict.state != "waiting":
        await links.forget(tx, claim.target)
    if claim.channel == "webhook":
        await _mark_endpoint(tx, claim, answer, verdict, now)
    return True


async def _first_due(tx: Tx, channel: str, full: Full) -> Any:
    return await tx.fetchrow(
        """
        with clock as materialized (select laurel_clock() as now)
        select d.*, clock.now from deliveries d, clock
        where d.channel = $1 and d.state = 'waiting' and d.due_at <= (select now from clock)
          and (d.leased_until is null or d.leased_until <= clock.now) and d.target <> all($2::uuid[])
          and d.tenant_id <> all($3::uuid[])
          and not exists (select from endpoints e where e.id = d.target and e.paused_until > clock.now)
        order by d.due_at limit 1 for update of d skip locked
        """,
        channel,
        full.targets,
        full.tenants,
    )


async def _set_aside(tx: Tx, channel: str, now: datetime) -> None:
    await tx.execute(
        """
        update deliveries set state = 'stale', finished_at = $2
        where channel = $1 and state = 'waiting' and due_at < $3 and (leased_until is null or leased_until <= $2)
        """,
        channel,
        now,
        now - LATE,
    )


async def _take(tx: Tx, row: Any, lease: timedelta) -> Claim:
    number, now = row["attempts"] + 1, row["now"]
    lost = await tx.fetchval(
        "update attempts set ended_at = $2, outcome = 'lost' where delivery_id = $1 and outcome is null returning true",
        row["id"],
        now,
    )
    await tx.execute(
        """
        update deliveries set attempts = $2, tries = tries + 1, leased_until = $3,
               possibly_doubled = possibly_doubled + $4::boolean::integer
        where id = $1
        """,
        row["id"],
        number,
        now + lease,
        bool(lost),
    )
    await tx.execute(
        "insert into attempts (delivery_id, number, tenant_id, started_at) values ($1, $2, $3, $4)",
        row["id"],
        number,
        row["tenant_id"],
        now,
    )
    return Claim(
        row["id"],
        row["type"],
        row["channel"],
        row["target"],
        row["tenant_id"],
        row["event_id"],
        row["credential_id"],
        number,
        row["tries"] + 1,
        bool(lost),
        now,
        row["traceparent"],
    )


async def _mark_endpoint(tx: Tx, claim: Claim, answer: Answer, verdict: Verdict, now: datetime) -> None:
    if answer.outcome == "accepted":
        await tx.execute("update endpoints set accepted_at = $2 where id = $1", claim.target, now)
    if answer.pause:
        await tx.execute(
            "update endpoints set paused_until = greatest(paused_until, $2) where id = $1",
            claim.target,
            now + answer.pause,
        )
    if verdict.disable:
        await _disable(tx, claim, verdict.disable, now)


async def _disable(tx: Tx, claim: Claim, reason: str, now: datetime) -> None:
    """Disable an endpoint and have its contact told, once. One that takes other messages is not unreachable."""
    contact = await tx.fetchval(
        """
        update endpoints e set disabled_at = $3, disabled_reason = $4 from deliveries d
        where e.id = $1 and d.id = $2 and e.disabled_at is null
          and ($4 = 'gone' or e.accepted_at is null or e.accepted_at < d.created_at)
        returning e.contact
        """,
        claim.target,
        claim.id,
        now,
        reason,
    )
    if contact is not None:
        await tx.execute(
            """
            insert into deliveries (tenant_id, event_id, type, channel, target, due_at, traceparent)
            values ($1, $2, 'endpoint.disabled', 'mail', $3, $4, $5)
            """,
            claim.tenant_id,
            uuid4(),
            claim.target,
            now,
            claim.traceparent,
        )
