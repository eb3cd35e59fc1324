"""API keys that open the issuer's routes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.issuer.domain import messages
from services.issuer.handlers.telling import tell
from services.issuer.store import institutions
from shared import db
from shared.db import Tx
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.web import idempotency
from shared.web.auth import NewKey, new_key
from shared.web.idempotency import Attempt


async def make(
    tx: Tx,
    institution_id: UUID,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    attempt: Attempt | None,
) -> NewKey:
    """Make an API key, shown this once; a repetition raises Conflict (`secret_already_shown`, with the key's id)."""
    key_id = new_id()
    if (made := await idempotency.claim(tx, attempt, key_id)) is not None:
        raise Conflict("secret_already_shown", "This key was made before and shown then.", id=str(made))
    return await add(tx, institution_id, key_id, name, scopes, expires_at, await db.now(tx))


async def add(
    tx: Tx,
    institution_id: UUID,
    key_id: UUID,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    now: datetime,
) -> NewKey:
    """Store a new API key and tell others its hash."""
    key = new_key(key_id)
    row = {
        "id": key_id,
        "version": 1,
        "tenant_id": institution_id,
        "name": name,
        "hash": key.hash,
        "scopes": list(scopes),
        "created_at": now,
        "expires_at": expires_at,
        "revoked_at": None,
    }
    await institutions.insert_api_key(tx, row)
    await tell(tx, (messages.api_key(row), now))
    return key


async def revoke(tx: Tx, institution_id: UUID, key_id: UUID) -> None:
    """Revoke an API key; a second time nothing happens.

    Raises NotFound, and Conflict (`last_managing_key`) where no key would be left to make others with.
    """
    # Two keys can't revoke each other at once.
    await institutions.lock_institution(tx, institution_id)
    key = await institutions.api_key(tx, institution_id, key_id)
    if key is None:
        raise NotFound("api_key_not_found", "There is no API key with this id.")
    if key["revoked_at"]:
        return
    if "manage" in key["scopes"] and not await institutions.other_managing_keys(tx, institution_id, key_id):
        raise Conflict("last_managing_key", "This is the last key that can make keys; make another one first.")
    now = await db.now(tx)
    await tell(tx, (messages.api_key(await institutions.revoke_api_key(tx, key_id, now)), now))
