"""Counts how far a change would reach; who it would reach never leaves the database."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from shared.db import Tx


async def reach(tx: Tx, institution_id: UUID, credential_ids: Sequence[UUID]) -> Any:
    """Return how many employers verified any of an institution's badges, and how many watches there are of them.

    Each goes by fives, and is null where fewer than five employers are behind it. Ids that are not the institution's
    count nothing.
    """
    return await tx.fetchrow("select employers, watches from reach($1, $2::uuid[])", institution_id, credential_ids)
