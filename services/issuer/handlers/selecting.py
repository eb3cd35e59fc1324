"""Holds a selection of badges against what the institution has."""

from uuid import UUID

from services.issuer.domain.selection import Selection
from services.issuer.handlers import achievements, jobs
from services.issuer.handlers.past_signatures import refuse_while_missing
from services.issuer.store import selection as store
from shared.db import Tx
from shared.errors import NotFound


async def refuse_unknown(tx: Tx, institution_id: UUID, selection: Selection) -> None:
    """Raise NotFound where the selection names what the institution has not; Unavailable where it can't be told yet."""
    if selection.ids is not None:
        count, first = await store.unknown(tx, institution_id, selection.ids)
        if count:
            detail = f"{count} of these ids are no badges of this institution; the first is {first}."
            raise NotFound("credentials_not_found", detail, count=count, first=str(first))
    if selection.achievement_id is not None:
        await achievements.existing(tx, institution_id, selection.achievement_id)
    if selection.job_id is not None:
        await jobs.job(tx, institution_id, selection.job_id)
    key_id = selection.signing_key_id
    if key_id is not None:
        if not await store.has_signing_key(tx, institution_id, key_id):
            raise NotFound("signing_key_not_found", "There is no signing key with this id.")
        await refuse_while_missing(tx, institution_id)
