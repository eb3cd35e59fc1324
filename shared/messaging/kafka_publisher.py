"""The publisher on Apache Kafka: a partition's batches go one by one, so that nothing overtakes what was refused."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    BrokerResponseError,
    CorruptRecordException,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    kafka_errors,
)

from shared.messaging.kafka_clients import ended
from shared.messaging.ports import BEHIND_REFUSED, MAX_RECORD_BYTES, LogUnavailable, Partition, Record, refusals

log = structlog.get_logger()

# Kafka counts the framing of batch and headers as well; what `outbox.add` let pass must fit.
MAX_MESSAGE_BYTES = MAX_RECORD_BYTES + 4096
BATCH_BYTES = 64 * 1024
PUBLISH_SECONDS = 15.0

Queue = list[tuple[int, Record]]  # one partition's records, each with its place in the call


class InvalidRecordError(BrokerResponseError):  # type: ignore[misc]  # aiokafka ships no types
    """The broker finds fault with a record."""

    errno = 87
    message = "INVALID_RECORD"


# aiokafka does not know this code, and would take it for an error of the broker.
kafka_errors[InvalidRecordError.errno] = InvalidRecordError

# What a broker says of a record rather than of itself: it will say so the next time too.
REFUSALS = (
    CorruptRecordException,
    InvalidRecordError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)


class KafkaPublisher:
    """Sends with one idempotent producer, which is given up for a new one after any failure."""

    def __init__(self, client: dict[str, Any], prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, records: Sequence[Record]) -> list[str | None]:
        answers = refusals(records)
        queues: dict[Partition, Queue] = {}
        for place, record in enumerate(records):
            if answers[place] is None:
                queues.setdefault(record.partition, []).append((place, record))
        try:
            for rest in await self._send_all(list(queues.values())):
                await self._send_singly(rest, answers)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise LogUnavailable(f"Kafka: {error!r}") from error
        return answers

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # An idempotent producer never gives up by itself, neither on a broker that is away nor after an
        # out-of-order sequence; without this its stop() would wait for what is pending, for ever.
        producer._message_accumulator.fail_all(KafkaError("given up"))
        if not await ended(
            producer.stop(), PUBLISH_SECONDS
        ):  # a request under way trips over what was failed beneath it
            log.warning("kafka_producer_given_up")
            await ended(producer.client.close(), PUBLISH_SECONDS)

    async def _send_all(self, queues: Sequence[Queue]) -> list[Queue]:
        """Store all partitions' records side by side; return each refused batch with what stands behind it."""
        async with asyncio.timeout(PUBLISH_SECONDS):
            producer = await self._connected()
            rests = await asyncio.gather(*[self._send(producer, each) for each in queues], return_exceptions=True)
        left: list[Queue] = []
        for rest in rests:
            if isinstance(rest, BaseException):
                raise rest
            if rest:
                left.append(rest)
        return left

    async def _send(self, producer: AIOKafkaProducer, queue: Queue) -> Queue:
        """Store a partition's records, batch after batch, up to one that is refused; return those that are left."""
        while queue:
            try:
                count = await self._send_batch(producer, queue)
            except REFUSALS:
                break
            queue = queue[count:]
        return queue

    async def _send_singly(self, queue: Queue, answers: list[str | None]) -> None:
        """Store a partition's records one by one, to see which it is that the broker refuses."""
        await self.close()
        refused: set[bytes] = set()
        for place, record in queue:
            if record.key in refused:
                answers[place] = BEHIND_REFUSED
                continue
            try:
                async with asyncio.timeout(PUBLISH_SECONDS):
                    # Not an idempotent one: its sequence numbers count refused batches, and the broker's do not.
                    await self._send_batch(await self._connected(idempotent=False), [(place, record)])
            except REFUSALS as error:
                answers[place] = f"refused by the broker: {error.message}"
                refused.add(record.key)
        await self.close()

    async def _send_batch(self, producer: AIOKafkaProducer, queue: Queue) -> int:
        """Store as many of the first records as a batch takes; return how many that were."""
        batch = producer.create_batch()
        count = 0
        for _, record in queue:
            headers = list(record.headers)
            if batch.append(timestamp=None, key=record.key, value=record.value, headers=headers) is None:
                break
            count += 1
        batch.close()
        partition = queue[0][1].partition
        topic = self._prefix + partition.topic
        stored: asyncio.Future[Any] = await producer.send_batch(batch, topic, partition=partition.number)
        # Whoever no longer waits for it must not have asyncio complain that its failure was never looked at.
        stored.add_done_callback(lambda each: each.cancelled() or each.exception())
        await asyncio.shield(stored)
        return count

    async def _connected(self, *, idempotent: bool = True) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._client, enable_idempotence=idempotent, acks="all", max_batch_size=BATCH_BYTES
            )
            self._producer = producer
            await producer.start()
        return self._producer
