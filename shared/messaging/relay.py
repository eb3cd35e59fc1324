"""Sends what the outbox holds: every committed row, in its key's order, at least once; and says up to when all is sent.

The unsent rows are the queue; what is sent is deleted. A relay that remembered the last number it sent would lose rows:
numbers are given before the commit, so a smaller one may appear after a larger one was sent.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from shared import db, telemetry
from shared.bell import PACE_SECONDS
from shared.db import Connection, Database
from shared.ids import PARTITIONS, new_id
from shared.messaging import outbox
from shared.messaging.cloudevents import encode
from shared.messaging.events import BY_TYPE, Heartbeat
from shared.messaging.housekeeping import clear_away, measure
from shared.messaging.metrics import REFUSED, SENT, alarm
from shared.messaging.pace import BackOff, Every
from shared.messaging.ports import LogUnavailable, Partition, Publisher, Record
from shared.messaging.shares import Shares

log = structlog.get_logger()

BATCH = 500
# Between two looks where nobody says that there is something new.
IDLE_SECONDS = 0.5
# Whoever reads needs one every 2 s at least.
BEAT_SECONDS = 1.0


@dataclass(frozen=True)
class Queue:
    """What a look at the outbox gave: the rows, whether they were all there was, and the clocks before the look.

    `time` is the database's, where it was asked for; `local_ns` this process's: spans are told by it, whatever the
    database's shows.
    """

    rows: Sequence[Any]
    whole: bool
    time: datetime | None
    local_ns: int


class Relay:
    """One process's part in sending an outbox; several share its 16 shards, each held by a session advisory lock.

    `state_topic` and `source` are those of the service, for the heartbeats.
    """

    def __init__(self, database: Database, publisher: Publisher, state_topic: str, source: str) -> None:
        self._database = database
        self._publisher = publisher
        self._state_topic = state_topic
        self._source = source
        self._balance_pace, self._beat_pace = Every(1.0), Every(BEAT_SECONDS)
        self._owes_beat = False
        self._waiter = database.bell.waiter(outbox.RELAY)
        self._measure_pace, self._clear_pace = Every(2.0), Every(10.0)

    async def run(self) -> None:
        """Send until cancelled. While PostgreSQL or the log is away it waits, and goes on by itself."""
        back_off = BackOff()
        try:
            while True:
                try:
                    # Locks, select and delete on one connection: a session that lost its locks can't delete either.
                    async with self._database.session() as connection:
                        # A plan that was made while the queue was empty would read the whole table when it is not.
                        await connection.execute("set enable_seqscan = off")
                        await self._serve(connection, back_off)
                except Exception as error:
                    if not db.is_failure_of_ours(error):
                        raise
                    log.warning("relay_waits_for_postgres", error=type(error).__name__)
                    await back_off.wait()
        finally:
            await self._publisher.close()

    async def _serve(self, connection: Connection, back_off: BackOff) -> None:
        shares = Shares(connection, "relay", [str(shard) for shard in range(PARTITIONS)])
        while True:
            if self._balance_pace.due() or not shares.held:
                await shares.balance()
            try:
                sent = await self._round(connection, sorted(map(int, shares.held)))
            except LogUnavailable as error:
                log.warning("relay_waits_for_log", error=str(error))
                await back_off.wait()
                continue
            back_off.reset()
            if sent == BATCH:
                continue
            await self._keep_house(connection)
            await self._waiter.rest(PACE_SECONDS if sent else IDLE_SECONDS)

    async def _round(self, connection: Connection, shards: Sequence[int]) -> int:
        queue = await self._look(connection, shards)
        silent = await self._send(connection, queue)
        if queue.whole and queue.time:
            silent |= await self._refused_shards(connection)
            await self._beat(set(shards) - silent, queue.time)
            self._owes_beat = False
        return len(queue.rows)

    async def _look(self, connection: Connection, shards: Sequence[int]) -> Queue:
        # The clock comes first: what was acknowledged to anyone before it, the select sees.
        self._owes_beat = self._owes_beat or self._beat_pace.due()
        clock = await connection.fetchval("select laurel_clock()") if self._owes_beat else None
        local_ns = time.time_ns()
        rows = await connection.fetch(
            """
            select id, topic, shard, key, headers, value, laurel_clock() - created_at as waited from outbox o
            where sent_at is null and shard = any($1)
              and not exists (select from outbox r where r.refused is not null and r.key = o.key)
            order by id limit $2
            """,
            shards,
            BATCH,
        )
        return Queue(rows, len(rows) < BATCH, clock, local_ns)

    async def _send(self, connection: Connection, queue: Queue) -> set[int]:
        """Publish and let go; return the shards in which something was refused, and so nothing may be promised."""
        rows = queue.rows
        if not rows:
            return set()
        answers = await self._publisher.publish([_record(row) for row in rows])
        acknowledged_ns = time.time_ns()
        refused = [(row, reason) for row, reason in zip(rows, answers, strict=True) if reason]
        sent = [row for row, reason in zip(rows, answers, strict=True) if not reason]
        ids = [row["id"] for row in sent]
        # To mark them would write each of them once more.
        await connection.execute("delete from outbox where id = any($1)", ids)
        SENT.inc(len(sent))
        if telemetry.exports():
            _trace(sent, queue, acknowledged_ns)
        for row, reason in refused:
            await connection.execute("update outbox set refused = $2 where id = $1", row["id"], reason)
            REFUSED.inc()
            alarm("record_refused", row=row["id"], topic=row["topic"], reason=reason)
        return {row["shard"] for row, _ in refused}

    async def _refused_shards(self, connection: Connection) -> set[int]:
        rows = await connection.fetch("select distinct shard from outbox where refused is not null")
        return {row["shard"] for row in rows}

    async def _beat(self, shards: Collection[int], clock: datetime) -> None:
        await self._publisher.publish(
            [_heartbeat(self._state_topic, self._source, each, clock) for each in sorted(shards)]
        )

    async def _keep_house(self, connection: Connection) -> None:
        if self._measure_pace.due():
            await measure(connection)
        if self._clear_pace.due():
            await clear_away(connection)


def _record(row: Any) -> Record:
    headers = tuple((name, text.encode()) for name, text in row["headers"].items())
    return Record(Partition(row["topic"], row["shard"]), row["key"].encode(), headers, row["value"])


def _trace(rows: Sequence[Any], queue: Queue, acknowledged_ns: int) -> None:
    """Record, for each row that carries a trace, how long it took from being written to being on the log."""
    for row in rows:
        traceparent = row["headers"].get("traceparent")
        if telemetry.is_sampled(traceparent):
            waited_ns = row["waited"] // timedelta(microseconds=1) * 1000
            start_ns = min(queue.local_ns - waited_ns, acknowledged_ns)
            telemetry.producer_span(
                f"publish {row['topic']}", traceparent, start_ns, acknowledged_ns, _span_attributes(row)
            )


def _span_attributes(row: Any) -> dict[str, str]:
    kind = row["headers"]["ce_type"]
    attributes = {
        "messaging.destination.name": row["topic"],
        "messaging.destination.partition.id": str(row["shard"]),
        "messaging.message.id": row["headers"]["ce_id"],
        "laurel.event_type": kind,
    }
    # Read where there is one alone: an achievement's state, say, is large.
    credential_id = orjson.loads(row["value"])["credential_id"] if "credential_id" in _members(kind) else None
    return {**attributes, "laurel.credential_id": credential_id} if credential_id else attributes


def _members(kind: str) -> Collection[str]:
    return BY_TYPE[kind].model_fields if kind in BY_TYPE else ()


def _heartbeat(topic: str, source: str, shard: int, clock: datetime) -> Record:
    beat = Heartbeat(shard=shard, time=clock)
    headers = encode(beat, event_id=new_id(), source=source, time=clock, trace={})
    encoded = tuple((name, text.encode()) for name, text in headers.items())
    # Straight to the shard's own partition, behind everything it speaks for; its key would hash elsewhere.
    return Record(Partition(topic, shard), beat.key.encode(), encoded, beat.model_dump_json().encode())
