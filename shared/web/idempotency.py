"""Lets a creating POST be sent twice and done once (the Idempotency-Key header).

A row remembers who asked for what under which key, and the id of what came of it; a repetition is answered from the
thing itself. The claim is part of the effect's own transaction, so a crash leaves either both or nothing.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Annotated
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
    if not 0 < len(idempotency_key) <= MAX_KEY or not idempotency_key.isprintable():
        raise Malformed("idempotency_key_malformed", f"An Idempotency-Key has 1 to {MAX_KEY} printable characters.")
    line = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return idempotency_key, sha256(line + await request.body()).digest()


IdempotencyKey = Annotated[tuple[str, bytes] | None, Depends(attempted)]


def attempt(tenant_id: UUID, header: "tuple[str, bytes] | None") -> Attempt | None:
    """Bind what `attempted` read to the tenant that asks."""
    return Attempt(tenant_id, *header) if header else None


async def claim(tx: Tx, attempt: Attempt | None, resource_id: UUID) -> UUID | None:
    """Claim the attempt for the resource about to be made: None means go on, an id means that it was made before.

    Raises Invalid where the key was used for another request, Conflict where the first call is still under way,
    and the remembered error where the first call was refused.
    """
    return (await claim_rows(tx, attempt, {attempt.row: resource_id})).get(attempt.row) if attempt else None


async def claim_rows(tx: Tx, attempt: Attempt | None, resource_ids: Mapping[int, UUID]) -> dict[int, UUID]:
    """Claim rows of a batch for what is about to be made; return what was made before, by row. Raises as `claim`."""
    if attempt is None:
        return {}
    rows = sorted(resource_ids)  # in one order, so that two calls never wait for each other
    try:
        await tx.execute(f"set local lock_timeout = '{PATIENCE}'")
        ours = await tx.fetch(
            """
            insert into idempotency (tenant_id, key, row, digest, status, resource_id)
            select $1, $2, row, $4, 201, resource_id from unnest($3::int[], $5::uuid[]) as wanted(row, resource_id)
            on conflict do nothing returning row
            """,
            attempt.tenant_id,
            attempt.key,
            rows,
            attempt.digest,
            [resource_ids[row] for row in rows],
        )
        await tx.execute("set local lock_timeout = 0")
    except asyncpg.LockNotAvailableError as error:
        raise Conflict("request_in_progress", "The first call with this key is under way.", retry_after=2) from error
    made = {row: await earlier(tx, attempt.of_row(row)) for row in set(rows) - {each["row"] for each in ours}}
    return {row: resource_id for row, resource_id in made.items() if resource_id}


async def rows_made(tx: Tx, attempt: Attempt | None) -> dict[int, UUID]:
    """Return what an earlier call with this key made of the rows of its batch."""
    if attempt is None:
        return {}
    rows = await tx.fetch(
        "select row, resource_id from idempotency where tenant_id = $1 and key = $2 and row >= 0 and code is null",
        attempt.tenant_id,
        attempt.key,
    )
    return {each["row"]: each["resource_id"] for each in rows}


async def earlier(tx: Tx, attempt: Attempt | None) -> UUID | None:
    """Return what an earlier call with this key made; None where there was none. Raises as `claim` does."""
    if attempt is None:
        return None
    row = await tx.fetchrow(
        "select digest, status, code, resource_id from idempotency where tenant_id = $1 and key = $2 and row = $3",
        attempt.tenant_id,
        attempt.key,
        attempt.row,
    )
    if row is None:
        return None
    if row["digest"] != attempt.digest:
        raise Invalid("idempotency_key_reused", "This Idempotency-Key was sent before with another request.")
    if row["code"] is not None:
        raise BY_STATUS[row["status"]](row["code"], "The first call with this Idempotency-Key was refused.")
    made: UUID = row["resource_id"]
    return made


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
