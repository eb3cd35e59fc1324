"""A member of a consumer group on the embedded log: each partition is read by whoever holds its advisory lock."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import asyncpg

from shared.db import Connection
from shared.ids import PARTITIONS
from shared.messaging.link import Link
from shared.messaging.pace import Every
from shared.messaging.ports import OffsetGone, Partition, Positions, Received
from shared.messaging.shares import Shares

# Between two looks while no publisher says that there is something new: a notice is a hint that may be lost.
IDLE_SECONDS = 1.0
# Publishers notify it with the name of each topic that they have appended to.
NEWS = "laurel_news"

FETCH = """
    select p.topic, p.partition, p.position, q.first, q.next,
           r."offset", r.key, r.header_names, r.header_bytes, r.value, r.stored_at
    from unnest($1::text[], $2::smallint[], $3::bigint[]) as p(topic, partition, position)
    join partitions q using (topic, partition)
    left join lateral (
        select * from records r where r.topic = p.topic and r.partition = p.partition and r."offset" >= p.position
        order by r."offset" limit $4
    ) r on true
    where q.next <> p.position and (r."offset" is not null or p.position not between q.first and q.next)
    order by r."offset" - p.position limit $4
"""


class EmbeddedReader:
    """Reads with the connection that holds its locks: without the one there are not the others."""

    def __init__(self, link: Link, prefix: str, group: str, topics: Sequence[str], positions: Positions) -> None:
        self._link = link
        self._prefix = prefix
        self._group = prefix + group
        self._names = [f"{prefix}{topic}/{number}" for number in range(PARTITIONS) for topic in topics]
        self._positions = positions
        self._shares: Shares | None = None
        self._shares_of: Connection | None = None
        self._balance_pace = Every(1.0)
        self._topics = frozenset(prefix + topic for topic in topics)
        self._news = asyncio.Event()
        self._at: dict[Partition, int] = {}
        self._paused: set[Partition] = set()

    async def fetch(self, limit: int, wait: float) -> Mapping[Partition, Sequence[Received]]:
        deadline = time.monotonic() + wait
        while True:
            await self._join()
            records = await self._read(limit)
            if records or time.monotonic() >= deadline:
                return records
            with suppress(TimeoutError):
                # Not wait_for, which in Python 3.11 forgets a cancellation that comes with the news.
                async with asyncio.timeout(min(IDLE_SECONDS, max(0.0, deadline - time.monotonic()))):
                    await self._news.wait()

    def assigned(self) -> set[Partition]:
        return set(self._at)

    async def seek(self, offsets: Mapping[Partition, int | None]) -> None:
        wanted = {each: offset for each, offset in offsets.items() if offset is not None}
        self._at.update(await self._starts(sorted(offsets.keys() & self._at.keys()), wanted))

    def pause(self, partition: Partition) -> None:
        self._paused.add(partition)

    def resume(self, partition: Partition) -> None:
        self._paused.discard(partition)

    async def lag(self) -> Mapping[Partition, int]:
        ends = await self._bounds(self._at)
        return {partition: ends[partition][1] - position for partition, position in self._at.items()}

    async def note(self, offsets: Mapping[Partition, int]) -> None:
        async with self._link.use() as connection:
            await connection.executemany(
                """
                insert into group_offsets ("group", topic, partition, next) values ($1, $2, $3, $4)
                on conflict ("group", topic, partition) do update set next = excluded.next, noted_at = clock_timestamp()
                """,
                [(self._group, self._prefix + each.topic, each.number, next_) for each, next_ in offsets.items()],
            )

    async def close(self) -> None:
        self._link.drop()
        self._at.clear()

    async def _join(self) -> None:
        """Take and release partitions; after a lost connection all were lost."""
        async with self._link.use() as connection:
            if self._shares is None or connection is not self._shares_of:
                self._shares, self._shares_of = Shares(connection, self._group, self._names), connection
                await connection.add_listener(NEWS, self._heard)
                self._at.clear()
            elif not self._balance_pace.due():
                return
            await self._shares.balance()
        held = {self._partition(name) for name in self._shares.held}
        for partition in self._at.keys() - held:
            del self._at[partition]
        # Asked again next time where the answer fails: what is not in `_at` is not read.
        if new := sorted(held - self._at.keys()):
            self._at.update(await self._starts(new, await self._positions(new)))
            self._paused.difference_update(new)

    async def _starts(self, partitions: Sequence[Partition], wanted: Mapping[Partition, int]) -> dict[Partition, int]:
        bounds = await self._bounds(partitions)
        return {each: wanted.get(each, bounds[each][0]) for each in partitions}

    async def _read(self, limit: int) -> dict[Partition, list[Received]]:
        # Before the look: what comes after it is news again.
        self._news.clear()
        reading = {partition: at for partition, at in self._at.items() if partition not in self._paused}
        async with self._link.use() as connection:
            rows = await connection.fetch(FETCH, *self._columns(reading), list(reading.values()), limit)
        batch: dict[Partition, list[Received]] = {}
        for row in rows:
            record = self._received(row)
            batch.setdefault(record.partition, []).append(record)
            self._at[record.partition] = record.offset + 1
        return batch

    def _heard(self, _connection: object, _process_id: int, _channel: str, topic: object) -> None:
        if topic in self._topics:
            self._news.set()

    async def _bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        async with self._link.use() as connection:
            rows = await connection.fetch(
                """
                select topic, partition, first, next from partitions
                join unnest($1::text[], $2::smallint[]) as p(topic, partition) using (topic, partition)
                """,
                *self._columns(partitions),
            )
        return {Partition(self._bare(row["topic"]), row["partition"]): (row["first"], row["next"]) for row in rows}

    def _columns(self, partitions: Iterable[Partition]) -> tuple[list[str], list[int]]:
        chosen = list(partitions)
        return [self._prefix + each.topic for each in chosen], [each.number for each in chosen]

    def _partition(self, name: str) -> Partition:
        topic, _, number = name.rpartition("/")
        return Partition(self._bare(topic), int(number))

    def _bare(self, topic: str) -> str:
        return topic.removeprefix(self._prefix)

    def _received(self, row: asyncpg.Record) -> Received:
        partition = Partition(self._bare(row["topic"]), row["partition"])
        if not row["first"] <= row["position"] <= row["next"]:
            raise OffsetGone(partition, row["position"])
        headers = tuple(zip(row["header_names"], row["header_bytes"], strict=True))
        return Received(partition, row["offset"], row["key"], headers, row["value"], row["stored_at"])
