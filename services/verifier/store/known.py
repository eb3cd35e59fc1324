"""Reads the copies of the issuer's state, and how fresh they are."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.db import Tx


async def freeze(tx: Tx) -> None:
    """Let all that this transaction reads be of one moment: a status may not be older than the word on its freshness.

    It comes before every other statement.
    """
    await tx.execute("set transaction isolation level repeatable read, read only")


async def heard(tx: Tx, source: str) -> tuple[datetime, dict[int, datetime]]:
    """Return the database's clock, and by partition up to when the word of `source` is here."""
    row: Any = await tx.fetchrow(
        """
        select laurel_clock() as now,
               coalesce(array_agg(shard), '{}') as shards, coalesce(array_agg(time), '{}') as times
        from heartbeats where source = $1
        """,
        source,
    )
    return row["now"], dict(zip(row["shards"], row["times"], strict=True))


async def issuers_and_records(tx: Tx, wanted: Sequence[tuple[str | None, UUID | None]]) -> list[Any]:
    """Return a row for each wanted (issuer's DID, credential id): the issuer, the record, and whose record it is."""
    dids, ids = zip(*wanted, strict=True)
    return await tx.fetch(
        """
        select i.id as issuer_id, i.name as issuer_name, i.did as issuer_did, i.standing as issuer_standing,
               o.id as owner_id, o.name as owner_name, o.did as owner_did, o.standing as owner_standing,
               c.id as credential_id, c.institution_id, c.status, c.document_digest, c.history
        from unnest($1::text[], $2::uuid[]) with ordinality as wanted(did, credential_id, place)
        left join institutions i on i.did = wanted.did
        left join credentials c on c.id = wanted.credential_id
        left join institutions o on o.id = c.institution_id
        order by place
        """,
        dids,
        ids,
    )


async def signing_keys(tx: Tx, dids: Collection[str]) -> list[Any]:
    """Return the keys that the institutions of `dids` sign with, or have signed with; those of one stand together."""
    return await tx.fetch(
        """
        select id, did, verification_method, public_key_multibase, created_at, retired_at
        from signing_keys where did = any($1::text[]) order by did, created_at, id
        """,
        list(dids),
    )


async def ledger(tx: Tx, after: UUID | None, limit: int) -> list[Any]:
    """Return up to `limit` credentials by id, after the id `after`."""
    return await tx.fetch(
        """
        select id, version, status, positions, document_digest from credentials
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
