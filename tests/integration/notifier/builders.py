"""What reaches the notifier, with every member filled in; a test names only what it is about."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.credentials.badge import Recipient
from shared.ids import new_id
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import (
    Actor,
    CredentialIssued,
    CredentialRecorded,
    CredentialStatusChanged,
    InstitutionState,
    Reason,
)
from tests.support.badges import a_signed_badge, an_achievement
from tests.support.records import delivery

# Strings that no webhook, log or answer may hold.
EMAIL, OWNER_TOKEN, NOTE = "planted-5c1e@learner.example", "planted-owner-token-5c1e", "planted note 5c1e"
PERSONAL = (EMAIL, OWNER_TOKEN, NOTE)


class Badge:
    """One badge of one institution, and the records that tell of it."""

    def __init__(
        self,
        institution_id: UUID | None = None,
        email: str | None = EMAIL,
        learner: str | None = "Ada Lovelace",
        token: str = OWNER_TOKEN,
        **achievement: Any,
    ) -> None:
        self.id = new_id()
        self.institution_id = institution_id or new_id()
        self.email = email
        self.token = token
        recipient = Recipient(email="ada@learner.example", name=learner, salt="c2FsdA")
        self.document = a_signed_badge(achievement=an_achievement(**achievement), recipient=recipient)
        self.issued_id, self.revoked_id = new_id(), new_id()

    def issued(self, time: datetime | None = None, traceparent: str | None = None) -> Delivery:
        """The issuer's word that it was issued."""
        message = CredentialIssued(
            credential_id=self.id,
            institution_id=self.institution_id,
            achievement_id=new_id(),
            achievement_version=1,
            credential=self.document,
            document_digest="digest",
            status=(),
            email=self.email,
            owner_token=self.token,
            salt="salt",
            actor=Actor(role="institution", key_id="key"),
        )
        return delivery(message, self.issued_id, time, traceparent)

    def revoked(self, time: datetime | None = None, note: str | None = NOTE) -> Delivery:
        """The issuer's word that it was revoked."""
        return delivery(self._changed("revoked", "revoked", note), self.revoked_id, time)

    def suspended(self) -> Delivery:
        """The issuer's word that it was suspended."""
        return delivery(self._changed("suspended", "suspended", "asks a question"))

    def recorded(self, traceparent: str | None = None) -> Delivery:
        """The registry's word on its issue."""
        return self._recorded(1, "issued", self.issued_id, traceparent)

    def recorded_revocation(self) -> Delivery:
        """The registry's word on its revocation."""
        return self._recorded(2, "revoked", self.revoked_id, None)

    def _changed(self, change: str, status: str, note: str | None) -> CredentialStatusChanged:
        return CredentialStatusChanged.model_validate(
            {
                "credential_id": self.id,
                "version": 2,
                "institution_id": self.institution_id,
                "change": change,
                "status": status,
                "reason": Reason(code="withdrawn", note=note),
                "document_digest": "digest",
                "salt": "salt",
                "actor": Actor(role="institution", key_id="key"),
            }
        )

    def _recorded(self, version: int, change: Any, event_id: UUID, traceparent: str | None) -> Delivery:
        message = CredentialRecorded(
            credential_id=self.id,
            version=version,
            institution_id=self.institution_id,
            change=change,
            recorded_event_id=event_id,
            recorded_at=datetime.now(UTC),
        )
        return delivery(message, traceparent=traceparent)


def institution(
    institution_id: UUID, name: str = "North Academy", version: int = 1, url: str | None = "https://north.example"
) -> InstitutionState:
    """An institution's state."""
    return InstitutionState(institution_id=institution_id, version=version, slug="north", name=name, url=url, did="did")
