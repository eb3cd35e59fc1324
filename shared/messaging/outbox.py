"""Stores an event or state record in the transaction of the change that it tells of; the relay sends it afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5

from shared import telemetry
from shared.bell import leave_work_for
from shared.db import Tx
from shared.errors import TooLarge
from shared.ids import partition_of
from shared.messaging.cloudevents import encode, source_of
from shared.messaging.events import Message, State
from shared.messaging.ports import MAX_RECORD_BYTES

# A state record's id follows from what it is the state of, so that nothing has to be kept for sending it again.
_STATE_IDS = UUID("0f4d3c52-6f0b-4c5e-9d0a-6f3a4c7a5e11")

RELAY = "relay"  # shared.bell
# Aggregates of one call that each have spans (`_traces`).
TRACED = 10


class Entry(NamedTuple):
    """A message with its own id and time: what makes it the same message when it is sent again."""

    message: Message
    event_id: UUID
    time: datetime
    traceparent: str | None = None  # the span that it continues; None: the current one


def state_entry(state: State, time: datetime) -> Entry:
    """Return the entry of an aggregate's state, which holds since `time`; its id is the same whenever it is told."""
    return Entry(state, uuid5(_STATE_IDS, f"{state.TYPE}/{state.key}/{state.version}"), time)


async def add(tx: Tx, message: Message, *, event_id: UUID, time: datetime) -> None:
    """Store `message` in the open transaction; `time` is when it happened, by the database's clock.

    The aggregate's row must be locked by then, or two of its messages could be sent in the wrong order. The record
    carries the current trace. Raises TooLarge over 512 KiB.
    """
    await add_many(tx, [Entry(message, event_id, time)])


async def add_many(tx: Tx, entries: Sequence[Entry]) -> None:
    """Store several messages, to be sent in this order, with one statement; see `add`."""
    if not entries:
        return
    leave_work_for(RELAY)
    rows = [_row(entry, trace) for entry, trace in zip(entries, _traces(entries), strict=True)]
    await tx.execute(
        """
        insert into outbox (event_id, topic, shard, key, headers, value)
        select event_id, topic, shard, key, headers, value
        from unnest($1::uuid[], $2::text[], $3::smallint[], $4::text[], $5::jsonb[], $6::bytea[])
             with ordinality as entry(event_id, topic, shard, key, headers, value, n)
        order by n
        """,
        *(list(column) for column in zip(*rows, strict=True)),
    )


async def release(tx: Tx) -> int:
    """Let the relay try again what the log had refused, once the reason is gone; return how many rows that were."""
    done: str = await tx.execute("update outbox set refused = null where refused is not null and sent_at is null")
    return int(done.rpartition(" ")[2])


def _traces(entries: Sequence[Entry]) -> Iterator[Mapping[str, str]]:
    """Return the headers by which each entry goes on with its trace: its own, or the current one.

    Of many aggregates that go on with the current trace the first alone asks for spans: they would cost more than the
    work that they tell of, and say the same of each.
    """
    current = telemetry.outgoing()
    keys = list(dict.fromkeys(entry.message.key for entry in entries if not entry.traceparent))
    silent = telemetry.unsampled(current)
    spoken = set(keys if len(keys) <= TRACED else keys[:1])
    for entry in entries:
        if entry.traceparent:
            yield {"traceparent": entry.traceparent}
        else:
            yield current if entry.message.key in spoken else silent


def _row(entry: Entry, trace: Mapping[str, str]) -> tuple[UUID, str, int, str, dict[str, str], bytes]:
    message = entry.message
    source = source_of(message.TOPIC)
    headers = encode(message, event_id=entry.event_id, source=source, time=entry.time, trace=trace)
    value = message.model_dump_json().encode()
    size = len(message.key) + len(value) + sum(len(name) + len(text) for name, text in headers.items())
    if size > MAX_RECORD_BYTES:
        raise TooLarge(
            "record_too_large", f"What this would tell others takes {size} bytes, {MAX_RECORD_BYTES} are allowed."
        )
    return entry.event_id, message.TOPIC, partition_of(message.key), message.key, headers, value
