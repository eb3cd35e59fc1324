"""Revocations of many badges: looked at, confirmed, held up, ended; the worker beside this does what was confirmed."""

from uuid import UUID

from services.issuer.domain.revocations import Command, digest, step
from services.issuer.domain.row import Row
from services.issuer.domain.selection import Selection
from services.issuer.handlers.selecting import refuse_unknown
from services.issuer.store import revocations as store
from shared import db, telemetry
from shared.db import Tx
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.messaging.events import Reason
from shared.web import idempotency
from shared.web.auth import Principal, refuse_without
from shared.web.idempotency import Attempt

# Of one institution's revocations, those that have not ended: enough for a morning, and nobody fills the table.
MAX_OPEN = 10
# Why a revocation stands still whose API key was revoked, or has expired.
KEY_ENDED = "key_no_longer_valid"


class SelectionChanged(Conflict):
    """What is to be revoked is not what the confirmed preview has shown."""

    def __init__(self) -> None:
        super().__init__("selection_changed", "These badges have changed since they were shown. Look again, please.")


async def preview(
    tx: Tx,
    institution_id: UUID,
    selection: Selection,
    reason: Reason,
    *,
    reissue: bool,
    ids_up_to: int | None = None,
) -> Row:
    """Return what would be revoked: counts, samples, and the `digest` with which it is confirmed.

    Of up to `ids_up_to` badges `ids` names all, as JSON. Raises NotFound for ids that are not the institution's.
    """
    await refuse_unknown(tx, institution_id, selection)
    found = await store.preview(tx, institution_id, selection, ids_up_to)
    return {**found, "digest": digest(selection, reason, found["digest"], reissue=reissue)}


async def confirm(
    tx: Tx,
    who: Principal,
    selection: Selection,
    reason: Reason,
    confirmed: str,
    attempt: Attempt | None,
    *,
    reissue: bool,
) -> UUID:
    """Begin a revocation of exactly what the preview with the digest `confirmed` has shown; return its id.

    One that has begun with this digest and has not ended is the one that is meant. Raises SelectionChanged, after which
    the transaction is to be rolled back; NotFound, and Conflict where there is nothing in the selection or too many
    revocations are under way.
    """
    revocation_id = new_id()
    if (made := await idempotency.claim(tx, attempt, revocation_id)) is not None:
        return made
    await refuse_unknown(tx, who.tenant_id, selection)
    under_way = await store.lock_open(tx, who.tenant_id)
    if confirmed in under_way:
        return under_way[confirmed]
    if len(under_way) >= MAX_OPEN:
        detail = f"{MAX_OPEN} revocations of this institution have not ended yet; wait for one, or cancel it."
        raise Conflict("too_many_revocations", detail, retry_after=10)
    row = {
        "id": revocation_id,
        "institution_id": who.tenant_id,
        "selection": selection.described(),
        "digest": confirmed,
        "reason_code": reason.code,
        "reason_note": reason.note,
        "reissue": reissue,
        "actor_role": who.kind,
        "actor_key_id": who.key_id,
        "traceparent": telemetry.outgoing().get("traceparent"),
        "created_at": await db.now(tx),
    }
    await store.insert(tx, row)
    # What is compared is what is stored: nothing can change in between.
    badges = await store.insert_items(tx, revocation_id, who.tenant_id, selection)
    if digest(selection, reason, badges, reissue=reissue) != confirmed:
        raise SelectionChanged
    if (await existing(tx, who.tenant_id, revocation_id))["badges"] == 0:
        raise Conflict("nothing_selected", "No badge of this institution is in this selection.")
    return revocation_id


async def command(tx: Tx, who: Principal, revocation_id: UUID, asked: Command) -> None:
    """Pause, resume or cancel a revocation: from then on nothing is begun; what was revoked stays so.

    Where it stopped because its API key had ended, it goes on in the name of whoever resumes it. Raises NotFound,
    Conflict (`revocation_ended`), Forbidden (`scope_missing`) for who may not issue what is to be issued once more.
    """
    row = await existing(tx, who.tenant_id, revocation_id, "for no key update")
    state = step(row["state"], asked)
    if state is None:
        return
    if state == "running" and row["trouble"] == KEY_ENDED:
        refuse_without_issuing(who, reissue=row["reissue"])
        await store.hand_over(tx, revocation_id, who.key_id)
    await store.move(tx, revocation_id, state)


def refuse_without_issuing(who: Principal, *, reissue: bool) -> None:
    """Raise Forbidden (`scope_missing`) where a key may revoke badges, but not issue them once more."""
    if reissue:
        refuse_without(who, "issue")


async def existing(tx: Tx, institution_id: UUID, revocation_id: UUID, lock: store.Lock = "") -> Row:
    """Return an institution's revocation (store.revocations.one); raises NotFound."""
    row = await store.one(tx, institution_id, revocation_id, lock)
    if row is None:
        raise NotFound("revocation_not_found", "There is no revocation with this id.")
    return row
