"""Moves issuance jobs: by an institution's word, and by themselves when a phase is through."""

from uuid import UUID

from services.issuer.domain import jobs as domain
from services.issuer.domain.jobs import Change
from services.issuer.domain.row import Row
from services.issuer.handlers import institution_settings
from services.issuer.handlers.job_uploads import fail
from services.issuer.store import job_rows
from services.issuer.store import jobs as store
from shared.db import Tx
from shared.errors import NotFound
from shared.web.auth import Principal


async def job(tx: Tx, institution_id: UUID, job_id: UUID) -> Row:
    """Return an institution's job; raises NotFound."""
    found = await store.get(tx, institution_id, job_id)
    if found is None:
        raise NotFound("job_not_found", "There is no issuance job with this id.")
    return found


async def change(tx: Tx, who: Principal, job_id: UUID, wanted: Change) -> None:
    """Confirm, pause, resume or cancel a job; raises NotFound, and as `domain.changed` does."""
    await job(tx, who.tenant_id, job_id)
    locked = await store.lock(tx, job_id)
    assert locked is not None  # jobs are never deleted  # noqa: S101
    settings = await institution_settings.of(tx, who.tenant_id)
    columns = domain.changed(locked, wanted, who.key_id, locked["now"], second_key=settings["second_key_confirms"])
    if columns is not None:
        entry = {"change": wanted, "key_id": who.key_id, "time": locked["now"].isoformat()}
        await store.change(tx, job_id, columns, entry)


async def move_on(tx: Tx, job_id: UUID) -> None:
    """Let a job go on to its next phase where its present one is through; for the worker's role."""
    locked = await store.lock(tx, job_id)
    if locked is None or locked["ended_at"] is not None:
        return
    now, phase = locked["now"], locked["phase"]
    if phase == "reading":
        await fail(tx, job_id, "upload_interrupted", "The upload broke off.")
    elif phase == "held" and locked["release_at"] <= now and not locked["paused"]:
        await store.change(tx, job_id, {"phase": "running", "phase_at": now})
    elif phase in ("linting", "running") and await store.is_through(tx, locked):
        if phase == "running":
            await store.change(tx, job_id, {"phase": "done", "phase_at": now, "ended_at": now})
        else:
            repeated = await job_rows.repeated(tx, job_id)
            settings = await institution_settings.of(tx, locked["institution_id"])
            following = domain.after_linting(locked, now, second_key=settings["second_key_confirms"])
            await store.change(tx, job_id, {**following, "repeated": repeated})


async def stop(tx: Tx, job_id: UUID, code: str, reason: str) -> None:
    """Pause a job that can't go on as things stand, and say why."""
    locked = await store.lock(tx, job_id)
    if locked is not None and locked["ended_at"] is None:
        await store.change(tx, job_id, {"paused": True, "reason_code": code, "reason": reason})
