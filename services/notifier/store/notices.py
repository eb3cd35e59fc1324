"""What there is to tell and whom: halves of notices, the people behind credentials, the deliveries they become."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from services.notifier.domain import Notice
from services.notifier.store.deliveries import SENDERS
from shared.bell import leave_work_for
from shared.db import Tx
from shared.messaging.events import CredentialIssued


async def add_recipients(tx: Tx, issued: Sequence[CredentialIssued]) -> None:
    """Keep what a mail to the person behind each credential needs."""
    if not issued:
        return
    await tx.execute(
        """
        insert into recipients (credential_id, institution_id, email, owner_token, credential)
        select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[]) on conflict do nothing
        """,
        [each.credential_id for each in issued],
        [each.institution_id for each in issued],
        [each.email for each in issued],
        [each.owner_token for each in issued],
        [each.credential for each in issued],
    )


async def note_reasons(tx: Tx, notes: Mapping[UUID, str | None]) -> None:
    """Keep the institution's words on why each credential was last suspended or revoked, where it had any."""
    if notes:
        await tx.executemany(
            "update recipients set revocation_note = $2 where credential_id = $1", sorted(notes.items())
        )


async def meet(tx: Tx, halves: Sequence[Notice]) -> None:
    """Store halves of notices beside the halves that are there."""
    if not halves:
        return
    # Always in the same order: two consumers that hold the two halves of many notices would else wait for each
    # other. Whoever comes second waits here for the first, and so sees what it wrote.
    met = sorted(_met(halves), key=lambda half: half.event_id)
    await tx.execute(
        """
        insert into notices as known
            (event_id, credential_id, institution_id, version, type, happened_at, reason, recorded_at, actor_role,
             facts)
        select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::timestamptz[],
                             $7::text[], $8::timestamptz[], $9::text[], $10::jsonb[])
        on conflict (event_id) do update set happened_at = coalesce(known.happened_at, excluded.happened_at),
            type = case when excluded.happened_at is null then known.type else excluded.type end,
            facts = known.facts || excluded.facts,
            reason = coalesce(known.reason, excluded.reason),
            actor_role = coalesce(known.actor_role, excluded.actor_role),
            recorded_at = coalesce(known.recorded_at, excluded.recorded_at)
        """,
        [each.event_id for each in met],
        [each.credential_id for each in met],
        [each.institution_id for each in met],
        [each.version for each in met],
        [each.type for each in met],
        [each.happened_at for each in met],
        [each.reason for each in met],
        [each.recorded_at for each in met],
        [each.actor_role for each in met],
        [each.facts for each in met],
    )


def _met(halves: Sequence[Notice]) -> Collection[Notice]:
    """Put together the halves of one notice that have come at once: one statement may not touch a row twice."""
    found: dict[UUID, Notice] = {}
    for half in halves:
        known = found.get(half.event_id, half)
        found[half.event_id] = replace(
            known,
            type=half.type if half.happened_at else known.type,
            facts={**known.facts, **half.facts},
            happened_at=known.happened_at or half.happened_at,
            reason=known.reason or half.reason,
            recorded_at=known.recorded_at or half.recorded_at,
            actor_role=known.actor_role or half.actor_role,
        )
    return found.values()


async def announce(tx: Tx, traces: Mapping[UUID, str | None]) -> None:
    """Make the deliveries of those events whose halves are both here; `traces` gives each event's traceparent.

    What was made before is left as it is. Of a replacement a learner gets one mail, that of the new badge; only where
    that one goes to another address, or to none, is the old one's told of its end. Where the new badge is not here yet,
    `parcels.letter` finds that out.
    """
    if not traces:
        return
    leave_work_for(SENDERS)
    await tx.execute(
        """
        with whole as (
            select n.*, trace.parent from notices n
            join unnest($1::uuid[], $2::text[]) as trace(event_id, parent) using (event_id)
            where n.happened_at is not null and n.recorded_at is not null
        ), told as (
            select w.institution_id as tenant_id, 'mail' as channel, w.credential_id as target,
                   case when w.facts ? 'replaces' then 'credential.replaced'
                        when w.type = 'credential.replaced' then 'credential.revoked' else w.type end as as_type, w.*
            from whole w join recipients r using (credential_id)
            left join recipients newer on newer.credential_id = (w.facts ->> 'replaced_by')::uuid
            where r.email is not null and w.type <> 'watch.changed'
              and (w.type <> 'credential.replaced'
                   or lower(btrim(newer.email) collate "C") is distinct from lower(btrim(r.email) collate "C"))
            union all
            select e.tenant_id, way.channel, e.id, w.type, w.*
            from whole w join endpoints e on e.tenant_id = w.institution_id,
            lateral (select case when e.url like 'mailto:%' then 'mail' else 'webhook' end as channel) as way
            where e.confirmed_at is not null and (e.events is null or w.type = any(e.events))
              and (w.type <> 'watch.changed' or w.facts -> 'channels' ? way.channel)
        )
        insert into deliveries (tenant_id, event_id, type, credential_id, channel, target, due_at, traceparent)
        select tenant_id, event_id, as_type, credential_id, channel, target, happened_at, parent from told
        on conflict (event_id, channel, target) do nothing
        """,
        list(traces),
        list(traces.values()),
    )
