"""Every event and state record: the only contract between the services.

An *event* says what happened, once, on `<service>.events.v1`. A *state record* says how one aggregate stands now,
on the compacted `<service>.state.v1`. Optional members may be added; anything else is a new type. Personal data
travels on issuer.events.v1 alone.
"""

from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

ISSUER_EVENTS = "issuer.events.v1"
ISSUER_STATE = "issuer.state.v1"
REGISTRY_EVENTS = "registry.events.v1"
REGISTRY_STATE = "registry.state.v1"
VERIFIER_EVENTS = "verifier.events.v1"
VERIFIER_STATE = "verifier.state.v1"

EVENT_TOPICS = (ISSUER_EVENTS, REGISTRY_EVENTS, VERIFIER_EVENTS)
STATE_TOPICS = (ISSUER_STATE, REGISTRY_STATE, VERIFIER_STATE)

CredentialStatus = Literal["issued", "suspended", "revoked"]
ChangeType = Literal["issued", "suspended", "reinstated", "revoked"]
ReasonCode = Literal["issued_in_error", "withdrawn", "superseded", "key_compromise", "other"]
Purpose = Literal["revocation", "suspension"]


class Part(BaseModel):
    """A frozen piece of a record; members it does not know are ignored, so that new ones can be added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(Part):
    """One record's content: its type, its topic, and the key of the aggregate that it speaks of."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]

    @property
    def key(self) -> str:
        """The aggregate's key: it decides the partition, and so the order."""
        raise TypeError(f"{type(self).__name__} names no aggregate")


class Actor(Part):
    """Who made a change: an API key's id (or `operator`), and the role in which it acted."""

    role: Literal["institution", "employer", "operator", "system"]
    key_id: str


class Reason(Part):
    """Why a change was made: a code from a short list, and a note in the institution's words."""

    code: ReasonCode
    note: str | None = None


class StatusPosition(Part):
    """Where a credential's status bit stands: list, index and purpose."""

    list_id: UUID
    index: int = Field(ge=0)
    purpose: Purpose


# --- issuer.events.v1: what happened to a credential ------------------------------------------------------------


class Issuance(Message):
    """What is told of every credential that was signed and stored. Carries personal data: document, token, link."""

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
    """A credential's status changed: `status` is what holds from this version on."""

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

    @property
    def key(self) -> str:
        return str(self.credential_id)


# --- issuer.state.v1: how things stand, without personal data ---------------------------------------------------


class InstitutionState(Message):
    """An institution and how it stands with this registry."""

    TYPE = "laurel.institution.state.v1"
    TOPIC = ISSUER_STATE

    institution_id: UUID
    version: int
    slug: str
    name: str
    url: str | None = None
    did: str
    standing: Literal["registered", "withdrawn"] = "registered"
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
    """One published version of an achievement, its image included (PNG, base64)."""

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
    """One version of a credential, and the trace in which it was made."""

    version: int
    type: ChangeType
    time: datetime
    event_id: UUID
    traceparent: str | None = None


class CredentialState(Message):
    """A credential's whole present status, for whoever must answer for it without having seen its events."""

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

    @property
    def key(self) -> str:
        return str(self.credential_id)


# --- registry.events.v1 -----------------------------------------------------------------------------------------


class CredentialRecorded(Message):
    """The registry has recorded one version of a credential: from here on its links lead somewhere."""

    TYPE = "laurel.credential.recorded.v1"
    TOPIC = REGISTRY_EVENTS

    credential_id: UUID
    version: int
    institution_id: UUID
    change: ChangeType
    recorded_event_id: UUID
    recorded_at: datetime

    @property
    def key(self) -> str:
        return str(self.credential_id)


# --- verifier.events.v1 and verifier.state.v1 -------------------------------------------------------------------


class VerificationCompleted(Message):
    """A verification was answered. Carries no content of the credential; `credential_id` only where it is ours."""

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

    @property
    def key(self) -> str:
        return str(self.verification_id)


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


# How an aggregate stands at a version. Of an API key either kind; heartbeats are no aggregate's.
State = (
    InstitutionState
    | SigningKeyState
    | InstitutionApiKeyState
    | AchievementState
    | StatusListState
    | CredentialState
    | EmployerState
    | EmployerApiKeyState
)


# --- on every state topic ---------------------------------------------------------------------------------------


class Heartbeat(Message):
    """All that this service had accepted for one shard by `time` (its database's clock) is on the log."""

    TYPE = "laurel.heartbeat.v1"
    TOPIC = ""  # the state topic of the service whose relay beats

    shard: int = Field(ge=0, lt=16)
    time: datetime

    @property
    def key(self) -> str:
        return f"heartbeat/{self.shard}"


MESSAGES: tuple[type[Message], ...] = (
    CredentialIssued,
    GenericCredentialIssued,
    CredentialStatusChanged,
    InstitutionState,
    SigningKeyState,
    InstitutionApiKeyState,
    AchievementState,
    StatusListState,
    CredentialState,
    CredentialRecorded,
    VerificationCompleted,
    EmployerState,
    EmployerApiKeyState,
    Heartbeat,
)
BY_TYPE: dict[str, type[Message]] = {message.TYPE: message for message in MESSAGES}
