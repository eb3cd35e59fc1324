"""What is told on issuer.state.v1: how things stand, without personal data."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.messaging.events.parts import (
    ISSUER_STATE,
    Actor,
    ChangeType,
    CredentialStatus,
    Message,
    Part,
    Purpose,
    ReasonCode,
    StatusPosition,
)


class StandingEntry(Part):
    """One version of an institution, and how it stood from then on."""

    version: int
    standing: Literal["registered", "withdrawn"]
    time: datetime


class InstitutionState(Message):
    """An institution and how it stands with this registry; `standings` is its history as far as that was recorded."""

    TYPE = "laurel.institution.state.v1"
    TOPIC = ISSUER_STATE

    institution_id: UUID
    version: int
    slug: str
    name: str
    url: str | None = None
    did: str
    former_dids: tuple[str, ...] = ()  # what was signed in their name is the institution's
    standing: Literal["registered", "withdrawn"] = "registered"
    standings: tuple[StandingEntry, ...] = ()
    sandbox: bool = False  # made for trying out: no figure of freshness counts it

    @property
    def key(self) -> str:
        return str(self.institution_id)


class SigningKeyState(Message):
    """An institution's public key: from when to when what it signs counts."""

    TYPE = "laurel.signing-key.state.v1"
    TOPIC = ISSUER_STATE

    key_id: UUID
    version: int
    institution_id: UUID
    did: str
    verification_method: str
    public_key_multibase: str
    created_at: datetime
    retired_at: datetime | None = None

    @property
    def key(self) -> str:
        return str(self.key_id)


class ApiKeyContent(Message):
    """An API key's hash and rights; the key itself is known to its holder alone."""

    key_id: UUID
    version: int
    tenant_kind: Literal["institution", "employer"]
    tenant_id: UUID
    secret_hash: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def key(self) -> str:
        return str(self.key_id)


class InstitutionApiKeyState(ApiKeyContent):
    """An institution's API key."""

    TYPE = "laurel.institution-api-key.state.v1"
    TOPIC = ISSUER_STATE


class AchievementState(Message):
    """One published version of an achievement, its image included (PNG or SVG, base64)."""

    TYPE = "laurel.achievement.state.v1"
    TOPIC = ISSUER_STATE

    achievement_id: UUID
    number: int
    version: int
    institution_id: UUID
    achievement: dict[str, Any]
    image: str | None = None

    @property
    def key(self) -> str:
        return f"{self.achievement_id}/{self.number}"


class StatusListState(Message):
    """A signed status list; `version` is (epoch << 40) + n, so that lists signed after a restore come later."""

    TYPE = "laurel.status-list.state.v1"
    TOPIC = ISSUER_STATE

    list_id: UUID
    version: int
    institution_id: UUID
    purpose: Purpose
    credential: dict[str, Any]
    token: str | None = None  # the list as a vc+jwt; lists of before there were such have none
    signed_at: datetime
    valid_until: datetime
    ttl_ms: int

    @property
    def key(self) -> str:
        return str(self.list_id)


class HistoryEntry(Part):
    """One version of a credential, and the trace in which it was made.

    Actor and reason are what the log's commitment holds beside; entries of before have none.
    """

    version: int
    type: ChangeType
    time: datetime
    event_id: UUID
    traceparent: str | None = None
    actor: Actor | None = None
    reason_code: ReasonCode | None = None


class CredentialState(Message):
    """A credential's whole present status, for whoever must answer for it without having seen its events.

    Until when it is valid, by which keys its document was signed (of the first proof, of the others), and what took its
    place or it takes: absent in states of before those were told.
    """

    TYPE = "laurel.credential.state.v1"
    TOPIC = ISSUER_STATE

    credential_id: UUID
    version: int
    institution_id: UUID
    status: CredentialStatus
    positions: tuple[StatusPosition, ...]
    document_digest: str
    token_digest: str | None = None  # SHA-256 of the compact token (hexadecimal), where there is one
    history: tuple[HistoryEntry, ...]
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    signing_key_id: UUID | None = None
    other_proof_key_ids: tuple[UUID, ...] | None = None
    replaces: UUID | None = None
    renews: UUID | None = None
    replaced_by: UUID | None = None

    @property
    def key(self) -> str:
        return str(self.credential_id)
