"""Looks at what there is, for the institution that owns it."""

from uuid import UUID

from services.issuer.domain.row import Row
from services.issuer.store import credentials as store
from shared.db import Tx
from shared.errors import NotFound


async def credential(tx: Tx, institution_id: UUID, credential_id: UUID) -> Row:
    """Return a credential with its document; raises NotFound where there is none, or it is another tenant's."""
    row = await store.with_content(tx, institution_id, credential_id)
    if row is None:
        raise NotFound("credential_not_found", "There is no credential with this id.")
    return row
