"""What the registry tells: that it has recorded and logged what happened, and where."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from shared.messaging.events.parts import REGISTRY_EVENTS, REGISTRY_STATE, ChangeType, Message


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


class LogPlace(Message):
    """Where an event stands in the transparency log: in the log of this origin, at this index.

    `version` is the number of that log: the second follows on the first where that could not go on.
    """

    event_id: UUID
    version: int = Field(1, ge=1)
    origin: str
    log_index: int = Field(ge=0)

    @property
    def key(self) -> str:
        return str(self.event_id)


class LogPlaces(Message):
    """Where events that came into the transparency log together stand: from the index `first` on, in this order.

    `version` is the number of the log of this origin, as of `LogPlace`.
    """

    version: int = Field(1, ge=1)
    origin: str
    first: int = Field(ge=0)
    event_ids: tuple[UUID, ...] = Field(min_length=1)

    @property
    def key(self) -> str:
        return f"places/{self.origin}/{self.first}"


class EventsLogged(LogPlaces):
    """Events have their places in the transparency log. Of one that stands in two logs, the later place counts."""

    TYPE = "laurel.events.logged.v1"
    TOPIC = REGISTRY_EVENTS


class EventLogged(LogPlace):
    """An event has its place in the transparency log: told of by registries of before, which told of each alone.

    `version` is the number of that log. Of an event that stands in two, the later place counts.
    """

    TYPE = "laurel.event.logged.v1"
    TOPIC = REGISTRY_EVENTS


# --- registry.state.v1 ------------------------------------------------------------------------------------------


class LogPositionsState(LogPlaces):
    """Where events stand in the transparency log, for whoever must find their inclusion proofs.

    A place in a later log counts. No two records of one log tell of the same place.
    """

    TYPE = "laurel.log-positions.state.v1"
    TOPIC = REGISTRY_STATE


class LogPositionState(LogPlace):
    """Where one event stands in the transparency log: told of by registries of before, and as good as ever.

    `version` is the number of that log: a place in a later one counts.
    """

    TYPE = "laurel.log-position.state.v1"
    TOPIC = REGISTRY_STATE


class CheckpointState(Message):
    """The newest checkpoint that a log's key has signed: the second place, which a restored registry is held against.

    `version` is the tree's size; `checkpoint` the signed note; `root` is hexadecimal.
    """

    TYPE = "laurel.checkpoint.state.v1"
    TOPIC = REGISTRY_STATE

    origin: str
    version: int
    root: str
    checkpoint: str

    @staticmethod
    def key_of(origin: str) -> str:
        """Return the key under which the checkpoints of the log of this origin stand."""
        return f"checkpoint/{origin}"

    @property
    def key(self) -> str:
        return f"checkpoint/{self.origin}"
