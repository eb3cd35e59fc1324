"""A credential's status changes: version, history, bits and records move together."""

import secrets
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
    step = status.step(credential["status"], command)
    if step is None:
        return credential
    entry = await _entry(tx, principal, credential, step, reason)
    await store.change_status(tx, credential_id, entry["version"], step.status)
    await store.insert_history(tx, [entry])
    await _tell(tx, credential, entry)
    # Last, because every badge of the list waits for its row.
    for list_id in await store.raise_bits(tx, credential_id, status.raised(step.status)):
        await lists.mark_changed(tx, list_id)
    return {**credential, "version": entry["version"], "status": step.status}


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
