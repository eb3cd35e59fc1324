"""The two logs as tests handle them: beside the port, what only an outsider does to a log."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.messaging.embedded import EmbeddedLog
from shared.messaging.kafka import KafkaLog
from shared.messaging.ports import EventLog, Partition, Record
from shared.settings import Settings
from tests.support.poll import eventually


class LogUnderTest:
    """An event log of a test's own."""

    log: EventLog
    settings: Settings

    async def publish(self, *records: Record) -> None:
        """Store well-formed records."""
        publisher = await self.log.publisher()
        assert await publisher.publish(records) == [None] * len(records)
        await publisher.close()

    async def inject(
        self, partition: Partition, key: bytes | None, headers: Sequence[tuple[str, bytes]], value: bytes | None
    ) -> None:
        """Store what no publisher of ours would."""
        raise NotImplementedError

    async def expire(self, partition: Partition, before: int) -> None:
        """Have the log let go of every record before an offset, as its retention does."""
        raise NotImplementedError

    async def compact_at_once(self, topic: str) -> None:
        """Have the log compact what it has of `topic`, without waiting for it to be old."""
        raise NotImplementedError


class EmbeddedUnderTest(LogUnderTest):
    """Our log in PostgreSQL."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.log = EmbeddedLog(dsn)
        self.settings = Settings(log="embedded", eventlog_dsn=dsn)

    async def inject(
        self, partition: Partition, key: bytes | None, headers: Sequence[tuple[str, bytes]], value: bytes | None
    ) -> None:
        async with self._connection() as connection, connection.transaction():
            offset = await connection.fetchval(
                "update partitions set next = next + 1 where topic = $1 and partition = $2 returning next - 1",
                *partition,
            )
            await connection.execute(
                "insert into records values ($1, $2, $3, $4, $5, $6, $7, default, $8)",
                *partition, offset, key, [each[0] for each in headers], [each[1] for each in headers], value,
                partition.topic.endswith("state.v1"),
            )  # fmt: skip

    async def expire(self, partition: Partition, before: int) -> None:
        async with self._connection() as connection:
            await connection.execute(
                "update partitions set first = $3 where topic = $1 and partition = $2", *partition, before
            )
        await self.log.tend()

    async def compact_at_once(self, topic: str) -> None:
        async with self._connection() as connection:
            await connection.execute("update topics set compact_after = '0' where topic = $1", topic)
        await self.log.tend()

    @asynccontextmanager
    async def _connection(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        connection = await asyncpg.connect(self.dsn)
        try:
            yield connection
        finally:
            await connection.close()


class KafkaUnderTest(LogUnderTest):
    """Apache Kafka."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.settings = Settings(log="kafka", kafka_bootstrap=bootstrap, topic_prefix=prefix)
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.log = KafkaLog(self.settings)

    async def inject(
        self, partition: Partition, key: bytes | None, headers: Sequence[tuple[str, bytes]], value: bytes | None
    ) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        topic = self.prefix + partition.topic
        await producer.send_and_wait(topic, value, key, partition=partition.number, headers=list(headers))
        await producer.stop()

    async def expire(self, partition: Partition, before: int) -> None:
        place = TopicPartition(self.prefix + partition.topic, partition.number)
        async with self._admin() as admin:
            await admin.delete_records({place: RecordsToDelete(before)})

    async def compact_at_once(self, topic: str) -> None:
        eager = {
            "segment.ms": "1",
            "min.compaction.lag.ms": "0",
            "max.compaction.lag.ms": "1",
            "cleanup.policy": "compact",
        }
        await self.configure(topic, eager)

    async def configure(self, topic: str, configs: dict[str, str]) -> None:
        """Give a topic these settings instead of those it had; they hold a moment later."""
        async with self._admin() as admin:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self.prefix + topic, configs)])

    async def comes_to_refuse(self, one: Record) -> None:
        """Store a record again and again until new settings hold and it is refused."""
        publisher = await self.log.publisher()

        async def refused() -> bool:
            return await publisher.publish([one]) != [None]

        await eventually(refused)
        await publisher.close()

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()


MakeLog = Callable[[], LogUnderTest]
