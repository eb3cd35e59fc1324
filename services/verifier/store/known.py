"""Reads the copies of the issuer's state, and how fresh they are."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from shared.db import Tx

Wanted = tuple[str | None, UUID | None, str | None]
"""An issuer's DID, and the credential's id here, or else what was signed: the digest of its document or token."""


async def look_up(tx: Tx, source: str, wanted: Sequence[Wanted]) -> list[Any]:
    """Return a row for each wanted, with what state records of `source` say of them.

    Its clock, heartbeats, the issuer with its keys, the record and whose it is, and which of their keys have a record
    that waits. The record is the one under the id, or of the digest (hexadecimal); of several of one digest that which
    is worst off: they are the same document. It is one statement, so that all of it is of one moment: a status read
    before the heartbeat that vouches for it could be the one of before.
    """
    dids, ids, digests = zip(*wanted, strict=True)
    return await tx.fetch(
        """
        select laurel_clock() as now,
               (select jsonb_object_agg(shard, time) from heartbeats where source = $3) as heard,
               i.id as issuer_id, i.name as issuer_name, i.did as issuer_did, i.standing as issuer_standing,
               i.sandbox as issuer_sandbox, i.version as issuer_version, i.standings as issuer_standings,
               o.id as owner_id, o.name as owner_name, o.did as owner_did, o.standing as owner_standing,
               o.sandbox as owner_sandbox, o.version as owner_version, o.standings as owner_standings,
               c.id as credential_id, c.version, c.institution_id, c.status, c.document_digest, c.token_digest,
               c.history, c.positions, c.replaced_by, l.origin as log_origin, l.log_index, k.keys,
               array(select held_keys(k.ids || array[coalesce(c.id, wanted.credential_id)::text, i.id::text])) as held
        from unnest($1::text[], $2::uuid[], $4::text[]) with ordinality as wanted(did, credential_id, digest, place)
        left join lateral (
            -- A name can pass from one institution to another, and the news of that in any order.
            select id from institutions where did = wanted.did or former_dids @> array[wanted.did]
            order by did = wanted.did desc, version desc, id limit 1
        ) named on true
        -- An institution for tests has a DID for each of its keys.
        left join lateral (select institution_id from signing_keys where did = wanted.did limit 1) holder on true
        left join institutions i on i.id = coalesce(named.id, holder.institution_id)
        left join lateral (
            select id from (
                select id, status from credentials where document_digest = wanted.digest
                union all select id, status from credentials where token_digest = wanted.digest) same
            order by array_position(array['revoked', 'suspended', 'issued'], status), id limit 1
        ) signed on wanted.digest is not null
        left join credentials c on c.id = coalesce(signed.id, wanted.credential_id)
        left join institutions o on o.id = c.institution_id
        left join log_positions l on l.event_id = (c.history -> 0 ->> 'event_id')::uuid
        cross join lateral (
            select coalesce(jsonb_agg(to_jsonb(s) order by s.created_at, s.id), '[]') as keys,
                   coalesce(array_agg(s.id::text), '{}') as ids
            from signing_keys s where i.id is not null and s.did = any(array[i.did, wanted.did])
        ) k
        order by place
        """,
        dids,
        ids,
        source,
        digests,
    )


async def ledger(tx: Tx, after: UUID | None, limit: int) -> list[Any]:
    """Return up to `limit` credentials by id, after the id `after`."""
    return await tx.fetch(
        """
        select id, version, status, positions, document_digest, token_digest from credentials
        where $1::uuid is null or id > $1 order by id limit $2
        """,
        after,
        limit,
    )


async def empty(tx: Tx) -> None:
    """Empty every copy; institutions' API keys go, employers' stay."""
    await tx.execute("delete from institutions")
    await tx.execute("delete from signing_keys")
    await tx.execute("delete from credentials")
    await tx.execute("delete from api_keys where tenant_kind = 'institution'")
