"""A selection of badges as a condition in SQL, and what it names that is not there."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.issuer.domain.selection import Selection
from shared.db import Tx

# By any of its proofs, of which two have different keys at most, or by its token.
_SIGNED_BY = "(c.signing_key_id = {0} or c.other_proof_key_ids[1] = {0} or c.token_key_id = {0})"


def where(institution_id: UUID, selection: Selection) -> tuple[str, list[Any]]:
    """Return the condition on credentials `c` that a selection is, and its values from $1 on."""
    conditions, values = ["c.institution_id = $1"], [institution_id]
    for condition, value in (
        ("c.id in (select unnest({}::uuid[]))", None if selection.ids is None else list(selection.ids)),
        ("c.achievement_id = {}", selection.achievement_id),
        ("c.id in (select credential_id from issued_rows where job_id = {})", selection.job_id),
        (_SIGNED_BY, selection.signing_key_id),
        ("c.issued_at >= {}", selection.issued_from),
        ("c.issued_at < {}", selection.issued_to),
    ):
        if value is not None:
            values.append(value)  # type: ignore[arg-type]  # values of several types
            conditions.append(condition.format(f"${len(values)}"))
    return " and ".join(conditions), values


async def unknown(tx: Tx, institution_id: UUID, ids: Sequence[UUID]) -> tuple[int, UUID | None]:
    """Return how many of `ids` are no credentials of the institution's, and the first one of them as they were sent."""
    row: Any = await tx.fetchrow(
        """
        select count(distinct w.id) as count, (array_agg(w.id order by w.n))[1] as first
        from unnest($2::uuid[]) with ordinality as w(id, n)
        where not exists (select from credentials c where c.id = w.id and c.institution_id = $1)
        """,
        institution_id,
        ids,
    )
    return row["count"], row["first"]


async def has_signing_key(tx: Tx, institution_id: UUID, key_id: UUID) -> bool:
    """Tell whether an institution has, or had, a signing key."""
    found: bool = await tx.fetchval(
        "select exists (select from signing_keys where id = $2 and institution_id = $1)", institution_id, key_id
    )
    return found
