"""What the verifier tells: what was answered, and to whom it has given accounts."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.messaging.events.issuer_state import ApiKeyContent
from shared.messaging.events.parts import VERIFIER_EVENTS, VERIFIER_STATE, Message


class VerificationCompleted(Message):
    """A verification was answered. Carries no content of the credential; `credential_id` only where it is ours.

    `as_of` is the time that was asked about; None: as of `verified_at`. `commitment` (32 bytes, hexadecimal) is what
    goes into the log; None: this one does not.
    """

    TYPE = "laurel.verification.completed.v1"
    TOPIC = VERIFIER_EVENTS

    verification_id: UUID
    version: Literal[1] = 1
    verdict: Literal["valid", "invalid", "unknown"]
    reason: str | None = None
    standing: Literal["registered", "domain_verified", "unknown"]
    credential_id: UUID | None = None
    employer_id: UUID | None = None
    verified_at: datetime
    as_of: datetime | None = None
    commitment: str | None = None

    @property
    def key(self) -> str:
        return str(self.verification_id)


class WatchTriggered(Message):
    """The answer that a fresh verification of a watched credential would give has changed, for one employer's watch.

    `number` counts the changes of this watch, from 1: one is told once. `change` is what happened; verdict, reason and
    standing are those of the new answer. `channels` are those by which the employer wants to hear of it. Of the
    credential's content, and of whoever may be written to, it carries nothing.
    """

    TYPE = "laurel.watch.triggered.v1"
    TOPIC = VERIFIER_EVENTS

    watch_id: UUID
    number: int = Field(ge=1)
    employer_id: UUID
    credential_id: UUID
    change: Literal[
        "revoked", "replaced", "suspended", "reinstated", "expired", "key_withdrawn", "standing_changed", "other"
    ]
    verdict: Literal["valid", "invalid", "unknown"]
    reason: str | None = None
    standing: Literal["registered", "domain_verified", "unknown"]
    changed_at: datetime
    channels: tuple[Literal["webhook", "mail"], ...] = ()

    @property
    def key(self) -> str:
        return str(self.watch_id)


class EmployerState(Message):
    """An employer with an account here."""

    TYPE = "laurel.employer.state.v1"
    TOPIC = VERIFIER_STATE

    employer_id: UUID
    version: int
    name: str
    url: str | None = None
    sandbox: bool = False

    @property
    def key(self) -> str:
        return str(self.employer_id)


class EmployerApiKeyState(ApiKeyContent):
    """An employer's API key."""

    TYPE = "laurel.employer-api-key.state.v1"
    TOPIC = VERIFIER_STATE
