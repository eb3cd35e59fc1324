"""The two ports behind which an event log stands: what is true when calls return, what any log keeps and refuses."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

# A record larger than this is refused everywhere alike: outbox, both adapters, the topic's own setting.
MAX_RECORD_BYTES = 512 * 1024
BEHIND_REFUSED = "behind a refused record of its key"

EVENT_RETENTION = timedelta(days=7)
# What is younger is not compacted, so that a reader which begins anew never meets a heartbeat that is fresh and stands
# before a state which has swallowed its predecessor: it must be longer than any `max_status_age`.
COMPACT_AFTER = timedelta(minutes=5)
# Heartbeats (16 shards, every second or two) would otherwise pile up.
COMPACT_WITHIN = timedelta(hours=1)


class Partition(NamedTuple):
    """One of a topic's 16 ordered sequences; the topic's name is without the deployment's prefix."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Record:
    """What is to be stored: where, under which key, with which headers."""

    partition: Partition
    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    value: bytes

    @property
    def size(self) -> int:
        """Bytes of key, headers and value."""
        return len(self.key) + len(self.value) + sum(len(name) + len(value) for name, value in self.headers)


@dataclass(frozen=True, slots=True)
class Received:
    """What was stored, as foreign as anything from a wire: key and value may be missing, headers may be any bytes."""

    partition: Partition
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
    stored_at: datetime


def refusals(records: Sequence[Record]) -> list[str | None]:
    """Return, at each record's place, why no log takes it (too large, or behind one of its key that is), or None."""
    refused: set[bytes] = set()
    reasons: list[str | None] = []
    for record in records:
        reason = None
        if record.key in refused:
            reason = BEHIND_REFUSED
        elif record.size > MAX_RECORD_BYTES:
            reason = f"{record.size} bytes, {MAX_RECORD_BYTES} are allowed"
            refused.add(record.key)
        reasons.append(reason)
    return reasons


class LogUnavailable(Exception):
    """The log did not answer: nothing is known of what was sent, so all of it is sent again later."""


class OffsetGone(Exception):
    """A stored offset lies outside what the topic still has: records were lost to this consumer."""

    def __init__(self, partition: Partition, offset: int) -> None:
        super().__init__(f"{partition.topic}/{partition.number} has no offset {offset}")
        self.partition = partition


class Publisher(Protocol):
    """Stores records."""

    async def publish(self, records: Sequence[Record]) -> list[str | None]:
        """Store `records` in their order within each partition.

        On return each is durable (None at its place) or refused for good (the reason at its place; the later records
        of its key in this call are refused with it). Raises LogUnavailable where that can't be said; a second try may
        then store some of them twice, and connects anew by itself.
        """
        ...

    async def close(self) -> None:
        """Release the connection; nothing is under way afterwards."""
        ...


# Asked for partitions that have come to a reader; answers where to start in each (absent: at its earliest record).
Positions = Callable[[Sequence[Partition]], Awaitable[Mapping[Partition, int]]]


class Reader(Protocol):
    """One member of a consumer group, reading the partitions that fall to it. For one task at a time."""

    async def fetch(self, limit: int, wait: float) -> Mapping[Partition, Sequence[Received]]:
        """Return up to `limit` next records of the assigned partitions, in order; wait `wait` seconds for the first.

        Raises OffsetGone where a position lies outside the topic's range, LogUnavailable where the log is silent (the
        next call connects anew by itself), and whatever `positions` raises (the next call asks again).
        """
        ...

    def assigned(self) -> set[Partition]:
        """Return the partitions that `fetch` reads now."""
        ...

    async def seek(self, offsets: Mapping[Partition, int | None]) -> None:
        """Go on at these offsets (None: the earliest record) in those of the partitions that are still assigned."""
        ...

    def pause(self, partition: Partition) -> None:
        """Fetch nothing more from this partition until it is resumed or assigned anew."""
        ...

    def resume(self, partition: Partition) -> None:
        """Fetch from this partition again."""
        ...

    async def lag(self) -> Mapping[Partition, int]:
        """Return, for each assigned partition, how many offsets lie between its position and its end."""
        ...

    async def note(self, offsets: Mapping[Partition, int]) -> None:
        """Copy the next offsets to where the log's own tools look; the truth stays with the consumer's database."""
        ...

    async def close(self) -> None:
        """Leave the group."""
        ...


class EventLog(Protocol):
    """A log that a service publishes to and reads from."""

    async def publisher(self) -> Publisher:
        """Return a publisher of its own; it connects when first used."""
        ...

    async def reader(self, group: str, topics: Sequence[str], positions: Positions) -> Reader:
        """Return a member of `group` for `topics`; it joins when first used."""
        ...

    async def newest(self, partition: Partition, key: bytes, since: int = 0) -> Received | None:
        """Return the newest record of `key` at or behind the offset `since`, of a compacted topic; None: there is none.

        Whatever was acknowledged before the call is looked at. Raises LogUnavailable where that can't be said.
        """
        ...

    async def create_topics(self) -> None:
        """Make every topic of the contract (events/) that is not there yet, with its retention or compaction."""
        ...

    async def tend(self) -> None:
        """Keep the log small (compaction, retention) where it does not do so itself; to be called each minute."""
        ...

    async def close(self) -> None:
        """Release what the log itself holds; publishers and readers are closed by those who asked for them."""
        ...
