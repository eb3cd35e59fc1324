"""Credentials, their contents, history and places in status lists."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.issuer.domain.plan import SigningKeys
from services.issuer.domain.row import Row
from services.issuer.domain.selection import Selection
from services.issuer.store.selection import where
from shared.credentials.keys import Algorithm
from shared.db import Tx
from shared.messaging.events import CredentialStatus, Purpose, StatusPosition


class ClientIdTaken(Exception):
    """The institution has given this name to a credential before."""


async def plan(
    tx: Tx, institution_id: UUID, achievement_id: UUID | None, api_key_id: UUID | None, algorithms: Sequence[Algorithm]
) -> Sequence[Row]:
    """Return what credentials are made from now, and whether the API key holds, once for each signing key.

    Those are the active ones of the kinds `algorithms`, the one that every institution has among them. They stay the
    active ones, and the institution as it stands, until the transaction ends: nothing is stored that was signed with a
    retired key, or for an institution that is withdrawn. `achievement_id` is null where the institution has no such
    achievement; `published` and what comes of it are null while nothing is published. Without an `api_key_id` none is
    needed.
    """
    return await tx.fetch(
        """
        select laurel_clock() as now, i.id as institution_id, i.did, i.name, i.url, i.standing, i.sandbox,
               k.id as signing_key_id, k.algorithm, k.verification_method, k.sealed,
               a.id as achievement_id, a.published, v.badge_form,
               coalesce((v.content ->> 'suspendable')::boolean, false) as suspendable,
               $3::uuid is null or exists (
                   select from api_keys where id = $3 and revoked_at is null
                   and (expires_at is null or expires_at > laurel_clock())) as api_key_holds
        from institutions i
        join signing_keys k on k.institution_id = i.id and k.retired_at is null and k.algorithm = any($4::text[])
        left join achievements a on a.id = $2 and a.institution_id = i.id
        left join achievement_versions v on (v.achievement_id, v.number) = (a.id, a.published)
        where i.id = $1
        for share of i, k
        """,
        institution_id,
        achievement_id,
        api_key_id,
        algorithms,
    )


async def insert(
    tx: Tx, keys: SigningKeys, credentials: Sequence[Row], contents: Sequence[Row], positions: Sequence[Row]
) -> None:
    """Insert new credentials at version 1, all signed with `keys`, with their contents and places in status lists.

    Raises ClientIdTaken, after which the transaction is lost.
    """
    await tx.execute(
        """
        insert into credentials (version, status, signing_key_id, other_proof_key_ids, token_key_id, id, institution_id,
                                 kind, achievement_id, achievement_number, document_digest, token_digest, issued_at,
                                 valid_from, valid_until, renewable_until, replaces, renews)
        select 1, 'issued', $1, $2, $3, *
        from unnest($4::uuid[], $5::uuid[], $6::text[], $7::uuid[], $8::integer[], $9::bytea[], $10::bytea[],
                    $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::uuid[],
                    $16::uuid[])
        """,
        keys.first,
        keys.others,
        keys.token,
        *_columns(
            credentials,
            "id", "institution_id", "kind", "achievement_id", "achievement_number", "document_digest", "token_digest",
            "issued_at", "valid_from", "valid_until", "renewable_until", "replaces", "renews",
        ),
    )  # fmt: skip
    try:
        await _insert_contents(tx, contents)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "credential_contents_client_id":
            raise
        raise ClientIdTaken from error
    await tx.execute(
        """
        insert into status_positions (list_id, index, credential_id, institution_id, purpose)
        select * from unnest($1::uuid[], $2::integer[], $3::uuid[], $4::uuid[], $5::text[])
        """,
        *_columns(positions, "list_id", "index", "credential_id", "institution_id", "purpose"),
    )


async def _insert_contents(tx: Tx, contents: Sequence[Row]) -> None:
    await tx.execute(
        """
        insert into credential_contents (document, credential_id, institution_id, email, owner_token, token, client_id)
        select * from unnest($1::json[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[])
        """,
        [orjson.dumps(row["document"]).decode() for row in contents],
        *_columns(contents, "credential_id", "institution_id", "email", "owner_token", "token", "client_id"),
    )


async def by_client_ids(tx: Tx, institution_id: UUID, client_ids: Iterable[str]) -> dict[str, UUID]:
    """Return those of an institution's own names for credentials that it has given, each with our id."""
    rows = await tx.fetch(
        """
        select client_id, credential_id from credential_contents
        where institution_id = $1 and client_id = any($2::text[])
        """,
        institution_id,
        list(client_ids),
    )
    return {row["client_id"]: row["credential_id"] for row in rows}


async def insert_history(tx: Tx, entries: Sequence[Row]) -> None:
    """Append one entry each to the histories of credentials."""
    await tx.execute(
        """
        insert into credential_history (credential_id, version, institution_id, type, status, time, event_id, salt,
                                        actor_role, actor_key_id, reason_code, reason_note, traceparent)
        select * from unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[],
                             $7::uuid[], $8::bytea[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
        """,
        *_columns(
            entries,
            "credential_id", "version", "institution_id", "type", "status", "time", "event_id", "salt",
            "actor_role", "actor_key_id", "reason_code", "reason_note", "traceparent",
        ),
    )  # fmt: skip


async def lock(tx: Tx, institution_id: UUID, credential_id: UUID) -> Row | None:
    """Return and lock an institution's credential."""
    return await tx.fetchrow(
        "select * from credentials where id = $1 and institution_id = $2 for update", credential_id, institution_id
    )


async def lock_unrevoked_of_sandboxes(tx: Tx, limit: int) -> Sequence[Row]:
    """Return and lock up to `limit` credentials of sandbox institutions that are not revoked, in the order of ids."""
    return await tx.fetch(
        """
        select c.* from credentials c
        where c.institution_id in (select id from institutions where sandbox) and c.status <> 'revoked'
        order by c.id limit $1 for update of c
        """,
        limit,
    )


async def by_ids(tx: Tx, institution_id: UUID, credential_ids: Iterable[UUID]) -> Sequence[Row]:
    """Return those of `credential_ids` that are an institution's."""
    return await tx.fetch(
        "select * from credentials where id = any($2::uuid[]) and institution_id = $1",
        institution_id,
        list(credential_ids),
    )


async def lock_all(tx: Tx, institution_id: UUID, credential_ids: Iterable[UUID]) -> dict[UUID, Row]:
    """Return and lock those of `credential_ids` that are an institution's, in the order of ids."""
    rows = await tx.fetch(
        "select * from credentials where id = any($2::uuid[]) and institution_id = $1 order by id for update",
        institution_id,
        list(credential_ids),
    )
    return {row["id"]: row for row in rows}


async def change_statuses(tx: Tx, changed: Sequence[Row]) -> None:
    """Set version, status and what took their place of locked credentials."""
    await tx.execute(
        """
        update credentials c set version = n.version, status = n.status, replaced_by = n.replaced_by
        from unnest($1::uuid[], $2::int[], $3::text[], $4::uuid[]) as n(id, version, status, replaced_by)
        where c.id = n.id
        """,
        *_columns(changed, "id", "version", "status", "replaced_by"),
    )


async def set_renewed_by(tx: Tx, renewed: Mapping[UUID, UUID]) -> None:
    """Say of locked credentials which ones continue them."""
    await tx.execute(
        """
        update credentials c set renewed_by = n.renewed_by
        from unnest($1::uuid[], $2::uuid[]) as n(id, renewed_by) where c.id = n.id
        """,
        list(renewed.keys()),
        list(renewed.values()),
    )


async def raise_bits(tx: Tx, bits: Sequence[tuple[UUID, Purpose, bool]]) -> set[UUID]:
    """Set bits of credentials; return the lists in which one changed."""
    rows = await tx.fetch(
        """
        update status_positions p set raised = b.raised
        from unnest($1::uuid[], $2::text[], $3::boolean[]) as b(credential_id, purpose, raised)
        where p.credential_id = b.credential_id and p.purpose = b.purpose and p.raised <> b.raised returning p.list_id
        """,
        *map(list, zip(*bits, strict=True)),
    )
    return {row["list_id"] for row in rows}


async def with_content(tx: Tx, institution_id: UUID, credential_id: UUID) -> Row | None:
    """Return an institution's credential with its document, token and the institution's name for it."""
    return await tx.fetchrow(
        """
        select c.*, d.document, d.token, d.client_id
        from credentials c join credential_contents d on d.credential_id = c.id
        where c.id = $1 and c.institution_id = $2
        """,
        credential_id,
        institution_id,
    )


async def whole(tx: Tx, institution_id: UUID, credential_ids: Iterable[UUID]) -> dict[UUID, Row]:
    """Return those of `credential_ids` that an institution has, with document (as a value), token and address."""
    rows = await tx.fetch(
        """
        select c.*, d.document, d.token, d.email from credentials c join credential_contents d on d.credential_id = c.id
        where c.id = any($2::uuid[]) and c.institution_id = $1
        """,
        institution_id,
        list(credential_ids),
    )
    return {row["id"]: {**row, "document": orjson.loads(row["document"])} for row in rows}


async def page(
    tx: Tx,
    institution_id: UUID,
    selection: Selection,
    status: CredentialStatus | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row]:
    """Return up to `limit` credentials, newest first, from after the place `after`; None filters nothing."""
    condition, values = where(institution_id, selection)
    n = len(values)
    return await tx.fetch(
        f"""
        select c.* from credentials c
        where {condition} and (${n + 1}::text is null or status = ${n + 1})
              and (${n + 2}::timestamptz is null or (issued_at, id) < (${n + 2}, ${n + 3}::uuid))
        order by issued_at desc, id desc limit ${n + 4}
        """,  # noqa: S608  # conditions of ours
        *values,
        status,
        *(after or (None, None)),
        limit,
    )


async def in_order_of_ids(tx: Tx, after: UUID | None, limit: int) -> Sequence[Row]:
    """Return up to `limit` credentials of all institutions in the order of their ids, from after the id `after`."""
    return await tx.fetch(
        "select * from credentials where $1::uuid is null or id > $1 order by id limit $2", after, limit
    )


async def lock_page(tx: Tx, after: UUID | None, limit: int) -> Sequence[Row]:
    """Return what `in_order_of_ids` does, locked."""
    return await tx.fetch(
        "select * from credentials where $1::uuid is null or id > $1 order by id limit $2 for update", after, limit
    )


async def histories(tx: Tx, credential_ids: Iterable[UUID]) -> dict[UUID, list[Row]]:
    """Return the histories of credentials, in the order of their versions."""
    rows = await tx.fetch(
        "select * from credential_history where credential_id = any($1::uuid[]) order by credential_id, version",
        list(credential_ids),
    )
    return _by_credential(rows, lambda row: row)


async def contents(tx: Tx, credential_ids: Iterable[UUID]) -> dict[UUID, Row]:
    """Return the contents of credentials, their documents as values."""
    rows = await tx.fetch(
        "select * from credential_contents where credential_id = any($1::uuid[])", list(credential_ids)
    )
    return {row["credential_id"]: {**row, "document": orjson.loads(row["document"])} for row in rows}


async def positions(tx: Tx, credential_ids: Iterable[UUID]) -> dict[UUID, list[StatusPosition]]:
    """Return where the bits of credentials stand, revocation before suspension."""
    rows = await tx.fetch(
        "select * from status_positions where credential_id = any($1::uuid[]) order by credential_id, purpose",
        list(credential_ids),
    )
    return _by_credential(
        rows, lambda row: StatusPosition(list_id=row["list_id"], index=row["index"], purpose=row["purpose"])
    )


def _by_credential(rows: Iterable[Row], value: Any) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[row["credential_id"]].append(value(row))
    return found


def _columns(rows: Sequence[Row], *names: str) -> list[list[Any]]:
    return [[row[name] for row in rows] for name in names]
