"""Badges as people meet them, in SQL: the page, the signed document, and the learner's word on who may see them."""

from typing import Any
from uuid import UUID

from asyncpg import Record

from shared.db import Tx


async def page(tx: Tx, credential_id: UUID, token_hash: bytes, source: str) -> Any:
    """Return all that a badge's page tells, and up to when the word of `source` is here, by partition.

    There is one row, in one statement, whether there is such a badge or not: its `id` is null then. `owned` is null
    where no document is kept.
    """
    return await tx.fetchrow(
        """
        select c.*, i.name as institution_name, i.did, i.former_dids, i.url as institution_url, i.standing, i.sandbox,
               last_actor($1) as last_actor,
               a.achievement, a.image is not null as has_image,
               coalesce(encode(substring(a.image for 8), 'hex') = '89504e470d0a1a0a', false) as has_png, v.*,
               l.replaced_by, l.renewed_by,
               s.version as stated_version, s.status as stated_status, laurel_clock() as now,
               badge_token($1, $2) is not null as has_token, credential_types($1) as types,
               (select jsonb_object_agg(shard, time) from heartbeats where source = $3) as heard,
               exists (select held_keys(array[$1::uuid::text, c.institution_id::text])) as held
        from (select) as always
        left join public_credential($1) c on true
        left join institutions i on i.id = c.institution_id
        left join achievements a on a.achievement_id = c.achievement_id and a.number = c.achievement_version
        left join badge_view($1, $2) v on true
        left join credential_links($1) l on true
        left join stated_credential($1) s on true
        """,
        credential_id,
        token_hash,
        source,
    )


async def owned_document(tx: Tx, credential_id: UUID) -> str | None:
    """Return the signed document, as it was signed, to whom row-level security shows it."""
    document: str | None = await tx.fetchval("select document from documents where credential_id = $1", credential_id)
    return document


async def view(tx: Tx, credential_id: UUID, token_hash: bytes) -> Record | None:
    """Return the signed document (null: not to be seen) for who holds the token, or everybody, and whether `shown`."""
    return await tx.fetchrow("select document, shown from badge_view($1, $2)", credential_id, token_hash)


async def token(tx: Tx, credential_id: UUID, token_hash: bytes) -> str | None:
    """Return a badge as a token (null: there is none) to those to whom `owned_document` or `view` show its document."""
    found: str | None = await tx.fetchval(
        "select coalesce((select token from documents where credential_id = $1), badge_token($1, $2))",
        credential_id,
        token_hash,
    )
    return found


async def show(tx: Tx, credential_id: UUID, token_hash: bytes, *, whole: bool) -> bool:
    """Show a badge whole to everybody, or hide it again; tell whether the token was its owner's."""
    done: bool = await tx.fetchval("select show_badge($1, $2, $3)", credential_id, token_hash, whole)
    return done
