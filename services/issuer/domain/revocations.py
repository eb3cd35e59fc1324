"""Revocations of many badges: the digest that ties a confirmation to its preview, their states, their pace."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

from services.issuer.domain.row import Row
from services.issuer.domain.selection import Selection
from shared.credentials.canonical import jcs
from shared.errors import Conflict
from shared.messaging.events import Reason

State = Literal["running", "paused", "done", "cancelled"]
Command = Literal["pause", "resume", "cancel"]
Outcome = Literal["revoked", "already_revoked"]

# Badges whose ids and versions are digested together, so that no more of them are ever in memory.
CHUNK = 1000

_STEPS: dict[tuple[str, Command], State] = {
    ("running", "pause"): "paused",
    ("paused", "resume"): "running",
    ("running", "cancel"): "cancelled",
    ("paused", "cancel"): "cancelled",
}
_GOAL: dict[Command, State] = {"pause": "paused", "resume": "running", "cancel": "cancelled"}


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one badge; issued once more it has a successor, or the code of why it has none."""

    credential_id: UUID
    outcome: Outcome
    replaced_by: UUID | None = None
    trouble: str | None = None


def digest(selection: Selection, reason: Reason, badges: bytes, *, reissue: bool) -> str:
    """Return what a confirmation has to repeat (hexadecimal): of selection, reason and each badge's id and version.

    `badges` is SHA-256 over the badges in the order of their ids, each as the id's 16 bytes and the version's 4 (big
    endian), taken by CHUNK: SHA-256 of each such piece, and of those one after the other. Employers and watches are
    not part of it: they change by themselves.
    """
    told = {
        "selection": selection.digested(),
        "reason": reason.model_dump(),
        "reissue": reissue,
        "badges": badges.hex(),
    }
    return sha256(jcs(told)).hexdigest()


def step(state: State, command: Command) -> State | None:
    """Return the state after a command; None where it has been done before.

    Raises Conflict (`revocation_ended`) for one that is done or cancelled.
    """
    if state == _GOAL[command]:
        return None
    if (state, command) not in _STEPS:
        raise Conflict("revocation_ended", f"This revocation is {state}; there is nothing to {command}.", state=state)
    return _STEPS[state, command]


@dataclass(frozen=True, slots=True)
class Pace:
    """Badges a second, and how long it will take; None while that is not known."""

    rate: float | None
    seconds_left: int | None


def pace(row: Row, now: datetime) -> Pace:
    """Return the pace of a revocation since it was begun or last resumed."""
    done = row["revoked"] + row["already_revoked"]
    seconds = (now - row["resumed_at"]).total_seconds()
    if row["state"] != "running" or done <= row["resumed_with"] or seconds <= 0:
        return Pace(None, None)
    rate = (done - row["resumed_with"]) / seconds
    return Pace(round(rate, 1), round((row["badges"] - done) / rate))
