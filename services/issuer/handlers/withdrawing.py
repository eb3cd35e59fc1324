"""A signing key that somebody else may have had counts as retired since then; another one takes its place."""

import asyncio
from datetime import datetime
from uuid import UUID

from services.issuer.domain import changes, messages
from services.issuer.domain.formats import FIRST_ALGORITHM
from services.issuer.domain.institutions import withdrawn_at
from services.issuer.domain.row import Row
from services.issuer.handlers.institutions import add_signing_key, existing
from services.issuer.handlers.recording import record
from services.issuer.handlers.telling import tell
from services.issuer.signer import Signer, new_signing_key
from services.issuer.store import institutions, lists
from shared import db
from shared.db import Tx
from shared.errors import NotFound
from shared.web.auth import Principal


async def withdraw_signing_key(
    tx: Tx, who: Principal, institution_id: UUID, key_id: UUID, since: datetime, signer: Signer
) -> tuple[Row, Row | None]:
    """Let a key count as retired from `since` on; return it, and the one of its kind that is in use (None: none).

    What it signed until then stays good. Repeated with the same time, or a later one, it changes nothing. Raises
    NotFound, Conflict (`withdrawal_needs_did_web`), Invalid (`since_in_future`, `since_before_key`).
    """
    await institutions.lock_institution(tx, institution_id)
    institution = await existing(tx, institution_id)
    key = await institutions.lock_signing_key(tx, institution_id, key_id)
    if key is None:
        raise NotFound("signing_key_not_found", "There is no signing key with this id.")
    now = await db.now(tx)  # whoever stores a badge holds the key's row: the last one signed with it is in
    at = withdrawn_at(key, since, now)
    if at is None:
        return key, await institutions.key_in_use(tx, institution_id, key["algorithm"])
    withdrawn = await institutions.withdraw_key(tx, key_id, at)
    await tell(tx, (messages.signing_key(withdrawn), now))
    await record(tx, who, changes.signing_key(withdrawn))
    if key["retired_at"] is not None:
        return withdrawn, await institutions.key_in_use(tx, institution_id, key["algorithm"])
    if key["algorithm"] == FIRST_ALGORITHM:
        await lists.mark_all_changed(tx, institution_id)  # what it has signed since is no list any more
    new = await asyncio.to_thread(new_signing_key, key["algorithm"])  # an RSA key takes a while
    return withdrawn, await add_signing_key(tx, who, institution, new, signer, now)
