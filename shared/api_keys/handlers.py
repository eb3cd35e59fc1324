"""Making and revoking API keys, each in the open transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared import db
from shared.api_keys import store
from shared.api_keys.states import TenantKind, entry_of
from shared.api_keys.store import Tenant
from shared.db import Tx
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.messaging import outbox
from shared.web import idempotency
from shared.web.auth import SCOPES, NewKey, new_key
from shared.web.idempotency import Attempt


@dataclass(frozen=True)
class Grant:
    """What a new key is to be."""

    name: str
    scopes: Sequence[str]
    expires_at: datetime | None = None


async def make(tx: Tx, tenant: Tenant, grant: Grant, attempt: Attempt | None) -> NewKey:
    """Make an API key, shown this once.

    Raises NotFound (no such tenant), Conflict (`secret_already_shown`, with the key's id) for a repetition.
    """
    if not await store.lock_tenant(tx, tenant):
        raise NotFound(f"{tenant.kind}_not_found", f"There is no {tenant.kind} with this id.")
    key_id = new_id()
    if (made := await idempotency.claim(tx, attempt, key_id)) is not None:
        raise Conflict("secret_already_shown", "This key was made before and shown then.", id=str(made))
    return await _add(tx, tenant, grant, key_id, await db.now(tx))


async def make_first(tx: Tx, tenant: Tenant, now: datetime) -> NewKey:
    """Make the key that a new tenant begins with: it may do everything that such a tenant may."""
    return await _add(tx, tenant, Grant("first key", SCOPES[tenant.kind]), new_id(), now)


async def revoke(tx: Tx, tenant: Tenant, key_id: UUID) -> None:
    """Revoke an API key; a second time nothing happens.

    Raises NotFound, and Conflict (`last_managing_key`) where no key would be left to make others with.
    """
    await store.lock_tenant(tx, tenant)  # two keys can't revoke each other at once
    key = await store.lock(tx, tenant.id, key_id)
    if key is None:
        raise NotFound("api_key_not_found", "There is no API key with this id.")
    if key["revoked_at"]:
        return
    if "manage" in key["scopes"] and not await store.another_can_manage(tx, tenant.id, key_id):
        raise Conflict("last_managing_key", "This is the last key that can make keys; make another one first.")
    await outbox.add_many(tx, [entry_of(await store.revoke(tx, key_id, await db.now(tx)))])


async def revoke_of_sandboxes(tx: Tx, kind: TenantKind, limit: int) -> int:
    """Revoke up to `limit` API keys of sandbox tenants, the last managing ones too; return how many those were."""
    now = await db.now(tx)
    keys = [await store.revoke(tx, key_id, now) for key_id in await store.lock_keys_of_sandboxes(tx, kind, limit)]
    await outbox.add_many(tx, [entry_of(key) for key in keys])
    return len(keys)


async def _add(tx: Tx, tenant: Tenant, grant: Grant, key_id: UUID, now: datetime) -> NewKey:
    key = new_key(key_id)
    row = {
        "id": key_id,
        "version": 1,
        "tenant_kind": tenant.kind,
        "tenant_id": tenant.id,
        "name": grant.name,
        "hash": key.hash,
        "scopes": list(grant.scopes),
        "created_at": now,
        "expires_at": grant.expires_at,
        "revoked_at": None,
    }
    await store.insert(tx, row)
    await outbox.add_many(tx, [entry_of(row)])
    return key
