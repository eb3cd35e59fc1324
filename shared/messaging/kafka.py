"""The event log on Apache Kafka: topics and the publisher, on aiokafka."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAlreadyExistsError, for_code
from aiokafka.helpers import create_ssl_context

from shared.ids import PARTITIONS
from shared.messaging.events import EVENT_TOPICS, STATE_TOPICS
from shared.messaging.kafka_reader import KafkaReader
from shared.messaging.ports import MAX_RECORD_BYTES, LogUnavailable, Positions, Record
from shared.messaging.refusals import refusals
from shared.messaging.topics import COMPACT_AFTER, COMPACT_WITHIN, EVENT_RETENTION
from shared.settings import Settings

log = structlog.get_logger()

# Kafka counts the framing of batch and headers as well; what `outbox.add` let pass must fit.
MAX_MESSAGE_BYTES = MAX_RECORD_BYTES + 4096
PUBLISH_SECONDS = 15.0
REQUEST_MS = 10_000


class KafkaLog:
    """The brokers that the settings name; `topic_prefix` stands before every topic and group."""

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.topic_prefix
        self._replication = settings.kafka_replication
        self._client = client_options(settings)

    async def publisher(self) -> "KafkaPublisher":
        return KafkaPublisher(self._client, self._prefix)

    async def reader(self, group: str, topics: Sequence[str], positions: Positions) -> KafkaReader:
        return KafkaReader(self._client, self._prefix, group, topics, positions)

    async def create_topics(self) -> None:
        admin = AIOKafkaAdminClient(**self._client)
        try:
            await admin.start()
            answer = await admin.create_topics([self._new_topic(each) for each in (*EVENT_TOPICS, *STATE_TOPICS)])
        except (KafkaError, OSError) as error:
            raise LogUnavailable(f"Kafka: {error!r}") from error
        finally:
            await admin.close()
        for topic, code, *_ in answer.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise LogUnavailable(f"Kafka did not make {topic}: {for_code(code).__name__}")

    async def tend(self) -> None:
        """Do nothing: the brokers do it."""

    async def close(self) -> None:
        """Do nothing: publishers and readers hold the connections."""

    def _new_topic(self, topic: str) -> NewTopic:
        configs = _compacted() if topic in STATE_TOPICS else _kept_by_time()
        return NewTopic(self._prefix + topic, PARTITIONS, self._replication, topic_configs=configs)


class KafkaPublisher:
    """Sends with one idempotent producer, which is given up for a new one after any failure."""

    def __init__(self, client: dict[str, Any], prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, records: Sequence[Record]) -> list[str | None]:
        answers = refusals(records)
        places = [place for place, reason in enumerate(answers) if reason is None]
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                results = await self._send([records[place] for place in places])
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise LogUnavailable(f"Kafka: {error!r}") from error
        for place, result in zip(places, results, strict=True):
            if isinstance(result, MessageSizeTooLargeError):
                answers[place] = "the broker takes no record of this size"
        return answers

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # An idempotent producer never gives up by itself, neither on a broker that is away nor after an
        # out-of-order sequence; without this its stop() would wait for what is pending, for ever.
        producer._message_accumulator.fail_all(KafkaError("given up"))
        try:
            await asyncio.wait_for(producer.stop(), PUBLISH_SECONDS)
        except Exception as error:  # noqa: BLE001  # a request under way trips over what was failed beneath it
            log.warning("kafka_producer_given_up", error=repr(error))
            await producer.client.close()

    async def _send(self, records: Sequence[Record]) -> list[Any]:
        producer = await self._connected()
        acknowledgements = []
        try:
            for record in records:
                acknowledgements.append(await self._enqueue(producer, record))  # noqa: PERF401  # what was enqueued is awaited
            results = await asyncio.gather(*acknowledgements, return_exceptions=True)
        finally:
            for each in acknowledgements:
                each.cancel()
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, MessageSizeTooLargeError):
                raise result
        return results

    async def _enqueue(self, producer: AIOKafkaProducer, record: Record) -> "asyncio.Future[Any]":
        acknowledgement: asyncio.Future[Any] = await producer.send(
            self._prefix + record.partition.topic,
            record.value,
            record.key,
            partition=record.partition.number,
            headers=list(record.headers),
        )
        return acknowledgement

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._client,
                enable_idempotence=True,
                acks="all",
                max_request_size=MAX_MESSAGE_BYTES,
                max_batch_size=64 * 1024,
            )
            self._producer = producer
            await producer.start()
        return self._producer


def client_options(settings: Settings) -> dict[str, Any]:
    """Return what every aiokafka client is given: brokers, TLS, SASL."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security_protocol,
        "request_timeout_ms": REQUEST_MS,
        "metadata_max_age_ms": 30_000,  # how long a topic that was made late stays unseen
    }
    if settings.kafka_security_protocol in ("SSL", "SASL_SSL"):
        files = settings.kafka_ssl_cafile, settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile
        cafile, certfile, keyfile = (str(file) if file else None for file in files)
        options["ssl_context"] = create_ssl_context(cafile=cafile, certfile=certfile, keyfile=keyfile)
    if settings.kafka_security_protocol.startswith("SASL"):
        password = settings.kafka_sasl_password
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = password.get_secret_value() if password else None
    return options


def _kept_by_time() -> dict[str, str]:
    retention = int(EVENT_RETENTION.total_seconds() * 1000)
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(retention),
        # Whole segments expire: with the default size of one, seven days would become fourteen.
        "segment.ms": str(retention // 7),
        **_all_topics(),
    }


def _compacted() -> dict[str, str]:
    return {
        "cleanup.policy": "compact",
        "segment.ms": "600000",  # the open segment is never compacted
        "min.compaction.lag.ms": str(int(COMPACT_AFTER.total_seconds() * 1000)),
        "max.compaction.lag.ms": str(int(COMPACT_WITHIN.total_seconds() * 1000)),
        **_all_topics(),
    }


def _all_topics() -> dict[str, str]:
    return {"max.message.bytes": str(MAX_MESSAGE_BYTES), "message.timestamp.type": "LogAppendTime"}
