"""What reaches the notifier, with every member filled in; a test names only what it is about."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.ids import new_id, partition_of
from shared.messaging.cloudevents import Delivery, encode, source_of
from shared.messaging.events import (
    Actor,
    ApiKeyContent,
    CredentialIssued,
    CredentialRecorded,
    CredentialStatusChanged,
    EmployerApiKeyState,
    InstitutionApiKeyState,
    InstitutionState,
    Message,
    Reason,
)
from shared.messaging.ports import Partition, Record
from shared.web.auth import new_key
from tests.support.badges import a_signed_badge, an_achievement

# Strings that no webhook, log or answer may hold.
EMAIL, OWNER_TOKEN, NOTE = "planted-5c1e@learner.example", "planted-owner-token-5c1e", "planted note 5c1e"
PERSONAL = (EMAIL, OWNER_TOKEN, NOTE)


class Badge:
    """One badge of one institution, and the records that tell of it."""

    def __init__(self, institution_id: UUID | None = None, email: str | None = EMAIL, **achievement: Any) -> None:
        self.id = new_id()
        self.institution_id = institution_id or new_id()
        self.email = email
        self.document = a_signed_badge(achievement=an_achievement(**achievement))
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
            owner_token=OWNER_TOKEN,
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


def delivery(
    message: Message, event_id: UUID | None = None, time: datetime | None = None, traceparent: str | None = None
) -> Delivery:
    """`message` as a consumer hands it to its handler."""
    return Delivery(event_id or new_id(), source_of(message.TOPIC), time or datetime.now(UTC), message, traceparent)


def record(delivery: Delivery) -> Record:
    """`delivery` as the log holds it."""
    message = delivery.message
    headers = encode(message, event_id=delivery.id, source=delivery.source, time=delivery.time, trace={})
    return Record(
        Partition(message.TOPIC, partition_of(message.key)),
        message.key.encode(),
        tuple((name, value.encode()) for name, value in headers.items()),
        message.model_dump_json().encode(),
    )


def an_api_key(tenant: UUID, kind: str, scopes: tuple[str, ...]) -> tuple[dict[str, str], ApiKeyContent]:
    """A new API key: the header that carries it, and what its service tells others of it."""
    key = new_key(new_id())
    content: dict[str, Any] = {
        "key_id": key.id, "version": 1, "tenant_kind": kind, "tenant_id": tenant, "secret_hash": key.hash.hex(),
        "scopes": scopes, "created_at": datetime.now(UTC),
    }  # fmt: skip
    state = InstitutionApiKeyState if kind == "institution" else EmployerApiKeyState
    return {"Authorization": f"Bearer {key.text}"}, state(**content)


def institution(institution_id: UUID, name: str = "North Academy", version: int = 1) -> InstitutionState:
    """An institution's state."""
    return InstitutionState(
        institution_id=institution_id, version=version, slug="north", name=name, url="https://north.example", did="did"
    )
