"""A credential's status changes: version, history, bits and records move together."""

import secrets
from collections.abc import Iterable, Sequence
from uuid import UUID

from services.issuer.domain import messages, status
from services.issuer.domain.row import Row
from services.issuer.domain.status import Command, Step
from services.issuer.store import credentials as store
from services.issuer.store import lists
from shared import db, telemetry
from shared.db import Tx
from shared.errors import NotFound
from shared.ids import new_id
from shared.messaging import outbox
from shared.messaging.events import Reason
from shared.messaging.outbox import state_entry
from shared.web.auth import Principal
from shared.web.etag import refuse_stale


async def change(
    tx: Tx, principal: Principal, credential_id: UUID, command: Command, reason: Reason, if_match: str | None
) -> Row:
    """Do `command` to an institution's credential and return it; what was done already is not done again.

    Raises NotFound, PreconditionFailed, Conflict (`status_does_not_allow`).
    """
    credential = await store.lock(tx, principal.tenant_id, credential_id)
    if credential is None:
        raise NotFound("credential_not_found", "There is no credential with this id.")
    refuse_stale(if_match, credential["version"])
    changed, touched = await _change(tx, principal, credential, command, reason)
    await _have_signed(tx, touched)
    return changed


async def revoke_all(tx: Tx, principal: Principal, credentials: Sequence[Row], reason: Reason) -> None:
    """Revoke credentials that were locked together, whoever's they are."""
    touched = [each for one in credentials for each in (await _change(tx, principal, one, "revoke", reason))[1]]
    await _have_signed(tx, touched)


async def _change(
    tx: Tx, principal: Principal, credential: Row, command: Command, reason: Reason
) -> tuple[Row, list[UUID]]:
    """Change a locked credential; return it with the lists in which its bits changed."""
    step = status.step(credential["status"], command)
    if step is None:
        return credential, []
    credential_id = credential["id"]
    entry = await _entry(tx, principal, credential, step, reason)
    await store.change_status(tx, credential_id, entry["version"], step.status)
    await store.insert_history(tx, [entry])
    await _tell(tx, credential, entry)
    touched = await store.raise_bits(tx, credential_id, status.raised(step.status))
    return {**credential, "version": entry["version"], "status": step.status}, touched


async def _have_signed(tx: Tx, touched: Iterable[UUID]) -> None:
    """Have lists signed anew. Last in a transaction, because every badge of a list waits for its row."""
    for list_id in dict.fromkeys(touched):
        await lists.mark_changed(tx, list_id)


async def _tell(tx: Tx, credential: Row, entry: Row) -> None:
    key = credential["id"]
    history, positions = (await store.histories(tx, [key]))[key], (await store.positions(tx, [key]))[key]
    event = outbox.Entry(messages.status_changed(credential, entry), entry["event_id"], entry["time"])
    state = state_entry(messages.credential_state(credential, history, positions), entry["time"])
    await outbox.add_many(tx, [event, state])


async def _entry(tx: Tx, principal: Principal, credential: Row, step: Step, reason: Reason) -> Row:
    return {
        "credential_id": credential["id"],
        "version": credential["version"] + 1,
        "institution_id": credential["institution_id"],
        "type": step.change,
        "status": step.status,
        "time": await db.now(tx),
        "event_id": new_id(),
        "salt": secrets.token_bytes(32),
        "actor_role": principal.kind,
        "actor_key_id": principal.key_id,
        "reason_code": reason.code,
        "reason_note": reason.note,
        "traceparent": telemetry.outgoing().get("traceparent"),
    }
