"""Every event and state record: the only contract between the services.

An *event* says what happened, once, on `<service>.events.v1`. A *state record* says how one aggregate stands now,
on the compacted `<service>.state.v1`. Optional members may be added; anything else is a new type. Personal data
travels on issuer.events.v1 alone.
"""

from shared.messaging.events.issuer_events import (
    AchievementPublished,
    CredentialExpiring,
    CredentialIssued,
    CredentialStatusChanged,
    GenericCredentialIssued,
    InstitutionStandingChanged,
    Issuance,
    RecordedChange,
    SigningKeyChanged,
)
from shared.messaging.events.issuer_state import (
    AchievementState,
    ApiKeyContent,
    CredentialState,
    HistoryEntry,
    InstitutionApiKeyState,
    InstitutionState,
    SigningKeyState,
    StandingEntry,
    StatusListState,
)
from shared.messaging.events.parts import (
    EVENT_TOPICS,
    ISSUER_EVENTS,
    ISSUER_STATE,
    REGISTRY_EVENTS,
    REGISTRY_STATE,
    STATE_TOPICS,
    VERIFIER_EVENTS,
    VERIFIER_STATE,
    Actor,
    ChangeType,
    CredentialStatus,
    Heartbeat,
    Message,
    Part,
    Purpose,
    Reason,
    ReasonCode,
    StatusPosition,
)
from shared.messaging.events.registry import (
    CheckpointState,
    CredentialRecorded,
    EventLogged,
    EventsLogged,
    LogPositionsState,
    LogPositionState,
)
from shared.messaging.events.verifier import EmployerApiKeyState, EmployerState, VerificationCompleted, WatchTriggered

__all__ = [
    "BY_TYPE",
    "EVENT_TOPICS",
    "ISSUER_EVENTS",
    "ISSUER_STATE",
    "MESSAGES",
    "REGISTRY_EVENTS",
    "REGISTRY_STATE",
    "STATE_TOPICS",
    "VERIFIER_EVENTS",
    "VERIFIER_STATE",
    "AchievementPublished",
    "AchievementState",
    "Actor",
    "ApiKeyContent",
    "ChangeType",
    "CheckpointState",
    "CredentialExpiring",
    "CredentialIssued",
    "CredentialRecorded",
    "CredentialState",
    "CredentialStatus",
    "CredentialStatusChanged",
    "EmployerApiKeyState",
    "EmployerState",
    "EventLogged",
    "EventsLogged",
    "GenericCredentialIssued",
    "Heartbeat",
    "HistoryEntry",
    "InstitutionApiKeyState",
    "InstitutionStandingChanged",
    "InstitutionState",
    "Issuance",
    "LogPositionState",
    "LogPositionsState",
    "Message",
    "Part",
    "Purpose",
    "Reason",
    "ReasonCode",
    "RecordedChange",
    "SigningKeyChanged",
    "SigningKeyState",
    "StandingEntry",
    "State",
    "StatusListState",
    "StatusPosition",
    "VerificationCompleted",
    "WatchTriggered",
]

# How an aggregate stands at a version. Of an API key either kind; heartbeats are no aggregate's.
State = (
    InstitutionState
    | SigningKeyState
    | InstitutionApiKeyState
    | AchievementState
    | StatusListState
    | CredentialState
    | LogPositionState
    | LogPositionsState
    | CheckpointState
    | EmployerState
    | EmployerApiKeyState
)

MESSAGES: tuple[type[Message], ...] = (
    CredentialIssued,
    GenericCredentialIssued,
    CredentialStatusChanged,
    CredentialExpiring,
    InstitutionStandingChanged,
    SigningKeyChanged,
    AchievementPublished,
    InstitutionState,
    SigningKeyState,
    InstitutionApiKeyState,
    AchievementState,
    StatusListState,
    CredentialState,
    CredentialRecorded,
    EventLogged,
    EventsLogged,
    LogPositionState,
    LogPositionsState,
    CheckpointState,
    VerificationCompleted,
    WatchTriggered,
    EmployerState,
    EmployerApiKeyState,
    Heartbeat,
)
BY_TYPE: dict[str, type[Message]] = {message.TYPE: message for message in MESSAGES}
