"""The event log on Apache Kafka: its topics, and how its clients connect."""

from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.helpers import create_ssl_context

from shared.ids import PARTITIONS
from shared.messaging.events import EVENT_TOPICS, STATE_TOPICS
from shared.messaging.kafka_newest import newest
from shared.messaging.kafka_publisher import MAX_MESSAGE_BYTES, KafkaPublisher
from shared.messaging.kafka_reader import KafkaReader
from shared.messaging.ports import (
    COMPACT_AFTER,
    COMPACT_WITHIN,
    EVENT_RETENTION,
    LogUnavailable,
    Partition,
    Positions,
    Received,
)
from shared.settings import Settings

REQUEST_MS = 10_000


class KafkaLog:
    """The brokers that the settings name; `topic_prefix` stands before every topic and group."""

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.topic_prefix
        self._replication = settings.kafka_replication
        self._client = client_options(settings)

    async def publisher(self) -> KafkaPublisher:
        return KafkaPublisher(self._client, self._prefix)

    async def reader(self, group: str, topics: Sequence[str], positions: Positions) -> KafkaReader:
        return KafkaReader(self._client, self._prefix, group, topics, positions)

    async def newest(self, partition: Partition, key: bytes, since: int = 0) -> Received | None:
        return await newest(self._client, self._prefix, partition, key, since)

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
