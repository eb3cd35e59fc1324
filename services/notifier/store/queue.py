"""The queue of waiting deliveries: taken with a lease, so that a crashed sender's are taken again."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.notifier.domain import LATE, MY_LINKS, OWNERS_NOTICES, Answer, Verdict
from services.notifier.pace import Pace
from services.notifier.store import links, pacing, suppressions
from services.notifier.store.deliveries import add_for_owner
from shared.db import Tx

# What a mail is refused for whose address bounced, or whose reader unsubscribed, since it was to be sent.
NOT_WRITTEN_TO = ("suppressed", "unsubscribed")
# Where none of the first may be sent now, so many are looked through and given a time: a slow domain's mails, however
# many, keep nobody else's waiting.
SLOTS = 200


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours to attempt: `number` counts its attempts, `tries` those since the schedule began.

    `via` is the endpoint that is told of another one, the target.
    """

    id: UUID
    type: str
    channel: str
    target: UUID
    via: UUID | None
    tenant_id: UUID
    event_id: UUID
    credential_id: UUID | None
    number: int
    tries: int
    doubled: bool  # an earlier attempt may have got through: nobody knows how it ended
    started_at: datetime
    created_at: datetime
    traceparent: str | None

    @property
    def endpoint(self) -> UUID | None:
        """The endpoint that this goes to; None where it goes to a person, or to an endpoint's contact."""
        if self.type == MY_LINKS or self.target == self.credential_id:
            return None
        return self.via if self.type in OWNERS_NOTICES else self.target


@dataclass(frozen=True, slots=True)
class Busy:
    """How many attempts are under way, and how many one target or tenant may have."""

    targets: Counter[UUID]
    tenants: Counter[UUID]
    per_target: int
    per_tenant: int

    def full(self) -> tuple[list[UUID], list[UUID]]:
        """Return the targets and the tenants that have as many as they may have."""
        return _reached(self.targets, self.per_target), _reached(self.tenants, self.per_tenant)

    def fitting(self, rows: Sequence[Any]) -> list[Any]:
        """Return those of `rows`, in their order, that there is room for."""
        targets, tenants, found = Counter(self.targets), Counter(self.tenants), []
        for row in rows:
            if targets[row["target"]] < self.per_target and tenants[row["tenant_id"]] < self.per_tenant:
                targets[row["target"]] += 1
                tenants[row["tenant_id"]] += 1
                found.append(row)
        return found


async def claim(
    tx: Tx, channel: str, busy: Busy, lease: timedelta, most: int, pace: Pace | None = None
) -> Sequence[Claim] | None:
    """Take up to `most` deliveries that have waited longest and that there is room for, mails at their `pace`.

    What should have gone out too long ago is set aside instead (`stale`). None: nothing is due; none at all: what was
    due has been given a later time.
    """
    rows = await _due(tx, channel, busy, most)
    if rows and rows[0]["due_at"] < rows[0]["now"] - LATE:
        await _set_aside(tx, channel, rows[0]["now"])
        rows = await _due(tx, channel, busy, most)
    if not rows:
        return None
    if pace is None:
        return await _take(tx, busy.fitting(rows), {}, lease)
    lanes = await _paced(tx, rows, pace, most)
    if not lanes:
        rows = await _due(tx, channel, busy, SLOTS)
        lanes = await _paced(tx, rows, pace, most)
    fitting = busy.fitting([row for row in rows if row["id"] in lanes])[:most]
    await pacing.keep_slots(tx, lanes.keys() - {row["id"] for row in fitting})
    return await _take(tx, fitting, lanes, lease)


async def until_next(tx: Tx, channel: str, most: timedelta) -> timedelta:
    """Return how long it is until the next delivery is due that nobody is at, `most` at the longest."""
    wait: timedelta = await tx.fetchval(
        """
        select least($2, (
            select due_at - laurel_clock() from deliveries
            where channel = $1 and state = 'waiting' and leased_until is null order by due_at limit 1))
        """,
        channel,
        most,
    )
    return wait


async def finish(tx: Tx, claim: Claim, answer: Answer, verdict: Verdict) -> bool:
    """Write down how an attempt ended; False where the lease had ended before and another attempt counts instead."""
    now = await tx.fetchval(
        """
        with clock as materialized (select laurel_clock() as now),
        ours as (
            update deliveries d set state = $3, due_at = coalesce(clock.now + $4::interval, due_at),
                   leased_until = null, lane = null, slotted = false,
                   finished_at = case $3 when 'waiting' then null else clock.now end
            from clock where id = $1 and attempts = $2 and leased_until is not null returning id, attempts, now
        ),
        noted as (
            update attempts a set ended_at = ours.now, outcome = $5, status = $6, error = $7, body_sha256 = $8
            from ours where a.delivery_id = ours.id and a.number = ours.attempts
        )
        select now from ours
        """,
        claim.id,
        claim.number,
        verdict.state,
        verdict.wait,
        answer.outcome,
        answer.status,
        answer.error,
        answer.body,
    )
    if now is None:
        return False
    if answer.bounced and claim.type != MY_LINKS:
        await suppressions.add(tx, claim.tenant_id, answer.bounced, "bounced", answer.status)
    if claim.type in OWNERS_NOTICES and claim.via is None and (answer.bounced or answer.error in NOT_WRITTEN_TO):
        await add_for_owner(tx, claim.target, claim.type, claim.traceparent)  # it has no contact any more
    if claim.type == MY_LINKS and verdict.state != "waiting":
        await links.forget(tx, claim.target)
    if claim.endpoint is not None:
        await _mark_endpoint(tx, claim, claim.endpoint, answer, verdict, now)
    return True


async def _due(tx: Tx, channel: str, busy: Busy, most: int) -> Sequence[Any]:
    targets, tenants = busy.full()
    return await tx.fetch(
        """
        with clock as materialized (select laurel_clock() as now)
        select d.*, clock.now from deliveries d, clock
        where d.channel = $1 and d.state = 'waiting' and d.due_at <= (select now from clock)
          and (d.leased_until is null or d.leased_until <= clock.now) and d.target <> all($2::uuid[])
          and d.tenant_id <> all($3::uuid[])
          and not (d.channel = 'webhook' and exists (
              select from endpoints e where e.id = d.target and e.paused_until > clock.now))
        order by d.due_at limit $4 for update of d skip locked
        """,
        channel,
        targets,
        tenants,
        most,
    )


async def _paced(tx: Tx, rows: Sequence[Any], pace: Pace, most: int) -> dict[UUID, bytes | None]:
    return await pacing.paced(tx, [row["id"] for row in rows], pace, rows[0]["now"], most) if rows else {}


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


async def _take(tx: Tx, rows: Sequence[Any], lanes: Mapping[UUID, bytes | None], lease: timedelta) -> list[Claim]:
    if not rows:
        return []
    ids, now = [row["id"] for row in rows], rows[0]["now"]
    lost = await tx.fetch(
        """
        with lost as (
            update attempts set ended_at = $2, outcome = 'lost'
            where delivery_id = any($1::uuid[]) and outcome is null returning delivery_id
        ),
        taken as (
            update deliveries d set attempts = attempts + 1, tries = tries + 1, leased_until = $3, lane = mine.lane,
                   possibly_doubled = possibly_doubled + (d.id in (select delivery_id from lost))::integer
            from unnest($1::uuid[], $4::bytea[]) as mine(id, lane) where d.id = mine.id
            returning d.id, d.attempts, d.tenant_id
        ),
        started as (
            insert into attempts (delivery_id, number, tenant_id, started_at)
            select id, attempts, tenant_id, $2 from taken
        )
        select delivery_id from lost
        """,
        ids,
        now,
        now + lease,
        [lanes.get(each) for each in ids],
    )
    doubled = {row["delivery_id"] for row in lost}
    return [_claimed(row, row["id"] in doubled) for row in rows]


def _claimed(row: Any, doubled: bool) -> Claim:
    as_they_are = ("id", "type", "channel", "target", "via", "tenant_id", "event_id", "credential_id", "created_at")
    return Claim(
        **{name: row[name] for name in as_they_are},
        number=row["attempts"] + 1,
        tries=row["tries"] + 1,
        doubled=doubled,
        started_at=row["now"],
        traceparent=row["traceparent"],
    )


async def _mark_endpoint(
    tx: Tx, claim: Claim, endpoint_id: UUID, answer: Answer, verdict: Verdict, now: datetime
) -> None:
    if answer.outcome == "accepted":
        await tx.execute("update endpoints set accepted_at = $2 where id = $1", endpoint_id, now)
    if answer.pause:
        await tx.execute(
            "update endpoints set paused_until = greatest(paused_until, $2) where id = $1",
            endpoint_id,
            now + answer.pause,
        )
    if verdict.disable:
        await _disable(tx, claim, endpoint_id, verdict.disable, now)


async def _disable(tx: Tx, claim: Claim, endpoint_id: UUID, reason: str, now: datetime) -> None:
    """Disable an endpoint and have its owner told, once. One that takes other messages is not unreachable."""
    disabled = await tx.fetchval(
        """
        update endpoints e set disabled_at = $3, disabled_reason = $4 from deliveries d
        where e.id = $1 and d.id = $2 and e.disabled_at is null and e.confirmed_at is not null
          and ($4 = 'gone' or e.accepted_at is null or e.accepted_at < d.created_at)
        returning true
        """,
        endpoint_id,
        claim.id,
        now,
        reason,
    )
    if disabled:
        await add_for_owner(tx, endpoint_id, "endpoint.disabled", claim.traceparent)


def _reached(counts: Counter[UUID], limit: int) -> list[UUID]:
    return [each for each, count in counts.items() if count >= limit]
