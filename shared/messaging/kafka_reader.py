"""A member of a consumer group on Apache Kafka, that starts where the consumer's own database says."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from shared.messaging.kafka_clients import ended
from shared.messaging.ports import LogUnavailable, OffsetGone, Partition, Positions, Received

# What a client says of a broker that is away; RuntimeError is uvloop's word for a connection closed beneath it.
FAILURES = (KafkaError, OSError, TimeoutError, RuntimeError)
# A broker that answers lets a member go at once; one that does not needs not be told.
CLOSE_SECONDS = 5.0
NOTE_SECONDS = 5.0
# For as long the end of a partition counts that came with a fetch.
TOLD_SECONDS = 5.0


class KafkaReader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Reads assigned partitions once they stand at their stored positions; the broker's own commits decide nothing.

    Its client is given up for a new one after any failure: one whose connections broke can lose the task that looks
    for the broker (uvloop raises where asyncio does not), and never finds it again. A rebalance only empties `_ready`:
    whatever needs a database happens in `fetch`, where a failure can be told.
    """

    def __init__(
        self, client: dict[str, Any], prefix: str, group: str, topics: Sequence[str], positions: Positions
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._group = prefix + group
        self._topics = [prefix + topic for topic in topics]
        self._positions = positions
        self._consumer: AIOKafkaConsumer | None = None
        self._ready: dict[TopicPartition, Partition] = {}
        self._careful = False

    async def fetch(self, limit: int, wait: float) -> Mapping[Partition, Sequence[Received]]:
        try:
            consumer = await self._joined()
            await self._make_ready(consumer)
            if self._careful:
                return await self._one_of_each(consumer)
            found = await consumer.getmany(timeout_ms=int(wait * 1000), max_records=limit)
        except UnicodeDecodeError as error:
            # A header's name. What was read with it is lost, so the consumer finds back to its offsets first.
            self._careful = True
            raise LogUnavailable("aiokafka can't read a record; going on one by one to find which") from error
        except NoOffsetForPartitionError:
            return {}  # a partition that came in this moment and is not ready; the next call seeks
        except OffsetOutOfRangeError as error:
            place, offset = next(iter(error.args[0].items()))
            raise OffsetGone(self._partition(place), offset) from error
        except FAILURES as error:
            raise await self._given_up(error) from error
        return {
            self._ready[each]: [received(self._ready[each], record) for record in records]
            for each, records in found.items()
            if each in self._ready
        }

    async def _one_of_each(self, consumer: AIOKafkaConsumer) -> dict[Partition, list[Received]]:
        """Read at most one record of each partition; one that can't be read is given with nothing in it."""
        found: dict[Partition, list[Received]] = {}
        for place, partition in list(self._ready.items()):
            try:
                records = (await consumer.getmany(place, timeout_ms=10, max_records=1)).get(place, [])
                found[partition] = [received(partition, record) for record in records]
            except UnicodeDecodeError:
                position = await consumer.position(place)
                consumer.seek(place, position + 1)
                found[partition] = [Received(partition, position, None, (), None, datetime.now(UTC))]
                self._careful = False
                break
        return {partition: records for partition, records in found.items() if partition in self.assigned() and records}

    def assigned(self) -> set[Partition]:
        return set(self._ready.values())

    async def seek(self, offsets: Mapping[Partition, int | None]) -> None:
        consumer = self._consumer
        if consumer is None:
            return
        places = {self._place(partition): offset for partition, offset in offsets.items()}
        try:
            begin = await consumer.beginning_offsets([place for place, offset in places.items() if offset is None])
        except FAILURES as error:
            raise await self._given_up(error) from error
        for place in self._ready.keys() & places.keys():
            offset = places[place]
            consumer.seek(place, begin[place] if offset is None else offset)

    def pause(self, partition: Partition) -> None:
        if self._consumer is not None and self._place(partition) in self._ready:
            self._consumer.pause(self._place(partition))

    def resume(self, partition: Partition) -> None:
        if self._consumer is not None and self._place(partition) in self._ready:
            self._consumer.resume(self._place(partition))

    async def lag(self) -> Mapping[Partition, int]:
        consumer, places = self._consumer, dict(self._ready)
        if consumer is None or not places:
            return {}
        try:
            ends = {place: end for place in places if (end := _told_end(consumer, place)) is not None}
            # What rests is not fetched, and a client that has lost its way would tell of a world that stands still.
            ends |= await consumer.end_offsets([place for place in places if place not in ends])
            return {partition: ends[place] - await consumer.position(place) for place, partition in places.items()}
        except IllegalStateError:
            return {}  # a rebalance is under way
        except FAILURES as error:
            raise await self._given_up(error) from error

    async def note(self, offsets: Mapping[Partition, int]) -> None:
        places = {self._place(partition): offset for partition, offset in offsets.items()}
        noted = {place: offset for place, offset in places.items() if place in self._ready}
        # A copy for tools: it fails during every rebalance, and the next one is as good. Without a coordinator aiokafka
        # would wait for one, for ever.
        with suppress(KafkaError, TimeoutError):
            if self._consumer is not None and noted:  # aiokafka takes no empty set for one
                async with asyncio.timeout(NOTE_SECONDS):
                    await self._consumer.commit(noted)

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._ready.clear()
        if consumer is not None and not await ended(consumer.stop(), CLOSE_SECONDS):
            await ended(consumer._client.close(), CLOSE_SECONDS)

    def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        self._ready.clear()

    def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        self._ready.clear()

    async def _given_up(self, error: Exception) -> LogUnavailable:
        await self.close()
        return LogUnavailable(f"Kafka: {error!r}")

    async def _joined(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                **self._client,
                group_id=self._group,
                enable_auto_commit=False,
                # Every position is sought; one that lies outside the topic must be told, not mended in silence.
                auto_offset_reset="none",
                # How long a broker may have nothing to say. It answers in turn: other questions wait for the fetch.
                fetch_max_wait_ms=500,
                max_poll_interval_ms=300_000,
                session_timeout_ms=10_000,
                heartbeat_interval_ms=3_000,
            )
            consumer.subscribe(self._topics, listener=self)
            self._consumer = consumer
            await consumer.start()
        return self._consumer

    async def _make_ready(self, consumer: AIOKafkaConsumer) -> None:
        """Seek in partitions that are newly here."""
        new = {each: self._partition(each) for each in consumer.assignment() if each not in self._ready}
        if not new:
            return
        wanted = await self._positions(sorted(new.values()))
        begin, end = await consumer.beginning_offsets(list(new)), await consumer.end_offsets(list(new))
        if not new.keys() <= consumer.assignment():
            return  # another rebalance came between
        for place, partition in new.items():
            start = wanted.get(partition, begin[place])
            if not begin[place] <= start <= end[place]:
                raise OffsetGone(partition, start)
            consumer.seek(place, start)
        self._ready.update(new)

    def _place(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._prefix + partition.topic, partition.number)

    def _partition(self, place: TopicPartition) -> Partition:
        return Partition(place.topic.removeprefix(self._prefix), place.partition)


def _told_end(consumer: AIOKafkaConsumer, place: TopicPartition) -> int | None:
    """Return where a partition ended when it was last fetched, if that was just now; to ask would wait for a fetch."""
    at: int | None = consumer.last_poll_timestamp(place)
    fresh = at is not None and time.time() - at / 1000 < TOLD_SECONDS
    end: int | None = consumer.highwater(place) if fresh else None
    return end


def received(partition: Partition, record: ConsumerRecord) -> Received:
    """Return a consumer's record as readers give it."""
    stored_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return Received(partition, record.offset, record.key, tuple(record.headers), record.value, stored_at)
