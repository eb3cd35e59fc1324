"""Takes the salts out of the issuer's events, and nothing else: the verifier keeps no personal data.

Which type an event has does not matter, so that no record is held for being of a later release. What can't be read has
no salt for us; the registry, which reads the same events whole, is who tells the operator.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.credentials import base64url
from shared.credentials.errors import CredentialError
from shared.messaging.cloudevents import Delivery, IllFormed, read_headers, source_of
from shared.messaging.events import ISSUER_EVENTS, Message
from shared.messaging.ports import Received

SALT_BYTES = 32
_CHARACTERS = 43


class EventSalt(Message):
    """What is left of an event: no message of the contract."""

    TYPE = "laurel.event-salt"
    TOPIC = ISSUER_EVENTS

    event_id: UUID | None = None
    salt: str | None = None

    @property
    def row(self) -> tuple[UUID, bytes] | None:
        """The event's id and its salt; None where it has none."""
        salt = _bytes_of(self.salt)
        return (self.event_id, salt) if self.event_id and salt else None


def salt_alone(received: Received) -> Received:
    """Return what the verifier may store of a record: its place, the event's id, and the salt."""
    try:
        left: Any = {"event_id": UUID(read_headers(received)["ce_id"]), "salt": _salt_in(received.value)}
    except (IllFormed, KeyError, ValueError):
        left = {}
    return replace(received, key=None, headers=(), value=orjson.dumps(left))


def read_salt(left: Received, now: datetime) -> Delivery:
    """Read what `salt_alone` has left, as a delivery of that moment; of a record without a salt there is one too."""
    message = EventSalt.model_validate(orjson.loads(left.value or b"{}"))
    return Delivery(message.event_id or UUID(int=0), source_of(ISSUER_EVENTS), now, message, None)


def _salt_in(value: bytes | None) -> str | None:
    """Return the salt of a record's content; raises ValueError where that is no JSON."""
    content = orjson.loads(value or b"null")
    salt = content.get("salt") if isinstance(content, dict) else None
    return salt if _bytes_of(salt) else None


def _bytes_of(salt: Any) -> bytes | None:
    """Read a salt, 32 bytes as base64url without padding; None for whatever is none."""
    try:
        raw = base64url.decode(salt, _CHARACTERS)
    except CredentialError:
        return None
    return raw if len(raw) == SALT_BYTES else None
