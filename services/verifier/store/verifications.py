"""Writes and reads what was answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.db import Tx

# With the registered name of today: the verifier keeps no other.
_SELECT = """
    select v.*, i.did as issuer_did, i.name as issuer_name
    from verifications v left join institutions i on i.id = v.institution_id
"""


async def insert(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Store answers; each row has every column's value."""
    values = [{**row, "salt": f"\\x{row['salt'].hex()}"} for row in rows]
    await tx.execute(
        "insert into verifications select * from jsonb_populate_recordset(null::verifications, $1)", values
    )


async def one(tx: Tx, verification_id: UUID) -> Any:
    """Return an answer of the tenant; None where there is none."""
    return await tx.fetchrow(f"{_SELECT} where v.id = $1", verification_id)


async def of_request(tx: Tx, request_id: UUID) -> list[Any]:
    """Return all answers of one request of the tenant, in their order."""
    return await tx.fetch(f"{_SELECT} where v.request_id = $1 order by place", request_id)


async def page(tx: Tx, employer_id: UUID, before: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    """Return up to `limit` answers of the tenant, newest first, those before the (verified_at, id) `before`."""
    return await tx.fetch(
        f"""
        {_SELECT}
        where v.employer_id = $1 and ($2::timestamptz is null or (v.verified_at, v.id) < ($2, $3))
        order by v.verified_at desc, v.id desc limit $4
        """,
        employer_id,
        *(before or (None, None)),
        limit,
    )


async def batch(tx: Tx, after: UUID | None, limit: int) -> list[Any]:
    """Return up to `limit` answers of all tenants by id, after the id `after`."""
    return await tx.fetch(
        "select * from verifications where $1::uuid is null or id > $1 order by id limit $2", after, limit
    )
