"""A did:key institution moves to a did:web: another DID, keys and lists of its own; the old ones keep their lists."""

import asyncio
from uuid import UUID

from services.issuer.domain import changes, messages
from services.issuer.domain.formats import FIRST_ALGORITHM
from services.issuer.domain.institutions import further_algorithms, moved_did
from services.issuer.domain.row import Row
from services.issuer.handlers.institutions import add_signing_key, existing
from services.issuer.handlers.places import have_ready
from services.issuer.handlers.recording import record
from services.issuer.handlers.telling import institution_entries, tell
from services.issuer.signer import Signer, new_signing_key
from services.issuer.store import institutions, lists
from shared import db
from shared.db import Tx
from shared.messaging import outbox
from shared.web import idempotency
from shared.web.auth import Principal
from shared.web.idempotency import Attempt


async def move_to_did_web(
    tx: Tx,
    who: Principal,
    institution_id: UUID,
    attempt: Attempt | None,
    signer: Signer,
    public_url: str,
    list_size: int,
) -> Row:
    """Give an institution a did:web, with a new key of each kind, and return it; repeated, it is not done again.

    The old keys sign no credential any more, only the lists that are theirs. Raises NotFound, and as `moved_did` does.
    """
    # Whoever stores a badge holds the institution's row: all that were signed with the old keys are in now.
    await institutions.lock_institution(tx, institution_id)
    institution = await existing(tx, institution_id)
    if await idempotency.claim(tx, attempt, institution_id) is not None:
        return institution
    did, now = moved_did(institution, public_url), await db.now(tx)
    moved = await institutions.change_did(tx, institution_id, did, now) or institution
    retired = await institutions.retire_all_keys(tx, institution_id, now)
    await record(tx, who, changes.institution(moved), *map(changes.signing_key, retired))
    await outbox.add_many(tx, await institution_entries(tx, [moved]))
    await tell(tx, *[(messages.signing_key(row), now) for row in retired])
    await have_ready(tx, institution_id, await lists.leave_behind(tx, institution_id, institution["did"]), list_size)
    kinds = dict.fromkeys((FIRST_ALGORITHM, *further_algorithms(did), *(row["algorithm"] for row in retired)))
    for kind in kinds:
        key = await asyncio.to_thread(new_signing_key, kind)  # an RSA key takes a while
        await add_signing_key(tx, who, moved, key, signer, now)
    return moved
