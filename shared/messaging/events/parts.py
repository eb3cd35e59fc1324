"""What every record is made of: the topics, the base of all messages, and the parts that several of them have."""

from datetime import datetime
from typing import ClassVar, Literal
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


class Heartbeat(Message):
    """All that this service had accepted for one shard by `time` (its database's clock) is on the log."""

    TYPE = "laurel.heartbeat.v1"
    TOPIC = ""  # the state topic of the service whose relay beats

    shard: int = Field(ge=0, lt=16)
    time: datetime

    @property
    def key(self) -> str:
        return f"heartbeat/{self.shard}"
