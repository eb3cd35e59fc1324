"""Which versions of a badge are new, and which status list was in force when."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid5

from shared.errors import Malformed, NotFound
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import (
    Actor,
    ChangeType,
    CredentialStatus,
    CredentialStatusChanged,
    Issuance,
    Reason,
)

# Long enough to settle a dispute over a badge that was checked in the last academic year.
LISTS_KEPT = timedelta(days=400)
# Clocks of those who ask may differ from ours by this much.
CLOCK_TOLERANCE = timedelta(seconds=30)
# Bitstring Status List 1.0 section 3.2 has this one error for a list that can't be had as of a time.
RETRIEVAL_ERROR = "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR"
# Trace Context section 3.2: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


class VersionMissing(Exception):
    """An earlier version of this credential is not recorded yet."""


@dataclass(frozen=True, slots=True)
class Change:
    """One version of a credential, as the issuer accepted it; `issue` is its event where it is the first."""

    event_id: UUID
    time: datetime
    traceparent: str | None
    credential_id: UUID
    institution_id: UUID
    version: int
    type: ChangeType
    status: CredentialStatus
    actor: Actor
    reason: Reason | None
    document_digest: str
    salt: str
    issue: Issuance | None = None
    replaced_by: UUID | None = None


def change_of(delivery: Delivery) -> Change | None:
    """Read an event of the issuer; None where it does not change a credential."""
    match delivery.message:
        case Issuance() as issue:
            return _change(delivery, issue, "issued", "issued", None, issue)
        case CredentialStatusChanged() as changed:
            return _change(delivery, changed, changed.change, changed.status, changed.reason, None)
        case _:
            return None


def news(recorded: Mapping[UUID, int], changes: Sequence[Change]) -> list[Change]:
    """Return those of `changes` that follow on what is recorded (version by credential), in their order.

    What is recorded already falls away. Raises VersionMissing where a version before one of them has not come.
    """
    versions = dict(recorded)
    new = []
    for change in changes:
        known = versions.get(change.credential_id, 0)
        if change.version > known + 1:
            raise VersionMissing(f"version {change.version} came, version {known + 1} has not")
        if change.version == known + 1:
            versions[change.credential_id] = change.version
            new.append(change)
    return new


def recorded_event_id(event_id: UUID) -> UUID:
    """Return the id of the event that answers the issuer's event `event_id`.

    It follows from that id, so that a registry which lost everything and is fed again tells nobody twice.
    """
    return uuid5(event_id, "recorded")


def owner_token_hash(token: str) -> bytes:
    """Return what is stored of an owner link's token: SHA-256 of its 32 random bytes' text."""
    return sha256(token.encode()).digest()


def trace_id(traceparent: str | None) -> str | None:
    """Return the trace id (32 hex digits) in a traceparent; None where there is none."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    return found[1] if found else None


def check_as_of(as_of: datetime, now: datetime) -> None:
    """Refuse to tell a list as of a time that is not over (Malformed) or too long ago (NotFound)."""
    if as_of > now + CLOCK_TOLERANCE:
        raise Malformed("timestamp_in_future", "A status list is known up to now.", type=RETRIEVAL_ERROR)
    if as_of < now - LISTS_KEPT:
        raise NotFound(
            "status_list_not_kept", f"Status lists are kept for {LISTS_KEPT.days} days.", type=RETRIEVAL_ERROR
        )


def _change(
    delivery: Delivery,
    event: Issuance | CredentialStatusChanged,
    kind: ChangeType,
    status: CredentialStatus,
    reason: Reason | None,
    issue: Issuance | None,
) -> Change:
    return Change(
        event_id=delivery.id,
        time=delivery.time,
        traceparent=delivery.traceparent,
        credential_id=event.credential_id,
        institution_id=event.institution_id,
        version=event.version,
        type=kind,
        status=status,
        actor=event.actor,
        reason=reason,
        document_digest=event.document_digest,
        salt=event.salt,
        issue=issue,
        replaced_by=None if isinstance(event, Issuance) else event.replaced_by,
    )
