"""Credentials of which it is not known which keys signed them: a release stored them that kept the first one alone."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.issuer.domain.row import Row
from shared.db import Tx


async def are_missing(tx: Tx, institution_id: UUID) -> bool:
    """Tell whether an institution has any of them."""
    found: bool = await tx.fetchval(
        "select exists (select from credentials where institution_id = $1 and other_proof_key_ids is null)",
        institution_id,
    )
    return found


async def lock_page(tx: Tx, limit: int) -> Sequence[Row]:
    """Return and lock up to `limit` of them, of all institutions, with document and token as far as they are kept."""
    return await tx.fetch(
        """
        select c.id, c.institution_id, c.signing_key_id, d.document, d.token
        from credentials c left join credential_contents d on d.credential_id = c.id
        where c.other_proof_key_ids is null order by c.institution_id, c.id limit $1 for update of c skip locked
        """,
        limit,
    )


async def signing_keys(tx: Tx, institution_ids: Collection[UUID]) -> Sequence[Row]:
    """Return all keys that institutions have or had."""
    return await tx.fetch(
        "select id, institution_id, verification_method from signing_keys where institution_id = any($1::uuid[])",
        list(institution_ids),
    )


async def keep(tx: Tx, found: Mapping[UUID, tuple[Sequence[UUID], UUID | None]]) -> None:
    """Store of locked credentials the keys of the other proofs, and that of the token."""
    await tx.execute(
        """
        update credentials c set other_proof_key_ids = n.others::uuid[], token_key_id = n.token_key_id
        from unnest($1::uuid[], $2::text[], $3::uuid[]) as n(id, others, token_key_id) where c.id = n.id
        """,
        list(found),
        [_array(others) for others, _ in found.values()],
        [token_key_id for _, token_key_id in found.values()],
    )


def _array(ids: Sequence[Any]) -> str:
    return "{" + ",".join(map(str, ids)) + "}"
