"""What is told on issuer.events.v1: what happened, once; the one topic with personal data on it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from shared.messaging.events.parts import ISSUER_EVENTS, Actor, CredentialStatus, Message, Reason, StatusPosition


class Issuance(Message):
    """What is told of every credential that was signed and stored. Carries personal data: document, token, link.

    `replaces`: the credential in whose place it is, which is revoked at the same time. `renews`: the one that it
    continues, which runs out by itself.
    """

    credential_id: UUID
    version: Literal[1] = 1
    institution_id: UUID
    credential: dict[str, Any]
    token: str | None = None  # the credential as a compact JWS, where that was asked for
    document_digest: str
    status: tuple[StatusPosition, ...]
    owner_token: str
    salt: str
    actor: Actor
    replaces: UUID | None = None
    renews: UUID | None = None

    @property
    def key(self) -> str:
        return str(self.credential_id)


class CredentialIssued(Issuance):
    """A badge was signed and stored. Carries personal data: document, token, address, link, salt."""

    TYPE = "laurel.credential.issued.v1"
    TOPIC = ISSUER_EVENTS

    achievement_id: UUID
    achievement_version: int
    email: str | None = None


class GenericCredentialIssued(Issuance):
    """A credential that the institution wrote itself was signed and stored. Carries personal data as well.

    `client_id` is the institution's own name for it, where it gave one.
    """

    TYPE = "laurel.generic-credential.issued.v1"
    TOPIC = ISSUER_EVENTS

    client_id: str | None = None


class CredentialStatusChanged(Message):
    """A credential's status changed: `status` is what holds from this version on.

    `replaced_by`: it was revoked because that one takes its place.
    """

    TYPE = "laurel.credential.status-changed.v1"
    TOPIC = ISSUER_EVENTS

    credential_id: UUID
    version: int = Field(ge=2)
    institution_id: UUID
    change: Literal["suspended", "reinstated", "revoked"]
    status: CredentialStatus
    reason: Reason | None = None
    document_digest: str
    salt: str
    actor: Actor
    replaced_by: UUID | None = None

    @property
    def key(self) -> str:
        return str(self.credential_id)


class CredentialExpiring(Message):
    """A credential runs out in so many `days`, and nothing has come in its place: time to say so, once.

    It changes nothing: `version` is the credential's as it stood (older records have none), and the registry
    passes it over. `renewal_url` is where its institution wants to be asked.
    """

    TYPE = "laurel.credential.expiring.v1"
    TOPIC = ISSUER_EVENTS

    credential_id: UUID
    institution_id: UUID
    version: int | None = Field(None, ge=1)
    days: int = Field(ge=1)
    valid_until: datetime
    renewable_until: datetime | None = None
    renewal_url: str | None = None

    @property
    def key(self) -> str:
        return str(self.credential_id)


class RecordedChange(Message):
    """What the transparency log is told beside credentials, without personal data but for the salt's secrecy.

    `salt` opens the log's commitment (32 bytes, base64url without padding). `backfilled`: it happened before there was
    such an event, and is told afterwards.
    """

    institution_id: UUID
    version: int
    salt: str
    actor: Actor
    backfilled: bool = False


class InstitutionStandingChanged(RecordedChange):
    """An institution was registered or withdrawn, or goes by another DID."""

    TYPE = "laurel.institution.standing-changed.v1"
    TOPIC = ISSUER_EVENTS

    name: str
    did: str
    standing: Literal["registered", "withdrawn"]

    @property
    def key(self) -> str:
        return str(self.institution_id)


class SigningKeyChanged(RecordedChange):
    """A signing key was added or retired."""

    TYPE = "laurel.signing-key.changed.v1"
    TOPIC = ISSUER_EVENTS

    key_id: UUID
    change: Literal["added", "retired"]
    verification_method: str
    public_key_multibase: str

    @property
    def key(self) -> str:
        return str(self.key_id)


class AchievementPublished(RecordedChange):
    """A version of an achievement was published; the digest is of its RFC 8785 form (SHA-256, hexadecimal)."""

    TYPE = "laurel.achievement.published.v1"
    TOPIC = ISSUER_EVENTS

    achievement_id: UUID
    number: int
    achievement_digest: str

    @property
    def key(self) -> str:
        return f"{self.achievement_id}/{self.number}"
