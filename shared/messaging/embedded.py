"""The event log of the embedded default, in a PostgreSQL database of its own: partitions, retention, compaction."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from shared.db import Connection
from shared.ids import PARTITIONS
from shared.messaging.embedded_reader import NEWS, EmbeddedReader
from shared.messaging.events import EVENT_TOPICS, STATE_TOPICS
from shared.messaging.link import Link
from shared.messaging.ports import (
    COMPACT_AFTER,
    EVENT_RETENTION,
    LogUnavailable,
    Partition,
    Positions,
    Received,
    Record,
    refusals,
)

SCHEMA = Path(__file__).with_name("eventlog.sql")
COLUMNS = ("topic", "partition", "offset", "key", "header_names", "header_bytes", "value", "compacted")


class EmbeddedLog:
    """The log in the database at `dsn`; `prefix` stands before every topic and group, so that several can share it."""

    def __init__(self, dsn: str, prefix: str = "") -> None:
        self._dsn = dsn
        self._prefix = prefix
        self._link = Link(dsn)

    async def publisher(self) -> "EmbeddedPublisher":
        return EmbeddedPublisher(Link(self._dsn), self._prefix)

    async def reader(self, group: str, topics: Sequence[str], positions: Positions) -> EmbeddedReader:
        return EmbeddedReader(Link(self._dsn), self._prefix, group, topics, positions)

    async def newest(self, partition: Partition, key: bytes, since: int = 0) -> Received | None:
        # A connection of its own: the log's is the housekeeping's, and for one task at a time.
        async with Link.once(self._dsn) as connection:
            row = await connection.fetchrow(
                """
                select "offset", header_names, header_bytes, value, stored_at from records
                where topic = $1 and partition = $2 and key = $3 and compacted and "offset" >= $4
                order by "offset" desc limit 1
                """,
                self._prefix + partition.topic,
                partition.number,
                key,
                since,
            )
        if row is None:
            return None
        headers = tuple(zip(row["header_names"], row["header_bytes"], strict=True))
        return Received(partition, row["offset"], key, headers, row["value"], row["stored_at"])

    async def create_topics(self) -> None:
        topics: list[tuple[str, bool, timedelta | None]] = [
            *((self._prefix + topic, False, EVENT_RETENTION) for topic in EVENT_TOPICS),
            *((self._prefix + topic, True, None) for topic in STATE_TOPICS),
        ]
        async with self._link.use() as connection, connection.transaction():
            # Services start at the same time, and `create … if not exists` does not bear company.
            await connection.execute("select pg_advisory_xact_lock(hashtextextended('eventlog/schema', 0))")
            # Services may write records and no schema; whoever may make the schema makes it.
            if await connection.fetchval("select has_schema_privilege('public', 'create')"):
                await connection.execute(SCHEMA.read_text())
            await connection.executemany(
                """
                insert into topics (topic, compacted, retention, compact_after) values ($1, $2, $3, $4)
                on conflict do nothing
                """,
                [(*topic, COMPACT_AFTER) for topic in topics],
            )
            await connection.execute(
                """
                insert into partitions (topic, partition) select topic, n from topics, generate_series(0, $1 - 1) as n
                on conflict do nothing
                """,
                PARTITIONS,
            )

    async def tend(self) -> None:
        async with self._link.use() as connection:
            # Every service calls; one at a time is enough.
            if await connection.fetchval("select pg_try_advisory_lock(hashtextextended('eventlog/tend', 0))"):
                try:
                    await _expire(connection)
                    await _compact(connection)
                finally:
                    await connection.execute("select pg_advisory_unlock(hashtextextended('eventlog/tend', 0))")

    async def close(self) -> None:
        self._link.drop()


class EmbeddedPublisher:
    """Appends records; each call is one transaction."""

    def __init__(self, link: Link, prefix: str) -> None:
        self._link = link
        self._prefix = prefix

    async def publish(self, records: Sequence[Record]) -> list[str | None]:
        refused = refusals(records)
        accepted = [record for record, reason in zip(records, refused, strict=True) if reason is None]
        if accepted:
            async with self._link.use() as connection, connection.transaction():
                await self._append(connection, accepted)
        return refused

    async def close(self) -> None:
        self._link.drop()

    async def _append(self, connection: Connection, records: Sequence[Record]) -> None:
        counts = sorted(Counter(record.partition for record in records).items())
        # One statement a partition, in order: the row's lock, held to the end of the transaction, makes offsets become
        # visible in their order, and taking locks in order keeps publishers from locking each other out.
        rows = await connection.fetchmany(
            """
            update partitions p set next = next + $3 from topics t
            where p.topic = $1 and p.partition = $2 and t.topic = p.topic returning p.next - $3 as first, t.compacted
            """,
            [(self._prefix + partition.topic, partition.number, count) for partition, count in counts],
        )
        if len(rows) != len(counts):
            raise LogUnavailable("a topic is missing: `python -m services.issuer topics` makes them")
        offsets = {partition: row["first"] for (partition, _), row in zip(counts, rows, strict=True)}
        compacted = {partition: row["compacted"] for (partition, _), row in zip(counts, rows, strict=True)}
        stored = []
        for record in records:
            partition = record.partition
            stored.append(self._row(record, offsets[partition], compacted[partition]))
            offsets[partition] += 1
        await connection.copy_records_to_table("records", records=stored, columns=COLUMNS)
        topics = sorted({self._prefix + record.partition.topic for record in records})
        await connection.execute("select pg_notify($1, topic) from unnest($2::text[]) as topic", NEWS, topics)

    def _row(self, record: Record, offset: int, compacted: bool) -> tuple[object, ...]:
        names, values = [name for name, _ in record.headers], [value for _, value in record.headers]
        topic, number = self._prefix + record.partition.topic, record.partition.number
        return topic, number, offset, record.key, names, values, record.value, compacted


async def _expire(connection: Connection) -> None:
    """Let go of records older than their topic keeps them; first the bound is moved, so that no reader meets a hole."""
    async with connection.transaction():
        # The locks come first, in the publishers' order, and the look at the records in a statement of its own: one
        # that waited for a publisher would see its offsets and not its records, and take them for expired. Only where
        # the oldest record is old is anything locked.
        old = await connection.fetch(
            """
            select p.topic, p.partition from partitions p join topics t using (topic)
            where not t.compacted and t.retention is not null
              and (select r.stored_at from records r where r.topic = p.topic and r.partition = p.partition
                   order by r."offset" limit 1) < clock_timestamp() - t.retention
            order by p.topic, p.partition for update of p
            """
        )
        await connection.execute(
            """
            update partitions p set first = greatest(p.first, coalesce(
                (select r."offset" from records r where r.topic = p.topic and r.partition = p.partition
                 and r.stored_at >= clock_timestamp() - t.retention order by r."offset" limit 1), p.next))
            from topics t, unnest($1::text[], $2::integer[]) as old(topic, partition)
            where t.topic = p.topic and p.topic = old.topic and p.partition = old.partition
            """,
            [row["topic"] for row in old],
            [row["partition"] for row in old],
        )
    await connection.execute(
        """
        delete from records r using partitions p
        where r.topic = p.topic and r.partition = p.partition and r."offset" < p.first
        """
    )


async def _compact(connection: Connection) -> None:
    """Keep each key's newest record, looking only at keys that were written since the last time."""
    looked_at = await connection.fetch(
        """
        with ready as (
            select r.topic, r.partition, r.key, max(r."offset") as newest
            from partitions p join topics t using (topic) join records r using (topic, partition)
            where t.compacted and r."offset" >= p.compacted and r.stored_at < clock_timestamp() - t.compact_after
            group by r.topic, r.partition, r.key
        ), swallowed as (
            delete from records r using ready n
            where r.compacted and r.topic = n.topic and r.partition = n.partition and r.key = n.key
              and r."offset" < n.newest
        )
        select topic, partition, max(newest) + 1 as next from ready group by topic, partition order by topic, partition
        """
    )
    # In the publishers' order: in any other the two could wait for each other.
    await connection.executemany(
        "update partitions set compacted = $3 where topic = $1 and partition = $2",
        [(row["topic"], row["partition"], row["next"]) for row in looked_at],
    )
