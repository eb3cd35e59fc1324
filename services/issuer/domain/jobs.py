"""An issuance job: how it goes from phase to phase, who may move it, and which badge a row of it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import orjson

from services.issuer.domain.formats import DEFAULT, Formats
from services.issuer.domain.plan import Order
from services.issuer.domain.row import Row
from shared.errors import Conflict, Forbidden

Phase = Literal["reading", "linting", "preview", "held", "running", "done", "cancelled", "failed"]
State = Literal["reading", "linting", "preview", "held", "running", "paused", "done", "cancelled", "failed"]
Change = Literal["confirm", "pause", "resume", "cancel"]
ENDED: frozenset[str] = frozenset({"done", "cancelled", "failed"})
_CONFIRMED = frozenset({"held", "running", "done"})
_MEMBERS = fields(Order)


@dataclass(frozen=True)
class RowOrder:
    """What a row asks for: the badge, the key under which it is issued once, and a digest of all that it says."""

    order: Order
    key: bytes
    digest: bytes


def row_order(achievement_id: UUID, order: Order, formats: Formats, row_id: str | None, nth: int) -> RowOrder:
    """Return an order with its key: the row's own id, or else whose badge it is, and the how-manieth.

    Addresses are told apart without regard to capitals, as they are hashed.
    """
    learner = order.email.lower() if order.email is not None else order.recipient_id
    whose = ["row", row_id] if row_id is not None else ["learner", learner]
    key = sha256(b"row of a job\n" + orjson.dumps([str(achievement_id), *whose, nth])).digest()
    said = {**_said(order), **({"email": learner} if order.email is not None else {})}
    return RowOrder(order, key, sha256(orjson.dumps([said, *_unusual(formats)])).digest())


def _said(order: Order) -> dict[str, Any]:
    """Return what an order says, without the members that say nothing: more of these may come, and change no digest."""
    return {each.name: value for each in _MEMBERS if (value := getattr(order, each.name))}


def _unusual(formats: Formats) -> list[list[str]]:
    return [] if tuple(formats) == DEFAULT else [sorted(formats)]


def order_text(order: Order) -> str:
    """Return an order as JSON, without the members that say nothing."""
    return orjson.dumps(_said(order)).decode()


def read_order(text: str) -> Order:
    """Return the order that `order_text` wrote."""
    members = orjson.loads(text)
    for name in ("valid_from", "valid_until", "renewable_until"):
        if name in members:
            members[name] = datetime.fromisoformat(members[name])
    return Order(**members)


def after_linting(job: Row, now: datetime, *, second_key: bool) -> Mapping[str, Any]:
    """Return the columns that change when every row is linted."""
    if job["auto_confirm"] and not second_key:
        return after_confirming(job, now)
    return {"phase": "preview", "phase_at": now}


def after_confirming(job: Row, now: datetime) -> Mapping[str, Any]:
    """Return the columns that change when it is confirmed: it is held until its time has come.

    A window for second thoughts begins here, however long the rows were looked at before.
    """
    release_at = job["release_at"] if job["undo"] is None else now + job["undo"]
    phase = "held" if release_at is not None and release_at > now else "running"
    return {"phase": phase, "phase_at": now, "release_at": release_at}


def changed(job: Row, change: Change, key_id: str, now: datetime, *, second_key: bool) -> Mapping[str, Any] | None:
    """Return the columns of a job that a person's word changes; None where it has been so before.

    Raises Conflict where its phase does not allow it, Forbidden (`second_key_needed`).
    """
    if change == "confirm":
        return _confirmed(job, key_id, now, second_key=second_key)
    if change == "cancel" and job["phase"] == "cancelled":
        return None
    if job["phase"] in ENDED:
        raise Conflict("job_has_ended", f"The job is {job['phase']}; nothing can be changed about it any more.")
    if change == "cancel":
        return {"phase": "cancelled", "ended_at": now, "phase_at": now}
    if job["paused"] == (change == "pause"):
        return None
    # Where it stopped because its key had ended, it goes on in the name of whoever lets it.
    actor = {"actor_key": key_id} if job["reason_code"] == "key_no_longer_valid" else {}
    return {"paused": change == "pause", "reason_code": None, "reason": None, **actor}


def second_key_needed() -> Forbidden:
    """Return why a job can't be confirmed by the key that made it."""
    detail = "Your institution wants another API key to confirm a job than the one that made it."
    return Forbidden("second_key_needed", detail)


def _confirmed(job: Row, key_id: str, now: datetime, *, second_key: bool) -> Mapping[str, Any] | None:
    if job["phase"] in _CONFIRMED:
        return None
    if job["phase"] in ENDED:
        raise Conflict("job_has_ended", f"The job is {job['phase']}; it can't be confirmed any more.")
    if job["phase"] != "preview":
        raise Conflict("job_not_in_preview", "Not every row has been looked at yet; wait for the state 'preview'.")
    if second_key and key_id == job["created_key"]:
        raise second_key_needed()
    return {**after_confirming(job, now), "actor_key": key_id}
