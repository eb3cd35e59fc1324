"""What reaches the notifier, with every member filled in; a test names only what it is about."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.credentials.badge import Recipient
from shared.ids import new_id
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import (
    Actor,
    CredentialExpiring,
    CredentialIssued,
    CredentialRecorded,
    CredentialStatusChanged,
    InstitutionState,
    Reason,
    WatchTriggered,
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

    def issued(self, time: datetime | None = None, traceparent: str | None = None, **members: Any) -> Delivery:
        """The issuer's word that it was issued; `members` are further ones of the event."""
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
            **members,
        )
        return delivery(message, self.issued_id, time, traceparent)

    def revoked(self, time: datetime | None = None, note: str | None = NOTE, **members: Any) -> Delivery:
        """The issuer's word that it was revoked."""
        return delivery(self._changed("revoked", "revoked", note, **members), self.revoked_id, time)

    def suspended(self, note: str | None = "asks a question") -> tuple[Delivery, Delivery]:
        """The words of issuer and registry that it was suspended."""
        return self._both("suspended", "suspended", note)

    def reinstated(self) -> tuple[Delivery, Delivery]:
        """The words of issuer and registry that it was reinstated."""
        return self._both("reinstated", "issued", None)

    def replaced_by(self, other: "Badge") -> list[Delivery]:
        """All that is told when `other` takes its place."""
        revoked = self.revoked(note=None, replaced_by=other.id)
        issued = other.issued(replaces=self.id)
        return [issued, revoked, other.recorded(), self.recorded_revocation()]

    def expiring(self, **members: Any) -> Delivery:
        """The issuer's word that it runs out in 30 days."""
        until = datetime(2027, 3, 1, tzinfo=UTC)
        return delivery(
            CredentialExpiring(
                credential_id=self.id,
                institution_id=self.institution_id,
                version=1,
                days=30,
                valid_until=until,
                **members,
            )
        )

    def watched(self, employer_id: UUID, *channels: Any) -> Delivery:
        """The verifier's word that a watch of an employer's has seen it change."""
        return delivery(
            WatchTriggered(
                watch_id=new_id(),
                number=1,
                employer_id=employer_id,
                credential_id=self.id,
                change="revoked",
                verdict="invalid",
                reason="revoked",
                standing="registered",
                changed_at=datetime.now(UTC),
                channels=channels,
            )
        )

    def recorded(self, traceparent: str | None = None) -> Delivery:
        """The registry's word on its issue."""
        return self._recorded(1, "issued", self.issued_id, traceparent)

    def recorded_revocation(self) -> Delivery:
        """The registry's word on its revocation."""
        return self._recorded(2, "revoked", self.revoked_id, None)

    def _both(self, change: str, status: str, note: str | None) -> tuple[Delivery, Delivery]:
        event_id = new_id()
        told = delivery(self._changed(change, status, note), event_id)
        return told, self._recorded(2, change, event_id, None)

    def _changed(self, change: str, status: str, note: str | None, **members: Any) -> CredentialStatusChanged:
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
                **members,
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
