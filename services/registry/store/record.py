"""The record in SQL: credentials, their history and documents, what was verified.

Writes go set by set, for a batch of events is one transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import orjson
from asyncpg import Record

from services.registry.domain.rules import Change, owner_token_hash
from shared.db import Tx
from shared.messaging.events import Issuance, VerificationCompleted


async def lock_versions(tx: Tx, credentials: Iterable[UUID]) -> dict[UUID, int]:
    """Lock the records of `credentials`; return the version of each that there is."""
    rows = await tx.fetch(
        "select id, version from credentials where id = any($1::uuid[]) order by id for update", list(set(credentials))
    )
    return {row["id"]: row["version"] for row in rows}


async def add_issued(tx: Tx, issued: Sequence[tuple[Change, Issuance]]) -> None:
    """Insert new records at version 1, with their documents and tokens; what is no badge has no achievement."""
    if not issued:
        return
    await tx.execute(
        """
        insert into credentials (id, institution_id, achievement_id, achievement_version, version, status, positions,
                                 document_digest, issued_at, changed_at, replaces, renews)
        select id, institution, achievement, achievement_version, 1, 'issued', positions, digest, time, time,
               replaces, renews
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::text[]::jsonb[], $6::text[], $7::timestamptz[],
                    $8::uuid[], $9::uuid[])
             as c(id, institution, achievement, achievement_version, positions, digest, time, replaces, renews)
        """,
        [issue.credential_id for _, issue in issued],
        [issue.institution_id for _, issue in issued],
        [getattr(issue, "achievement_id", None) for _, issue in issued],
        [getattr(issue, "achievement_version", None) for _, issue in issued],
        # As text: a list of lists would be an array of two dimensions.
        [orjson.dumps([each.model_dump(mode="json") for each in issue.status]).decode() for _, issue in issued],
        [issue.document_digest for _, issue in issued],
        [change.time for change, _ in issued],
        [issue.replaces for _, issue in issued],
        [issue.renews for _, issue in issued],
    )
    await tx.execute(
        """
        insert into documents (credential_id, institution_id, document, owner_token_hash, token)
        select * from unnest($1::uuid[], $2::uuid[], $3::json[], $4::bytea[], $5::text[])
        """,
        [issue.credential_id for _, issue in issued],
        [issue.institution_id for _, issue in issued],
        [orjson.dumps(issue.credential).decode() for _, issue in issued],
        [owner_token_hash(issue.owner_token) for _, issue in issued],
        [issue.token for _, issue in issued],
    )


async def set_status(tx: Tx, changes: Iterable[Change]) -> None:
    """Move records to the newest of `changes`, which come in the order of their versions."""
    newest = list({change.credential_id: change for change in changes}.values())
    if not newest:
        return
    await tx.execute(
        """
        update credentials c set version = n.version, status = n.status, changed_at = n.time,
                                 replaced_by = n.replaced_by
        from unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[], $5::uuid[])
             as n(id, version, status, time, replaced_by)
        where c.id = n.id
        """,
        [change.credential_id for change in newest],
        [change.version for change in newest],
        [change.status for change in newest],
        [change.time for change in newest],
        [change.replaced_by for change in newest],
    )


async def add_history(tx: Tx, changes: Sequence[Change], recorded_at: datetime) -> None:
    """Insert one entry of history a change, and what opens its commitment."""
    await tx.execute(
        """
        insert into history (credential_id, version, institution_id, type, time, event_id, recorded_at,
                             actor_role, actor_key, reason_code, traceparent)
        select credential, version, institution, type, time, event, $11, role, key, reason, trace
        from unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::timestamptz[], $6::uuid[],
                    $7::text[], $8::text[], $9::text[], $10::text[])
             as h(credential, version, institution, type, time, event, role, key, reason, trace)
        """,
        [change.credential_id for change in changes],
        [change.version for change in changes],
        [change.institution_id for change in changes],
        [change.type for change in changes],
        [change.time for change in changes],
        [change.event_id for change in changes],
        [change.actor.role for change in changes],
        [change.actor.key_id for change in changes],
        [change.reason.code if change.reason else None for change in changes],
        [change.traceparent for change in changes],
        recorded_at,
    )
    await tx.execute(
        """
        insert into openings (credential_id, version, institution_id, salt, note)
        select * from unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[])
        """,
        [change.credential_id for change in changes],
        [change.version for change in changes],
        [change.institution_id for change in changes],
        [change.salt for change in changes],
        [change.reason.note if change.reason else None for change in changes],
    )


async def add_verifications(tx: Tx, verifications: Sequence[tuple[UUID, VerificationCompleted]]) -> None:
    """Insert verifications with the ids of their events; one that is there already stays as it is."""
    await tx.executemany(
        """
        insert into verifications (id, event_id, credential_id, employer_id, verdict, reason, standing, verified_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing
        """,
        [
            (
                each.verification_id, event_id, each.credential_id, each.employer_id,
                each.verdict, each.reason, each.standing, each.verified_at,
            )
            for event_id, each in verifications
        ],
    )  # fmt: skip


async def public_credential(tx: Tx, credential_id: UUID) -> Record | None:
    """Return the public form of a record, with the names that its institution and achievement go by."""
    return await tx.fetchrow(
        """
        select c.*, i.name as institution_name, i.did, i.former_dids, a.achievement ->> 'name' as achievement_name,
               a.achievement -> 'micro_credential' as micro_credential, credential_types($1) as types,
               l.*, laurel_clock() as now
        from public_credential($1) c
        left join credential_links($1) l on true
        left join institutions i on i.id = c.institution_id
        left join achievements a on a.achievement_id = c.achievement_id and a.number = c.achievement_version
        """,
        credential_id,
    )


async def owned_history(tx: Tx, credential_id: UUID, version: int) -> list[Record]:
    """Return a record's history up to `version` with actors and reasons, to whom row-level security shows it."""
    return await tx.fetch(
        """
        select h.version, h.type, h.time, h.event_id, e.log_index, h.actor_role, h.actor_key, h.reason_code,
               h.traceparent, o.note
        from history h left join openings o using (credential_id, version) left join log_entries e using (event_id)
        where h.credential_id = $1 and h.version <= $2 order by h.version
        """,
        credential_id,
        version,
    )


async def count_verifications(tx: Tx, credential_id: UUID) -> int:
    """Return how often a credential was verified, to whom row-level security shows its record."""
    count: int = await tx.fetchval("select count(*) from verifications where credential_id = $1", credential_id)
    return count


async def has_achievement(tx: Tx, achievement_id: UUID) -> bool:
    """Tell whether the tenant has such an achievement: its badges may be here before its description, and after."""
    found: bool = await tx.fetchval(
        """
        with tenant as (select nullif(current_setting('app.tenant', true), '')::uuid as id)
        select exists (select from achievements, tenant where achievement_id = $1 and institution_id = tenant.id)
            or exists (select from credentials, tenant where achievement_id = $1 and institution_id = tenant.id)
        """,
        achievement_id,
    )
    return found


async def search(
    tx: Tx,
    *,
    status: str | None,
    achievement_id: UUID | None,
    issued_from: datetime | None,
    issued_to: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Record]:
    """Return the tenant's records, newest first, that meet every condition given."""
    return await tx.fetch(
        """
        select id, status, version, achievement_id, achievement_version, issued_at, changed_at from credentials
        where institution_id = nullif(current_setting('app.tenant', true), '')::uuid
          and ($1::text is null or status = $1) and ($2::uuid is null or achievement_id = $2)
          and ($3::timestamptz is null or issued_at >= $3) and ($4::timestamptz is null or issued_at < $4)
          and ($5::timestamptz is null or (issued_at, id) < ($5, $6::uuid))
        order by issued_at desc, id desc limit $7
        """,
        status,
        achievement_id,
        issued_from,
        issued_to,
        *(after or (None, None)),
        limit,
    )
