"""Receipts: which leaves of the transparency log a verification rests on, and what opens them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.verifier.domain.messages import facts as facts_of_verification
from shared.messaging.events import HistoryEntry
from shared.transparency.commitments import Facts, credential_facts

Row = Mapping[str, Any]
About = Literal["issued", "status", "verification"]

_STATUS = {"issued": "issued", "reinstated": "issued", "suspended": "suspended", "revoked": "revoked"}


@dataclass(frozen=True, slots=True)
class Event:
    """An event that a receipt shows to be logged: `facts` are None where they are not all known here.

    `time` is when it happened; None for an answer, and where it is not told.
    """

    about: About
    id: UUID
    facts: Facts | None
    salt: bytes | None = None
    time: datetime | None = None


def events_of(verification: Row, credential: Row | None) -> list[Event]:
    """Return what a verification rests on: the badge's issue, its last change that was known, and the answer itself.

    An answer of before there was a log has no leaf of its own.
    """
    events = of_credential(credential, verification) if credential else []
    if verification["salt"]:
        own = Event("verification", verification["id"], facts_of_verification(verification), verification["salt"])
        events.append(own)
    return events


def of_credential(credential: Row, verification: Row) -> list[Event]:
    """Return a badge's issue, and its last change that an answer rests on."""
    history = [HistoryEntry.model_validate(each) for each in credential["history"]]
    known = [each for each in history[1:] if _was_known(each, verification)]
    return [_event("issued", credential, history[0]), *[_event("status", credential, each) for each in known[-1:]]]


def _was_known(entry: HistoryEntry, verification: Row) -> bool:
    """Tell whether the answer rests on a change: none after the time that was asked about, none that was not known yet.

    What was known the version tells; of answers of before, the time of their status. A change is known here before the
    heartbeat that vouches for its time.
    """
    asked: datetime | None = verification["as_of"]
    if asked is not None and entry.time > asked:
        return False
    if verification["credential_version"] is not None:
        return bool(entry.version <= verification["credential_version"])
    as_of: datetime | None = verification["status_as_of"]
    return as_of is not None and entry.time <= as_of


def _event(about: About, credential: Row, entry: HistoryEntry) -> Event:
    if entry.actor is None:  # a state from before it told of actors: refeed and rebuild bring them
        return Event(about, entry.event_id, None, time=entry.time)
    facts = credential_facts(
        event_id=entry.event_id,
        type=entry.type,
        credential_id=credential["id"],
        version=entry.version,
        accepted_at=entry.time,
        actor_role=entry.actor.role,
        actor_key=entry.actor.key_id,
        reason_code=entry.reason_code,
        document_digest=credential["document_digest"],
        status=_STATUS[entry.type],
    )
    return Event(about, entry.event_id, facts, time=entry.time)


def pending(events: Sequence[Event], places: Mapping[UUID, tuple[str, int]], origin: str, size: int) -> bool:
    """Tell whether one of the events is not yet under a checkpoint of `size` leaves of the log `origin`.

    One that stands in another log will never be.
    """
    placed = [places.get(each.id) for each in events]
    return any(place is None or (place[0] == origin and place[1] >= size) for place in placed)
