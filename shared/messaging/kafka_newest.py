"""Looks for a key's newest record in one partition of a compacted topic on Apache Kafka, outside of any group."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.messaging.kafka_clients import ended
from shared.messaging.kafka_reader import CLOSE_SECONDS, FAILURES, received
from shared.messaging.ports import LogUnavailable, Partition, Received

# A partition that is read in this time has some millions of records; `since` keeps the way shorter.
READ_SECONDS = 120.0


async def newest(client: dict[str, Any], prefix: str, partition: Partition, key: bytes, since: int) -> Received | None:
    """Read from `since` to the end that the partition has now; return the last record of `key` (EventLog.newest)."""
    consumer = AIOKafkaConsumer(**client, enable_auto_commit=False, auto_offset_reset="earliest")
    try:
        async with asyncio.timeout(READ_SECONDS):
            await consumer.start()
            return await _read(
                consumer, partition, TopicPartition(prefix + partition.topic, partition.number), key, since
            )
    except UnicodeDecodeError as error:
        raise LogUnavailable("Kafka: a header's name in the partition is not UTF-8") from error
    except FAILURES as error:
        raise LogUnavailable(f"Kafka: {error!r}") from error
    finally:
        await ended(consumer.stop(), CLOSE_SECONDS)


async def _read(
    consumer: AIOKafkaConsumer, partition: Partition, place: TopicPartition, key: bytes, since: int
) -> Received | None:
    consumer.assign([place])
    end = (await consumer.end_offsets([place]))[place]
    begin = (await consumer.beginning_offsets([place]))[place]
    if max(begin, since) >= end:
        return None
    consumer.seek(place, max(begin, since))
    found = None
    while await consumer.position(place) < end:
        for record in (await consumer.getmany(place, timeout_ms=1000)).get(place, []):
            if record.key == key:
                found = record
    return received(partition, found) if found else None
