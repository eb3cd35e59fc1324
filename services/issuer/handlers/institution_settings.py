"""What an institution decides for itself: looked at, and changed."""

from collections.abc import Sequence
from uuid import UUID

from services.issuer.domain.row import Row
from services.issuer.store import institution_settings as store
from services.issuer.store.institutions import lock_institution
from shared import db
from shared.db import Tx
from shared.errors import NotFound
from shared.web.auth import Principal
from shared.web.etag import refuse_stale


async def of(tx: Tx, institution_id: UUID) -> Row:
    """Return an institution's settings; raises NotFound where there is none, or it is another tenant's."""
    row = await store.of(tx, institution_id)
    if row is None:
        raise NotFound("institution_not_found", "There is no institution with this id.")
    return row


async def put(
    tx: Tx,
    who: Principal,
    institution_id: UUID,
    expiring_days: Sequence[int],
    *,
    second_key_confirms: bool,
    if_match: str | None,
) -> Row:
    """Write an institution's settings and return them. Raises NotFound, PreconditionFailed."""
    await lock_institution(tx, institution_id)
    refuse_stale(if_match, (await of(tx, institution_id))["version"])
    await store.put(
        tx,
        institution_id,
        sorted(expiring_days, reverse=True),
        second_key_confirms=second_key_confirms,
        at=await db.now(tx),
        actor_role=who.kind,
        actor_key_id=who.key_id,
    )
    return await of(tx, institution_id)
