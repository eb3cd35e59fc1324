"""Reads the copies of the issuer's state, and how fresh they are."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from shared.db import Tx


async def look_up(tx: Tx, source: str, wanted: Sequence[tuple[str | None, UUID | None]]) -> list[Any]:
    """Return a row for each wanted (issuer's DID, credential id), with what state records of `source` say of them.

    Its clock, heartbeats, the issuer with its keys, the record under the id and whose it is, and which of their keys
    have a record that waits. It is one statement, so that all of it is of one moment: a status read before the
    heartbeat that vouches for it could be the one of before.
    """
    dids, ids = zip(*wanted, strict=True)
    return await tx.fetch(
        """
        select laurel_clock() as now,
               (select jsonb_object_agg(shard, time) from heartbeats where source = $3) as heard,
               i.id as issuer_id, i.name as issuer_name, i.did as issuer_did, i.standing as issuer_standing,
               o.id as owner_id, o.name as owner_name, o.did as owner_did, o.standing as owner_standing,
               c.id as credential_id, c.institution_id, c.status, c.document_digest, c.token_digest, c.history, k.keys,
               array(select held_keys(k.ids || array[wanted.credential_id::text, i.id::text])) as held
        from unnest($1::text[], $2::uuid[]) with ordinality as wanted(did, credential_id, place)
        left join lateral (
            -- A name can pass from one institution to another, and the news of that in any order.
            select * from institutions where did = wanted.did order by version desc, id limit 1
        ) i on true
        left join credentials c on c.id = wanted.credential_id
        left join institutions o on o.id = c.institution_id
        cross join lateral (
            select coalesce(jsonb_agg(to_jsonb(s) order by s.created_at, s.id), '[]') as keys,
                   coalesce(array_agg(s.id::text), '{}') as ids
            from signing_keys s where s.did = i.did
        ) k
        order by place
        """,
        dids,
        ids,
        source,
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
