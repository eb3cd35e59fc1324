"""What goes into the transparency log of an event: the facts, and the commitment to them that becomes the leaf."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from services.registry.domain.rules import Change
from shared.credentials import base64url
from shared.credentials.errors import CredentialError
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import (
    AchievementPublished,
    InstitutionStandingChanged,
    RecordedChange,
    SigningKeyChanged,
    VerificationCompleted,
)
from shared.transparency.commitments import (
    achievement_facts,
    commitment,
    credential_facts,
    institution_facts,
    signing_key_facts,
)

COMMITMENT_BYTES = 32
_SALT_CHARACTERS = 43
_STATUS = {"issued": "issued", "reinstated": "issued", "suspended": "suspended", "revoked": "revoked"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry that is to be logged, of which event; `backfilled`: it happened before there was a log."""

    event_id: UUID
    entry: bytes
    backfilled: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a commitment: facts without personal data, and the salt, which its owners alone are told."""

    facts: Mapping[str, Any]
    salt: str


@dataclass(frozen=True, slots=True)
class Told:
    """A change that is not a credential's: whose, when, what opens it, and the leaf that it becomes."""

    institution_id: UUID
    time: datetime
    opening: Opening
    leaf: Leaf


def leaf_of_change(change: Change) -> Leaf:
    """Return the leaf of a version of a credential."""
    opening = Opening(
        credential_facts(
            event_id=change.event_id,
            type=change.type,
            credential_id=change.credential_id,
            version=change.version,
            accepted_at=change.time,
            actor_role=change.actor.role,
            actor_key=change.actor.key_id,
            reason_code=change.reason.code if change.reason else None,
            document_digest=change.document_digest,
            status=change.status,
        ),
        change.salt,
    )
    return Leaf(change.event_id, committed(opening))


def leaf_of_row(row: Mapping[str, Any]) -> Leaf:
    """Return the leaf of a version that was recorded before there was a log, from its row (`opening_of`)."""
    return Leaf(row["event_id"], committed(opening_of(row)), backfilled=True)


def opening_of(row: Mapping[str, Any]) -> Opening:
    """Return what opens the leaf of a recorded version: a row of history with the document's digest and the salt."""
    facts = credential_facts(
        event_id=row["event_id"],
        type=row["type"],
        credential_id=row["credential_id"],
        version=row["version"],
        accepted_at=row["time"],
        actor_role=row["actor_role"],
        actor_key=row["actor_key"],
        reason_code=row["reason_code"],
        document_digest=row["document_digest"],
        status=_STATUS[row["type"]],
    )
    return Opening(facts, row["salt"])


def told_in(delivery: Delivery) -> Told | None:
    """Read an event that changes something else than a credential; None: it is none."""
    message = delivery.message
    if not isinstance(message, RecordedChange):
        return None
    opening = Opening(_facts(delivery, message), message.salt)
    leaf = Leaf(delivery.id, committed(opening), message.backfilled)
    return Told(message.institution_id, delivery.time, opening, leaf)


def leaf_of_verification(event_id: UUID, verification: VerificationCompleted) -> Leaf | None:
    """Return the leaf of a verification, whose commitment the verifier has made; None where it is not to be logged.

    Raises ValueError where the commitment is none.
    """
    if verification.commitment is None:
        return None
    entry = bytes.fromhex(verification.commitment)
    if len(entry) != COMMITMENT_BYTES:
        raise ValueError("a commitment is 32 bytes")
    return Leaf(event_id, entry)


def committed(opening: Opening) -> bytes:
    """Return the entry that `opening` opens; raises ValueError where it can't open any."""
    try:
        return commitment(base64url.decode(opening.salt, _SALT_CHARACTERS), opening.facts)
    except CredentialError as error:
        raise ValueError("a salt is base64url without padding") from error


def _facts(delivery: Delivery, message: RecordedChange) -> dict[str, Any]:
    common: dict[str, Any] = {
        "event_id": delivery.id,
        "institution_id": message.institution_id,
        "accepted_at": delivery.time,
        "actor_role": message.actor.role,
        "actor_key": message.actor.key_id,
    }
    match message:
        case SigningKeyChanged():
            return signing_key_facts(
                **common,
                type=message.change,
                key_id=message.key_id,
                version=message.version,
                verification_method=message.verification_method,
                public_key_multibase=message.public_key_multibase,
            )
        case InstitutionStandingChanged():
            return institution_facts(
                **common,
                version=message.version,
                did=message.did,
                standing=message.standing,
                name_digest=sha256(message.name.encode()).hexdigest(),
            )
        case AchievementPublished():
            return achievement_facts(
                **common,
                achievement_id=message.achievement_id,
                number=message.number,
                achievement_digest=message.achievement_digest,
            )
        case _:
            raise TypeError(f"{type(message).__name__} has no facts")
