"""Credentials' statuses change: version, history, bits and records move together, of one credential or of many."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.issuer.domain import messages, status
from services.issuer.domain.row import Row
from services.issuer.domain.status import Command
from services.issuer.store import credentials as store
from services.issuer.store import lists
from shared import db, telemetry
from shared.db import Tx
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.messaging import outbox
from shared.messaging.events import Reason
from shared.messaging.outbox import state_entry
from shared.web.auth import Principal
from shared.web.etag import refuse_stale


@dataclass(frozen=True)
class Change:
    """What is to be done to a locked credential, and why; `replaced_by` is what takes its place."""

    credential: Row
    command: Command
    reason: Reason
    replaced_by: UUID | None = None


async def change(
    tx: Tx, principal: Principal, credential_id: UUID, command: Command, reason: Reason, if_match: str | None
) -> Row:
    """Do `command` to an institution's credential and return it; what was done already is not done again.

    Raises NotFound, PreconditionFailed, Conflict (`status_does_not_allow`; `not_suspendable` where it has no bit for a
    suspension).
    """
    credential = await store.lock(tx, principal.tenant_id, credential_id)
    if credential is None:
        raise NotFound("credential_not_found", "There is no credential with this id.")
    if command in ("suspend", "reinstate"):
        await _refuse_without_bit(tx, credential_id)
    refuse_stale(if_match, credential["version"])
    [changed] = await change_all(tx, principal, [Change(credential, command, reason)])
    return changed


async def revoke_all(tx: Tx, principal: Principal, credentials: Sequence[Row], reason: Reason) -> None:
    """Revoke credentials that were locked together, whoever's they are."""
    await change_all(tx, principal, [Change(each, "revoke", reason) for each in credentials])


async def change_all(tx: Tx, principal: Principal, changes: Sequence[Change]) -> list[Row]:
    """Change credentials that were locked together, each once, whoever's they are; return them as they are then.

    What was done to one already is not done again. Raises Conflict (`status_does_not_allow`), and nothing is done. Last
    in a transaction, because every badge of a list waits for the list's row.
    """
    if not changes:
        return []
    now = await db.now(tx)
    entries = {each.credential["id"]: entry for each in changes if (entry := _entry(principal, each, now))}
    changed = [_changed(each, entries.get(each.credential["id"])) for each in changes]
    if entries:
        moved = [each for each in changed if each["id"] in entries]
        await store.change_statuses(tx, moved)
        await store.insert_history(tx, list(entries.values()))
        await _tell(tx, moved, entries)
        bits = [(each["id"], *bit) for each in moved for bit in status.raised(each["status"]).items()]
        await lists.mark_changed(tx, await store.raise_bits(tx, bits))
    return changed


async def _refuse_without_bit(tx: Tx, credential_id: UUID) -> None:
    places = (await store.positions(tx, [credential_id])).get(credential_id, [])
    if "suspension" not in {place.purpose for place in places}:
        detail = "This badge was issued for an achievement that is not suspendable."
        raise Conflict("not_suspendable", detail)


async def _tell(tx: Tx, changed: Sequence[Row], entries: dict[UUID, Row]) -> None:
    histories, positions = await store.histories(tx, entries), await store.positions(tx, entries)
    told: list[outbox.Entry] = []
    for credential in changed:
        key = credential["id"]
        entry, event = entries[key], messages.status_changed(credential, entries[key])
        state = messages.credential_state(credential, histories[key], positions[key])
        told += [outbox.Entry(event, entry["event_id"], entry["time"]), state_entry(state, entry["time"])]
    await outbox.add_many(tx, told)


def _changed(change: Change, entry: Row | None) -> Row:
    if entry is None:
        return change.credential
    new = {"version": entry["version"], "status": entry["status"], "replaced_by": change.replaced_by}
    return {**change.credential, **new}


def _entry(principal: Principal, change: Change, now: datetime) -> Row | None:
    """Return what goes into a credential's history; None where nothing does."""
    credential = change.credential
    step = status.step(credential["status"], change.command)
    if step is None or step.change is None:
        return None
    return {
        "credential_id": credential["id"],
        "version": credential["version"] + 1,
        "institution_id": credential["institution_id"],
        "type": step.change,
        "status": step.status,
        "time": now,
        "event_id": new_id(),
        "salt": secrets.token_bytes(32),
        "actor_role": principal.kind,
        "actor_key_id": principal.key_id,
        "reason_code": change.reason.code,
        "reason_note": change.reason.note,
        "traceparent": telemetry.outgoing().get("traceparent"),
    }
