"""What each log itself promises: offsets in order, settings of topics, retention, refusal of what is too large."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.messaging import embedded_reader
from shared.messaging.embedded import EmbeddedLog
from shared.messaging.events import ISSUER_EVENTS, ISSUER_STATE
from shared.messaging.log import open_log
from shared.messaging.ports import LogUnavailable, OffsetGone, Partition, Record
from shared.settings import Settings
from tests.integration.messaging.builders import change, id_in, institution, record
from tests.integration.messaging.logs import EmbeddedUnderTest, KafkaUnderTest, LogUnderTest
from tests.support.poll import eventually
from tests.support.ports import free_port

PLACE = Partition(ISSUER_EVENTS, 4)


async def from_the_start(partitions: Sequence[Partition]) -> Mapping[Partition, int]:
    """A reader's position that knows nothing."""
    return {}


async def test_a_reader_beside_many_writers_passes_over_no_offset(event_log: LogUnderTest) -> None:
    reader = await event_log.log.reader("group", [ISSUER_EVENTS], from_the_start)
    writing = asyncio.gather(*[_write(event_log, 30) for _ in range(8)])
    offsets: list[int] = []
    while len(offsets) < 240:
        offsets += [each.offset for each in (await reader.fetch(50, 0.2)).get(PLACE, [])]
    await writing
    await reader.close()
    assert offsets == list(range(240))


async def _write(log: LogUnderTest, times: int) -> None:
    publisher = await log.log.publisher()
    for _ in range(times):
        await publisher.publish([record(change(id_in(4)))])
    await publisher.close()


async def test_a_fetch_begins_again_where_it_is_told_and_rests_where_it_is_paused(event_log: LogUnderTest) -> None:
    await event_log.publish(*[record(change(id_in(4))) for _ in range(3)])
    reader = await event_log.log.reader("group", [ISSUER_EVENTS], from_the_start)

    async def offsets() -> list[int]:
        return [each.offset for each in (await reader.fetch(50, 0.5)).get(PLACE, [])]

    assert await eventually(offsets) == [0, 1, 2]
    await reader.seek({PLACE: 1})
    assert (await reader.lag())[PLACE] == 2
    assert await eventually(offsets) == [1, 2]
    reader.pause(PLACE)
    await reader.seek({PLACE: None})
    assert await offsets() == []
    reader.resume(PLACE)
    assert await eventually(offsets) == [0, 1, 2]
    await reader.note({PLACE: 3})
    await reader.close()


async def test_a_reader_that_waits_is_woken_by_a_publisher_and_by_no_other_topics(
    embedded_log: EmbeddedUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_reader, "IDLE_SECONDS", 3600)
    reader = await embedded_log.log.reader("group", [ISSUER_EVENTS], from_the_start)
    assert await reader.fetch(50, 0.2) == {}
    fetching = asyncio.create_task(reader.fetch(50, 3600))
    await embedded_log.publish(record(institution(id_in(4))))
    done, _ = await asyncio.wait([fetching], timeout=0.5)
    assert not done
    await embedded_log.publish(record(change(id_in(4))))
    assert [each.offset for each in (await fetching)[PLACE]] == [0]
    await reader.close()


async def test_a_log_refuses_what_is_too_large_with_the_later_records_of_its_key(event_log: LogUnderTest) -> None:
    large, small = record(change(id_in(4))), record(change(id_in(4)))
    large_one = Record(large.partition, large.key, large.headers, b"x" * 513 * 1024)
    publisher = await event_log.log.publisher()
    answers = await publisher.publish([large_one, small, large])
    await publisher.close()
    assert [answer is None for answer in answers] == [False, True, False]


def _with_value(size: int, key: bytes) -> Record:
    one = record(change(id_in(4)))
    return Record(one.partition, key, one.headers, b"x" * size)


# One batch of many records, and batches of their own: neither may be stored after the refused record.
@pytest.mark.parametrize(("allowed", "size"), [(2_000, 3_000), (100_000, 200_000)])
async def test_what_the_broker_refuses_keeps_its_keys_later_records_with_it_and_lets_other_keys_pass(
    kafka_log: KafkaUnderTest, allowed: int, size: int
) -> None:
    await kafka_log.configure(ISSUER_EVENTS, {"max.message.bytes": str(allowed)})
    await kafka_log.comes_to_refuse(record(change(id_in(5), salt="s" * size)))
    bad, good = b"bad", b"good"
    records = [_with_value(each, key) for each, key in [(1, bad), (2, good), (size, bad), (3, bad), (4, good)]]
    publisher = await kafka_log.log.publisher()
    for _ in range(2):  # the second time, other producers have been here
        answers = await publisher.publish([*records, record(change(id_in(6)))])
        assert [answer is None for answer in answers] == [True, True, False, False, True, True]
        assert "MESSAGE" in (answers[2] or "")
    assert await publisher.publish([_with_value(5, bad)]) == [None]
    await publisher.close()
    reader = await kafka_log.log.reader("group", [ISSUER_EVENTS], from_the_start)
    sizes: list[int] = []
    while len(sizes) < 7:
        sizes += [len(each.value or b"") for each in (await reader.fetch(50, 0.2)).get(PLACE, [])]
    assert (await reader.lag())[PLACE] == 0
    await reader.close()
    assert sizes == [1, 2, 4, 1, 2, 4, 5]


async def test_a_broker_that_refuses_for_another_reason_than_size_is_not_taken_for_one_that_is_away(
    kafka_log: KafkaUnderTest,
) -> None:
    # Every record is older than this by the time it comes to the broker.
    await kafka_log.configure(
        ISSUER_EVENTS, {"message.timestamp.type": "CreateTime", "message.timestamp.before.max.ms": "0"}
    )
    await kafka_log.comes_to_refuse(record(change()))


async def test_topics_are_made_once_and_again_changes_nothing(event_log: LogUnderTest) -> None:
    await event_log.publish(record(institution()))
    await event_log.log.create_topics()
    await event_log.publish(record(institution()))


@pytest.mark.parametrize("kind", ["embedded", "kafka"])
async def test_a_log_that_is_away_is_said_to_be_away_and_is_no_reason_to_fail(kind: str) -> None:
    port = free_port()
    log = open_log(
        Settings(log=kind, eventlog_dsn=f"postgresql://127.0.0.1:{port}/x", kafka_bootstrap=f"127.0.0.1:{port}")
    )
    publisher = await log.publisher()
    with pytest.raises(LogUnavailable):
        await publisher.publish([record(change())])
    reader = await log.reader("group", [ISSUER_EVENTS], from_the_start)
    with pytest.raises(LogUnavailable):
        await reader.fetch(1, 0.1)
    await publisher.close()
    await reader.close()
    await log.close()


async def test_the_embedded_log_lets_go_of_events_by_age_and_of_states_never(embedded_log: EmbeddedUnderTest) -> None:
    await embedded_log.publish(record(change(id_in(4))), record(institution(id_in(4))))
    connection = await asyncpg.connect(embedded_log.dsn)
    await connection.execute("update records set stored_at = stored_at - interval '6 days'")
    await embedded_log.log.tend()
    assert await connection.fetchval("select count(*) from records") == 2
    await connection.execute("update records set stored_at = stored_at - interval '2 days'")
    await embedded_log.publish(record(change(id_in(4))))
    await embedded_log.log.tend()
    rows = await connection.fetch('select topic, "offset" from records order by topic')
    await connection.close()
    assert [tuple(row) for row in rows] == [(ISSUER_EVENTS, 1), (ISSUER_STATE, 0)]

    async def at_the_lost_one(partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        return {PLACE: 0}

    reader = await embedded_log.log.reader("group", [ISSUER_EVENTS], at_the_lost_one)
    with pytest.raises(OffsetGone):
        await reader.fetch(10, 1)
    await reader.close()


async def test_tending_beside_a_publisher_lets_go_of_nothing_that_it_is_about_to_store(
    embedded_log: EmbeddedUnderTest,
) -> None:
    publisher, watcher = await asyncpg.connect(embedded_log.dsn), await asyncpg.connect(embedded_log.dsn)

    async def store(offset: int, age: timedelta) -> None:
        await publisher.execute(
            "update partitions set next = next + 1 where topic = $1 and partition = 3", ISSUER_EVENTS
        )
        await publisher.execute(
            """
            insert into records (topic, partition, "offset", header_names, header_bytes, compacted, stored_at)
            values ($1, 3, $2, '{}', '{}', false, clock_timestamp() - $3::interval)
            """,
            ISSUER_EVENTS,
            offset,
            age,
        )

    await store(0, timedelta(days=8))  # over its time, so the partition is looked at
    async with publisher.transaction():
        await store(1, timedelta())
        tending = asyncio.create_task(embedded_log.log.tend())
        waits = "select count(*) from pg_locks where not granted and locktype in ('transactionid', 'tuple')"
        await eventually(lambda: watcher.fetchval(waits))
    await tending
    bounds = await watcher.fetchrow(
        "select first, next from partitions where topic = $1 and partition = 3", ISSUER_EVENTS
    )
    assert tuple(bounds or ()) == (1, 2)
    assert await watcher.fetchval('select array_agg("offset") from records') == [1]
    await publisher.close()
    await watcher.close()


async def test_the_embedded_log_compacts_nothing_younger_than_five_minutes(embedded_log: EmbeddedUnderTest) -> None:
    one = id_in(4)
    await embedded_log.publish(record(institution(one, 1)), record(institution(one, 2)))
    await embedded_log.log.tend()
    connection = await asyncpg.connect(embedded_log.dsn)
    assert await connection.fetchval("select count(*) from records") == 2
    await connection.execute("update records set stored_at = stored_at - interval '6 minutes'")
    await embedded_log.log.tend()
    await embedded_log.log.tend()
    assert await connection.fetchval('select array_agg("offset") from records') == [1]
    await connection.close()


async def test_two_deployments_share_an_event_log_by_their_prefixes(embedded_log: EmbeddedUnderTest) -> None:
    connection = await asyncpg.connect(embedded_log.dsn)
    await connection.close()
    other = EmbeddedLog(embedded_log.dsn, prefix="other.")
    await other.create_topics()
    publisher = await other.publisher()
    assert await publisher.publish([record(change(id_in(4)))]) == [None]
    await publisher.close()
    mine = await embedded_log.log.reader("group", [ISSUER_EVENTS], from_the_start)
    theirs = await other.reader("group", [ISSUER_EVENTS], from_the_start)
    assert await mine.fetch(10, 0.5) == {}
    assert list(await theirs.fetch(10, 5)) == [PLACE]
    await mine.close()
    await theirs.close()


async def test_kafkas_topics_keep_events_seven_days_and_states_compacted(kafka_log: KafkaUnderTest) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_log.bootstrap)
    await admin.start()

    async def partitions() -> int:
        [topic] = await admin.describe_topics([kafka_log.prefix + ISSUER_EVENTS])
        return len(topic["partitions"])

    # What was just made may not yet have reached the part of the broker that describes it.
    assert await eventually(partitions) == 16
    answers = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, kafka_log.prefix + each) for each in (ISSUER_EVENTS, ISSUER_STATE)]
    )
    await admin.close()
    events, states = [{entry[0]: entry[1] for entry in each[4]} for answer in answers for each in answer.resources]
    assert events["retention.ms"] == str(7 * 24 * 3600 * 1000)
    assert events["segment.ms"] == str(24 * 3600 * 1000)
    assert (events["cleanup.policy"], states["cleanup.policy"]) == ("delete", "compact")
    assert states["max.compaction.lag.ms"] == "3600000"
    assert events["message.timestamp.type"] == states["message.timestamp.type"] == "LogAppendTime"
    assert int(states["max.message.bytes"]) < 520 * 1024
