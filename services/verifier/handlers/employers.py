"""Employers are made by the operator, with a first API key; they make and revoke further keys themselves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.verifier.domain import messages
from services.verifier.handlers.state import state_entry
from services.verifier.store import employers
from shared import db
from shared.db import Tx
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.messaging import outbox
from shared.web import idempotency
from shared.web.auth import SCOPES, NewKey, new_key
from shared.web.idempotency import Attempt

Row = Mapping[str, Any]


async def register(tx: Tx, name: str, url: str | None, attempt: Attempt | None) -> tuple[UUID, NewKey]:
    """Make an employer with its first API key, shown this once.

    Raises Conflict (`secret_already_shown`, with the employer's id) for a repetition.
    """
    employer_id = new_id()
    if (made := await idempotency.claim(tx, attempt, employer_id)) is not None:
        raise Conflict("secret_already_shown", "This employer was made before; its key was shown then.", id=str(made))
    now = await db.now(tx)
    row = {"id": employer_id, "version": 1, "name": name, "url": url, "created_at": now}
    await employers.insert(tx, row)
    await outbox.add_many(tx, [state_entry(messages.employer(row), row, now)])
    return employer_id, await _add_key(tx, employer_id, new_id(), "first key", SCOPES["employer"], None, now)


async def make_key(
    tx: Tx, employer_id: UUID, name: str, scopes: Sequence[str], expires_at: datetime | None, attempt: Attempt | None
) -> NewKey:
    """Make an API key, shown this once.

    Raises NotFound (no such employer), Conflict (`secret_already_shown`, with the key's id) for a repetition.
    """
    if not await employers.lock(tx, employer_id):
        raise NotFound("employer_not_found", "There is no employer with this id.")
    key_id = new_id()
    if (made := await idempotency.claim(tx, attempt, key_id)) is not None:
        raise Conflict("secret_already_shown", "This key was made before and shown then.", id=str(made))
    return await _add_key(tx, employer_id, key_id, name, scopes, expires_at, await db.now(tx))


async def revoke_key(tx: Tx, employer_id: UUID, key_id: UUID) -> None:
    """Revoke an API key; a second time nothing happens.

    Raises NotFound, and Conflict (`last_managing_key`) where the employer would have no key left to make others with.
    """
    await employers.lock(tx, employer_id)  # two keys can't revoke each other at once
    key = await employers.key(tx, employer_id, key_id)
    if key is None:
        raise NotFound("api_key_not_found", "There is no API key with this id.")
    if key["revoked_at"]:
        return
    if "manage" in key["scopes"] and not await employers.other_managing_keys(tx, employer_id, key_id):
        raise Conflict("last_managing_key", "This is the last key that can make keys; make another one first.")
    now = await db.now(tx)
    revoked = await employers.revoke_key(tx, key_id, now)
    await outbox.add_many(tx, [state_entry(messages.api_key(revoked), revoked, now)])


async def _add_key(
    tx: Tx,
    employer_id: UUID,
    key_id: UUID,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    now: datetime,
) -> NewKey:
    key = new_key(key_id)
    row = {
        "id": key_id,
        "version": 1,
        "tenant_id": employer_id,
        "name": name,
        "hash": key.hash,
        "scopes": list(scopes),
        "created_at": now,
        "expires_at": expires_at,
        "revoked_at": None,
    }
    await employers.insert_key(tx, row)
    await outbox.add_many(tx, [state_entry(messages.api_key(row), row, now)])
    return key
