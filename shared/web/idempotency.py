"""Lets a creating POST be sent twice and done once (the Idempotency-Key header).

A row remembers who asked for what under which key, and the id of what came of it; a repetition is answered from the
thing itself. The claim is part of the effect's own transaction, so a crash leaves either both or nothing.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Header, Request

from shared.db import Database, Tx
from shared.errors import Conflict, Invalid, LaurelError, Malformed
from shared.web.problems import BY_STATUS, status_of

MAX_KEY = 255
# How long a repetition hears the same answer.
KEPT = timedelta(days=7)
# How long a racing duplicate waits for the first call's transaction.
PATIENCE = "2s"
# Passing troubles: the same request may well succeed when it is sent again.
NOT_REMEMBERED = frozenset({401, 403, 404, 409, 410, 429})


@dataclass(frozen=True)
class Attempt:
    """One creating request that carries an Idempotency-Key; `row` numbers the rows of a batch."""

    tenant_id: UUID
    key: str
    digest: bytes
    row: int = -1

    def of_row(self, row: int) -> "Attempt":
        """Return the attempt of one row of this batch."""
        return replace(self, row=row)


async def attempted(
    request: Request, idempotency_key: Annotated[str | None, Header()] = None
) -> "tuple[str, bytes] | None":
    """Dependency: the request's Idempotency-Key and digest, None without the header. Raises Malformed (400)."""
    if idempotency_key is None:
        return None
    refuse_malformed(idempotency_key)
    line = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return idempotency_key, sha256(line + await request.body()).digest()


def refuse_malformed(key: str) -> None:
    """Raise Malformed for what is no Idempotency-Key."""
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        raise Malformed("idempotency_key_malformed", f"An Idempotency-Key has 1 to {MAX_KEY} printable characters.")


IdempotencyKey = Annotated[tuple[str, bytes] | None, Depends(attempted)]


def attempt(tenant_id: UUID, header: "tuple[str, bytes] | None") -> Attempt | None:
    """Bind what `attempted` read to the tenant that asks."""
    return Attempt(tenant_id, *header) if header else None


async def claim(tx: Tx, attempt: Attempt | None, resource_id: UUID, status: int = 201) -> UUID | None:
    """Claim the attempt for the resource about to be made: None means go on, an id means that it was made before.

    `status` is what the call is going to be answered with, for `status_before`.

    Raises Invalid where the key was used for another request, Conflict where the first call is still under way,
    and the remembered error where the first call was refused.
    """
    if attempt is None:
        return None
    claimed = await claim_all(tx, {attempt.row: attempt}, {attempt.row: resource_id}, status)
    return _made(claimed.get(attempt.row))


async def status_before(tx: Tx, attempt: Attempt) -> int:
    """Return the status that the first call with a claimed key was answered with."""
    status: int = await tx.fetchval(
        "select status from idempotency where (tenant_id, key, row) = ($1, $2, $3)",
        attempt.tenant_id,
        attempt.key,
        attempt.row,
    )
    return status


async def claim_all(
    tx: Tx, attempts: Mapping[int, Attempt], resource_ids: Mapping[int, UUID], status: int = 201
) -> dict[int, UUID | LaurelError]:
    """Claim rows of a batch, each by its own attempt, for what is about to be made.

    Returns what `earlier_of` does of the rows that were claimed before. A row without an attempt is never claimed.
    Raises Conflict where a first call is still under way.
    """
    # In one order, so that two calls never wait for each other.
    rows = sorted(resource_ids.keys() & attempts.keys(), key=lambda row: (attempts[row].key, attempts[row].row))
    if not rows:
        return {}
    wanted = [attempts[row] for row in rows]
    try:
        await tx.execute(f"set local lock_timeout = '{PATIENCE}'")
        ours = await tx.fetch(
            """
            insert into idempotency (tenant_id, key, row, digest, status, resource_id)
            select tenant_id, key, row, digest, $6, resource_id
            from unnest($1::uuid[], $2::text[], $3::int[], $4::bytea[], $5::uuid[])
                 as wanted(tenant_id, key, row, digest, resource_id)
            on conflict do nothing returning resource_id
            """,
            *_columns(wanted),
            [each.digest for each in wanted],
            [resource_ids[row] for row in rows],
            status,
        )
        await tx.execute("set local lock_timeout = 0")
    except asyncpg.LockNotAvailableError as error:
        raise Conflict("request_in_progress", "The first call with this key is under way.", retry_after=2) from error
    claimed = {each["resource_id"] for each in ours}
    return await earlier_of(tx, {row: attempts[row] for row in rows if resource_ids[row] not in claimed})


async def earlier_of(tx: Tx, attempts: Mapping[int, Attempt]) -> dict[int, UUID | LaurelError]:
    """Return what earlier calls made of the rows of a batch, or why the same key can't make anything else.

    That is Invalid where the key was used for another request, and the remembered error where the first call was
    refused. Rows that nobody has asked for before are left out.
    """
    if not attempts:
        return {}
    found = await tx.fetch(
        """
        select i.key, i.row, digest, status, code, resource_id
        from unnest($1::uuid[], $2::text[], $3::int[]) as wanted(tenant_id, key, row)
        join idempotency i using (tenant_id, key, row)
        """,
        *_columns(attempts.values()),
    )
    before = {(each["key"], each["row"]): each for each in found}
    asked = {row: (attempt, before.get((attempt.key, attempt.row))) for row, attempt in attempts.items()}
    return {row: _answer(attempt, each) for row, (attempt, each) in asked.items() if each}


async def earlier(tx: Tx, attempt: Attempt | None) -> UUID | None:
    """Return what an earlier call with this key made; None where there was none. Raises as `claim` does."""
    return _made((await earlier_of(tx, {attempt.row: attempt})).get(attempt.row)) if attempt else None


def _columns(attempts: Collection[Attempt]) -> tuple[list[Any], list[Any], list[Any]]:
    return [each.tenant_id for each in attempts], [each.key for each in attempts], [each.row for each in attempts]


def _answer(attempt: Attempt, before: Any) -> UUID | LaurelError:
    if before["digest"] != attempt.digest:
        return Invalid("idempotency_key_reused", "This Idempotency-Key was sent before with another request.")
    if before["code"] is not None:
        return BY_STATUS[before["status"]](before["code"], "The first call with this Idempotency-Key was refused.")
    made: UUID = before["resource_id"]
    return made


def _made(outcome: UUID | LaurelError | None) -> UUID | None:
    if isinstance(outcome, LaurelError):
        raise outcome
    return outcome


@asynccontextmanager
async def remembering(database: Database, attempt: Attempt | None) -> AsyncIterator[None]:
    """Remember a refusal (4xx) of the block under the attempt's key, so that a retry hears the same."""
    try:
        yield
    except LaurelError as error:
        status = status_of(error)
        if attempt is not None and status < 500 and status not in NOT_REMEMBERED:
            await _remember(database, attempt, status, error.code)
        raise


async def _remember(database: Database, attempt: Attempt, status: int, code: str) -> None:
    async with database.transaction(attempt.tenant_id) as tx:
        await tx.execute(
            """
            insert into idempotency (tenant_id, key, row, digest, status, code) values ($1, $2, $3, $4, $5, $6)
            on conflict do nothing
            """,
            attempt.tenant_id,
            attempt.key,
            attempt.row,
            attempt.digest,
            status,
            code,
        )


async def forget_old(tx: Tx) -> None:
    """Delete some of the rows that are older than is promised, on a worker's transaction."""
    await tx.execute(
        """
        delete from idempotency where (tenant_id, key, row) in (
            select tenant_id, key, row from idempotency where created_at < laurel_clock() - $1::interval
            order by created_at limit 5000 for update skip locked)
        """,
        KEPT,
    )
